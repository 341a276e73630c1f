//! What someone asks of a room. A command says what is wanted; only the room decides whether it may be.

use std::sync::Arc;

use perch_address::{BareJid, FullJid};

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::event::{Departure, Extent};
use crate::chat::id::{MessageId, Origin, RulesVersion, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload};
use crate::chat::settings::Settings;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub session: SessionId,
    pub jid: FullJid,
    /// An administrator of the service passes where an owner would.
    pub is_administrator: bool,
    /// The key under which the change is found again after an unknown outcome.
    pub origin: Option<Origin>,
}

impl Actor {
    /// The service itself, when time and not somebody asks for a change.
    pub fn service() -> Self {
        let jid = "service.invalid/service".parse().expect("a valid address");
        Self { session: SessionId(0), jid, is_administrator: true, origin: None }
    }
}

/// What is asked. Changes only; reading is a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Join(Join),
    /// Leaves with the session that asks; `presence` is what its unavailable presence said.
    Leave {
        presence: Payload,
    },
    /// The session's connection is gone; its seat is kept until `deadline` for who resumes or rejoins.
    Detach {
        deadline: Timestamp,
    },
    /// The session goes on on this member, before its deadline: it was shown the room up to `after`.
    Attach {
        after: Seq,
    },
    /// The service takes out the session that asks: an error came back from it, or the service shuts down.
    Remove {
        cause: Departure,
    },
    /// Those of these sessions that are past their deadline leave (status 333).
    Expire {
        sessions: Vec<SessionId>,
    },
    /// Who belongs where, or whom the room's category is for, has changed: those inside are looked at again.
    Review {
        /// The room has become an auditorium, and some may have come in meanwhile with a voice.
        silences: bool,
    },
    /// A new show, status, caps … of an occupant. Ephemeral.
    SetPresence {
        presence: Payload,
    },
    Rename {
        nick: Box<str>,
        presence: Payload,
    },
    Post {
        content: Content,
    },
    SetSubject {
        subject: Box<str>,
        content: Content,
    },
    /// A private message through the room.
    Whisper {
        to: Box<str>,
        content: Content,
    },
    Invite {
        invitations: Vec<Invitation>,
    },
    Decline {
        to: BareJid,
        reason: Box<str>,
        content: Content,
    },
    RequestVoice {
        role: Role,
    },
    /// A moderator answers a voice request.
    AnswerVoice {
        nick: Box<str>,
        allow: bool,
    },
    /// All or nothing (XEP-0045 §9): one faulty item refuses the whole list.
    SetRoles {
        items: Vec<RoleItem>,
    },
    SetAffiliations {
        items: Vec<AffiliationItem>,
    },
    /// Takes the instant or reserved room into service, or changes it later.
    Configure {
        settings: Box<Settings>,
        people: People,
    },
    /// Settings and lists in one go, if the room is still as it was `seen`.
    Arrange {
        seen: Option<RulesVersion>,
        settings: Option<Box<Settings>>,
        items: Vec<AffiliationItem>,
    },
    /// Cancelling the first configuration destroys the room (XEP-0045 §10.1.3).
    CancelConfiguration,
    Destroy {
        reason: Box<str>,
        alternate: Option<BareJid>,
        password: Option<Box<str>>,
    },
    Register {
        nick: Box<str>,
    },
    Unregister,
    /// XEP-0424: the author takes his own message back. `target` is its stanza-id; `target_author` is who the store says
    /// wrote it, `None` when there is no such message (any more).
    Retract {
        target: MessageId,
        target_author: Option<Author>,
        content: Content,
    },
    /// XEP-0425: a moderator takes a message out.
    Moderate {
        target: MessageId,
        target_author: Option<Author>,
        reason: Box<str>,
    },
    /// Takes messages out, or puts a sentence in their place, whoever wrote them. Those inside are told of each, if they
    /// are told at all.
    Expunge {
        targets: Vec<MessageId>,
        replacement: Option<Box<str>>,
        is_told: bool,
    },
    /// Takes out everything that was said before this place.
    Clear {
        below: Seq,
    },
}

/// Whole lists of those who have a part in a room; one that is not there stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    pub owners: Option<Vec<BareJid>>,
    pub admins: Option<Vec<BareJid>>,
    /// Who speaks in an auditorium.
    pub presenters: Option<Vec<BareJid>>,
}

/// A wish to enter (XEP-0045 §7.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub nick: Arc<str>,
    pub password: Option<Box<str>>,
    pub history: HistoryRequest,
    pub presence: Payload,
    /// XEP-0463: the client wants the lists of affiliations, and has them as of this version; none yet, where it is empty.
    pub affiliations_since: Option<Box<str>>,
    /// A join without the MUC namespace is a rejoin or a mistake (XEP-0045 §7.2.1, §17.3): refused when not inside.
    pub has_muc_namespace: bool,
}

/// How much of the past a joiner wants (XEP-0045 §7.2.14); the room's own bound applies as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryRequest {
    pub stanzas_max: Option<u32>,
    pub characters_max: Option<u32>,
    pub since: Option<Timestamp>,
}

impl Command {
    /// Whether people outside the room are written to for it, as many as it names.
    pub fn makes_letters(&self) -> bool {
        matches!(
            self,
            Self::Invite { .. } | Self::Decline { .. } | Self::SetAffiliations { .. } | Self::Arrange { .. }
        )
    }
}

impl HistoryRequest {
    /// Messages that he gets at most: `usual` where he does not say how much he wants, and never more than `max`.
    pub fn limit(self, usual: u32, max: u32) -> u32 {
        let says_how_much = self.stanzas_max.is_some() || self.since.is_some();
        if says_how_much { max } else { usual.min(max) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub to: BareJid,
    pub reason: Box<str>,
    /// XEP-0045 §7.8.2: the invitation continues this one-to-one thread.
    pub continues: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleItem {
    pub nick: Box<str>,
    pub role: Role,
    pub reason: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffiliationItem {
    /// By address, or of the occupant with this nick.
    pub who: Person,
    pub affiliation: Affiliation,
    /// Unsaid, it stays; and who has an affiliation may enter.
    pub extent: Option<Extent>,
    /// A nick reserved with the affiliation.
    pub nick: Option<Box<str>>,
    pub reason: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    Jid(BareJid),
    Nick(Box<str>),
}

/// What someone wants to know of a room. Answered from memory; the archive is read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// What disco#info, disco#items and the room list show, and what the asker is in the room.
    Overview,
    /// The settings with owners and admins, for the form of an owner.
    Configuration,
    Affiliations(Affiliation),
    Roles(Role),
    /// XEP-0045 §7.10: the asker's registration.
    Registration,
    /// The real addresses behind a nick, for relaying an iq (never shown to the asker).
    Occupant {
        nick: Box<str>,
    },
    /// May the asker read the archive, and from where on?
    ArchiveAccess,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_say_how_much_gets_what_is_usual() {
        let check = |stanzas_max, since: Option<i64>, usual, max, expected| {
            let since = since.map(Timestamp);
            let request = HistoryRequest { stanzas_max, since, characters_max: None };
            assert_eq!(request.limit(usual, max), expected, "{request:?} {usual} {max}");
        };
        check(None, None, 30, 50, 30);
        check(None, None, 100, 50, 50);
        check(Some(40), None, 30, 50, 50);
        check(None, Some(1), 30, 50, 50);
        check(None, None, 30, 0, 0);
    }
}
