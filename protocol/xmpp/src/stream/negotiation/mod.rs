//! The server's side of a client's stream, from the first byte to a bound or resumed session (RFC 6120 §4–§7).
//!
//! Items go in as the gate reads them, [`Output`]s come out for the caller to act on in order. The states are named
//! by what they await. While the caller owes an answer, [`Negotiation::awaits_peer`] is false and no item may go in.

mod authentication;
mod features;
mod header;
mod session;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use compact_str::CompactString;
use perch_address::preparation::prepare_domain;
use perch_address::{BareJid, FullJid};

pub use self::features::AnnouncedLimits;
use crate::namespace;
use crate::sasl::{ChannelBindings, Decoy, Exchange, Mechanism, Offer, SaslFailure};
use crate::stanza::{Kind, Stanza};
use crate::stream::error::{StreamCondition, StreamFailure};
use crate::xml::{Element, Item, StreamHeader};

/// One stream on its way to a session.
pub struct Negotiation {
    config: Arc<NegotiationConfig>,
    entropy: hmac::Key,
    /// How many identifiers were drawn from the entropy.
    drawn: u64,
    is_secured: bool,
    offer: Arc<Offer>,
    state: State,
    /// Whether this server's header was sent on the stream at hand.
    is_open: bool,
    account: Option<BareJid>,
    lang: Option<CompactString>,
    items: u16,
    failed_attempts: u8,
}

/// What all streams of a listener have in common.
#[derive(Debug, Clone)]
pub struct NegotiationConfig {
    /// The domain of the accounts, prepared.
    pub domain: String,
    /// What a stream that is not secured yet may do.
    pub starttls: StartTls,
    /// The mechanisms that are allowed, in the order of the offer; a stream offers those of them that it can.
    pub mechanisms: Vec<Mechanism>,
    /// Whether strangers may register (XEP-0077).
    pub registration: bool,
    /// How to answer for accounts that do not exist.
    pub decoy: Decoy,
    /// What is announced before authentication.
    pub entrance_limits: Option<AnnouncedLimits>,
    /// What is announced after it.
    pub session_limits: Option<AnnouncedLimits>,
    /// Features that others offer after authentication, such as entity capabilities.
    pub session_features: Vec<Element>,
}

/// What a stream without TLS may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// TLS is someone else's affair: the listener is on loopback, or behind a proxy.
    Off,
    /// TLS is offered; authentication without it is too.
    Offered,
    /// Nothing but TLS is offered or accepted.
    Required,
}

/// What a TLS session gives to the stream inside it.
#[derive(Debug, Clone, Default)]
pub struct Secured {
    /// What SCRAM can bind to.
    pub bindings: ChannelBindings,
    /// The accounts that the client's verified certificate names, as `xmppAddr`.
    pub identities: Vec<BareJid>,
}

/// What the caller is to do, in order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send these bytes.
    Send(Bytes),
    /// Reset the framer; if it held anything more, end the connection, since that came in the clear. Else send
    /// `proceed`, shake hands and answer with [`Negotiation::handle_secured`].
    StartTls {
        /// The bytes to send first.
        proceed: Bytes,
    },
    /// Ask the store for that account and answer with [`Negotiation::handle_credentials`].
    Lookup {
        /// The account.
        account: BareJid,
        /// Whether the answer will take milliseconds of computing.
        is_costly: bool,
    },
    /// An attempt to authenticate failed: for the log, and for whoever limits guessing.
    Rejected(SaslFailure),
    /// The client has proved who it is.
    Authenticated {
        /// Who it is.
        account: BareJid,
        /// By which mechanism.
        mechanism: Mechanism,
    },
    /// Reset the framer: the next byte begins a new stream.
    Restart,
    /// Serve that request of someone not authenticated (XEP-0077) and answer with
    /// [`Negotiation::handle_registered`].
    Register(Stanza),
    /// Begin a session and answer with [`Negotiation::handle_bound`] or [`Negotiation::handle_bind_refused`].
    Bind {
        /// Whose session.
        account: BareJid,
        /// The address that the client would like to have; none leaves the choice to the server.
        wanted: Option<FullJid>,
    },
    /// Go on with a session of that account and answer with [`Negotiation::handle_resumed`] or
    /// [`Negotiation::handle_resume_failed`].
    Resume {
        /// Whose session it must be.
        account: BareJid,
        /// Its identifier.
        previd: CompactString,
        /// How many of its stanzas the client has handled.
        h: u32,
    },
    /// Send nothing more and end the connection.
    Close(Option<StreamFailure>),
}

enum State {
    ExpectHeader,
    ExpectStartTlsOrAuth,
    ExpectHandshake,
    ExpectRegistered,
    ExpectCredentials(Exchange),
    ExpectResponse(Exchange),
    ExpectBind,
    ExpectBound(Box<Stanza>),
    ExpectResumed { previd: CompactString },
    Established,
    Closed,
}

impl Negotiation {
    /// A stream that has not begun. `entropy` is random and used for nothing else: identifiers and nonces come of it.
    pub fn new(config: Arc<NegotiationConfig>, secured: Option<Secured>, entropy: [u8; 32]) -> Self {
        Self {
            entropy: hmac::Key::new(hmac::HMAC_SHA256, &entropy),
            drawn: 0,
            is_secured: secured.is_some(),
            offer: Arc::new(offer(&config, secured)),
            config,
            state: State::ExpectHeader,
            is_open: false,
            account: None,
            lang: None,
            items: 0,
            failed_attempts: 0,
        }
    }

    /// Takes the next item.
    pub fn handle_item(&mut self, item: Item) -> Vec<Output> {
        self.items = self.items.saturating_add(1);
        if self.items > MAX_ITEMS {
            let failure = StreamFailure::new(StreamCondition::PolicyViolation);
            return self.close(failure.with_text("too much before a session"));
        }
        match (item, self.take_state()) {
            (_, state) if !state.awaits_peer() => self.misused(&state),
            (Item::Close, _) => self.end(),
            (Item::Open(header), State::ExpectHeader) => self.open(&header),
            (Item::Open(_), _) => self.fail(StreamCondition::BadFormat.into()),
            (Item::Element(element), State::ExpectResponse(exchange)) => {
                self.handle_response(exchange, &element)
            }
            (Item::Element(element), State::ExpectStartTlsOrAuth) => self.handle_entrance(&element),
            (Item::Element(element), State::ExpectBind) => self.handle_nonza(&element),
            (Item::Stanza(stanza), State::ExpectStartTlsOrAuth) if self.is_registration(&stanza) => {
                self.state = State::ExpectRegistered;
                vec![Output::Register(stanza)]
            }
            (Item::Stanza(stanza), State::ExpectBind) => self.handle_bind(stanza),
            // RFC 6120 §4.9.3.12: nothing goes anywhere before the stream is authenticated.
            _ => self.fail(StreamCondition::NotAuthorized.into()),
        }
    }

    /// Takes that the handshake is done. The framer was reset, and the client begins anew.
    pub fn handle_secured(&mut self, secured: Secured) {
        debug_assert!(matches!(self.state, State::ExpectHandshake), "TLS was not asked for");
        self.is_secured = true;
        self.offer = Arc::new(offer(&self.config, Some(secured)));
        self.is_open = false;
        self.state = State::ExpectHeader;
    }

    /// Takes the answer to a request of XEP-0077.
    pub fn handle_registered(&mut self, answer: &Element) -> Vec<Output> {
        match self.take_state() {
            State::ExpectRegistered => {
                self.state = State::ExpectStartTlsOrAuth;
                vec![Output::Send(answer.to_bytes(namespace::CLIENT))]
            }
            state => self.misused(&state),
        }
    }

    /// Ends the stream for a reason of the caller's: what the gate refused, a deadline, a shutdown. The peer gets a
    /// header first if it has none yet (RFC 6120 §4.9.1.2).
    pub fn close(&mut self, failure: StreamFailure) -> Vec<Output> {
        if matches!(self.state, State::Closed) { Vec::new() } else { self.fail(failure) }
    }

    /// Whether the next item may go in; else the caller owes an answer, or the negotiation is over.
    pub fn awaits_peer(&self) -> bool {
        self.state.awaits_peer()
    }

    /// Whether the stream is a session now, and its items are the session's.
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established)
    }

    /// Who the client is, once it has proved it.
    pub fn account(&self) -> Option<&BareJid> {
        self.account.as_ref()
    }

    /// The language of stanzas that name none.
    pub fn lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    fn open(&mut self, header: &StreamHeader) -> Vec<Output> {
        let mut bytes = self.header(Some(header));
        if let Err(failure) = self.check_header(header) {
            bytes.extend_from_slice(&failure.to_bytes());
            return vec![Output::Send(bytes.into()), Output::Close(Some(failure))];
        }
        self.lang = header::language(header);
        self.state = if self.account.is_some() { State::ExpectBind } else { State::ExpectStartTlsOrAuth };
        bytes.extend_from_slice(&self.features());
        vec![Output::Send(bytes.into())]
    }

    /// What is no stanza and came before authentication.
    fn handle_entrance(&mut self, element: &Element) -> Vec<Output> {
        match (element.namespace(), element.name()) {
            (namespace::TLS, "starttls") if self.offers_starttls() => {
                self.state = State::ExpectHandshake;
                let proceed = Element::new("proceed", namespace::TLS).to_bytes(namespace::CLIENT);
                vec![Output::StartTls { proceed }]
            }
            (namespace::TLS, "starttls") => {
                // RFC 6120 §5.4.2.2: a failure of TLS closes the stream.
                let failure = Element::new("failure", namespace::TLS).to_bytes(namespace::CLIENT);
                let mut outputs = vec![Output::Send(failure)];
                outputs.extend(self.end());
                outputs
            }
            (namespace::SASL, "auth") => self.begin_attempt(element),
            (namespace::SASL, "abort") => self.fail_attempt(SaslFailure::Aborted),
            (namespace::SASL, "response") => self.fail_attempt(SaslFailure::MalformedRequest),
            _ => self.fail(StreamCondition::NotAuthorized.into()),
        }
    }

    fn is_registration(&self, stanza: &Stanza) -> bool {
        let is_ours = |to: &str| prepare_domain(to).ok().as_deref() == Some(&self.config.domain);
        self.config.registration
            && !self.demands_tls()
            && stanza.kind == Kind::Iq
            && matches!(stanza.type_.as_deref(), Some("get" | "set"))
            && stanza.to.as_deref().is_none_or(is_ours)
            && stanza.has("query", namespace::REGISTER)
    }

    /// Ends the stream without a fault.
    fn end(&mut self) -> Vec<Output> {
        let mut bytes = if self.is_open { Vec::new() } else { self.header(None) };
        bytes.extend_from_slice(b"</stream:stream>");
        self.state = State::Closed;
        vec![Output::Send(bytes.into()), Output::Close(None)]
    }

    fn fail(&mut self, failure: StreamFailure) -> Vec<Output> {
        let mut bytes = if self.is_open { Vec::new() } else { self.header(None) };
        bytes.extend_from_slice(&failure.to_bytes());
        self.state = State::Closed;
        vec![Output::Send(bytes.into()), Output::Close(Some(failure))]
    }

    /// An answer that was not asked for, or an item that came while one was owed, is this server's own fault; a stream
    /// that is closed stays so.
    fn misused(&mut self, state: &State) -> Vec<Output> {
        match state {
            State::Closed => Vec::new(),
            _ => self.fail(StreamCondition::InternalServerError.into()),
        }
    }

    /// The state, which whoever takes it has to replace, or the stream is closed.
    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Closed)
    }

    /// An identifier that nobody can guess and that is not drawn twice.
    fn fresh(&mut self) -> String {
        self.drawn += 1;
        let tag = hmac::sign(&self.entropy, &self.drawn.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&tag.as_ref()[..IDENTIFIER_BYTES])
    }
}

impl State {
    fn awaits_peer(&self) -> bool {
        match self {
            Self::ExpectHeader | Self::ExpectStartTlsOrAuth | Self::ExpectResponse(_) | Self::ExpectBind => {
                true
            }
            Self::ExpectHandshake
            | Self::ExpectRegistered
            | Self::ExpectCredentials(_)
            | Self::ExpectBound(_)
            | Self::ExpectResumed { .. }
            | Self::Established
            | Self::Closed => false,
        }
    }
}

fn offer(config: &NegotiationConfig, secured: Option<Secured>) -> Offer {
    let is_secured = secured.is_some();
    let Secured { bindings, identities } = secured.unwrap_or_default();
    let is_possible =
        |mechanism: &Mechanism| mechanism.is_possible(is_secured, &bindings, !identities.is_empty());
    Offer {
        domain: config.domain.clone(),
        mechanisms: config.mechanisms.iter().copied().filter(is_possible).collect(),
        decoy: config.decoy.clone(),
        bindings,
        identities,
    }
}

/// How many items a stream may need until it is a session: three headers, five attempts of three items each, a
/// registration with its corrections, and a resource or two.
const MAX_ITEMS: u16 = 64;
/// 144 bits, in 24 characters.
const IDENTIFIER_BYTES: usize = 18;

#[cfg(test)]
mod tests;
