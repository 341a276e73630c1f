//! Who may sign in, how, and how often somebody may be wrong.

use perch_address::BareJid;

/// What the operator decided about accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub registration: Registration,
    /// Accounts that administer the server.
    pub admins: Vec<BareJid>,
    pub guesses: GuessLimits,
}

/// Whether somebody without an account may make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Off,
    Open,
}

/// How many wrong passwords are taken before the next must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    pub per_account_and_minute: u32,
    pub per_address_and_minute: u32,
}
