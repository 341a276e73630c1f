//! What a room is loaded from: its projections as of `seq`. The log is read from there.

use perch_address::BareJid;
use serde::{Deserialize, Serialize};

use crate::chat::affiliation::Affiliation;
use crate::chat::event::Extent;
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Seq, Timestamp};
use crate::chat::message::{Author, Content};
use crate::chat::occupant::Occupant;
use crate::chat::settings::Settings;

#[derive(Debug, Clone, PartialEq)]
pub struct RoomSnapshot {
    pub id: RoomId,
    pub guid: RoomGuid,
    /// The localpart of its address.
    pub name: Box<str>,
    pub epoch: Epoch,
    pub seq: Seq,
    /// The oldest seq that retention has left.
    pub first_seq: Seq,
    pub rules: RulesVersion,
    /// The time of the last event: stamps do not fall below it.
    pub last_at: Timestamp,
    /// How many appends with comings and goings that the log does not have are in the projections.
    pub quiet: i64,
    /// Occupant ids (XEP-0421) are derived from it; it never leaves the server.
    pub secret: [u8; 32],
    /// Created, but its owner has not configured it yet (XEP-0045 §10.1.2).
    pub is_locked: bool,
    pub settings: Settings,
    pub subject: Option<Subject>,
    pub affiliations: Vec<Standing>,
    /// XEP-0463: moves with every change of an affiliation.
    pub affiliations_version: i64,
    /// Without their affiliations: these follow from what each belongs to.
    pub occupants: Vec<Occupant>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub seq: Seq,
    pub at: Timestamp,
    pub author: Author,
    pub text: Box<str>,
    pub content: Content,
}

/// One person's (or domain's) affiliation, with what was said when it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub jid: BareJid,
    pub affiliation: Affiliation,
    /// The nick reserved for this person (XEP-0045 §7.10).
    pub nick: Option<Box<str>>,
    pub reason: Box<str>,
    pub extent: Extent,
    /// The list's version at which it was set; a removed one stays as `None` so that deltas can tell.
    pub version: i64,
}
