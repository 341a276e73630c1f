//! What a room says of itself, as plain data. Each protocol renders these in its own way.

use std::sync::Arc;

use perch_address::{BareJid, FullJid};

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::category::CategoryId;
use crate::chat::id::{RoomGuid, RoomId, Seq};
use crate::chat::settings::Settings;
use crate::chat::snapshot::Standing;

/// The answer to a [`Query`](crate::chat::command::Query), one variant for each.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Overview(Box<Overview>),
    Configuration(Configuration),
    Affiliations(Vec<Standing>),
    Roles(Vec<RoleEntry>),
    Registration(Registration),
    Occupant(OccupantAddress),
    Archive(ArchiveAccess),
}

/// What may be seen of a room from outside, and what the asker is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The localpart of the room's address.
    pub name: Box<str>,
    pub guid: RoomGuid,
    /// Where people make and manage rooms, where it is not in their clients.
    pub management_url: Option<Box<str>>,
    pub settings: Arc<Settings>,
    /// The name of its category.
    pub category: Option<Box<str>>,
    pub occupant_count: usize,
    pub subject: Option<Box<str>>,
    /// Who is in, for those who are in themselves; to others the list is private (XEP-0045 §6.5).
    pub nicks: Option<Vec<Box<str>>>,
    pub affiliation: Affiliation,
    /// The asker's nick in the room now.
    pub nick: Option<Box<str>>,
    /// The nick reserved for the asker (XEP-0045 §7.12).
    pub reserved_nick: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Where people make and manage rooms, where it is not in their clients.
    pub management_url: Option<Box<str>>,
    pub settings: Arc<Settings>,
    pub owners: Vec<BareJid>,
    pub admins: Vec<BareJid>,
    pub presenters: Vec<BareJid>,
    /// Where the room may be moved by who asks, and where it is.
    pub categories: Vec<(CategoryId, Box<str>)>,
    /// This is the first configuration: the room opens with its submission.
    pub is_locked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    pub nick: Box<str>,
    pub role: Role,
    pub affiliation: Affiliation,
    pub jid: FullJid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub affiliation: Affiliation,
    /// The nick reserved for the asker.
    pub nick: Option<Box<str>>,
}

/// Where to relay what is addressed to an occupant. Never shown to the asker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccupantAddress {
    pub jid: BareJid,
    /// The full addresses of his sessions, the one whose presence is shown first.
    pub sessions: Vec<FullJid>,
    /// The asker asked about his own nick (XEP-0410: answered without relaying).
    pub is_asker: bool,
}

/// The asker may read the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveAccess {
    /// Whose log it is.
    pub room: RoomId,
    /// The oldest entry that there is for him.
    pub from: Seq,
    /// Whether he may see real addresses in it.
    pub sees_addresses: bool,
}
