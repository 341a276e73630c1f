//! Categories in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For whom rooms are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Category {
    /// The same as long as it is there.
    pub id: i64,
    pub name: String,
    pub description: String,
    /// Addresses of principals.
    pub allowed: Vec<String>,
    pub denied: Vec<String>,
    pub creators: Vec<String>,
    pub file_upload: bool,
    pub invitations: bool,
    pub history: bool,
    pub managers_destroy: bool,
    /// How many rooms it has.
    pub rooms: u64,
    /// Another one after each change.
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Categories {
    pub categories: Vec<Category>,
}

/// A category to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Unique over categories and rooms, whatever its capitals.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    #[serde(default)]
    pub change: CategoryChange,
}

/// What is to be different; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub allowed: ListChange,
    pub denied: ListChange,
    pub creators: ListChange,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_upload: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitations: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managers_destroy: Option<bool>,
}

/// What is to be different about a list of principals. A name alone is that of an account here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListChange {
    /// The whole list, before anything is added or struck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strike: Vec<String>,
}
