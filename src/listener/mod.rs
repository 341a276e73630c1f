//! Takes connections and hands each to whoever speaks on it; knows nothing of what is spoken.
//!
//! The number of connections that have not signed in is bounded, in all and per address (`limits`). A full house
//! stops taking connections, which wait in the system's queue; a greedy address is cut off.

mod limits;
pub mod proxy;
pub(crate) mod socket;
pub mod tls;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use limits::{Admission, Limits, Place};

use limits::Room;

/// Where to listen, and whether a proxy announces the clients there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    pub socket: SocketAddr,
    pub proxied: bool,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// In the clear, until STARTTLS (RFC 6120 §5).
    StartTls,
    /// With a TLS handshake (XEP-0368).
    DirectTls,
    /// In the clear for good: on loopback, or behind a proxy that ends TLS.
    Plain,
    /// With a TLS handshake, and HTTP inside.
    Https,
    /// With a TLS handshake, and SIP inside.
    SipTls,
    /// SIP in the clear: on loopback.
    SipTcp,
}

/// A connection that was taken.
#[derive(Debug)]
pub struct Connection {
    pub socket: TcpStream,
    /// Who is at the other end; behind a proxy, what the proxy says.
    pub peer: SocketAddr,
    pub kind: Kind,
    /// To be dropped when the peer has signed in: it counts among the strangers until then.
    pub place: Place,
}

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    pub address: SocketAddr,
    pub source: io::Error,
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    proxied: bool,
    kind: Kind,
}

impl Listener {
    pub fn bind(address: Address, kind: Kind) -> Result<Self, BindError> {
        let failed = |source| BindError { address: address.socket, source };
        let socket = listen(address.socket).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address: bound, proxied: address.proxied, kind })
    }

    /// The address, with the port that the system chose if none was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes connections until `stop`, each in a task of `tasks` that runs `handle`.
    pub async fn run<H, F>(self, admission: Admission, stop: CancellationToken, tasks: TaskTracker, handle: H)
    where
        H: Fn(Connection) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let accepting = async {
            loop {
                let room = admission.room().await;
                let (socket, peer) = self.accept().await;
                let arrival = Arrival { socket, peer, kind: self.kind, proxied: self.proxied };
                let (admission, handle) = (admission.clone(), handle.clone());
                tasks.spawn(async move {
                    // Boxed: what it takes to let somebody in is no part of his session's memory.
                    if let Some(connection) = Box::pin(arrival.admitted(&admission, room)).await {
                        handle(connection).await;
                    }
                });
            }
        };
        // The accepting future only ever waits between two connections: dropping it there loses none.
        tokio::select! {
            () = stop.cancelled() => {}
            () = accepting => {}
        }
    }

    /// The next connection, however long the system is out of descriptors or memory.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut is_failing = false;
        loop {
            match self.socket.accept().await {
                Ok(accepted) => {
                    if is_failing {
                        info!(address = %self.address, "connections are accepted again");
                    }
                    return accepted;
                }
                // The peer was gone before we looked; the next one is not to wait for that.
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    if !is_failing {
                        warn!(address = %self.address, %error, "connections cannot be accepted");
                    }
                    is_failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection before it is known whose it is.
struct Arrival {
    socket: TcpStream,
    peer: SocketAddr,
    kind: Kind,
    proxied: bool,
}

impl Arrival {
    async fn admitted(mut self, admission: &Admission, room: Room) -> Option<Connection> {
        // A stanza is written whole; waiting for more to put behind it would only delay it.
        self.socket.set_nodelay(true).ok()?;
        let mut peer = self.peer;
        if self.proxied {
            match timeout(INTRODUCTION_TIME, introduction(&mut self.socket)).await {
                Ok(Ok(announced)) => peer = announced.unwrap_or(peer),
                Ok(Err(error)) => {
                    info!(proxy = %self.peer, %error, "a proxy did not introduce its client");
                    return None;
                }
                Err(_) => {
                    info!(proxy = %self.peer, "a proxy did not introduce its client in time");
                    return None;
                }
            }
        }
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Some(place) = admission.admit(room, peer.ip()) else {
            info!(%peer, "closed: too many connections of this address have not signed in");
            return None;
        };
        Some(Connection { socket: self.socket, peer, kind: self.kind, place })
    }
}

/// Why a proxy's introduction was not understood.
#[derive(Debug, Error)]
enum IntroductionError {
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Header(#[from] proxy::ProxyError),
}

/// Reads the header of the PROXY protocol and not a byte more.
async fn introduction(socket: &mut TcpStream) -> Result<Option<SocketAddr>, IntroductionError> {
    let mut prefix = [0; proxy::PREFIX_BYTES];
    socket.read_exact(&mut prefix).await?;
    let prefix = proxy::Prefix::parse(&prefix)?;
    let mut rest = [0; proxy::REST_BYTES_MAX];
    let rest = &mut rest[..prefix.rest_bytes()];
    socket.read_exact(rest).await?;
    Ok(prefix.client(rest)?)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let open = |address: SocketAddr| {
        let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
        // A restarted server must not wait until the connections of the last one are forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    match open(address) {
        // Where the system lacks IPv6, "everywhere" still means every address that there is.
        Err(error)
            if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                && !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) =>
        {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        opened => opened,
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

/// As many as the system allows by default: after a cut everybody comes back at once.
const BACKLOG: u32 = 4096;

/// How long to leave the system alone when it cannot give another descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A proxy sends its header with the first packet.
const INTRODUCTION_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
