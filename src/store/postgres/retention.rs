//! What time takes: old conversation, and messages that were only passing through.
//!
//! All of it goes in slices, each a statement of its own, so that no log is held longer than for one slice.

use sqlx::Row;

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::retention::Retained;
use crate::store::row::retained;

impl Postgres {
    pub(in crate::store) async fn purge(&self, room: RoomId, below: Timestamp) -> Result<u64, StoreError> {
        let mut purged = 0;
        let mut link = self.links.link().await?;
        loop {
            let query = sqlx::query(PURGE).bind(room.0).bind(below.0).bind(SLICE);
            let Some(slice) = link.row(query).await? else { return Ok(purged) };
            purged += slice.try_get::<i64, _>(0)?.unsigned_abs();
            if !slice.try_get::<bool, _>(1)? {
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
        let query = sqlx::query(PURGE_BELOW).bind(room.0).bind(below.0).bind(SLICE);
        let row = self.links.link().await?.row(query).await?;
        let purged = row.map(|row| row.try_get::<i64, _>(0)).transpose()?.map(i64::unsigned_abs);
        Ok(purged.filter(|purged| *purged > 0))
    }

    pub(in crate::store) async fn rooms_half_cleared(&self) -> Result<Vec<(RoomId, Seq)>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(HALF_CLEARED)).await?;
        rows.iter().map(|row| Ok((RoomId(row.try_get(0)?), Seq(row.try_get(1)?)))).collect()
    }

    pub(in crate::store) async fn expire_messages(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(EXPIRE, now.0).await
    }

    pub(in crate::store) async fn rooms_with_retention(&self) -> Result<Vec<Retained>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(RETAINED)).await?;
        rows.iter().map(retained).collect()
    }

    /// Runs a statement over the rows up to a bound, so many at a time, until there are none.
    pub(super) async fn in_slices(&self, sql: &'static str, bound: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        let mut link = self.links.link().await?;
        loop {
            let done = link.execute(sqlx::query(sql).bind(bound).bind(SLICE)).await?;
            total += done;
            if done < SLICE.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    pub(super) async fn count(&self, sql: &'static str) -> Result<u64, StoreError> {
        let row = self.links.link().await?.row(sqlx::query(sql)).await?;
        Ok(row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?.unsigned_abs())
    }
}

/// The next slice from the floor on, how much it was, and whether there is one behind it. Stamps do not fall along a
/// log, so the last row of a slice says whether all of it is old enough.
const PURGE: &str = "WITH span AS (
        SELECT max(seq) + 1 AS floor,
            count(*) = $3 AND max(seq) < (SELECT seq FROM room_log WHERE room = $1) AS has_more
        FROM (
            SELECT seq, at FROM (
                SELECT seq, at FROM room_event WHERE room = $1 AND class = 0
                UNION ALL SELECT seq, at FROM room_event WHERE room = $1 AND class = 1) AS event
            ORDER BY seq LIMIT $3) AS oldest
        WHERE at < $2 HAVING count(*) > 0),
    purged AS (
        DELETE FROM room_event USING span WHERE room = $1 AND class IN (0, 1) AND seq < floor RETURNING seq),
    raised AS (
        UPDATE room_log SET first_seq = greatest(first_seq, floor) FROM span WHERE room = $1),
    forgotten AS (
        DELETE FROM search_entry USING span WHERE kind = 0 AND log = $1 AND search_entry.seq < floor)
    SELECT (SELECT count(*) FROM purged), has_more FROM span";
const PURGE_BELOW: &str = "WITH lowest AS (
        SELECT least(
            (SELECT min(seq) FROM room_event WHERE room = $1 AND class = 0),
            (SELECT min(seq) FROM room_event WHERE room = $1 AND class = 1)) AS low),
    span AS (SELECT least($2, low + $3) AS floor FROM lowest WHERE low < $2),
    purged AS (
        DELETE FROM room_event USING span WHERE room = $1 AND class IN (0, 1) AND seq < floor RETURNING seq),
    forgotten AS (
        DELETE FROM search_entry USING span WHERE kind = 0 AND log = $1 AND search_entry.seq < floor)
    SELECT count(*) FROM purged";
const HALF_CLEARED: &str = "SELECT room, first_seq FROM room_log AS head WHERE first_seq > 1 AND EXISTS
    (SELECT FROM room_event WHERE room = head.room AND class IN (0, 1) AND seq < head.first_seq)";
/// Blanked, not deleted: a log has no gaps.
const EXPIRE: &str = "UPDATE room_event SET lang = NULL, text = NULL, payload = '', expires = NULL
    WHERE (room, class, seq) IN
    (SELECT room, class, seq FROM room_event WHERE expires <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
const RETAINED: &str = "SELECT id, (settings::json ->> 'retention_days')::bigint FROM room
    WHERE settings::json ->> 'retention_days' IS NOT NULL ORDER BY id";

/// Rows in one statement.
const SLICE: i64 = 200;
