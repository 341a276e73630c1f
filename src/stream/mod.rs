//! One task per connection: bytes from the socket to stanzas, frames from the mailbox to bytes.
//!
//! The only owner of the socket. `entrance` leads a stranger to a session, `connection` serves it from then on.

mod connection;
mod entrance;
mod handover;
mod registration;
mod secured;

use std::sync::Arc;
use std::time::Duration;

use perch_xmpp::stream::{NegotiationConfig, StreamCondition, StreamFailure};
use perch_xmpp::xml::Limits;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span};

use crate::auth::Accounts;
use crate::chat::note::Note;
use crate::listener::tls::Tls;
use crate::listener::{Connection, Kind};
use crate::session;
use crate::stream::handover::Handovers;

/// Everything that a stream needs. Cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Services>);

pub(crate) struct Services {
    pub(crate) tls: Tls,
    pub(crate) accounts: Accounts,
    pub(crate) sessions: session::Sessions,
    pub(crate) policy: Policy,
    pub(crate) handovers: Handovers,
    /// Streams that are no session yet end at once when the service does.
    pub(crate) stop: CancellationToken,
}

/// What the configuration says of streams.
pub struct Policy {
    pub starttls: Arc<NegotiationConfig>,
    pub direct: Arc<NegotiationConfig>,
    pub plain: Arc<NegotiationConfig>,
    /// The bounds of a session's stanzas.
    pub limits: Limits,
    /// From the first byte to a session; whoever takes longer is cut off, however he spends it.
    pub entrance_time: Duration,
    pub directions: Directions,
    /// A session that says nothing for this long is asked for a sign of life.
    pub idle_time: Duration,
    /// How long a session waits for its client to come back (XEP-0198).
    pub resumption_time: Duration,
}

/// Where clients are to go instead of here; asked for each.
#[derive(Clone)]
pub struct Directions(Arc<dyn Fn() -> Option<Direction> + Send + Sync>);

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// To that host.
    To(Box<str>),
    /// Somewhere else: no other member says where it is reached.
    Away,
}

impl Directions {
    pub fn new(ask: impl Fn() -> Option<Direction> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// How a client is told. `None`: it may stay.
    fn failure(&self) -> Option<StreamFailure> {
        (self.0)().map(|direction| match direction {
            Direction::To(host) => StreamFailure::see_other_host(host),
            Direction::Away => StreamCondition::SystemShutdown.into(),
        })
    }
}

impl Streams {
    pub fn new(
        tls: Tls,
        accounts: Accounts,
        sessions: session::Sessions,
        policy: Policy,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Services { tls, accounts, sessions, policy, handovers: Handovers::default(), stop }))
    }

    /// What another member tells of streams. Never waits.
    pub fn hear(&self, note: &Note) {
        let Note::SessionWanted { id } = note else { return };
        if !self.0.handovers.ask_for(id) {
            let (services, id) = (self.0.clone(), id.clone());
            tokio::spawn(async move { services.sessions.disown(&id).await });
        }
    }

    /// Serves one connection to its end.
    pub async fn serve(self, connection: Connection) {
        let span = debug_span!("stream", peer = %connection.peer);
        async {
            // The negotiation's state is gone before the session's long life begins: it is not part of its memory.
            let entered = Box::pin(entrance::enter(&self.0, connection)).await;
            match entered {
                Ok(Some(live)) => Box::pin(connection::run(&self.0, live)).await,
                Ok(None) => {}
                Err(reason) => debug!(%reason, "no session came of it"),
            }
        }
        .instrument(span)
        .await;
    }
}

impl Services {
    fn negotiation(&self, kind: Kind) -> Arc<NegotiationConfig> {
        Arc::clone(match kind {
            Kind::StartTls => &self.policy.starttls,
            // Of a listener for HTTP or SIP no stream ever comes.
            Kind::DirectTls | Kind::Https | Kind::SipTls | Kind::SipTcp => &self.policy.direct,
            Kind::Plain => &self.policy.plain,
        })
    }
}
