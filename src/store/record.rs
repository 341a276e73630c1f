//! How a change lies in a log: a message in columns, so that the archive and the search reach it, anything else whole.

use perch_address::BareJid;
use serde::{Deserialize, Serialize};

use crate::chat::event::Change;
use crate::chat::id::{Epoch, MessageId, Seq, Timestamp};
use crate::chat::message::{Author, Content, Retention};

/// A change as columns. Reading it back gives the same change.
#[derive(Debug, PartialEq)]
pub(super) struct Record<'a> {
    pub(super) class: Class,
    pub(super) kind: Kind,
    pub(super) author: Option<&'a Author>,
    pub(super) content: Option<&'a Content>,
    pub(super) data: Option<String>,
}

/// Which part of a log a change lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// What the archive shows.
    Conversation,
    /// Comings and goings, and what is not kept.
    Passing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of it is in `data`.
    Whole,
    Posted,
    SubjectSet,
    Whispered,
    Retracted,
}

/// What took the place of a message's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The retraction.
    pub by: MessageId,
    /// What the retraction's sender knows it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
    pub at: Timestamp,
    pub author: Author,
    pub is_moderation: bool,
    pub reason: Box<str>,
    /// The reason stands in the message's place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_replacement: bool,
}

/// What a message has beside author and content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to_jid: Option<BareJid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target_epoch: Option<Epoch>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_moderation: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_replacement: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tombstone: Option<Tombstone>,
}

impl Details {
    /// What is taken back. Its seq stands by itself, for the database to find it by.
    pub(super) fn target(&self) -> Option<MessageId> {
        Some(MessageId::new(self.target_epoch?, self.target?))
    }
}

impl Tombstone {
    /// What a retraction leaves; nothing else leaves any.
    pub(super) fn of(change: &Change, by: MessageId, at: Timestamp) -> Option<Self> {
        let Change::Retracted { author, is_moderation, reason, content, is_replacement, .. } = change else {
            return None;
        };
        Some(Self {
            by,
            id: content.id.clone(),
            at,
            author: author.clone(),
            is_moderation: *is_moderation,
            reason: reason.clone(),
            is_replacement: *is_replacement,
        })
    }
}

impl<'a> Record<'a> {
    pub(super) fn of(change: &'a Change) -> Self {
        match change {
            Change::Posted { author, content } => Self::message(Kind::Posted, author, content, None),
            Change::SubjectSet { author, subject, content } => {
                let details = Details { subject: Some(subject.clone()), ..Details::default() };
                Self::message(Kind::SubjectSet, author, content, Some(details))
            }
            Change::Whispered { author, to, to_jid, content } => {
                let details =
                    Details { to: Some(to.clone()), to_jid: Some(to_jid.clone()), ..Details::default() };
                // Whatever its sender asks: what is said in private is in nobody's archive of the room.
                Self {
                    class: Class::Passing,
                    ..Self::message(Kind::Whispered, author, content, Some(details))
                }
            }
            Change::Retracted { target, author, is_moderation, reason, content, is_replacement } => {
                let details = Details {
                    target: Some(target.seq()),
                    target_epoch: Some(target.epoch()),
                    is_moderation: *is_moderation,
                    reason: Some(reason.clone()),
                    is_replacement: *is_replacement,
                    ..Details::default()
                };
                Self::message(Kind::Retracted, author, content, Some(details))
            }
            Change::Created { .. }
            | Change::Configured { .. }
            | Change::Destroyed { .. }
            | Change::Joined(_)
            | Change::Left(_)
            | Change::Detached { .. }
            | Change::TakenOver { .. }
            | Change::Renamed { .. }
            | Change::RoleSet { .. }
            | Change::AffiliationSet(_)
            | Change::Regraded { .. }
            | Change::Invited { .. }
            | Change::VoiceRequested { .. }
            | Change::Cleared { .. } => Self {
                class: Class::Passing,
                kind: Kind::Whole,
                author: None,
                content: None,
                data: Some(json(change)),
            },
        }
    }

    fn message(kind: Kind, author: &'a Author, content: &'a Content, details: Option<Details>) -> Self {
        let class = match content.retention {
            Retention::Kept => Class::Conversation,
            Retention::Transient | Retention::Ephemeral => Class::Passing,
        };
        Self { class, kind, author: Some(author), content: Some(content), data: details.as_ref().map(json) }
    }

    /// Whether it is blanked after a while.
    pub(super) fn expires(&self) -> bool {
        self.class == Class::Passing && self.content.is_some()
    }
}

/// Whether compliance is to know of it: who came and went, and what was said.
pub(super) fn is_journalled(change: &Change) -> bool {
    match change {
        Change::Posted { .. }
        | Change::SubjectSet { .. }
        | Change::Whispered { .. }
        | Change::Invited { .. }
        | Change::Joined(_)
        | Change::Left(_)
        | Change::Renamed { .. }
        | Change::Destroyed { .. }
        | Change::Retracted { .. }
        | Change::Cleared { .. } => true,
        Change::Created { .. }
        | Change::Configured { .. }
        | Change::Detached { .. }
        | Change::TakenOver { .. }
        | Change::RoleSet { .. }
        | Change::AffiliationSet(_)
        | Change::Regraded { .. }
        | Change::VoiceRequested { .. } => false,
    }
}

/// Puts a change together again; None when the row is not one of ours.
pub(super) fn change(
    kind: Kind,
    author: Option<Author>,
    content: Option<Content>,
    data: Option<&str>,
) -> Option<Change> {
    if kind == Kind::Whole {
        return serde_json::from_str(data?).ok();
    }
    let (author, content) = (author?, content?);
    let details = details(data)?;
    Some(match kind {
        Kind::Posted | Kind::Whole => Change::Posted { author, content },
        // Taken out with the content, when it was.
        Kind::SubjectSet => {
            Change::SubjectSet { author, subject: details.subject.unwrap_or_default(), content }
        }
        Kind::Whispered => Change::Whispered { author, to: details.to?, to_jid: details.to_jid?, content },
        Kind::Retracted => Change::Retracted {
            target: details.target()?,
            author,
            is_moderation: details.is_moderation,
            reason: details.reason.unwrap_or_default(),
            content,
            is_replacement: details.is_replacement,
        },
    })
}

pub(super) fn details(data: Option<&str>) -> Option<Details> {
    data.map_or_else(|| Some(Details::default()), |data| serde_json::from_str(data).ok())
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps have text keys, and nothing else can fail")
}

impl Class {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Conversation => 0,
            Self::Passing => 1,
        }
    }
}

impl Kind {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Whole => 0,
            Self::Posted => 1,
            Self::SubjectSet => 2,
            Self::Whispered => 3,
            Self::Retracted => 4,
        }
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        [Self::Whole, Self::Posted, Self::SubjectSet, Self::Whispered, Self::Retracted]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}
