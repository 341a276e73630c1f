//! What compliance reads: who came and went and what was said, in the order in which it was committed.

use serde::{Deserialize, Serialize};
use tracing::instrument;

use crate::chat::event::Change;
use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// The journal behind a place, in the order of its commits. Nothing is passed over that is committed later. Empty unless [`Options::has_journal`] was set.
    #[instrument(skip_all)]
    pub async fn journal(&self, after: JournalPlace, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        ask_lasting!(self, engine => engine.journal(after, limit).await)
    }
}

/// One row, never changed once it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// A reader goes on behind the last one it has dealt with.
    pub place: JournalPlace,
    pub at: Timestamp,
    pub room: RoomId,
    /// None for a coming or going that the room's log does not have.
    pub seq: Option<Seq>,
    pub change: Change,
    /// What a retraction took out of the log.
    pub original: Option<Original>,
}

/// Where a row stands in the journal. The default is before all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct JournalPlace {
    /// The number of the transaction that wrote it; 0 in an engine that writes one after the other.
    pub transaction: i64,
    pub row: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Original {
    pub at: Timestamp,
    pub nick: Box<str>,
    pub jid: Box<str>,
    pub text: Option<Box<str>>,
    pub payload: Box<str>,
}
