//! The words of administration: who may administer, what a token is good for, and what is set for all rooms of a pool.

pub mod addin;
pub mod configuration;
pub mod level;
pub mod policy;
pub mod role;
pub mod scope;
mod web;

use serde::{Deserialize, Serialize};

/// The number of an act of administration, under which the audit log has it. It rises, and none is given twice; what an
/// act made or changed is known by it, too: a token has the number of the act that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActNumber(pub i64);

/// Something that is changed as a whole, with the act that changed it last: its version, which nothing has twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub version: ActNumber,
    pub value: T,
}
