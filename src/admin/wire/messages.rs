//! The JSON of messages and rooms that are searched for and taken out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admin::wire::PageLimit;
use crate::chat::settings::Privacy;

/// Which messages. Whatever is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MessageFilter {
    /// Addresses of rooms, or names alone; empty for all that the asker may read.
    pub rooms: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    #[serde(rename = "match")]
    pub matching: Matching,
    pub case_sensitive: bool,
    /// Bare addresses.
    pub authors: Vec<String>,
    /// A date, which is then the beginning of it, or a date and time (XEP-0082); in UTC where no zone is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The same; of a date, its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// How much of the words has to be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    #[default]
    All,
    Any,
    Phrase,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MessageQuery {
    pub which: MessageFilter,
    pub oldest_first: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long the page is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessagePage {
    pub messages: Vec<Message>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    pub room: String,
    pub id: String,
    pub at: String,
    pub nick: String,
    /// Absent for who may not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    pub text: String,
}

/// Messages to be taken out, a portion at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageRemoval {
    pub which: MessageFilter,
    /// A sentence that is to stand in the place of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    pub count: u64,
    /// What to hand in as `after` for the next portion; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clearing {
    /// As in [`MessageFilter::until`].
    pub until: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cleared {
    pub count: u64,
}

/// Which rooms. Whatever is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoomQuery {
    /// Each word begins one of the name or the address.
    pub text: String,
    /// All of it in a row.
    pub phrase: bool,
    /// It is looked for in the description too.
    pub description: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// The bare address of a member, a manager included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomPage {
    pub rooms: Vec<Room>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Room {
    pub address: String,
    pub name: String,
    pub description: String,
    pub privacy: Privacy,
    /// Not yet configured by its owner.
    pub locked: bool,
    pub occupants: u64,
}
