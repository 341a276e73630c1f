//! Who may sign in, how, and how often somebody may be wrong.

mod accounts;
mod digest;
mod guesses;
mod token;

use perch_address::BareJid;

pub use accounts::{
    Accounts, AddError, AsOf, ChangeError, RegisterError, Revocation, Secret, SignIn, VerifyError,
};
pub use digest::DigestAlgorithm;
pub(crate) use guesses::Meters;
pub use guesses::{Attempt, GuessLimits, Guesses, Neighbourhood, TooManyAttempts};
pub use token::TokenText;

pub use crate::store::account::{DigestKeys, Md5Keys};

/// What the operator decided about accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub registration: Registration,
    /// Accounts that administer the server.
    pub admins: Vec<BareJid>,
    pub guesses: GuessLimits,
    /// Whether Digest with MD5 is a proof, and so passwords are also kept for it.
    pub takes_md5: bool,
}

/// Whether somebody without an account may make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Off,
    Open,
}

#[cfg(test)]
mod tests;
