//! Rows of the compliance journal.

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::error::StoreError;
use crate::store::journal::{JournalEntry, JournalPlace};
use crate::store::row::Columns;

/// `transaction, id, at, room, seq, change, original`
pub(in crate::store) fn journal_entry(row: &impl Columns) -> Result<JournalEntry, StoreError> {
    let place = JournalPlace { transaction: row.integer(0)?, row: row.integer(1)? };
    let inconsistent = |_| StoreError::Inconsistent { table: "journal", row: place.row };
    Ok(JournalEntry {
        place,
        at: Timestamp(row.integer(2)?),
        room: RoomId(row.integer(3)?),
        seq: row.integer_if_any(4)?.map(Seq),
        change: serde_json::from_str(row.text(5)?).map_err(inconsistent)?,
        original: row.text_if_any(6)?.map(serde_json::from_str).transpose().map_err(inconsistent)?,
    })
}
