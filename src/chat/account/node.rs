//! A node of an account's personal eventing service (XEP-0163, XEP-0060): how it is configured and who may use it.

use perch_address::{BareJid, Jid};
use serde::{Deserialize, Serialize};

use crate::chat::id::Timestamp;
use crate::chat::message::Payload;

/// What is held of a node in memory; its items are read from the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    pub name: Box<str>,
    pub settings: NodeSettings,
    /// Standing given by the owner, who himself stands in no list.
    pub affiliations: Vec<(BareJid, NodeAffiliation)>,
    pub subscriptions: Vec<NodeSubscription>,
}

/// `pubsub#node_config` as far as it is offered. Stored as it stands here: fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSettings {
    pub title: String,
    pub description: String,
    /// The namespace of the payload.
    pub payload_type: String,
    pub access: AccessModel,
    /// `pubsub#roster_groups_allowed`, for [`AccessModel::Roster`].
    pub groups: Vec<String>,
    pub publishers: PublishModel,
    pub persist_items: bool,
    pub items_max: u32,
    pub send_last_item: SendLastItem,
    pub deliver_notifications: bool,
    pub deliver_payloads: bool,
    pub notify_retract: bool,
    pub notify_delete: bool,
    pub notify_config: bool,
}

/// XEP-0060 §4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessModel {
    Open,
    #[default]
    Presence,
    Roster,
    Whitelist,
    Authorize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishModel {
    #[default]
    Publishers,
    Subscribers,
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendLastItem {
    Never,
    OnSub,
    #[default]
    OnSubAndPresence,
}

/// XEP-0060 §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeAffiliation {
    Owner,
    Publisher,
    PublishOnly,
    Member,
    Outcast,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSubscription {
    pub jid: Jid,
    pub id: Box<str>,
    /// Waits for the owner (XEP-0060 §8.6).
    pub is_pending: bool,
}

/// One published item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub id: Box<str>,
    /// The one child of `<item/>`; empty where the node is told of events only.
    pub payload: Payload,
    pub publisher: Jid,
    pub at: Timestamp,
}

impl NodeSettings {
    /// What `max` means for `pubsub#max_items`, and the most that can be asked for.
    pub const ITEMS_LIMIT: u32 = 10_000;
}

impl Default for NodeSettings {
    /// XEP-0163 §4.3 and XEP-0222: one item, kept, for contacts.
    fn default() -> Self {
        Self {
            title: String::new(),
            description: String::new(),
            payload_type: String::new(),
            access: AccessModel::Presence,
            groups: Vec::new(),
            publishers: PublishModel::Publishers,
            persist_items: true,
            items_max: 1,
            send_last_item: SendLastItem::OnSubAndPresence,
            deliver_notifications: true,
            deliver_payloads: true,
            notify_retract: true,
            notify_delete: true,
            notify_config: false,
        }
    }
}

/// The words that stand on the wire, in one place for each closed list.
macro_rules! has_words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

has_words!(AccessModel {
    Open = "open",
    Presence = "presence",
    Roster = "roster",
    Whitelist = "whitelist",
    Authorize = "authorize",
});
has_words!(PublishModel { Publishers = "publishers", Subscribers = "subscribers", Open = "open" });
has_words!(SendLastItem { Never = "never", OnSub = "on_sub", OnSubAndPresence = "on_sub_and_presence" });
has_words!(NodeAffiliation {
    Owner = "owner",
    Publisher = "publisher",
    PublishOnly = "publish-only",
    Member = "member",
    Outcast = "outcast",
});
