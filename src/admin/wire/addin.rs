//! Add-ins in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page that rooms may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Addin {
    pub name: String,
    pub url: String,
    /// Another one after each change.
    pub version: i64,
}

/// An add-in as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddin {
    /// Unique in the pool, whatever its capitals.
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// An address of `http` or `https`.
    #[schemars(length(max = 255), regex(pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub url: String,
}

/// Some add-ins, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddinPage {
    pub addins: Vec<Addin>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
