//! Tokens in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PageLimit;
use crate::chat::administration::scope::Scope;

/// A token to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is to be good for.
    #[schemars(length(min = 1, max = 12))]
    pub scopes: Vec<ScopeName>,
    /// For how many seconds: a year of 366 days at most.
    #[schemars(range(min = 60, max = 31_622_400))]
    pub expires_in: u64,
    /// Whose it is to be: an account, by its address or its name. Without this and `service`, it is the asker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// In place of an account, the name of a program. It may do what an administrator may, within the scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub service: Option<String>,
}

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    pub id: i64,
    /// An address, or `service:` and a name.
    pub holder: String,
    pub scopes: Vec<ScopeName>,
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: String,
}

/// A token that was made. Its text is told this once, and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// What to send as `Authorization: Bearer …`.
    pub token: String,
    #[serde(flatten)]
    pub entry: Token,
}

/// Some tokens, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenPage {
    pub tokens: Vec<Token>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which tokens are asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenQuery {
    /// Whose: an account, by its address or its name. Without it, everybody's.
    pub account: Option<String>,
    /// What the page before gave as `next`; without it, the first page.
    pub after: Option<i64>,
    /// How long the page is to be.
    pub limit: Option<PageLimit>,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScopeName {
    #[serde(rename = "users:read")]
    UsersRead,
    #[serde(rename = "users:write")]
    UsersWrite,
    #[serde(rename = "rooms:read")]
    RoomsRead,
    #[serde(rename = "rooms:write")]
    RoomsWrite,
    #[serde(rename = "messages:read")]
    MessagesRead,
    #[serde(rename = "messages:write")]
    MessagesWrite,
    #[serde(rename = "pool:read")]
    PoolRead,
    #[serde(rename = "pool:write")]
    PoolWrite,
    #[serde(rename = "policy:read")]
    PolicyRead,
    #[serde(rename = "policy:write")]
    PolicyWrite,
    #[serde(rename = "audit:read")]
    AuditRead,
    #[serde(rename = "admin")]
    Admin,
}

/// Pairs of the domain's word and the wire's: written once, read in both directions.
const SCOPES: [(Scope, ScopeName); 12] = [
    (Scope::UsersRead, ScopeName::UsersRead),
    (Scope::UsersWrite, ScopeName::UsersWrite),
    (Scope::RoomsRead, ScopeName::RoomsRead),
    (Scope::RoomsWrite, ScopeName::RoomsWrite),
    (Scope::MessagesRead, ScopeName::MessagesRead),
    (Scope::MessagesWrite, ScopeName::MessagesWrite),
    (Scope::PoolRead, ScopeName::PoolRead),
    (Scope::PoolWrite, ScopeName::PoolWrite),
    (Scope::PolicyRead, ScopeName::PolicyRead),
    (Scope::PolicyWrite, ScopeName::PolicyWrite),
    (Scope::AuditRead, ScopeName::AuditRead),
    (Scope::Admin, ScopeName::Admin),
];

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        SCOPES.iter().find(|pair| pair.0 == scope).expect("every scope has a name").1
    }
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        SCOPES.iter().find(|pair| pair.1 == name).expect("every name has a scope").0
    }
}
