//! The JSON of the administration. Both ends use these types; the domain's own types are not `Serialize`. What is
//! described here is what the OpenAPI document says.

mod addin;
mod audit;
pub mod category;
mod configuration;
mod keys;
pub mod messages;
mod policy;
mod pool;
pub mod principals;
mod role;
pub mod room;
mod token;
mod user;

use std::borrow::Cow;

use perch_xmpp::datetime;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api::PAGE_MAX;
use crate::chat::id::Timestamp;

pub use addin::{Addin, AddinPage, NewAddin};
pub use audit::{AuditEntry, AuditPage, AuditQuery};
pub use configuration::{Configuration, Configurations, Values};
pub use keys::{Keys, KeysError};
pub use policy::{GrantPage, Policies, Policy, PolicyGrant, PolicyOf, PolicyWish, WantedPolicy};
pub use pool::{Database, MemberState, MemberWish, PoolMember, PoolStatus, Standby};
pub use role::{RoleGrant, RoleName, Roles};
pub use token::{MadeToken, NewToken, ScopeName, Token, TokenPage, TokenQuery};
pub use user::{Address, NewUser, Secret, User, UserChange, UserPage};

/// Which page is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// What the page before gave as `next`; without it, the first page.
    pub after: Option<String>,
    /// How long the page is to be.
    pub limit: Option<PageLimit>,
}

/// How long a page is to be: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PageLimit(u32);

/// How a change is to be done.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct ChangeQuery {
    /// Only see whether it can be done, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// How something is to be removed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct RemovalQuery {
    /// Remove it though it is in use.
    #[serde(default)]
    pub force: bool,
}

/// Why something was refused (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Error)]
#[error("{detail}")]
pub struct Problem {
    /// For programs: `urn:perch:problem:` and a name that never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status of the answer, in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// For people.
    pub detail: String,
}

impl TryFrom<u32> for PageLimit {
    type Error = &'static str;

    fn try_from(limit: u32) -> Result<Self, Self::Error> {
        if (1..=PAGE_MAX).contains(&limit) { Ok(Self(limit)) } else { Err("a page has 1 to 1000 entries") }
    }
}

impl From<PageLimit> for u32 {
    fn from(limit: PageLimit) -> Self {
        limit.0
    }
}

impl JsonSchema for PageLimit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PageLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX })
    }
}

impl Problem {
    /// The name behind the prefix.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(Self::PREFIX).unwrap_or(&self.kind)
    }

    pub const PREFIX: &str = "urn:perch:problem:";
}

/// A time as text: RFC 3339, in UTC, to the millisecond.
pub fn time_text(at: Timestamp) -> String {
    datetime::format(at.0)
}

/// Reads any time of RFC 3339.
pub fn time_of(text: &str) -> Option<Timestamp> {
    datetime::parse(text).map(Timestamp)
}
