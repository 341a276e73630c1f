//! Who may do what: one table, asked by every operation.
//!
//! Managers of rooms have no row here: rooms of their own are theirs, as tokens of one's own are.

use crate::chat::administration::role::Role;
use crate::chat::administration::scope::Scope;

/// What can be done. The name is that of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    ListUsers,
    AddUser,
    ChangeUser,
    ChangeSecret,
    RemoveUser,
    ShowPool,
    ChangePool,
    ListTokens,
    AddToken,
    RevokeToken,
    ListRoles,
    GrantRole,
    RevokeRole,
    ReadAudit,
    ListPolicies,
    /// Which policy is in force for somebody.
    ShowPolicy,
    ChangePolicy,
    GrantPolicy,
    ShowConfiguration,
    ChangeConfiguration,
    ListAddins,
    ChangeAddin,
}

/// As what somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Whoever may open the socket, and a program that an administrator gave a token to.
    Operator,
    Role(Role),
    /// Everybody with an account.
    User,
}

/// Whose it is that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The asker's.
    Own,
    /// Somebody else's who has no role, or nobody's.
    Other,
    /// Somebody else's who has a role, or a program's: who could take it over would be more than he is.
    Privileged,
}

/// Whether somebody of that rank may do that.
pub fn permits(rank: Rank, operation: Operation, whose: Whose) -> bool {
    match rank {
        Rank::Operator | Rank::Role(Role::Administrator) => true,
        Rank::Role(Role::Auditor) => operation.only_reads(),
        Rank::Role(Role::UserAdministrator) => match operation {
            Operation::ListUsers | Operation::ListPolicies | Operation::ShowPolicy => true,
            Operation::GrantPolicy => true,
            Operation::AddUser | Operation::ChangeUser | Operation::ChangeSecret | Operation::RemoveUser => {
                whose == Whose::Other
            }
            _ => false,
        },
        Rank::User => match operation {
            Operation::ListTokens | Operation::AddToken | Operation::RevokeToken | Operation::ShowPolicy => {
                whose == Whose::Own
            }
            _ => false,
        },
    }
}

impl Operation {
    pub const ALL: [Self; 22] = [
        Self::ListUsers,
        Self::AddUser,
        Self::ChangeUser,
        Self::ChangeSecret,
        Self::RemoveUser,
        Self::ShowPool,
        Self::ChangePool,
        Self::ListTokens,
        Self::AddToken,
        Self::RevokeToken,
        Self::ListRoles,
        Self::GrantRole,
        Self::RevokeRole,
        Self::ReadAudit,
        Self::ListPolicies,
        Self::ShowPolicy,
        Self::ChangePolicy,
        Self::GrantPolicy,
        Self::ShowConfiguration,
        Self::ChangeConfiguration,
        Self::ListAddins,
        Self::ChangeAddin,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ListUsers => "user.list",
            Self::AddUser => "user.add",
            Self::ChangeUser => "user.change",
            Self::ChangeSecret => "user.password",
            Self::RemoveUser => "user.remove",
            Self::ShowPool => "pool.show",
            Self::ChangePool => "pool.change",
            Self::ListTokens => "token.list",
            Self::AddToken => "token.add",
            Self::RevokeToken => "token.revoke",
            Self::ListRoles => "role.list",
            Self::GrantRole => "role.grant",
            Self::RevokeRole => "role.revoke",
            Self::ReadAudit => "audit.read",
            Self::ListPolicies => "policy.list",
            Self::ShowPolicy => "policy.show",
            Self::ChangePolicy => "policy.change",
            Self::GrantPolicy => "policy.grant",
            Self::ShowConfiguration => "config.show",
            Self::ChangeConfiguration => "config.change",
            Self::ListAddins => "addin.list",
            Self::ChangeAddin => "addin.change",
        }
    }

    /// What a token has to be good for.
    pub fn scope(self) -> Scope {
        match self {
            Self::ListUsers | Self::ShowPolicy => Scope::UsersRead,
            Self::AddUser | Self::ChangeUser | Self::ChangeSecret | Self::RemoveUser | Self::GrantPolicy => {
                Scope::UsersWrite
            }
            Self::ShowPool => Scope::PoolRead,
            Self::ChangePool => Scope::PoolWrite,
            Self::ListTokens
            | Self::AddToken
            | Self::RevokeToken
            | Self::ListRoles
            | Self::GrantRole
            | Self::RevokeRole => Scope::Admin,
            Self::ReadAudit => Scope::AuditRead,
            Self::ListPolicies | Self::ShowConfiguration | Self::ListAddins => Scope::PolicyRead,
            Self::ChangePolicy | Self::ChangeConfiguration | Self::ChangeAddin => Scope::PolicyWrite,
        }
    }

    /// Whether nothing is different afterwards.
    pub fn only_reads(self) -> bool {
        matches!(
            self,
            Self::ListUsers
                | Self::ShowPool
                | Self::ListTokens
                | Self::ListRoles
                | Self::ReadAudit
                | Self::ListPolicies
                | Self::ShowPolicy
                | Self::ShowConfiguration
                | Self::ListAddins
        )
    }
}

#[cfg(test)]
mod tests;
