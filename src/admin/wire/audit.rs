//! The audit log in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PageLimit;

/// What somebody did, or was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    pub id: i64,
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// `operator`, an address, or `service:` and a name.
    pub who: String,
    /// From where: `socket`, or an address of the network.
    pub origin: String,
    /// The token by which it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<i64>,
    pub operation: String,
    /// What it was done to.
    pub object: String,
    /// The object before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The object after, or what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// `done`, or `forbidden`.
    pub outcome: String,
}

/// Some of the log, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which part of the log is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only what was done then or later (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub since: Option<String>,
    /// Only what this one did: `operator`, an address, or `service:` and a name.
    pub who: Option<String>,
    /// Only what was done to this.
    pub object: Option<String>,
    /// What the page before gave as `next`, or the `id` of the last line that was seen; without it, the first page.
    pub after: Option<i64>,
    /// How long the page is to be.
    pub limit: Option<PageLimit>,
}
