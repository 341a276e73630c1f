//! Rooms in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::category::ListChange;
use crate::chat::settings::{Kind, Privacy};

/// A room with its lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomDetail {
    pub address: String,
    /// What it is called for good.
    #[schemars(extend("format" = "uuid"))]
    pub guid: String,
    /// The room in the scheme of the original: `ma-chan://`, the domain of the rooms, `/` and the GUID.
    #[schemars(extend("format" = "uri"))]
    pub uri: String,
    pub title: String,
    pub description: String,
    /// Absent where the room was made before there were categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The name of the add-in beside the conversation, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addin: Option<String>,
    pub privacy: Privacy,
    pub kind: Kind,
    pub invitations: bool,
    pub disabled: bool,
    /// Not yet configured by its owner.
    pub locked: bool,
    pub managers: Vec<String>,
    pub members: Vec<String>,
    pub presenters: Vec<String>,
    pub banned: Vec<String>,
    /// Moves with its settings and lists.
    pub version: i64,
}

/// A room to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// What its address has before the `@`, or the whole address.
    #[schemars(length(min = 1, max = 3071))]
    pub name: String,
    #[serde(default)]
    pub change: RoomChange,
}

/// What is to be different; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoomChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name of the category that it is to be in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Are new members invited, where the category lets its rooms do so?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitations: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// The name of an add-in; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addin: Option<String>,
    pub managers: ListChange,
    pub members: ListChange,
    pub presenters: ListChange,
}
