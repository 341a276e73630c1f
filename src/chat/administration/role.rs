//! The roles of administration.

/// What an account may be beside a user. Who manages rooms needs none of these: the rooms know their managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Does everything.
    Administrator,
    /// Looks after the accounts of those who have no role, and grants policies.
    UserAdministrator,
    /// Sees everything and changes nothing.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Administrator, Self::UserAdministrator, Self::Auditor];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::UserAdministrator => "user-administrator",
            Self::Auditor => "auditor",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
