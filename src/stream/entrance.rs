//! From a connection to a session: TLS, who it is, and which session (RFC 6120 §5–§7, XEP-0198 §5).
//!
//! The negotiation itself is `perch_xmpp::stream`; here its outputs meet the socket, the accounts and the sessions.

use std::io;
use std::sync::Arc;

use aws_lc_rs::rand;
use perch_address::BareJid;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stream::{Negotiation, Output, Secured, StreamCondition, StreamFailure};
use perch_xmpp::xml::{Framer, Item, Limits};
use thiserror::Error;
use tracing::{debug, info, warn};

use crate::auth::{AsOf, Attempt};
use crate::listener::socket::Socket;
use crate::listener::{Connection, Kind, Place};
use crate::session::resumption::Former;
use crate::session::transfer::Found;
use crate::session::{Departure, Opened};
use crate::stream::Services;
use crate::stream::connection::{Arrival, Live};
use crate::stream::handover::Handover;
use crate::stream::registration::register;
use crate::stream::secured::secured;

/// Why no session came of a connection.
#[derive(Debug, Error)]
pub(super) enum Turned {
    #[error("the peer went away: {0}")]
    Gone(#[from] io::Error),
    #[error("the stream ended: {0}")]
    Failed(StreamCondition),
    #[error("the stream was closed")]
    Closed,
    #[error("it took too long")]
    TooSlow,
    #[error("the service is stopping")]
    Stopping,
    #[error("there is no randomness")]
    NoRandomness,
}

/// Leads a stranger in. `None`: an earlier session goes on with this connection.
pub(super) async fn enter(
    services: &Arc<Services>,
    connection: Connection,
) -> Result<Option<Box<Live>>, Turned> {
    let Connection { socket, peer, kind, place } = connection;
    let entrance = async {
        let mut entropy = [0; 32];
        rand::fill(&mut entropy).map_err(|_unspecified| Turned::NoRandomness)?;
        let (socket, secured) = match kind {
            // Of a listener for HTTP or SIP no stream ever comes.
            Kind::DirectTls | Kind::Https | Kind::SipTls | Kind::SipTcp => {
                let (tls, secured) = handshake(services, socket, kind).await?;
                (Socket::Tls(tls), Some(secured))
            }
            Kind::StartTls => (Socket::Plain(socket), None),
            // Whoever ended TLS before us, or sits on this very machine, is as good as TLS.
            Kind::Plain => (Socket::Plain(socket), Some(Secured::default())),
        };
        let visitor = Visitor {
            services,
            socket,
            framer: Framer::new(Limits::PRE_AUTH),
            negotiation: Negotiation::new(services.negotiation(kind), secured, entropy),
            peer: peer.ip(),
            place: Some(place),
            attempt: None,
            account: None,
            former: None,
        };
        visitor.negotiate().await
    };
    tokio::select! {
        outcome = tokio::time::timeout(services.policy.entrance_time, entrance) => outcome.unwrap_or(Err(Turned::TooSlow)),
        () = services.stop.cancelled() => Err(Turned::Stopping),
    }
}

async fn handshake(
    services: &Services,
    tcp: tokio::net::TcpStream,
    kind: Kind,
) -> Result<(Box<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>, Secured), Turned> {
    let served = services.tls.current();
    let tls = Box::new(served.acceptor(kind).accept(tcp).await?);
    let secured = secured(&tls, served.leaf());
    Ok((tls, secured))
}

/// Somebody who is not a session yet.
struct Visitor<'a> {
    services: &'a Arc<Services>,
    socket: Socket,
    framer: Framer,
    negotiation: Negotiation,
    peer: std::net::IpAddr,
    /// The place among the strangers: given up once it is known who it is.
    place: Option<Place>,
    /// The attempt to sign in that is under way, charged until it succeeds.
    attempt: Option<Attempt>,
    /// Whom the last look-up found, and when that was.
    account: Option<AsOf>,
    /// The session that could not be resumed: the next one comes instead.
    former: Option<Box<Former>>,
}

/// Where a step of the negotiation leads.
enum Next {
    GoOn,
    /// The rest of the outputs is void: these come first.
    Then(Vec<Output>),
    StartTls(bytes::Bytes),
    Session(Box<Opened>),
    HandOver(HandOverTo),
}

/// What became of a connection whose client wants to go on with a session.
enum HandedOver<'a> {
    /// A session on this member has it.
    Here,
    /// A session that was on another member comes for it.
    FromElsewhere(Box<Live>),
    Refused(Box<Visitor<'a>>, Vec<Output>),
}

struct HandOverTo {
    previd: Box<str>,
    account: BareJid,
    h: u32,
}

impl<'a> Visitor<'a> {
    async fn negotiate(mut self) -> Result<Option<Box<Live>>, Turned> {
        loop {
            let item = self.next_item().await?;
            let mut outputs = self.negotiation.handle_item(item);
            while !outputs.is_empty() {
                let mut then = Vec::new();
                for output in std::mem::take(&mut outputs) {
                    match self.act(output).await? {
                        Next::GoOn => {}
                        Next::Then(more) => then.extend(more),
                        Next::StartTls(proceed) => self = self.start_tls(&proceed).await?,
                        Next::Session(opened) => return self.begin(*opened).await.map(Some),
                        Next::HandOver(to) => match self.hand_over(to).await {
                            HandedOver::Here => return Ok(None),
                            HandedOver::FromElsewhere(live) => return Ok(Some(live)),
                            HandedOver::Refused(visitor, refused) => {
                                self = *visitor;
                                then.extend(refused);
                            }
                        },
                    }
                }
                outputs = then;
            }
        }
    }

    async fn next_item(&mut self) -> Result<Item, Turned> {
        loop {
            match self.framer.next() {
                Ok(Some(item)) => return Ok(item),
                Ok(None) => {}
                Err(error) => {
                    let outputs = self.negotiation.close(error.condition().into());
                    return Err(self.say_farewell(outputs).await);
                }
            }
            if self.socket.read(self.framer.buffer()).await? == 0 {
                return Err(Turned::Gone(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    async fn act(&mut self, output: Output) -> Result<Next, Turned> {
        match output {
            Output::Send(bytes) => self.socket.send(&bytes).await?,
            Output::StartTls { proceed } => return Ok(Next::StartTls(proceed)),
            Output::Lookup { account, is_costly } => {
                let outputs = self.look_up(&account, is_costly).await;
                return Ok(Next::Then(outputs));
            }
            Output::Rejected(failure) => {
                info!(failure = failure.as_str(), "an attempt to sign in failed");
            }
            Output::Authenticated { account, mechanism } => {
                debug!(%account, mechanism = mechanism.as_str(), "signed in");
                self.framer.set_limits(self.services.policy.limits);
                self.place = None;
                if let Some(attempt) = self.attempt.take() {
                    attempt.succeed();
                }
                if let Some(failure) = self.services.policy.directions.failure() {
                    return Ok(Next::Then(self.negotiation.close(failure)));
                }
            }
            Output::Restart => {
                self.framer.reset();
            }
            Output::Register(request) => {
                let answer = register(&self.services.accounts, &request, self.peer).await;
                return Ok(Next::Then(self.negotiation.handle_registered(&answer)));
            }
            Output::Bind { account, wanted } => {
                let as_of = self.account.ok_or(Turned::Failed(StreamCondition::InternalServerError))?;
                return Ok(match self.services.sessions.open(&account, wanted).await {
                    // Whoever was revoked meanwhile proved what no longer holds.
                    Ok(opened) if !self.services.accounts.is_current(as_of) => {
                        opened.session.end(Departure::Ended).await;
                        let refused =
                            self.negotiation.handle_bind_refused(StanzaCondition::ResourceConstraint);
                        Next::Then(refused)
                    }
                    Ok(mut opened) => {
                        if let Some(former) = self.former.take() {
                            opened.session.follow(former);
                        }
                        Next::Session(Box::new(opened))
                    }
                    Err(condition) => Next::Then(self.negotiation.handle_bind_refused(condition)),
                });
            }
            Output::Resume { account, previd, h } => {
                return Ok(Next::HandOver(HandOverTo { previd: previd.as_str().into(), account, h }));
            }
            Output::Close(failure) => {
                self.socket.close().await;
                return Err(failure.map_or(Turned::Closed, |failure| Turned::Failed(failure.condition())));
            }
        }
        Ok(Next::GoOn)
    }

    async fn look_up(&mut self, account: &BareJid, is_costly: bool) -> Vec<Output> {
        let Ok(attempt) = self.services.accounts.guesses().attempt(account, self.peer) else {
            return self.negotiation.handle_lookup_failed();
        };
        self.attempt = Some(attempt);
        let Ok(found) = self.services.accounts.sign_in(account).await else {
            return self.negotiation.handle_lookup_failed();
        };
        self.account = found.as_ref().map(|found| found.as_of);
        let credentials = found.as_ref().map(|found| &found.credentials);
        let directory = found.as_ref().and_then(|found| Some((found.entry.as_deref()?, &found.credentials)));
        if let Some((entry, known)) = directory
            && let Some(password) = self.negotiation.claimed_password()
        {
            return match self.services.accounts.ask_directory(entry, password).await {
                Ok(is_right) => self.negotiation.handle_verdict(is_right, known.is_disabled),
                Err(error) => {
                    warn!(%account, %error, "somebody cannot sign in: the directory cannot be asked");
                    self.negotiation.handle_lookup_failed()
                }
            };
        }
        if is_costly {
            // Deriving keys from a password takes milliseconds: other streams of this thread move away meanwhile.
            tokio::task::block_in_place(|| self.negotiation.handle_credentials(credentials))
        } else {
            self.negotiation.handle_credentials(credentials)
        }
    }

    async fn start_tls(mut self, proceed: &[u8]) -> Result<Self, Turned> {
        // What came behind <starttls/> came in the clear, and would be read as if TLS had protected it.
        if self.framer.reset() {
            return Err(Turned::Failed(StreamCondition::PolicyViolation));
        }
        self.socket.send(proceed).await?;
        let Socket::Plain(tcp) = self.socket else {
            return Err(Turned::Failed(StreamCondition::InternalServerError));
        };
        let (tls, secured) = handshake(self.services, tcp, Kind::StartTls).await?;
        self.socket = Socket::Tls(tls);
        self.negotiation.handle_secured(secured);
        Ok(self)
    }

    async fn begin(mut self, mut opened: Opened) -> Result<Box<Live>, Turned> {
        let outputs = self.negotiation.handle_bound(opened.session.jid());
        for output in outputs {
            if let Output::Send(bytes) = output {
                self.socket.send(&bytes).await?;
            }
        }
        opened.session.set_peer(self.peer);
        let arrival = Arrival::New { socket: self.socket, framer: self.framer };
        Ok(Box::new(Live { opened, arrival }))
    }

    /// Gives this connection to the session that the client wants to go on with. Where there is none any more, the
    /// answer says what was handled of it (XEP-0198 §5).
    async fn hand_over(self, to: HandOverTo) -> HandedOver<'a> {
        let HandOverTo { previd, account, h } = to;
        let Self { services, socket, framer, negotiation, peer, place, attempt, account: id, .. } = self;
        let handover = Handover { socket, framer, negotiation, account, h, peer };
        let Err(mut handover) = services.handovers.offer(&previd, handover) else { return HandedOver::Here };
        let (former, refused) =
            match services.sessions.find(&handover.account, &previd, services.handovers.has(&previd)).await {
                Ok(Found::Here(opened)) => {
                    let arrival = Arrival::Resumed { id: previd, handover };
                    return HandedOver::FromElsewhere(Box::new(Live { opened: *opened, arrival }));
                }
                Ok(Found::Over(former)) => {
                    let handled = former.as_ref().map(|former| former.handled());
                    let condition = StanzaCondition::ItemNotFound;
                    (former, handover.negotiation.handle_resume_failed(condition, handled))
                }
                Err(_) => {
                    let failure = StreamCondition::ResourceConstraint.into();
                    (None, handover.negotiation.close(failure))
                }
            };
        let Handover { socket, framer, negotiation, .. } = *handover;
        let visitor =
            Self { services, socket, framer, negotiation, peer, place, attempt, account: id, former };
        HandedOver::Refused(Box::new(visitor), refused)
    }

    async fn say_farewell(&mut self, outputs: Vec<Output>) -> Turned {
        let mut condition = StreamCondition::UndefinedCondition;
        for output in outputs {
            match output {
                Output::Send(bytes) => drop(self.socket.send(&bytes).await),
                Output::Close(failure) => {
                    condition = failure.as_ref().map_or(condition, StreamFailure::condition);
                    self.socket.close().await;
                }
                _ => {}
            }
        }
        Turned::Failed(condition)
    }
}
