//! What happened to an account, in the order of its log. Stored as it stands here: variants and fields are only ever
//! added.

use perch_address::{BareJid, Jid};
use serde::{Deserialize, Serialize};

use crate::chat::account::contact::{Contact, SubscriptionRequest};
use crate::chat::account::node::{Item, Node};
use crate::chat::account::packet::MessageKind;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::id::{AccountId, Origin, Seq, Timestamp};
use crate::chat::message::{Content, Payload};

/// A change with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEvent {
    pub seq: Seq,
    pub at: Timestamp,
    pub origin: Option<Origin>,
    pub change: AccountChange,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChange {
    /// Said by one of the account's sessions.
    Sent(Letter),
    /// Said to the account.
    Received(Letter),
    /// Another account's subscription stanza arrived. It is an input: what the account makes of it follows as changes
    /// of its own, appended together with the number up to which inputs are handled.
    Approached {
        from: BareJid,
        request: SubscriptionRequest,
        payload: Payload,
    },
    ContactSet {
        contact: Contact,
        /// The contact's stanza that led to this, where the account's sessions are shown it.
        told: Option<(SubscriptionRequest, Payload)>,
    },
    ContactRemoved {
        jid: BareJid,
        version: i64,
    },
    Blocked {
        jids: Vec<Jid>,
    },
    Unblocked {
        jids: Vec<Jid>,
    },
    PreferencesSet(ArchivePreferences),
    VcardSet {
        vcard: Payload,
    },
    /// The SHA-1 of the avatar, as presence tells it from now on (XEP-0153, XEP-0398).
    PhotoSet {
        photo: Option<Box<str>>,
    },
    PrivateSet {
        namespace: Box<str>,
        name: Box<str>,
        payload: Payload,
    },
    /// A node was created, configured, or its affiliations or subscriptions changed.
    NodeSet(Node),
    NodeDeleted {
        node: Box<str>,
    },
    ItemPublished {
        node: Box<str>,
        item: Item,
    },
    ItemsRetracted {
        node: Box<str>,
        ids: Vec<Box<str>>,
        /// Subscribers are told.
        is_told: bool,
    },
    NodePurged {
        node: Box<str>,
    },
}

impl AccountChange {
    /// Bytes that it takes, about: what it carries, and a little for everything else.
    pub fn size(&self) -> usize {
        const LITTLE: usize = 512;
        let content = match self {
            Self::Sent(letter) | Self::Received(letter) => {
                letter.content.payload.0.len() + letter.content.text.as_ref().map_or(0, |text| text.len())
            }
            Self::VcardSet { vcard: payload } | Self::PrivateSet { payload, .. } => payload.0.len(),
            Self::ItemPublished { item, .. } => item.payload.0.len(),
            Self::Blocked { jids } | Self::Unblocked { jids } => 64 * jids.len(),
            Self::ItemsRetracted { ids, .. } => 64 * ids.len(),
            Self::NodeSet(node) => 64 * (node.affiliations.len() + node.subscriptions.len()),
            _ => 0,
        };
        LITTLE + content
    }
}

/// A one-to-one message as one side keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub kind: MessageKind,
    pub from: Jid,
    pub to: Jid,
    pub content: Content,
    /// Waits in the log for a session that takes messages (XEP-0160).
    pub is_kept_offline: bool,
    /// Sessions that did not get the message itself get a copy (XEP-0280).
    pub is_copied: bool,
    /// Shown by the account's archive.
    pub is_archived: bool,
}

/// What is to be appended to one account's log, in one transaction with its neighbours in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountAppend {
    pub account: AccountId,
    pub origin: Option<Origin>,
    pub changes: Vec<AccountChange>,
    /// Inputs up to here are answered by these changes; they may not have been answered before.
    pub handled: Option<Seq>,
    /// What was decided rests on the log up to here: refused if more than messages and inputs have come since. Only where
    /// other members write too can that be.
    pub after: Option<Seq>,
}

/// Where an append ended up: the events are `first`, `first + 1`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountAppended {
    pub first: Seq,
    pub at: Timestamp,
}
