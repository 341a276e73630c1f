//! SIP: clients that register here, persistent-chat clients, and front ends that bring their users' messages
//! (RFC 3261, RFC 3428).
//!
//! A connection is a *flow*, one task, which has the transactions; each account that uses it is a *device*, another task,
//! which has the session. The session is the same as any: a MESSAGE becomes the stanza that RFC 7572 makes of it, and is
//! answered when its outcome is known; what rooms and people send comes by the mailbox, and goes out as a MESSAGE on the
//! flow. Rights, order and history are decided where they are for everybody.
//!
//! | module | what |
//! |---|---|
//! | [`flow`], [`exchanges`] | one connection: bytes to requests and back; transactions and their timers |
//! | [`check`] | what a request asks for, before it is known who asks |
//! | [`identity`], [`digest`], [`trust`] | who asks |
//! | [`device`], [`errand`] | a session on a flow; what it was asked and has not answered |
//! | [`registration`], [`bindings`] | REGISTER: where an account is reached |
//! | [`provisioning`] | SUBSCRIBE: what persistent-chat clients find the pool by |
//! | [`command`], [`letter`] | what a MESSAGE asks of a room or a person; what is sent to the client |
//! | [`dialogs`], [`conversation`] | what an INVITE begins: persistent chat by XCCOS, each dialog a session of its own |
//! | [`offer`], [`diagnostics`] | which media are taken; what is wrong, in the words of persistent-chat clients |
//! | [`address`], [`condition`] | the tables of RFC 7247 |

mod address;
mod bindings;
mod check;
mod command;
mod condition;
mod conversation;
mod device;
mod diagnostics;
mod dialogs;
mod digest;
mod errand;
mod exchanges;
mod flow;
mod identity;
mod letter;
mod offer;
mod provisioning;
mod registration;
mod trust;

use std::sync::Arc;

use perch_address::BareJid;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug_span};

pub use bindings::Bindings;

use crate::auth::Accounts;
use crate::clock::Clock;
use crate::listener::Connection;
use crate::listener::tls::Tls;
use crate::session::Sessions;
use crate::store::Store;

/// What the operator decided about SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Front ends that say who their users are, by the names in their certificates.
    pub trusted: Vec<Box<str>>,
    /// The users, at the domain of the accounts, that stand for the pool. The first is what it calls itself.
    pub contact_object: Vec<Box<str>>,
}

/// Speaks SIP on connections. Cheap to clone.
#[derive(Clone)]
pub struct Sip(Arc<Services>);

/// Everything that a flow needs.
pub struct Services {
    pub tls: Tls,
    pub store: Store,
    pub accounts: Accounts,
    pub sessions: Sessions,
    pub clock: Clock,
    pub options: Options,
    /// The domain of the accounts.
    pub domain: BareJid,
    pub rooms_domain: BareJid,
    pub bindings: Bindings,
    /// Devices are among these, as connections are.
    pub tasks: TaskTracker,
    /// Nothing new is taken from then on.
    pub stop: CancellationToken,
}

impl Services {
    /// The URI of the contact object, by which the pool calls itself.
    fn pool_uri(&self) -> String {
        let user = self.options.contact_object.first().map_or("", |alias| alias);
        format!("sip:{user}@{}", self.domain)
    }
}

impl Sip {
    pub fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }

    /// Serves one connection to its end.
    pub async fn serve(self, connection: Connection) {
        let span = debug_span!("flow", peer = %connection.peer);
        flow::run(self.0, connection).instrument(span).await;
    }
}
