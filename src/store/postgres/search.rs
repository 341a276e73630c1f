//! Searches: the index says which messages, the logs say whether they are still there, and what they are.

use std::collections::VecDeque;
use std::time::Instant;

use sqlx::Row;

use crate::chat::id::{MessageId, RoomId};
use crate::store::archive::Log;
use crate::store::error::{SearchError, StoreError};
use crate::store::index::{Expression, Gathering};
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::row::message_columns;
use crate::store::search::{CATCH_UP_TIME, Found, Order, Scope, Search};

/// A place among all messages: stamp, room, seq.
type Place = (i64, i64, i64);

impl Postgres {
    pub(in crate::store) async fn search(&self, search: Search) -> Result<Found, SearchError> {
        let logs = match search.scope.few() {
            Some(logs) => logs,
            None => search.scope.among(self.rooms_behind().await?),
        };
        self.be_current(logs).await?;
        let mut link = self.links.link().await?;
        let expression = Expression::of_search(&search).as_query();
        let rooms = match &search.scope {
            Scope::Rooms(rooms) => Some(rooms.iter().map(|room| room.0).collect::<Vec<_>>()),
            Scope::Everywhere => None,
        };
        let (start, end) = (search.start.map(|start| start.0), search.end.map(|end| end.0));
        let mut after = match (search.after, search.order) {
            (Some(after), _) => place(&mut link, after).await?,
            (None, Order::NewestFirst) => (i64::MAX, 0, 0),
            (None, Order::OldestFirst) => (i64::MIN, 0, 0),
        };
        let sql = match search.order {
            Order::NewestFirst => NEWEST_FIRST,
            Order::OldestFirst => OLDEST_FIRST,
        };
        let mut gathering = Gathering::of(&search);
        while let Some(limit) = gathering.wants() {
            let query = sqlx::query(sql)
                .bind(&expression)
                .bind(after.0)
                .bind(after.1)
                .bind(after.2)
                .bind(start.unwrap_or(i64::MIN))
                .bind(end.unwrap_or(i64::MAX))
                .bind(&rooms)
                .bind(limit)
                // What is rare and what is common is found on different ways: each time is planned for itself.
                .persistent(false);
            let rows = link.rows(query).await?;
            let Some(last) = gathering.take(&rows)? else { break };
            after = (last.place, last.room.0, last.seq);
        }
        Ok(gathering.finish())
    }

    /// Lets the index catch up with these logs.
    pub(super) async fn be_current(&self, logs: VecDeque<Log>) -> Result<(), SearchError> {
        let until = Instant::now() + CATCH_UP_TIME;
        if self.catch_up(logs, Some(until)).await? { Ok(()) } else { Err(SearchError::BeingIndexed) }
    }
}

async fn place(link: &mut Link, (room, id): (RoomId, MessageId)) -> Result<Place, SearchError> {
    let row = link.row(sqlx::query(PLACE).bind(room.0).bind(id.seq().0)).await?;
    let at = row.map(|row| row.try_get(0)).transpose().map_err(StoreError::from)?;
    Ok((at.ok_or(SearchError::ItemNotFound)?, room.0, id.seq().0))
}

const PLACE: &str = "SELECT at FROM search_entry WHERE kind = 0 AND log = $1 AND seq = $2";

/// What is not to be shown any more has no seq; it marks a place all the same.
macro_rules! hits {
    ($is_behind:literal, $order:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", hit_log, hit_name, hit_at, hit_seq FROM (
                SELECT event.*, hit.log AS hit_log, hit.seq AS hit_seq, hit.at AS hit_at, room.name AS hit_name
                FROM (SELECT entry.at, entry.log, entry.seq FROM search_entry AS entry
                    WHERE entry.kind = 0 AND entry.words @@ $1::text::tsquery
                        AND (entry.at, entry.log, entry.seq) ",
            $is_behind,
            " ($2, $3, $4) AND entry.at >= $5 AND entry.at <= $6
                        AND ($7::bigint[] IS NULL OR entry.log = ANY ($7))
                        AND EXISTS (SELECT FROM room WHERE room.id = entry.log AND room.name IS NOT NULL)
                    ORDER BY entry.at ", $order, ", entry.log ", $order, ", entry.seq ", $order, " LIMIT $8) AS hit
                JOIN room_log AS head ON head.room = hit.log
                JOIN room ON room.id = hit.log
                LEFT JOIN room_event AS event ON event.room = hit.log AND event.class = 0 AND event.seq = hit.seq
                    AND event.text IS NOT NULL AND event.seq >= head.first_seq) AS log
            ORDER BY hit_at ", $order, ", hit_log ", $order, ", hit_seq ", $order
        )
    };
}
const NEWEST_FIRST: &str = hits!("<", "DESC");
const OLDEST_FIRST: &str = hits!(">", "ASC");
