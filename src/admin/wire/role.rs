//! Roles in JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chat::administration::role::Role;

/// A role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleGrant {
    pub address: String,
    pub role: RoleName,
    /// By the configuration file of the member that is asked: it cannot be revoked here.
    pub configured: bool,
}

/// Everybody who has a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Roles {
    pub roles: Vec<RoleGrant>,
}

/// What an account may be beside a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Does everything
    Administrator,
    /// Looks after the accounts of those who have no role, and grants policies
    UserAdministrator,
    /// Sees everything and changes nothing
    Auditor,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Administrator => Self::Administrator,
            Role::UserAdministrator => Self::UserAdministrator,
            Role::Auditor => Self::Auditor,
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Administrator => Self::Administrator,
            RoleName::UserAdministrator => Self::UserAdministrator,
            RoleName::Auditor => Self::Auditor,
        }
    }
}
