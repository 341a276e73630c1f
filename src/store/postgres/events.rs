//! The logs of rooms, read in the order of their seq: to catch up, and for who has just come in.

use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{RoomId, Seq};
use crate::store::archive::ArchivedMessage;
use crate::store::error::StoreError;
use crate::store::member::may_read;
use crate::store::postgres::Postgres;
use crate::store::row::{Rows, id, message_columns};

impl Postgres {
    pub(in crate::store) async fn events_after(
        &self,
        room: RoomId,
        seq: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let query = sqlx::query(EVENTS).bind(room.0).bind(seq.0).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        if let Some(last) = rows.last() {
            may_read(self.incarnation(), id(last)?.epoch())?;
        }
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
        let query = sqlx::query(HISTORY)
            .bind(room.0)
            .bind(until.0)
            .bind(i64::from(request.stanzas_max.unwrap_or(limit).min(limit)))
            .bind(request.since.map_or(i64::MIN, |since| since.0));
        let rows = self.links.link().await?.rows(query).await?;
        Rows::of("room_event").history(&rows, request)
    }
}

const EVENTS: &str = concat!(
    "SELECT * FROM (SELECT ",
    message_columns!(),
    ", class, origin_session, origin_number, origin_settled FROM room_event
        WHERE room = $1 AND class = 0 AND seq > $2
    UNION ALL SELECT ",
    message_columns!(),
    ", class, origin_session, origin_number, origin_settled FROM room_event
        WHERE room = $1 AND class = 1 AND seq > $2) AS event
    ORDER BY seq LIMIT $3"
);
/// Newest first. The walk ends after the wished number, whether all of them are young enough or not.
const HISTORY: &str = concat!(
    "SELECT * FROM (SELECT ",
    message_columns!(),
    " FROM room_event
        WHERE room = $1 AND class = 0 AND kind = 1 AND data IS NULL AND seq <= $2
            AND seq >= (SELECT first_seq FROM room_log WHERE room = $1)
        ORDER BY seq DESC LIMIT $3) AS message WHERE at >= $4 ORDER BY seq DESC"
);
