//! The compliance journal, read by whoever keeps a cursor in it. Its rows are written with what they tell of.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::error::StoreError;
use crate::store::journal::JournalEntry;
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn journal(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let rows = sqlx::query(JOURNAL).bind(after).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(entry).collect()
    }
}

fn entry(row: &SqliteRow) -> Result<JournalEntry, StoreError> {
    let id = row.try_get(0)?;
    let inconsistent = |_| StoreError::Inconsistent { table: "journal", row: id };
    let original: Option<&str> = row.try_get(5)?;
    Ok(JournalEntry {
        id,
        at: Timestamp(row.try_get(1)?),
        room: RoomId(row.try_get(2)?),
        seq: row.try_get::<Option<i64>, _>(3)?.map(Seq),
        change: serde_json::from_str(row.try_get(4)?).map_err(inconsistent)?,
        original: original.map(serde_json::from_str).transpose().map_err(inconsistent)?,
    })
}

const JOURNAL: &str =
    "SELECT id, at, room, seq, change, original FROM journal WHERE id > ? ORDER BY id LIMIT ?";
