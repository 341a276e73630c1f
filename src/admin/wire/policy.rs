//! Policies in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// `global`, `site:NAME`, `pool:NAME` or `tag:NAME`.
    pub level: String,
    /// May those whom it concerns use rooms?
    pub enabled: bool,
    pub description: String,
    /// Another one after each change; 0 for the global policy that nobody has set.
    pub version: i64,
}

/// All policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policies {
    pub policies: Vec<Policy>,
}

/// What a policy is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedPolicy {
    /// May those whom it concerns use rooms?
    pub enabled: bool,
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub description: String,
}

/// Which policy is to be granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyWish {
    /// `tag:NAME`
    #[schemars(regex(pattern = r"^tag:[A-Za-z0-9._-]{1,64}$"))]
    pub policy: String,
}

/// What holds for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyOf {
    pub address: String,
    /// The policy that was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
    /// The policy that is in force.
    pub effective: String,
    /// May the account use rooms?
    pub enabled: bool,
}

/// To whom a policy was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyGrant {
    pub address: String,
    pub policy: String,
}

/// Some grants, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantPage {
    pub grants: Vec<PolicyGrant>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
