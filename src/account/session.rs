//! The sessions of one account, here and on other members, as its rules see them.

use std::collections::BTreeSet;
use std::sync::Arc;

use perch_address::{FullJid, Jid};
use serde::{Deserialize, Serialize};

use crate::account::face::Availability;
use crate::chat::id::{Seq, SessionId};

/// One signed-in device.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub id: SessionId,
    pub jid: FullJid,
    /// The other member that holds it; none for one that is here. Of such a one only what others have to know is known.
    pub member: Option<Arc<str>>,
    /// Its client may come back for it (XEP-0198).
    pub is_resumable: bool,
    /// `None` before the initial presence and after an unavailable one.
    pub availability: Option<Arc<Availability>>,
    /// Has asked for the roster (RFC 6121 §2.2): gets roster pushes.
    pub is_interested: bool,
    /// Has asked for the block list (XEP-0191 §3.2): gets its pushes.
    pub wants_blocks: bool,
    /// Has enabled carbons (XEP-0280).
    pub wants_carbons: bool,
    /// Who was sent presence directly, and has to be told of the end (RFC 6121 §4.6.3).
    pub directed: BTreeSet<Jid>,
    /// The entity capabilities it announced last.
    pub capabilities: Option<Capabilities>,
    /// The nodes it wants to be notified of (XEP-0163 §4: `+notify`), once its capabilities are known.
    pub interests: Arc<[Box<str>]>,
    /// While messages of the log are being shown to it. New ones wait their turn.
    pub flood: Option<Flood>,
    /// The first message that came while older ones were being shown: it is shown in its turn, whoever else had it.
    pub live_from: Seq,
}

/// How far a session has got with the messages that waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flood {
    /// The log was read up to here.
    pub after: Seq,
    /// It is read on when the client has acknowledged this one.
    pub awaits: Seq,
}

/// What a presence says about the capabilities of the client (XEP-0115).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Capabilities {
    pub node: Box<str>,
    /// The hash function; empty in the form from before the hash.
    pub hash: Box<str>,
    pub version: Box<str>,
}

/// Few: looked through in order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Vec<Session>);

impl Session {
    pub(super) fn new(id: SessionId, jid: FullJid) -> Self {
        Self {
            id,
            jid,
            member: None,
            is_resumable: false,
            availability: None,
            is_interested: false,
            wants_blocks: false,
            wants_carbons: false,
            directed: BTreeSet::new(),
            capabilities: None,
            interests: Arc::default(),
            flood: None,
            live_from: Seq(0),
        }
    }

    pub(super) fn is_remote(&self) -> bool {
        self.member.is_some()
    }

    pub(super) fn is_available(&self) -> bool {
        self.availability.is_some()
    }

    pub(super) fn is_non_negative(&self) -> bool {
        self.availability.as_ref().is_some_and(|availability| availability.priority >= 0)
    }

    pub(super) fn wants(&self, node: &str) -> bool {
        self.interests.iter().any(|interest| **interest == *node)
    }
}

impl Sessions {
    pub(super) fn insert(&mut self, session: Session) {
        self.remove(session.id);
        // Most accounts have one, and there are many accounts.
        self.0.reserve_exact(1);
        self.0.push(session);
    }

    /// In its place, where it is known.
    pub(super) fn put(&mut self, session: Session) {
        match self.by_id_mut(session.id) {
            Some(known) => *known = session,
            None => self.insert(session),
        }
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let index = self.0.iter().position(|session| session.id == id)?;
        Some(self.0.remove(index))
    }

    pub(super) fn by_id(&self, id: SessionId) -> Option<&Session> {
        self.0.iter().find(|session| session.id == id)
    }

    pub(super) fn by_id_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.0.iter_mut().find(|session| session.id == id)
    }

    pub(super) fn by_jid(&self, jid: &Jid) -> Option<&Session> {
        self.0.iter().find(|session| session.jid.as_jid() == jid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.0.iter()
    }

    pub(super) fn available(&self) -> impl Iterator<Item = &Session> {
        self.iter().filter(|session| session.is_available())
    }
}
