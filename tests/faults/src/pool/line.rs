//! Stands between a member and a server that it needs, and holds back what passes, in one direction or in both.
//!
//! As on a network that loses packets, nobody is told: connections are taken and stay silent, and what was sent
//! meanwhile arrives when the line is whole again, however late, unless the line is then broken.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::problem::Problem;

/// What passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// From the member to the server.
    pub(crate) there: bool,
    pub(crate) back: bool,
}

impl Passage {
    pub(crate) const OPEN: Self = Self { there: true, back: true };
}

pub(crate) struct Line {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    upstream: u16,
    passage: watch::Sender<Passage>,
    /// Changes when all connections are to break.
    breaks: watch::Sender<u64>,
}

impl Line {
    pub(crate) async fn to(upstream: u16) -> Result<Self, Problem> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, super::free_port()?)).await?;
        let port = listener.local_addr()?.port();
        let (passage, breaks) = (watch::Sender::new(Passage::OPEN), watch::Sender::new(0));
        let state = Arc::new(State { upstream, passage, breaks });
        tokio::spawn(state.clone().take(listener));
        Ok(Self { port, state })
    }

    pub(crate) fn set(&self, passage: Passage) {
        self.state.passage.send_replace(passage);
    }

    /// Ends all connections, and what they hold back with them.
    pub(crate) fn break_all(&self) {
        self.state.breaks.send_modify(|count| *count += 1);
    }
}

impl State {
    async fn take(self: Arc<Self>, listener: TcpListener) {
        loop {
            // Out of descriptors for a moment: the others go on.
            let Ok((member, _)) = listener.accept().await else { continue };
            let state = self.clone();
            tokio::spawn(async move {
                let mut breaks = state.breaks.subscribe();
                tokio::select! {
                    _ = breaks.changed() => {}
                    () = state.carry(member) => {}
                }
            });
        }
    }

    async fn carry(&self, member: TcpStream) {
        // A handshake takes both directions.
        let open = self.passage.subscribe().wait_for(|passage| *passage == Passage::OPEN).await.is_ok();
        if !open {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream)).await else { return };
        // A proxy must not add to what is measured.
        let _ = (member.set_nodelay(true), server.set_nodelay(true));
        let (from_member, to_member) = member.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(
            carry(from_member, to_server, self.passage.subscribe(), |passage| passage.there),
            carry(from_server, to_member, self.passage.subscribe(), |passage| passage.back),
        );
    }
}

/// Carries until an end closes, which is carried too.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passage: watch::Receiver<Passage>,
    is_open: impl Fn(&Passage) -> bool,
) {
    let mut bytes = vec![0; 1 << 14];
    loop {
        let read = from.read(&mut bytes).await;
        if passage.wait_for(&is_open).await.is_err() {
            return;
        }
        let Ok(read @ 1..) = read else { return };
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
