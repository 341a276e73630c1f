//! The compliance journal, read by whoever keeps a cursor in it. Its rows are written with what they tell of.

use crate::store::error::StoreError;
use crate::store::journal::{JournalEntry, JournalPlace};
use crate::store::row::journal_entry;
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn journal(
        &self,
        after: JournalPlace,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let rows = sqlx::query(JOURNAL).bind(after.row).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(journal_entry).collect()
    }
}

/// The one writer gives ids in the order of its commits: they are the whole place.
const JOURNAL: &str =
    "SELECT 0, id, at, room, seq, change, original FROM journal WHERE id > ? ORDER BY id LIMIT ?";
