//! Searches: the index says which messages, the logs say whether they are still there, and what they are.

use std::collections::VecDeque;
use std::time::Instant;

use sqlx::sqlite::SqliteConnection;

use crate::chat::id::{MessageId, RoomId};
use crate::store::archive::Log;
use crate::store::error::{SearchError, StoreError};
use crate::store::index::{Expression, Gathering};
use crate::store::record::json;
use crate::store::row::message_columns;
use crate::store::search::{CATCH_UP_TIME, Found, Order, Scope, Search};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::indexing::COUNT_BITS;
use crate::store::sqlite::pages::{as_page, page_rows};

impl Sqlite {
    pub(in crate::store) async fn search(&self, search: Search) -> Result<Found, SearchError> {
        let logs = match search.scope.few() {
            Some(logs) => logs,
            None => search.scope.among(self.rooms_behind().await?),
        };
        self.be_current(logs).await?;
        let mut connection = self.readers.acquire().await.map_err(StoreError::from)?;
        let expression = Expression::of_search(&search).as_match();
        let rooms = match &search.scope {
            Scope::Rooms(rooms) => Some(json(&rooms.iter().map(|room| room.0).collect::<Vec<_>>())),
            Scope::Everywhere => None,
        };
        let mut low = search.start.map_or(i64::MIN, |start| start.0 << COUNT_BITS);
        let mut high = search.end.map_or(i64::MAX, |end| (end.0 + 1) << COUNT_BITS);
        if let Some(after) = search.after {
            let place = place(&mut connection, after).await?;
            match search.order {
                Order::NewestFirst => high = high.min(place),
                Order::OldestFirst => low = low.max(place + 1),
            }
        }
        let sql = match search.order {
            Order::NewestFirst => NEWEST_FIRST,
            Order::OldestFirst => OLDEST_FIRST,
        };
        let mut gathering = Gathering::of(&search);
        while let Some(limit) = gathering.wants() {
            let query = sqlx::query(sql).bind(&expression).bind(low).bind(high).bind(&rooms).bind(limit);
            let rows = page_rows(&query.fetch_one(&mut *connection).await.map_err(StoreError::from)?)?;
            let Some(last) = gathering.take(&rows)? else { break };
            match search.order {
                Order::NewestFirst => high = last.place,
                Order::OldestFirst => low = last.place + 1,
            }
        }
        Ok(gathering.finish())
    }

    /// Lets the index catch up with these logs.
    pub(super) async fn be_current(&self, logs: VecDeque<Log>) -> Result<(), SearchError> {
        let until = Instant::now() + CATCH_UP_TIME;
        if self.catch_up(logs, Some(until)).await? { Ok(()) } else { Err(SearchError::BeingIndexed) }
    }
}

async fn place(
    connection: &mut SqliteConnection,
    (room, id): (RoomId, MessageId),
) -> Result<i64, SearchError> {
    let place: Option<i64> = sqlx::query_scalar(PLACE)
        .bind(room.0)
        .bind(id.seq().0)
        .fetch_optional(connection)
        .await
        .map_err(StoreError::from)?;
    place.ok_or(SearchError::ItemNotFound)
}

const PLACE: &str = "SELECT id FROM search_entry WHERE kind = 0 AND log = ? AND seq = ?";

/// What is not to be shown any more has no seq; it marks a place all the same.
macro_rules! hits {
    ($order:literal) => {
        as_page!(
            concat!(message_columns!(), ", hit_log, hit_name, hit, hit_seq"),
            concat!(
                "(SELECT event.*, hit.id AS hit, hit.log AS hit_log, hit.seq AS hit_seq, room.name AS hit_name
                FROM (SELECT entry.id, entry.log, entry.seq
                    FROM search_words CROSS JOIN search_entry AS entry ON entry.id = search_words.rowid
                    CROSS JOIN room ON room.id = entry.log AND room.name IS NOT NULL
                    WHERE search_words MATCH ?1 AND search_words.rowid >= ?2 AND search_words.rowid < ?3
                        AND entry.kind = 0 AND (?4 IS NULL OR entry.log IN (SELECT value FROM json_each(?4)))
                    ORDER BY search_words.rowid ",
                $order,
                " LIMIT ?5) AS hit
                CROSS JOIN room_log AS head ON head.room = hit.log
                CROSS JOIN room ON room.id = hit.log
                LEFT JOIN room_event AS event ON event.room = hit.log AND event.class = 0 AND event.seq = hit.seq
                    AND event.text IS NOT NULL AND event.seq >= head.first_seq
                ORDER BY hit.id ",
                $order,
                ") AS log"
            )
        )
    };
}
const NEWEST_FIRST: &str = hits!("DESC");
const OLDEST_FIRST: &str = hits!("ASC");
