//! What compliance reads: who came and went and what was said, in the order in which it was committed.

use serde::Deserialize;
use tracing::instrument;

use crate::chat::event::Change;
use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// The journal behind a row, in the order of its commits. Empty unless [`Options::has_journal`] was set.
    #[instrument(skip_all)]
    pub async fn journal(&self, after: i64, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.journal(after, limit).await,
        }
    }
}

/// One row, never changed once it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Rises with every row; a reader goes on behind the last one it has dealt with.
    pub id: i64,
    pub at: Timestamp,
    pub room: RoomId,
    /// None for a coming or going that the room's log does not have.
    pub seq: Option<Seq>,
    pub change: Change,
    /// What a retraction took out of the log.
    pub original: Option<Original>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Original {
    pub at: Timestamp,
    pub nick: Box<str>,
    pub jid: Box<str>,
    pub text: Option<Box<str>>,
    pub payload: Box<str>,
}
