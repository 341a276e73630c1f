//! What time takes: old conversation, messages that were only passing through, and ids after a restore.
//!
//! All of it goes in slices, each a job among others, so that nobody's post waits longer than for one slice.

use futures_util::FutureExt;
use sqlx::Row;

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::error::StoreError;
use crate::store::retention::Retained;
use crate::store::row::retained;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::batch::Batch;

impl Sqlite {
    pub(in crate::store) async fn purge(&self, room: RoomId, below: Timestamp) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let slice: Slice = self
                .writer
                .transact(move |connection| {
                    async move {
                        let span = sqlx::query(SPAN)
                            .bind(room.0)
                            .bind(below.0)
                            .bind(SLICE)
                            .fetch_optional(&mut *connection)
                            .await?;
                        let Some(span) = span else { return Ok(Ok(Slice::default())) };
                        let end: i64 = span.try_get(0)?;
                        let done =
                            sqlx::query(PURGE).bind(room.0).bind(end).execute(&mut *connection).await?;
                        for forget in [FORGET_WORDS, FORGET_ENTRIES] {
                            sqlx::query(forget).bind(room.0).bind(end).execute(&mut *connection).await?;
                        }
                        sqlx::query(RAISE_FLOOR).bind(end).bind(room.0).execute(connection).await?;
                        let slice = Slice { purged: done.rows_affected(), is_last: !span.try_get(1)? };
                        Ok(Ok::<_, StoreError>(slice))
                    }
                    .boxed()
                })
                .await?;
            purged += slice.purged;
            if slice.is_last {
                return Ok(purged);
            }
        }
    }

    /// The next slice from the log's beginning on; None: there is no more.
    pub(in crate::store) async fn purge_slice(
        &self,
        room: RoomId,
        below: Seq,
    ) -> Result<Option<u64>, StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    let low: Option<i64> =
                        sqlx::query_scalar(LOWEST).bind(room.0).fetch_one(&mut *connection).await?;
                    let Some(low) = low.filter(|low| *low < below.0) else { return Ok(Ok(None)) };
                    let end = below.0.min(low + SLICE);
                    let done = sqlx::query(PURGE).bind(room.0).bind(end).execute(&mut *connection).await?;
                    for forget in [FORGET_WORDS, FORGET_ENTRIES] {
                        sqlx::query(forget).bind(room.0).bind(end).execute(&mut *connection).await?;
                    }
                    Ok(Ok::<_, StoreError>(Some(done.rows_affected())))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn rooms_half_cleared(&self) -> Result<Vec<(RoomId, Seq)>, StoreError> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(HALF_CLEARED).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|(room, floor)| (RoomId(room), Seq(floor))).collect())
    }

    pub(in crate::store) async fn expire_messages(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(EXPIRE, now.0).await
    }

    pub(in crate::store) async fn rooms_with_retention(&self) -> Result<Vec<Retained>, StoreError> {
        let rows = sqlx::query(RETAINED).fetch_all(&self.readers).await?;
        rows.iter().map(retained).collect()
    }

    /// Runs a statement over the rows up to a bound, so many at a time, until there are none.
    pub(super) async fn in_slices(&self, sql: &'static str, bound: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let done = self
                .writer
                .transact(move |connection| {
                    async move {
                        let done = sqlx::query(sql).bind(bound).bind(SLICE).execute(connection).await?;
                        Ok(Ok::<_, StoreError>(done.rows_affected()))
                    }
                    .boxed()
                })
                .await?;
            total += done;
            if done < SLICE.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    pub(super) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    batch.into_script().run(connection).await?;
                    Ok(Ok::<_, StoreError>(()))
                }
                .boxed()
            })
            .await
    }
}

#[derive(Debug)]
struct Slice {
    purged: u64,
    is_last: bool,
}

impl Default for Slice {
    fn default() -> Self {
        Self { purged: 0, is_last: true }
    }
}

/// The end of the next slice from the floor on, and whether there is one behind it. Stamps do not fall along a log, so
/// the last row of a slice says whether all of it is old enough.
const SPAN: &str =
    "SELECT max(seq) + 1, count(*) = ?3 AND max(seq) < (SELECT seq FROM room_log WHERE room = ?1)
    FROM (
        SELECT seq, at FROM room_event WHERE room = ?1 AND class = 0
        UNION ALL SELECT seq, at FROM room_event WHERE room = ?1 AND class = 1
        ORDER BY seq LIMIT ?3)
    WHERE at < ?2 HAVING count(*) > 0";
const PURGE: &str = "DELETE FROM room_event WHERE room = ? AND class IN (0, 1) AND seq < ?";
const LOWEST: &str = "SELECT min(seq) FROM (
    SELECT min(seq) AS seq FROM room_event WHERE room = ?1 AND class = 0
    UNION ALL SELECT min(seq) FROM room_event WHERE room = ?1 AND class = 1)";
const HALF_CLEARED: &str = "SELECT room, first_seq FROM room_log AS head WHERE first_seq > 1 AND EXISTS
    (SELECT 1 FROM room_event WHERE room = head.room AND class IN (0, 1) AND seq < head.first_seq)";
const FORGET_WORDS: &str = "DELETE FROM search_words WHERE rowid IN
    (SELECT id FROM search_entry WHERE kind = 0 AND log = ? AND seq < ?)";
const FORGET_ENTRIES: &str = "DELETE FROM search_entry WHERE kind = 0 AND log = ? AND seq < ?";
const RAISE_FLOOR: &str = "UPDATE room_log SET first_seq = max(first_seq, ?) WHERE room = ?";
/// Blanked, not deleted: a log has no gaps.
const EXPIRE: &str = "UPDATE room_event SET lang = NULL, text = NULL, payload = '', expires = NULL
    WHERE (room, class, seq) IN (SELECT room, class, seq FROM room_event WHERE expires <= ? LIMIT ?)";
const RETAINED: &str = "SELECT id, settings ->> '$.retention_days' FROM room
    WHERE settings ->> '$.retention_days' IS NOT NULL ORDER BY id";

/// Rows in one transaction: some 2 ms.
const SLICE: i64 = 200;
