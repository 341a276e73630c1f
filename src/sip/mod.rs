//! SIP: clients that register here, and front ends that bring their users' messages (RFC 3261, RFC 3428).
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
//! | [`command`], [`letter`] | what a MESSAGE asks of a room or a person; what is sent to the client |
//! | [`address`], [`condition`] | the tables of RFC 7247 |

mod address;
mod bindings;
mod check;
mod command;
mod condition;
mod device;
mod digest;
mod errand;
mod exchanges;
mod flow;
mod identity;
mod letter;
mod registration;
mod trust;

use std::sync::Arc;

use perch_address::BareJid;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug_span};

use crate::auth::Accounts;
use crate::listener::Connection;
use crate::listener::tls::Tls;
use crate::session::Sessions;
use crate::sip::bindings::Bindings;

/// What the operator decided about SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Front ends that say who their users are, by the names in their certificates.
    pub trusted: Vec<Box<str>>,
}

/// Everything that a flow needs. Cheap to clone.
#[derive(Clone)]
pub struct Sip(Arc<Services>);

struct Services {
    tls: Tls,
    accounts: Accounts,
    sessions: Sessions,
    options: Options,
    /// Of the accounts, and of the rooms.
    domain: BareJid,
    rooms_domain: BareJid,
    bindings: Bindings,
    tasks: TaskTracker,
    /// Nothing new is taken from then on.
    stop: CancellationToken,
}

/// Where SIP is spoken for.
#[derive(Debug, Clone)]
pub struct Domains {
    pub accounts: BareJid,
    pub rooms: BareJid,
}

impl Sip {
    /// Devices are among `tasks`, as connections are.
    pub fn new(
        tls: Tls,
        accounts: Accounts,
        sessions: Sessions,
        options: Options,
        domains: Domains,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let Domains { accounts: domain, rooms: rooms_domain } = domains;
        let bindings = Bindings::default();
        Self(Arc::new(Services {
            tls,
            accounts,
            sessions,
            options,
            domain,
            rooms_domain,
            bindings,
            tasks,
            stop,
        }))
    }

    /// Serves one connection to its end.
    pub async fn serve(self, connection: Connection) {
        let span = debug_span!("flow", peer = %connection.peer);
        flow::run(self.0, connection).instrument(span).await;
    }
}
