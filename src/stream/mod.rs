//! One task per connection: bytes from the socket to stanzas, frames from the mailbox to bytes.
//!
//! The only owner of the socket. `entrance` leads a stranger to a session, `connection` serves it from then on.

mod connection;
mod entrance;
mod registration;
mod secured;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use perch_xmpp::stream::NegotiationConfig;
use perch_xmpp::xml::Limits;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span};

use crate::auth::Accounts;
use crate::listener::tls::Tls;
use crate::listener::{Connection, Kind};
use crate::session;
use crate::stream::connection::Handovers;

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
    /// A session that says nothing for this long is asked for a sign of life.
    pub idle_time: Duration,
    /// How long a session waits for its client to come back (XEP-0198).
    pub resumption_time: Duration,
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
            Kind::DirectTls => &self.policy.direct,
            Kind::Plain => &self.policy.plain,
        })
    }
}
