//! What a token is good for. It never gives more than its owner may: it is what is left of that.

/// One thing that a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    UsersRead,
    UsersWrite,
    RoomsRead,
    RoomsWrite,
    MessagesRead,
    MessagesWrite,
    PoolRead,
    PoolWrite,
    /// Policies, configuration and add-ins.
    PolicyRead,
    PolicyWrite,
    AuditRead,
    /// Everything, tokens of others and roles with it.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 12] = [
        Self::UsersRead,
        Self::UsersWrite,
        Self::RoomsRead,
        Self::RoomsWrite,
        Self::MessagesRead,
        Self::MessagesWrite,
        Self::PoolRead,
        Self::PoolWrite,
        Self::PolicyRead,
        Self::PolicyWrite,
        Self::AuditRead,
        Self::Admin,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::RoomsRead => "rooms:read",
            Self::RoomsWrite => "rooms:write",
            Self::MessagesRead => "messages:read",
            Self::MessagesWrite => "messages:write",
            Self::PoolRead => "pool:read",
            Self::PoolWrite => "pool:write",
            Self::PolicyRead => "policy:read",
            Self::PolicyWrite => "policy:write",
            Self::AuditRead => "audit:read",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}
