//! The compliance journal, read by whoever keeps a cursor in it. Its rows are written with what they tell of.

use crate::store::error::StoreError;
use crate::store::journal::{JournalEntry, JournalPlace};
use crate::store::postgres::Postgres;
use crate::store::row::journal_entry;

impl Postgres {
    pub(in crate::store) async fn journal(
        &self,
        after: JournalPlace,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let query =
            sqlx::query(JOURNAL).bind(after.transaction.to_string()).bind(after.row).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(journal_entry).collect()
    }
}

/// Only what lies below the oldest transaction that is still under way: one that is slow will have written behind what
/// was read, never before it. Within a transaction, ids are given room by room and seq by seq.
const JOURNAL: &str = "SELECT xid::text::bigint, id, at, room, seq, change, original FROM journal
    WHERE (xid, id) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT $3";
