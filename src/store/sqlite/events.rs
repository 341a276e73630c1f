//! The logs of rooms, read in the order of their seq: to catch up, and for who has just come in.

use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{RoomId, Seq};
use crate::store::archive::ArchivedMessage;
use crate::store::error::StoreError;
use crate::store::row::{Rows, message_columns};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::pages::{as_page, page_rows};

impl Sqlite {
    pub(in crate::store) async fn events_after(
        &self,
        room: RoomId,
        seq: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(EVENTS).bind(room.0).bind(seq.0).bind(limit).fetch_all(&self.readers).await?;
        let mut reader = Rows::of("room_event");
        rows.iter().map(|row| reader.event(row)).collect()
    }

    pub(in crate::store) async fn history(
        &self,
        room: RoomId,
        until: Seq,
        request: HistoryRequest,
        limit: u32,
    ) -> Result<Vec<ArchivedMessage>, StoreError> {
        let rows = sqlx::query(HISTORY)
            .bind(room.0)
            .bind(until.0)
            .bind(request.stanzas_max.unwrap_or(limit).min(limit))
            .bind(request.since.map_or(i64::MIN, |since| since.0))
            .fetch_one(&self.readers)
            .await?;
        Rows::of("room_event").history(&page_rows(&rows)?, request)
    }
}

const EVENTS: &str = concat!(
    "SELECT ",
    message_columns!(),
    ", class, origin_session, origin_number, origin_settled FROM room_event WHERE room = ?1 AND class = 0 AND seq > ?2
    UNION ALL SELECT ",
    message_columns!(),
    ", class, origin_session, origin_number, origin_settled FROM room_event WHERE room = ?1 AND class = 1 AND seq > ?2
    ORDER BY seq LIMIT ?3"
);
/// Newest first. The walk ends after the wished number, whether all of them are young enough or not.
const HISTORY: &str = as_page!(
    message_columns!(),
    "(SELECT * FROM room_event WHERE room = ?1 AND class = 0 AND kind = 1 AND data IS NULL AND seq <= ?2
            AND seq >= (SELECT first_seq FROM room_log WHERE room = ?1)
        ORDER BY seq DESC LIMIT ?3) WHERE at >= ?4"
);
