//! A stanza as accounts hand it around: addresses prepared, content opaque.

use perch_address::Jid;
use serde::{Deserialize, Serialize};

use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::message::Payload;

/// One stanza on its way. Cheap to clone: the content is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    pub kind: PacketKind,
    pub from: Jid,
    pub to: Jid,
    pub id: Option<Box<str>>,
    pub lang: Option<Box<str>>,
    pub payload: Payload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PacketKind {
    Message(MessageKind),
    Presence(PresenceKind),
    Iq(IqKind),
}

/// RFC 6121 §5.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    #[default]
    Normal,
    Chat,
    Groupchat,
    Headline,
    Error,
}

/// RFC 6121 §4.7.1; an available presence has no `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceKind {
    Available,
    Unavailable,
    Subscription(SubscriptionRequest),
    Probe,
    Error,
}

/// RFC 6120 §8.2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IqKind {
    Get,
    Set,
    Result,
    Error,
}

impl PacketKind {
    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Presence(_) => "presence",
            Self::Iq(_) => "iq",
        }
    }

    /// The `type` attribute; a normal message and an available presence have none.
    pub fn type_attribute(self) -> Option<&'static str> {
        match self {
            Self::Message(MessageKind::Normal) | Self::Presence(PresenceKind::Available) => None,
            Self::Message(MessageKind::Chat) => Some("chat"),
            Self::Message(MessageKind::Groupchat) => Some("groupchat"),
            Self::Message(MessageKind::Headline) => Some("headline"),
            Self::Presence(PresenceKind::Unavailable) => Some("unavailable"),
            Self::Presence(PresenceKind::Subscription(request)) => Some(request.as_str()),
            Self::Presence(PresenceKind::Probe) => Some("probe"),
            Self::Iq(IqKind::Get) => Some("get"),
            Self::Iq(IqKind::Set) => Some("set"),
            Self::Iq(IqKind::Result) => Some("result"),
            Self::Message(MessageKind::Error)
            | Self::Presence(PresenceKind::Error)
            | Self::Iq(IqKind::Error) => Some("error"),
        }
    }

    /// Whether nobody answers this with an error (RFC 6120 §8.3.1: an error, and an answer, are never answered).
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Message(MessageKind::Error)
                | Self::Presence(PresenceKind::Error)
                | Self::Iq(IqKind::Result | IqKind::Error)
        )
    }
}
