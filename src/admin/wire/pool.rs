//! The members of a pool in JSON, and its database.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pool: who is in it, and what it works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolStatus {
    pub members: Vec<PoolMember>,
    /// Absent where the store is embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// The database of a pool, by the host that takes writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    pub host: String,
    /// Which ids are given: another one after a database that may lack something took over.
    pub epoch: u16,
    /// Counts the promotions.
    pub timeline: i64,
    /// Of which site the host says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Does a commit wait for a standby?
    pub synchronous: bool,
    pub standbys: Vec<Standby>,
}

/// A host that follows. What the database does not show to the server's user is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standby {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Do commits wait for it?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronous: Option<bool>,
    /// What it does not have yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<u64>,
}

/// A member of the pool in the list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolMember {
    pub name: String,
    /// How often it was started, or taken for dead.
    pub incarnation: i64,
    /// What it shows.
    pub state: MemberState,
    /// What the operator wants of it.
    pub wanted: MemberState,
    /// Has its lease in the store not expired?
    pub alive: bool,
    /// What is left of its lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// How long ago the member that is asked heard it on the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// Where clients reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Is it the one that is asked?
    pub asked: bool,
}

/// What a member is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    Active,
    Standby,
    Draining,
    Gone,
}

/// What a member is to be: anything but gone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberWish {
    pub state: MemberState,
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Gone => "gone",
        })
    }
}
