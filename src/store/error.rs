//! What can go wrong in a store. Each operation has its own outcomes beside these; "not found" is an `Option`.

use perch_address::BareJid;
use thiserror::Error;

use crate::chat::id::Seq;

/// Our fault, not the asker's: nothing was written, unless it says otherwise, and the asker may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StoreError {
    #[error("the store cannot be reached or written right now")]
    Unavailable,
    #[error("the store has no space left")]
    NoSpace,
    /// This member was taken for dead and its incarnation raised: whatever it does here comes to nothing.
    #[error("another member has taken this one's place in the store")]
    Fenced,
    /// The answer to an append or a commit was lost, and what the store has of it could not be read since.
    #[error("it is not known whether the store has written it")]
    Unknown,
    /// A row that this program did not write so; `row` is its id, or its seq in a log.
    #[error("row {row} of table {table} cannot be read")]
    Inconsistent { table: &'static str, row: i64 },
}

impl StoreError {
    /// Whether who asked must not be told that it was not done: it may have been, or another member answers for it.
    /// He is sent away instead. When he is back he asks again, and the key of what he asks says whether it was.
    pub(crate) fn leaves_open(self) -> bool {
        matches!(self, Self::Fenced | Self::Unknown) && !planted!(UnknownIsRefused)
    }
}

/// Why a store was not opened. The text is for the operator.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the store's address {0:?} is not understood: it must begin with \"sqlite:\" or \"postgres:\"")]
    UnknownEngine(String),
    /// The text is without the password.
    #[error("the store's address is not understood: {0}")]
    BadAddress(String),
    #[error(
        "the store has schema {found}, which is newer than this program knows ({known}): \
         it was left as it is; start the newer program again"
    )]
    TooNew { found: i64, known: i64 },
    #[error("{0} is not a store of perch: it was left as it is")]
    NotOurs(String),
    #[error("{0} is in use by another running perch")]
    InUse(String),
    #[error("the database at {0} refuses the user or the password")]
    Credentials(String),
    #[error("the server at {0} has no such database")]
    NoDatabase(String),
    #[error("the database at {place} cannot be reached: {reason}")]
    Unreachable { place: String, reason: String },
    #[error("none of {0} takes writes: each is a standby or read-only")]
    NoPrimary(String),
    #[error(
        "the database at {0} takes writes, but another host has taken its place since: make it a standby"
    )]
    LeftBehind(String),
    #[error("the database at {place} is PostgreSQL {found}: it must be {needed} or newer")]
    OldEngine { place: String, found: i64, needed: i64 },
    #[error("the database user may not make or change tables: {0}")]
    Forbidden(String),
    #[error("the store cannot be opened: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why principals were not changed. None of them was, unless [`StoreError::Unknown`] leaves it open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrincipalError {
    #[error("{0} is or was the address of another principal")]
    AddressTaken(BareJid),
    #[error("{0} stands for that entry of the directory")]
    EntryTaken(BareJid),
    #[error("there is no principal {0}")]
    NoSuchPrincipal(BareJid),
    #[error("{member} cannot be in {parent}: groups hold users and groups, units hold units too")]
    CannotHold { parent: BareJid, member: BareJid },
    #[error("another member does this by now")]
    OffDuty,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CreateRoomError {
    #[error("there is a room of this name")]
    NameTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a decision did not come true. Nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The room has moved on: decide again.
    #[error("decided against an older version of the room's rules")]
    Stale,
    /// It was written before, by an attempt whose outcome was unknown.
    #[error("already written as {seq:?}")]
    AlreadyDone { seq: Seq },
    #[error("the nick belongs to somebody else")]
    NickTaken,
    /// Destroyed, or never there.
    #[error("there is no such room any more")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ArchiveError {
    /// An id in the question is not, or no longer, in the archive.
    #[error("there is no such message in the archive")]
    ItemNotFound,
    /// Words were asked for, and much of what was said has yet to be read for them.
    #[error("the index is being built: words can be searched when that is done")]
    BeingIndexed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What can go wrong in a search is what can go wrong in an archive.
pub type SearchError = ArchiveError;
