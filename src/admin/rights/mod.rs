//! Who may do what: one table, asked by every operation.
//!
//! Managers of rooms have no row here: everybody may ask, and each room says whether he manages it.

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
    ListPrincipals,
    ChangePrincipal,
    ListCategories,
    ChangeCategory,
    /// Rooms that somebody may know of.
    ListRooms,
    AddRoom,
    /// What a room is and who is in its lists; of the rooms that somebody manages, also his.
    ManageRoom,
    RemoveRoom,
    /// Whatever a room's lists say.
    ReadAllRooms,
    /// What was said where somebody may read.
    SearchMessages,
    RemoveMessages,
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
            Operation::ListUsers
            | Operation::ListPolicies
            | Operation::ShowPolicy
            | Operation::ListPrincipals
            | Operation::ChangePrincipal => true,
            Operation::GrantPolicy => true,
            Operation::AddUser | Operation::ChangeUser | Operation::ChangeSecret | Operation::RemoveUser => {
                whose == Whose::Other
            }
            _ => false,
        },
        Rank::User => match operation {
            // Which of them, the rooms say.
            Operation::ListRooms | Operation::AddRoom | Operation::ManageRoom | Operation::SearchMessages => {
                true
            }
            Operation::ListTokens | Operation::AddToken | Operation::RevokeToken | Operation::ShowPolicy => {
                whose == Whose::Own
            }
            _ => false,
        },
    }
}

impl Operation {
    pub const ALL: [Self; 33] = [
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
        Self::ListPrincipals,
        Self::ChangePrincipal,
        Self::ListCategories,
        Self::ChangeCategory,
        Self::ListRooms,
        Self::ManageRoom,
        Self::AddRoom,
        Self::RemoveRoom,
        Self::ReadAllRooms,
        Self::SearchMessages,
        Self::RemoveMessages,
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
            Self::ListPrincipals => "principal.list",
            Self::ChangePrincipal => "principal.change",
            Self::ListCategories => "category.list",
            Self::ChangeCategory => "category.change",
            Self::ListRooms => "room.list",
            Self::ManageRoom => "room.change",
            Self::AddRoom => "room.add",
            Self::RemoveRoom => "room.remove",
            Self::ReadAllRooms => "room.read_all",
            Self::SearchMessages => "message.search",
            Self::RemoveMessages => "message.remove",
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
            Self::ListPrincipals => Scope::UsersRead,
            Self::ChangePrincipal => Scope::UsersWrite,
            Self::ListCategories | Self::ListRooms => Scope::RoomsRead,
            Self::ChangeCategory | Self::AddRoom | Self::ManageRoom | Self::RemoveRoom => Scope::RoomsWrite,
            Self::ReadAllRooms | Self::SearchMessages => Scope::MessagesRead,
            Self::RemoveMessages => Scope::MessagesWrite,
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
                | Self::ListPrincipals
                | Self::ListCategories
                | Self::ListRooms
                | Self::ReadAllRooms
                | Self::SearchMessages
        )
    }
}

#[cfg(test)]
mod tests;
