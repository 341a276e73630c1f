//! The JSON of principals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admin::wire::PageLimit;
use crate::chat::principal::{Kind, Standing};

/// A user, group, unit or domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Principal {
    pub address: String,
    pub kind: Kind,
    pub name: String,
    pub standing: Standing,
    /// Where the directory has it; absent for what is made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
}

/// An entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The directory's own, which stays.
    pub id: String,
    /// Empty once it is gone from the directory.
    pub dn: String,
}

/// A principal, and the addresses of all that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedPrincipal {
    #[serde(flatten)]
    pub principal: Principal,
    pub belongs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalPage {
    pub principals: Vec<Principal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressPage {
    pub addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which principals are asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalQuery {
    pub kind: Option<Kind>,
    /// Found in name or address.
    pub words: Option<String>,
    pub after: Option<String>,
    pub limit: Option<PageLimit>,
}

/// A group or unit to be made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrincipal {
    pub kind: Kind,
    pub name: String,
}

/// What is to change about a group or unit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalChange {
    pub name: String,
}

/// Memberships that are to be, and the groups and units that they need.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolments {
    pub enrolments: Vec<Enrolment>,
    /// Answered when all that was asked so far is in effect on every member.
    pub last: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// `group` or `unit`.
    pub kind: Kind,
    /// Its name, or its address.
    pub parent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// `group` or `unit` where `member` is the name of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_kind: Option<Kind>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    pub refused: Vec<RefusedEnrolment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedEnrolment {
    /// Its place in what was asked, from 0 on.
    pub place: usize,
    pub text: String,
}
