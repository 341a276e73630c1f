//! What happened in a room, in the order of its log. Stored as it stands here: variants and fields are only ever added.

use std::sync::Arc;

use perch_address::{BareJid, FullJid};
use serde::{Deserialize, Serialize};

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::HistoryRequest;
use crate::chat::id::{MessageId, Origin, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload};
use crate::chat::settings::Settings;

/// A change with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub seq: Seq,
    pub at: Timestamp,
    pub origin: Option<Origin>,
    pub change: Change,
}

/// What a decision led to. The first list goes to the log in one append; nothing of it is seen before its commit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    pub changes: Vec<Change>,
    /// Joins and parts above the participant update limit: projected and journalled, but not logged, and told to few.
    pub quiet: Vec<Change>,
    /// Told to the occupants and forgotten.
    pub ephemeral: Vec<Ephemeral>,
    /// Sent beside the room, after the commit.
    pub parcels: Vec<Parcel>,
    /// The joiner's wish for history, where the decision is a join (or a rejoin of who never left).
    pub welcome: Option<Welcome>,
    /// A session that goes on here was shown the room up to there, and is shown what came since.
    pub resumes: Option<Seq>,
}

/// What the session that joined is to be sent once its join is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Welcome {
    pub session: SessionId,
    pub history: HistoryRequest,
    pub affiliations_since: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The first of a log. The creator's ownership follows as an affiliation of its own.
    Created {
        by: BareJid,
        settings: Box<Settings>,
        locked: bool,
    },
    Configured {
        by: BareJid,
        settings: Box<Settings>,
    },
    Destroyed {
        by: Option<BareJid>,
        reason: Box<str>,
        alternate: Option<BareJid>,
        password: Option<Box<str>>,
    },
    Joined(Joined),
    Left(Left),
    /// A session's connection went away (`Some`: may come back until then) or came back (`None`).
    Detached {
        session: SessionId,
        deadline: Option<Timestamp>,
    },
    /// The same nick and person on another session, after the first one's connection was lost: nobody is told.
    TakenOver {
        session: SessionId,
        by: SessionId,
        jid: FullJid,
        presence: Payload,
    },
    /// The occupant takes another nick, with all his sessions; `presence` is of the one that asked.
    Renamed {
        session: SessionId,
        nick_key: Box<str>,
        nick: Box<str>,
        new_nick_key: Box<str>,
        new_nick: Box<str>,
        presence: Payload,
    },
    RoleSet {
        nick_key: Box<str>,
        nick: Box<str>,
        role: Role,
        by: Option<Author>,
        reason: Box<str>,
    },
    AffiliationSet(AffiliationSet),
    /// The occupant is something else in the room, not by its lists but by what he belongs to.
    Regraded {
        nick_key: Box<str>,
        nick: Box<str>,
        affiliation: Affiliation,
        presents: bool,
        role: Role,
    },
    SubjectSet {
        author: Author,
        subject: Box<str>,
        content: Content,
    },
    Posted {
        author: Author,
        content: Content,
    },
    Whispered {
        author: Author,
        to: Box<str>,
        to_jid: BareJid,
        content: Content,
    },
    Invited {
        by: Author,
        to: BareJid,
        reason: Box<str>,
    },
    VoiceRequested {
        author: Author,
        role: Role,
    },
    /// Takes the content of `target` out of log and archive; the tombstone says who did and why. A moderation whose content
    /// is not kept is one of very many: the archive shows its tombstone alone, and nobody is told.
    Retracted {
        target: MessageId,
        author: Author,
        is_moderation: bool,
        reason: Box<str>,
        content: Content,
        /// The reason is a sentence that stands in the message's place from now on.
        #[serde(default)]
        is_replacement: bool,
    },
    /// Everything that was said before this place is gone.
    Cleared {
        below: Seq,
        by: Author,
    },
}

impl Change {
    /// Bytes that it takes, about: what a message carries, and a little for everything else.
    pub fn size(&self) -> usize {
        const LITTLE: usize = 512;
        let (Self::Posted { content, .. }
        | Self::SubjectSet { content, .. }
        | Self::Whispered { content, .. }
        | Self::Retracted { content, .. }) = self
        else {
            return LITTLE;
        };
        LITTLE + content.payload.0.len() + content.text.as_ref().map_or(0, |text| text.len())
    }

    /// Whether it is a message that was taken back, or expired, before it was read: there is nothing to show any more.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Posted { content, .. }
            | Self::SubjectSet { content, .. }
            | Self::Whispered { content, .. } => content.payload.0.is_empty(),
            _ => false,
        }
    }

    /// Whether decisions made before this change may no longer hold: settings, affiliations, roles, kicks, locks. Each
    /// such change raises the room's [`RulesVersion`](crate::chat::id::RulesVersion) by one, in the store as in memory.
    pub fn moves_rules(&self) -> bool {
        match self {
            Self::Created { .. }
            | Self::Configured { .. }
            | Self::Destroyed { .. }
            | Self::RoleSet { .. }
            | Self::AffiliationSet(_)
            | Self::Regraded { .. } => true,
            Self::Left(left) => left.cause.is_forced(),
            Self::Joined(_)
            | Self::Detached { .. }
            | Self::TakenOver { .. }
            | Self::Renamed { .. }
            | Self::SubjectSet { .. }
            | Self::Posted { .. }
            | Self::Whispered { .. }
            | Self::Invited { .. }
            | Self::VoiceRequested { .. }
            | Self::Retracted { .. }
            | Self::Cleared { .. } => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    pub nick: Arc<str>,
    pub nick_key: Arc<str>,
    pub session: SessionId,
    pub jid: FullJid,
    pub occupant_id: Box<str>,
    pub affiliation: Affiliation,
    pub presents: bool,
    pub role: Role,
    pub presence: Payload,
    /// Status 201: this join created the room.
    pub has_created: bool,
    /// Status 210: the room gave another nick than the one asked for.
    pub nick_assigned: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub nick: Box<str>,
    pub nick_key: Box<str>,
    /// Empty in logs from before it was noted.
    #[serde(default)]
    pub occupant_id: Box<str>,
    pub session: SessionId,
    pub cause: Departure,
    pub presence: Payload,
}

/// Why a session left (the status codes of XEP-0045 §15.6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// By itself.
    Own,
    /// 307
    Kicked { by: Option<Author>, reason: Box<str> },
    /// 301
    Banned { by: Option<Author>, reason: Box<str> },
    /// 321: an affiliation change in a members-only room.
    AffiliationLost { by: Option<Author>, reason: Box<str> },
    /// 322: the room became members-only.
    MembersOnly,
    /// 332: the service shuts down.
    Shutdown,
    /// 333: the connection was lost, or an error came back from it.
    Technical,
    /// 333: the connection was lost, and nobody came back for it in time.
    Lapsed,
}

impl Departure {
    /// The affiliation that is shown of someone as he goes: what he goes for, where it has just been set.
    pub fn affiliation_shown(&self, was: Affiliation) -> Affiliation {
        match self {
            Self::Banned { .. } => Affiliation::Outcast,
            Self::AffiliationLost { .. } | Self::MembersOnly => Affiliation::None,
            Self::Own | Self::Kicked { .. } | Self::Shutdown | Self::Technical | Self::Lapsed => was,
        }
    }

    /// Whether a rule of the room took the session out, and not its own wish or a broken line.
    pub fn is_forced(&self) -> bool {
        match self {
            Self::Kicked { .. } | Self::Banned { .. } | Self::AffiliationLost { .. } | Self::MembersOnly => {
                true
            }
            Self::Own | Self::Shutdown | Self::Technical | Self::Lapsed => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffiliationSet {
    pub jid: BareJid,
    pub affiliation: Affiliation,
    pub by: Option<Author>,
    pub reason: Box<str>,
    /// The nick reserved for this person.
    pub nick: Option<Box<str>>,
    #[serde(default)]
    pub extent: Extent,
    /// The roles that the occupants it concerns have from now on, by nick key: all of them, also where the role stays
    /// as it was. More than one person's when a whole domain is meant.
    pub roles: Vec<(Box<str>, Role)>,
    /// Moves with every change of an affiliation (XEP-0463).
    pub version: i64,
}

/// What an affiliation does not say of somebody's place in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Is on the list of members. Only managers may not be: who manages a room need not be in it.
    pub attends: bool,
    /// Speaks in an auditorium.
    pub presents: bool,
}

impl Default for Extent {
    /// What a multi-user chat means by an affiliation: who has one may enter.
    fn default() -> Self {
        Self { attends: true, presents: false }
    }
}

/// Told to those who are there and kept nowhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ephemeral {
    Presence { session: SessionId, presence: Payload },
    Message { author: Author, content: Content },
    Whisper { author: Author, to: Box<str>, content: Content },
}

/// Something for a person who need not be in the room.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    pub to: BareJid,
    pub kind: ParcelKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ParcelKind {
    /// Mediated invitation (XEP-0045 §7.8.2).
    Invitation { by: FullJid, reason: Box<str>, continues: Option<Box<str>>, password: Option<Box<str>> },
    /// The invitee said no.
    Decline { by: BareJid, reason: Box<str> },
    /// The affiliation of someone who is not in the room changed (XEP-0045 §9, status 101).
    AffiliationNotice { affiliation: Affiliation },
}
