//! One connection: its bytes, its transactions, and the devices and dialogs that use it.
//!
//! A flow that nobody has signed in on counts among the strangers, and may not stay silent for long. When the service
//! stops, nothing new is taken; what was taken is answered before the connection is closed.

mod service;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use perch_address::BareJid;
use perch_sip::framer::{Framer, Item};
use perch_sip::header::Name;
use perch_sip::limits::Limits;
use perch_sip::message::{Answer, Message, Request};
use perch_sip::transaction::ServerKey;
use perch_sip::{Method, Status};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

use crate::listener::socket::Socket;
use crate::listener::{Connection, Kind, Place};
use crate::sip::check::{answer, tag};
use crate::sip::device::{Order, Way};
use crate::sip::dialogs::Dialogs;
use crate::sip::exchanges::{Exchanges, Outcome};
use crate::sip::identity::Guard;
use crate::sip::trust::is_trusted;
use crate::sip::{Services, registration};

/// What a device has for its flow.
pub(super) enum Word {
    Answer {
        key: ServerKey,
        answer: Answer,
    },
    Send {
        method: Method,
        branch: String,
        request: Bytes,
        outcome: oneshot::Sender<Outcome>,
    },
    /// The client has promised to show that it is there (RFC 5626 §4.4.1).
    Pings,
}

/// Why a connection ended.
#[derive(Debug, Error)]
enum End {
    #[error("the peer went away: {0}")]
    Gone(#[from] io::Error),
    #[error("the peer closed the connection")]
    Closed,
    #[error("what the peer sends is no SIP")]
    Broken,
    #[error("the peer was silent for too long")]
    Silent,
    #[error("the service is stopping")]
    Stopped,
}

struct Flow {
    services: Arc<Services>,
    socket: Socket,
    framer: Framer,
    local: Option<IpAddr>,
    way: Way,
    guard: Guard,
    exchanges: Exchanges,
    devices: HashMap<BareJid, mpsc::Sender<Order>>,
    dialogs: Dialogs,
    words: mpsc::Receiver<Word>,
    /// Its end that devices have; given up when nothing new is taken.
    speaker: Option<mpsc::Sender<Word>>,
    /// The place among the strangers, until somebody has signed in.
    place: Option<Place>,
    /// When the last whole message or ping came, and when the one began that is not whole yet.
    last_heard: Instant,
    begun: Option<Instant>,
    has_pings: bool,
}

pub(super) async fn run(services: Arc<Services>, connection: Connection) {
    let stop = services.stop.clone();
    let opened = stop.run_until_cancelled(timeout(HANDSHAKE_TIME, open(services, connection))).await;
    let mut flow = match opened {
        Some(Ok(Ok(flow))) => flow,
        Some(Ok(Err(error))) => return debug!(%error, "no flow came of a connection"),
        Some(Err(_)) | None => return debug!("no flow came of a connection"),
    };
    let end = loop {
        if let Err(end) = Box::pin(flow.step()).await {
            break end;
        }
    };
    debug!(%end, "a flow ends");
    if !matches!(end, End::Gone(_)) {
        flow.socket.close().await;
    }
}

async fn open(services: Arc<Services>, connection: Connection) -> io::Result<Box<Flow>> {
    let Connection { socket, peer, kind, place } = connection;
    let local = socket.local_addr().ok().map(|address| address.ip());
    let (socket, is_trusted) = match kind {
        Kind::SipTcp => (Socket::Plain(socket), false),
        _ => handshake(&services, socket, kind).await?,
    };
    let (speaker, words) = mpsc::channel(WORDS);
    let transport = if matches!(socket, Socket::Plain(_)) { "TCP" } else { "TLS" };
    let limits = if is_trusted { Limits::PEER } else { Limits::STRANGER };
    Ok(Box::new(Flow {
        socket,
        framer: Framer::new(limits),
        local,
        way: Way { transport, is_trusted },
        guard: Guard::new(is_trusted, peer.ip()),
        exchanges: Exchanges::new(if is_trusted { TRANSACTIONS_OF_FRONT_END } else { TRANSACTIONS }),
        devices: HashMap::new(),
        dialogs: Dialogs::default(),
        words,
        speaker: Some(speaker),
        place: (!is_trusted).then_some(place),
        last_heard: Instant::now(),
        begun: None,
        has_pings: false,
        services,
    }))
}

async fn handshake(services: &Services, tcp: TcpStream, kind: Kind) -> io::Result<(Socket, bool)> {
    let tls = Box::new(services.tls.current().acceptor(kind).accept(tcp).await?);
    let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let is_trusted =
        certificate.is_some_and(|certificate| is_trusted(certificate, &services.options.trusted));
    Ok((Socket::Tls(tls), is_trusted))
}

impl Flow {
    /// Waits for the next thing, and does it.
    async fn step(&mut self) -> Result<(), End> {
        let is_open = self.speaker.is_some();
        let silence = self.silence();
        let due = [self.exchanges.next_due(), silence].into_iter().flatten().min();
        tokio::select! {
            biased;
            word = self.words.recv() => match word {
                Some(word) => {
                    self.heed(word);
                    // What waits together is written together.
                    while let Ok(word) = self.words.try_recv() {
                        self.heed(word);
                    }
                }
                // Nothing new was taken, and the last device has ended.
                None => return Err(End::Stopped),
            },
            () = self.services.stop.cancelled(), if is_open => {
                self.speaker = None;
                self.devices.clear();
                self.dialogs.clear();
            }
            // Also while stopping: the answers to what devices have sent are read.
            read = self.socket.read(self.framer.buffer()) => {
                if read? == 0 {
                    return Err(End::Closed);
                }
                self.process().await?;
            }
            () = sleep_until(due) => {
                let now = Instant::now();
                self.exchanges.fire(now);
                if silence.is_some_and(|silence| silence <= now) {
                    return Err(End::Silent);
                }
            }
        }
        self.write().await
    }

    /// Until when the peer has to have said something whole.
    fn silence(&self) -> Option<Instant> {
        if let Some(begun) = self.begun {
            return Some(begun + MESSAGE_TIME);
        }
        let time = if self.place.is_some() {
            Some(STRANGER_TIME)
        } else if self.has_pings {
            Some(registration::FLOW_TIMER + PING_GRACE)
        } else {
            None
        };
        time.map(|time| self.last_heard + time)
    }

    async fn process(&mut self) -> Result<(), End> {
        loop {
            let item = match self.framer.next() {
                Ok(Some(item)) => item,
                Ok(None) => {
                    let is_begun = self.framer.is_within_message();
                    self.begun = is_begun.then(|| self.begun.unwrap_or_else(Instant::now));
                    return Ok(());
                }
                Err(rejection) => {
                    if let Some(answer) = rejection.answer(&tag()) {
                        self.exchanges.push(&answer.into_bytes());
                        self.write().await?;
                    }
                    return Err(End::Broken);
                }
            };
            self.last_heard = Instant::now();
            self.begun = None;
            match item {
                Item::Ping => self.exchanges.push(b"\r\n"),
                Item::Refused(rejection) => {
                    if let Some(answer) = rejection.answer(&tag()) {
                        self.exchanges.push(&answer.into_bytes());
                    }
                }
                Item::Message(Message::Response(response)) => self.exchanges.take_response(&response),
                Item::Message(Message::Request(request)) => Box::pin(self.take(request)).await,
            }
        }
    }

    fn heed(&mut self, word: Word) {
        match word {
            Word::Answer { key, answer } => self.exchanges.respond(&key, answer),
            Word::Send { method, branch, request, outcome } => {
                self.exchanges.send(&method, &branch, request, outcome);
            }
            Word::Pings => self.has_pings = true,
        }
    }

    async fn write(&mut self) -> Result<(), End> {
        let bytes = self.exchanges.take_bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = timeout(WRITE_TIME, self.socket.send(&bytes)).await;
        sent.map_err(|_elapsed| {
            info!("a flow is not read");
            End::Silent
        })??;
        Ok(())
    }
}

/// Nothing is wrong with the request; it may be sent again.
pub(super) fn unavailable(request: &Request) -> Answer {
    answer(request, Status::SERVICE_UNAVAILABLE).header(Name::RetryAfter, RETRY_AFTER_SECONDS).finish()
}

pub(super) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

const HANDSHAKE_TIME: Duration = Duration::from_secs(30);
/// From the first byte of a message to its last.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
/// How long somebody who has not signed in may be silent: proxies ask twice as often whether we are alive.
const STRANGER_TIME: Duration = Duration::from_secs(90);
/// What a ping may be late (RFC 5626 §4.4.1: 15 s and more).
const PING_GRACE: Duration = Duration::from_secs(30);
/// How long the peer may take to read what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// Requests under way, on each side.
const TRANSACTIONS: usize = 64;
const TRANSACTIONS_OF_FRONT_END: usize = 4096;
/// What devices have to say and the flow has not heeded.
const WORDS: usize = 256;
pub(super) const RETRY_AFTER_SECONDS: u32 = 5;
