//! A message as the room sees it: who, what, and how long it is to be kept.

use std::fmt;

use bytes::Bytes;
use perch_address::BareJid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long a stanza lives, and what it may cost (a typing notice never costs a commit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// In the log and the archive.
    Kept,
    /// In the log until it expires, so that no live session misses it; never in the archive.
    Transient,
    /// Bus only; may be dropped.
    Ephemeral,
}

/// XML that passed the gate: a stanza's children back to back, self-contained in the context of the default namespace
/// `jabber:client`. The domain carries it and never looks into it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Payload(pub Bytes);

impl Payload {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the gate passes UTF-8 only")
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

impl fmt::Debug for Payload {
    /// Message text does not belong in logs: only its length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// What a sender hands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The sender's own id of the stanza.
    pub id: Option<Box<str>>,
    pub lang: Option<Box<str>>,
    /// The plain text of the body, for search, SIP and compliance.
    pub text: Option<Box<str>>,
    pub payload: Payload,
    pub retention: Retention,
}

/// Who said it, frozen at that time: a later change of nick or rights does not rewrite history.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Empty when an admin acted who was not in the room.
    pub nick: Box<str>,
    pub jid: BareJid,
    /// The full address's resource is part of the record where rooms are not anonymous.
    pub resource: Option<Box<str>>,
    /// XEP-0421: stable for this person in this room.
    pub occupant_id: Box<str>,
}
