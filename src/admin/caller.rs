//! Who asks for an operation, from where, and by what.

use std::fmt;
use std::net::IpAddr;

use perch_address::BareJid;

use crate::chat::administration::ActNumber;
use crate::chat::administration::scope::Scope;

/// Who asks, and in which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub who: Who,
    pub origin: Origin,
    /// None: as himself, with all that he may do.
    pub token: Option<Token>,
    /// It is only to be seen whether the operation can be done.
    pub is_trial: bool,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever may open the socket in the data directory: the user that the server runs as, and root.
    Operator,
    /// Somebody who has proved that the account is his.
    Account(BareJid),
    /// A program with a token of its own. It may do what an administrator may, as far as the token goes.
    Service(Box<str>),
}

/// From where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Socket,
    Network(IpAddr),
}

/// A token that was shown, and is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub number: ActNumber,
    pub scopes: Vec<Scope>,
}

impl Caller {
    pub fn operator() -> Self {
        Self::new(Who::Operator, Origin::Socket)
    }

    pub fn new(who: Who, origin: Origin) -> Self {
        Self { who, origin, token: None, is_trial: false }
    }

    /// Whether the token that was shown, if one was, is good for it.
    pub(super) fn has_scope(&self, scope: Scope) -> bool {
        let is_in = |token: &Token| token.scopes.contains(&scope) || token.scopes.contains(&Scope::Admin);
        self.token.as_ref().is_none_or(is_in)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Account(address) => write!(f, "{address}"),
            Self::Service(name) => write!(f, "service:{name}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.write_str("socket"),
            Self::Network(address) => write!(f, "{address}"),
        }
    }
}
