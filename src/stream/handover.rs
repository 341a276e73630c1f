//! Connections for sessions that are there already, and sessions that go on elsewhere.

use std::net::IpAddr;

use dashmap::DashMap;
use perch_address::BareJid;
use perch_xmpp::stream::Negotiation;
use perch_xmpp::xml::Framer;
use tokio::sync::mpsc;

use crate::listener::socket::Socket;

/// A later connection for a session.
pub(super) struct Handover {
    pub(super) socket: Socket,
    pub(super) framer: Framer,
    pub(super) negotiation: Negotiation,
    pub(super) account: BareJid,
    pub(super) h: u32,
    /// From where.
    pub(super) peer: IpAddr,
}

/// What may come for a session that can be resumed.
pub(super) enum Claim {
    /// Its client, on another connection.
    Client(Box<Handover>),
    /// Another member, to which its client has come.
    Member,
}

/// Where the sessions that can be resumed wait for what comes for them, by the id that the client was given.
#[derive(Default)]
pub(crate) struct Handovers(DashMap<Box<str>, Waiting>);

struct Waiting {
    account: BareJid,
    sender: mpsc::Sender<Claim>,
}

impl Handovers {
    /// Gives the connection to the session of that id, or back. Nobody learns that somebody else's session exists.
    pub(super) fn offer(&self, id: &str, handover: Handover) -> Result<(), Box<Handover>> {
        let handover = Box::new(handover);
        let own = self.0.get(id).filter(|waiting| waiting.account == handover.account);
        let Some(sender) = own.map(|waiting| waiting.sender.clone()) else { return Err(handover) };
        sender.try_send(Claim::Client(handover)).map_err(|refused| match refused.into_inner() {
            Claim::Client(handover) => handover,
            Claim::Member => unreachable!("a client was handed in"),
        })
    }

    /// Another member wants the session of that id. One that is about to be resumed here is not given away; who wants it
    /// asks again. `false`: it is not here.
    pub(super) fn ask_for(&self, id: &str) -> bool {
        let waiting = self.0.get(id);
        if let Some(waiting) = &waiting {
            let _ = waiting.sender.try_send(Claim::Member);
        }
        waiting.is_some()
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn register(&self, id: &str, account: BareJid) -> mpsc::Receiver<Claim> {
        let (sender, receiver) = mpsc::channel(1);
        self.0.insert(id.into(), Waiting { account, sender });
        receiver
    }

    pub(super) fn remove(&self, id: &str) {
        self.0.remove(id);
    }
}
