//! Rooms: made, loaded from their projections, listed.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::category::CategoryId;
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Timestamp};
use crate::chat::snapshot::RoomSnapshot;
use crate::store::error::{CreateRoomError, StoreError};
use crate::store::record::json;
use crate::store::room::{Append, DetachedRoom, NewRoom, RoomEntry, RoomPlace};
use crate::store::row;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::append::{Head, Plan, Rules};

impl Sqlite {
    pub(in crate::store) async fn create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        let rules = self.shared.rules;
        self.writer
            .transact(move |connection| {
                async move { Ok(create(connection, room, rules).await?.ok_or(CreateRoomError::NameTaken)) }
                    .boxed()
            })
            .await
    }

    pub(in crate::store) async fn load_room(&self, name: &str) -> Result<Option<RoomSnapshot>, StoreError> {
        // One view of all tables, whatever is committed meanwhile.
        let mut view = self.readers.begin().await?;
        let Some(row) = sqlx::query(ROOM_NAMED).bind(name).fetch_optional(&mut *view).await? else {
            return Ok(None);
        };
        let snapshot = load(&mut view, &row).await?;
        view.commit().await?;
        Ok(Some(snapshot))
    }

    pub(in crate::store) async fn public_rooms(
        &self,
        categories: &[CategoryId],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RoomEntry>, StoreError> {
        let rows = sqlx::query(LISTED)
            .bind(after.unwrap_or(""))
            .bind(json(&categories))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(row::room_entry).collect()
    }

    pub(in crate::store) async fn rooms_of_guids(
        &self,
        guids: &[String],
    ) -> Result<Vec<(RoomGuid, Box<str>)>, StoreError> {
        let rows = sqlx::query(OF_GUIDS).bind(json(&guids)).fetch_all(&self.readers).await?;
        rows.iter().map(row::room_of_guid).collect()
    }

    pub(in crate::store) async fn room_count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(ROOM_COUNT).fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) async fn rooms_ahead(&self, known: &[RoomPlace]) -> Result<Vec<RoomId>, StoreError> {
        let known: Vec<_> = known.iter().map(|place| [place.room.0, place.seq.0, place.quiet]).collect();
        let ahead = sqlx::query_scalar(AHEAD).bind(json(&known)).fetch_all(&self.readers).await?;
        Ok(ahead.into_iter().map(RoomId).collect())
    }

    pub(in crate::store) async fn detach_seats(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    let done = sqlx::query(DETACH_ALL).bind(deadline.0).execute(connection).await?;
                    Ok(Ok::<_, StoreError>(done.rows_affected()))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        let rows = sqlx::query(DETACHED).fetch_all(&self.readers).await?;
        rows.iter().map(row::detached_room).collect()
    }
}

async fn create(
    connection: &mut SqliteConnection,
    room: NewRoom,
    rules: Rules,
) -> Result<Option<RoomSnapshot>, StoreError> {
    let epoch: u16 = sqlx::query_scalar("SELECT epoch FROM meta").fetch_one(&mut *connection).await?;
    let id: Option<i64> = sqlx::query_scalar(CREATE)
        .bind(&*room.name)
        .bind(&room.secret[..])
        .fetch_optional(&mut *connection)
        .await?;
    let Some(id) = id.map(RoomId) else { return Ok(None) };
    sqlx::query(CREATE_LOG).bind(id.0).bind(epoch).execute(&mut *connection).await?;

    let mut heads = BTreeMap::from([(id, Head::new(Epoch(epoch)))]);
    let mut plan = Plan::new(rules);
    let append = Append {
        room: id,
        rules: RulesVersion(0),
        changes: room.changes,
        quiet: [].into(),
        at: room.at,
        origin: room.origin,
    };
    plan.add(&append, &mut heads).expect("a new room is open and at its first version");
    plan.into_script(&heads).run(connection).await?;

    let row = sqlx::query(ROOM_NAMED).bind(&*room.name).fetch_optional(&mut *connection).await?;
    match row {
        Some(row) => Ok(Some(load(connection, &row).await?)),
        None => Err(StoreError::Inconsistent { table: "room", row: id.0 }),
    }
}

async fn load(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<RoomSnapshot, StoreError> {
    let head = row::Head::of(row)?;
    let standings = sqlx::query(STANDINGS).bind(head.id().0).fetch_all(&mut *connection).await?;
    let seats = sqlx::query(SEATS).bind(head.id().0).fetch_all(connection).await?;
    head.with(&standings, &seats)
}

/// Its settings, and all else that its first change says, come with that change.
const CREATE: &str = "INSERT INTO room (name, secret, settings, public, locked) VALUES (?, ?, '{}', 0, 1)
    ON CONFLICT (name) DO NOTHING RETURNING id";
const CREATE_LOG: &str = "INSERT INTO room_log (room, open, epoch, first_seq, seq, rules, archived, last_at)
    VALUES (?, 1, ?, 1, 0, 0, 0, 0)";
const ROOM_NAMED: &str = "SELECT id, name, secret, settings, locked, subject, affiliations_version,
        epoch, first_seq, seq, rules, last_at, quiet, guid
    FROM room JOIN room_log ON room_log.room = room.id WHERE name = ?";
const STANDINGS: &str = "SELECT jid, affiliation, nick, reason, version, attends, presents FROM affiliation WHERE room = ? ORDER BY jid";
const SEATS: &str = "SELECT nick_key, session, nick, owner, resource, occupant_id, role, presence, deadline
    FROM seat WHERE room = ? ORDER BY nick_key, shown_at DESC, session";
const LISTED: &str = "SELECT id, name, coalesce(settings ->> '$.name', '') FROM room
    WHERE public AND NOT locked AND name IS NOT NULL AND name > ?
        AND (category IS NULL OR category IN (SELECT value FROM json_each(?))) ORDER BY name LIMIT ?";
const OF_GUIDS: &str = "SELECT guid, name FROM json_each(?) JOIN room ON guid = value WHERE name IS NOT NULL";
const ROOM_COUNT: &str = "SELECT count(*) FROM room WHERE name IS NOT NULL";
const AHEAD: &str = "SELECT room FROM json_each(?) AS known JOIN room_log ON room = known.value ->> 0
    AND (seq > known.value ->> 1 OR quiet > known.value ->> 2) ORDER BY room";
const DETACH_ALL: &str = "UPDATE seat SET deadline = ? WHERE deadline IS NULL";
const DETACHED: &str = "SELECT room, name, min(deadline) FROM seat JOIN room ON room.id = seat.room
    WHERE deadline IS NOT NULL GROUP BY room ORDER BY 3";
