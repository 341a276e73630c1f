//! Signed-in devices as rows: what of a session outlives a crash of the member that held it.

use tracing::instrument;

use crate::chat::id::{AccountId, Seq, SessionId, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// Saves how far sessions are, new ones too. One whose account is gone is passed over.
    #[instrument(skip_all)]
    pub async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.save_sessions(sessions).await,
        }
    }

    /// They have ended and cannot be resumed.
    #[instrument(skip_all)]
    pub async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.forget_sessions(sessions).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.session(id).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<SessionRow>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.sessions_of(account).await,
        }
    }

    /// At a start: the sessions of earlier incarnations have lost their connections, and lapse at `deadline`.
    #[instrument(skip_all)]
    pub async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.detach_sessions(deadline).await,
        }
    }

    /// Forgets those whose deadline has passed. Says how many there were.
    #[instrument(skip_all)]
    pub async fn forget_lapsed_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.forget_lapsed_sessions(now).await,
        }
    }
}

/// A session as it was last saved. It is saved now and then, so what it says is at most true: more may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    pub resource: Box<str>,
    /// Its connection is gone; it may be resumed until then.
    pub deadline: Option<Timestamp>,
    /// Inbound stanzas that were acknowledged to the client (XEP-0198).
    pub handled: i64,
    /// What the client acknowledged of its account's log.
    pub acknowledged: Seq,
}

/// What is known of a session that somebody wants to resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSession {
    pub row: SessionRow,
    /// Numbers of inbound stanzas behind `handled` that were written to logs nevertheless, in order: the `h` of
    /// `<failed/>` may go up to them, and what is sent again for them would be written twice.
    pub written: Vec<i64>,
}
