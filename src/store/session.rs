//! Signed-in devices as rows: what of a session outlives it, and a crash of the member that held it.

use perch_address::Jid;
use tracing::instrument;

use crate::chat::id::{AccountId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// Saves how far sessions are, new ones too. One whose account is gone is passed over.
    #[instrument(skip_all)]
    pub async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        ask!(self, engine => engine.save_sessions(sessions).await)
    }

    /// They have ended, and nobody asks for them again.
    #[instrument(skip_all)]
    pub async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        ask!(self, engine => engine.forget_sessions(sessions).await)
    }

    /// The session whose client was given an id with that hash.
    #[instrument(skip_all)]
    pub async fn session_to_resume(&self, resumption: &str) -> Result<Option<SavedSession>, StoreError> {
        ask_lasting!(self, engine => engine.session_to_resume(resumption).await)
    }

    /// Leaves a session for whichever member its client comes to: the row with its deadline, and everything else as text.
    /// An embedded store has one member, from which nobody else could take it.
    #[instrument(skip_all)]
    pub async fn leave_session(&self, row: &SessionRow, state: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Err(StoreError::Unavailable),
            Self::Postgres(engine) => engine.leave_session(row, state).await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Err(StoreError::Unavailable),
        }
    }

    /// Takes a session that was left there, and that nobody else has taken.
    #[instrument(skip_all)]
    pub async fn take_session(&self, resumption: &str) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(engine) => engine.take_session(resumption).await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Ok(None),
        }
    }

    /// This member does not have the session whose client was given an id with that hash. Should its row say otherwise, as
    /// when its end could not be written, it is over, and lapses at `deadline`.
    #[instrument(skip_all)]
    pub async fn disown_session(&self, resumption: &str, deadline: Timestamp) -> Result<(), StoreError> {
        ask_lasting!(self, engine => engine.disown_session(resumption, deadline).await)
    }

    #[instrument(skip_all)]
    pub async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        ask!(self, engine => engine.session(id).await)
    }

    #[instrument(skip_all)]
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<SessionRow>, StoreError> {
        ask_lasting!(self, engine => engine.sessions_of(account).await)
    }

    /// At a start: the sessions of this member's earlier incarnations have lost their connections, and lapse at `deadline`.
    #[instrument(skip_all)]
    pub async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        ask!(self, engine => engine.detach_sessions(deadline).await)
    }

    /// Forgets those whose deadline has passed, but for what was left and has to be ended first. Says how many there were.
    #[instrument(skip_all)]
    pub async fn forget_lapsed_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.forget_lapsed_sessions(now).await)
    }
}

/// A session as it was last saved: when it became resumable, and when it ended. What it says is true, and between the
/// two more has happened, of which the logs tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    pub resource: Box<str>,
    /// It is over, and forgotten then; `None` while it lives.
    pub deadline: Option<Timestamp>,
    /// Inbound stanzas up to here were settled.
    pub handled: i64,
    /// The number after which its client began to count (XEP-0198).
    pub counted_from: i64,
    /// What the client acknowledged of its account's log.
    pub acknowledged: Seq,
    /// A hash of the id under which the client may ask for it.
    pub resumption: Option<Box<str>>,
    /// The session that could not be resumed, and that this one came after.
    pub former: Option<SessionId>,
}

/// What is known of a session that somebody wants to resume.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSession {
    pub row: SessionRow,
    /// Inbound stanzas up to here were settled: what the row says, or the last stanza that is in a log.
    pub settled: i64,
    /// What is in logs of its stanzas behind `settled`, and of some before it, in the order of their numbers.
    pub written: Vec<Written>,
}

impl SavedSession {
    /// From the row and what was found in logs.
    pub(super) fn gather(
        row: SessionRow,
        settled: i64,
        in_rooms: impl Iterator<Item = Result<Written, StoreError>>,
        in_accounts: impl Iterator<Item = Result<Option<Written>, StoreError>>,
    ) -> Result<Self, StoreError> {
        let found = in_rooms.chain(in_accounts.filter_map(Result::transpose));
        let mut written = found.collect::<Result<Vec<_>, _>>()?;
        written.sort_by_key(|written| written.number);
        Ok(Self { row, settled, written })
    }
}

/// Stanzas that are certainly settled, and are looked at all the same: there are clients that do not read the count.
pub(super) const REPEATED: i64 = 64;
/// More than a session may have under way behind its first stanza that is not settled.
pub(super) const WRITTEN_MAX: i64 = 2048;

/// A stanza of a session that was committed to a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub number: i64,
    pub to: Addressee,
    /// The client's own id of the stanza, where it is a message.
    pub id: Option<Box<str>>,
    /// Empty where it is no message, or one that was taken out since.
    pub payload: Payload,
}

/// Whom a stanza was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// The room of this localpart; `is_archived`: its archive shows the entry.
    Room {
        id: RoomId,
        name: Box<str>,
        seq: Seq,
        is_archived: bool,
    },
    Person(Jid),
}
