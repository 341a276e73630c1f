//! Accounts as rows: a name, whether it may sign in, and the keys that prove a password without holding it.

use crate::chat::id::AccountId;

/// An account with what a sign-in needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// The localpart of its address, prepared.
    pub name: Box<str>,
    pub is_disabled: bool,
    pub credentials: Vec<ScramRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    pub name: Box<str>,
    pub credentials: Vec<ScramRow>,
}

/// An account as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    pub id: AccountId,
    pub name: Box<str>,
    pub is_disabled: bool,
}

/// The keys of RFC 5802 §3 for one hash function.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramRow {
    pub hash: ScramHash,
    pub iterations: u32,
    pub salt: Box<[u8]>,
    pub stored_key: Box<[u8]>,
    pub server_key: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScramHash {
    Sha1,
    Sha256,
    Sha512,
}

impl ScramHash {
    /// The number under which rows name it.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 256,
            Self::Sha512 => 512,
        }
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512].into_iter().find(|hash| hash.number() == number)
    }
}

impl std::fmt::Debug for ScramRow {
    /// The keys open the account to who holds them: they do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramRow")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}
