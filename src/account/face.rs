//! What other accounts may know of this one without asking its task: enough to decide whether and how it can be
//! written to, and whether its presence is theirs to see.
//!
//! A face is a snapshot behind shared pointers; the account's task replaces it after each change.

use std::collections::BTreeMap;
use std::sync::Arc;

use perch_address::{BareJid, FullJid, Jid};

use crate::account::blocklist::BlockList;
use crate::account::roster::Roster;
use crate::chat::account::node::Node;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::id::{AccountId, SessionId, Timestamp};
use crate::chat::message::Payload;

#[derive(Debug, Clone)]
pub(crate) struct Face {
    pub id: AccountId,
    pub jid: BareJid,
    pub roster: Arc<Roster>,
    pub blocked: Arc<BlockList>,
    pub preferences: Arc<ArchivePreferences>,
    pub resources: Arc<[Resource]>,
    pub nodes: Arc<BTreeMap<Box<str>, Node>>,
    pub photo: Option<Box<str>>,
    pub last_seen: Option<(Timestamp, Box<str>)>,
    /// No more messages can wait for it.
    pub is_full: bool,
}

/// A session as others may reach it.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub session: SessionId,
    pub jid: FullJid,
    /// `None` before the first presence and after the last (RFC 6121 §4.2, §4.5).
    pub availability: Option<Arc<Availability>>,
}

/// What an available session said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Availability {
    pub priority: i8,
    /// As it is broadcast: with the account's photo hash, without what only a server may say.
    pub payload: Payload,
    pub at: Timestamp,
}

impl Resource {
    /// Takes messages that are for nobody in particular (RFC 6121 §4.7.2.3).
    pub(crate) fn is_non_negative(&self) -> bool {
        self.availability.as_ref().is_some_and(|availability| availability.priority >= 0)
    }
}

impl Face {
    pub(crate) fn blocks(&self, jid: &Jid) -> bool {
        self.blocked.covers(jid)
    }

    /// Whether the archive keeps what is exchanged with `peer`.
    pub(crate) fn keeps(&self, peer: &Jid) -> bool {
        self.preferences.keeps(peer, |jid| self.roster.lists(jid))
    }

    /// Whether `viewer` is let in on this account's presence (RFC 6121 §4.3.2).
    pub(crate) fn shows_presence_to(&self, viewer: &BareJid) -> bool {
        self.jid == *viewer
            || (self.roster.subscription(viewer).from && !self.blocked.covers(viewer.as_jid()))
    }
}
