//! A contact: who is on a roster, and how far each side sees the other's presence (RFC 6121 §2, §3).

use perch_address::BareJid;
use serde::{Deserialize, Serialize};

use crate::chat::message::Payload;

/// What an account knows of somebody it shares, or is asked to share, presence with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub jid: BareJid,
    pub name: Option<Box<str>>,
    pub groups: Vec<Box<str>>,
    pub subscription: Subscription,
    /// Shown in the roster; who merely asked, or was approved beforehand, is not (RFC 6121 §3.1.3, §3.4.2).
    pub is_listed: bool,
    /// The content of the request that waits for an answer: told again to each session that logs in.
    pub request: Option<Payload>,
    /// The roster's version at which this last changed.
    pub version: i64,
}

/// The state of a subscription as seen from one side. The nine states of RFC 6121 appendix A are the first four fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Subscription {
    /// The account receives the contact's presence.
    pub to: bool,
    /// The contact receives the account's presence.
    pub from: bool,
    /// "Pending out": the account asked and was not answered.
    pub is_asking: bool,
    /// "Pending in": the contact asked and was not answered.
    pub is_asked: bool,
    /// The contact will be let in without being asked for (RFC 6121 §3.4).
    pub is_approved: bool,
}

/// The four subscription stanzas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionRequest {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

impl Contact {
    /// Somebody of whom nothing is known yet.
    pub fn stranger(jid: BareJid) -> Self {
        Self {
            jid,
            name: None,
            groups: Vec::new(),
            subscription: Subscription::default(),
            is_listed: false,
            request: None,
            version: 0,
        }
    }

    /// Whether there is nothing left worth a row.
    pub fn is_forgettable(&self) -> bool {
        !self.is_listed && self.subscription == Subscription::default()
    }
}

impl Subscription {
    /// The roster item's `subscription` (RFC 6121 §2.1.2.5).
    pub fn as_str(self) -> &'static str {
        match (self.to, self.from) {
            (false, false) => "none",
            (true, false) => "to",
            (false, true) => "from",
            (true, true) => "both",
        }
    }
}

impl SubscriptionRequest {
    /// The presence stanza's `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Subscribed => "subscribed",
            Self::Unsubscribe => "unsubscribe",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}
