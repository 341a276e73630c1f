//! Rooms: made, loaded from their projections, listed.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use perch_address::BareJid;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::id::{Epoch, RoomId, RulesVersion, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::occupant::{Occupant, Seat};
use crate::chat::settings::Settings;
use crate::chat::snapshot::{RoomSnapshot, Standing};
use crate::store::error::{CreateRoomError, StoreError};
use crate::store::record::json;
use crate::store::room::{Append, DetachedRoom, NewRoom, RoomEntry, RoomPlace};
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
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RoomEntry>, StoreError> {
        let rows = sqlx::query(LISTED).bind(after.unwrap_or("")).bind(limit).fetch_all(&self.readers).await?;
        let entry = |row: &SqliteRow| {
            Ok(RoomEntry { id: RoomId(row.try_get(0)?), name: text(row, 1)?, title: text(row, 2)? })
        };
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn room_count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(ROOM_COUNT).fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
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

    /// Nobody else writes to this store: whoever is due is the caller's.
    pub(in crate::store) async fn claim_departures(
        &self,
        room: RoomId,
        now: Timestamp,
        _until: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError> {
        let due = sqlx::query_scalar(DUE).bind(room.0).bind(now.0).fetch_all(&self.readers).await?;
        Ok(due.into_iter().map(SessionId).collect())
    }

    pub(in crate::store) async fn rooms_ahead(
        &self,
        places: &[RoomPlace],
    ) -> Result<Vec<RoomId>, StoreError> {
        let places: Vec<_> = places.iter().map(|place| [place.room.0, place.seq.0, place.quiet]).collect();
        let ahead = sqlx::query_scalar(AHEAD).bind(json(&places)).fetch_all(&self.readers).await?;
        Ok(ahead.into_iter().map(RoomId).collect())
    }

    pub(in crate::store) async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        let rows = sqlx::query(DETACHED).fetch_all(&self.readers).await?;
        let room = |row: &SqliteRow| {
            Ok(DetachedRoom {
                id: RoomId(row.try_get(0)?),
                name: text(row, 1)?,
                deadline: Timestamp(row.try_get(2)?),
            })
        };
        rows.iter().map(room).collect()
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
    let id = RoomId(row.try_get(0)?);
    let inconsistent = || StoreError::Inconsistent { table: "room", row: id.0 };
    let secret: Vec<u8> = row.try_get(2)?;
    let settings: Settings = serde_json::from_str(row.try_get(3)?).map_err(|_| inconsistent())?;
    let subject: Option<&str> = row.try_get(5)?;
    let affiliations = standings(connection, id).await?;
    let occupants = occupants(connection, id, &affiliations).await?;
    Ok(RoomSnapshot {
        id,
        name: text(row, 1)?,
        epoch: Epoch(row.try_get(7)?),
        seq: Seq(row.try_get(9)?),
        first_seq: Seq(row.try_get(8)?),
        rules: RulesVersion(row.try_get(10)?),
        last_at: Timestamp(row.try_get(11)?),
        quiet: row.try_get(12)?,
        secret: secret.try_into().map_err(|_| inconsistent())?,
        is_locked: row.try_get(4)?,
        settings,
        subject: subject.map(serde_json::from_str).transpose().map_err(|_| inconsistent())?,
        affiliations,
        affiliations_version: row.try_get(6)?,
        occupants,
    })
}

async fn standings(connection: &mut SqliteConnection, room: RoomId) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query(STANDINGS).bind(room.0).fetch_all(connection).await?;
    let inconsistent = StoreError::Inconsistent { table: "affiliation", row: room.0 };
    let standing = |row: &SqliteRow| {
        Ok(Standing {
            jid: BareJid::new(row.try_get(0)?).map_err(|_| inconsistent)?,
            affiliation: Affiliation::parse(row.try_get(1)?).ok_or(inconsistent)?,
            nick: row.try_get::<Option<&str>, _>(2)?.map(Into::into),
            reason: text(row, 3)?,
            version: row.try_get(4)?,
        })
    };
    rows.iter().map(standing).collect()
}

/// Seats come nick by nick, in each the one that is shown first.
async fn occupants(
    connection: &mut SqliteConnection,
    room: RoomId,
    standings: &[Standing],
) -> Result<Vec<Occupant>, StoreError> {
    let inconsistent = StoreError::Inconsistent { table: "seat", row: room.0 };
    let rows = sqlx::query(SEATS).bind(room.0).fetch_all(connection).await?;
    let mut occupants: Vec<Occupant> = Vec::new();
    for row in &rows {
        let nick_key: Box<str> = text(row, 0)?;
        let owner = BareJid::new(row.try_get(3)?).map_err(|_| inconsistent)?;
        let seat = Seat {
            session: SessionId(row.try_get(1)?),
            jid: owner.with_resource(row.try_get(4)?).map_err(|_| inconsistent)?,
            presence: Payload::from(row.try_get::<String, _>(7)?),
            deadline: row.try_get::<Option<i64>, _>(8)?.map(Timestamp),
        };
        match occupants.last_mut().filter(|occupant| occupant.nick_key == nick_key) {
            Some(occupant) => occupant.seats.push(seat),
            None => occupants.push(Occupant {
                nick_key,
                nick: text(row, 2)?,
                affiliation: affiliation_of(&owner, standings),
                jid: owner,
                occupant_id: text(row, 5)?,
                role: Role::parse(row.try_get(6)?).ok_or(inconsistent)?,
                seats: vec![seat],
            }),
        }
    }
    Ok(occupants)
}

/// A person's own entry goes before that of his domain. The list comes sorted.
fn affiliation_of(jid: &BareJid, standings: &[Standing]) -> Affiliation {
    let listed = |name: &str| {
        let place = standings.binary_search_by(|standing| standing.jid.as_str().cmp(name)).ok()?;
        Some(standings[place].affiliation).filter(|affiliation| *affiliation != Affiliation::None)
    };
    listed(jid.as_str()).or_else(|| listed(jid.domain())).unwrap_or_default()
}

fn text(row: &SqliteRow, column: usize) -> Result<Box<str>, sqlx::Error> {
    Ok(row.try_get::<&str, _>(column)?.into())
}

/// Its settings, and all else that its first change says, come with that change.
const CREATE: &str = "INSERT INTO room (name, secret, settings, public, locked) VALUES (?, ?, '{}', 0, 1)
    ON CONFLICT (name) DO NOTHING RETURNING id";
const CREATE_LOG: &str = "INSERT INTO room_log (room, open, epoch, first_seq, seq, rules, archived, last_at)
    VALUES (?, 1, ?, 1, 0, 0, 0, 0)";
const ROOM_NAMED: &str = "SELECT id, name, secret, settings, locked, subject, affiliations_version,
        epoch, first_seq, seq, rules, last_at, quiet
    FROM room JOIN room_log ON room_log.room = room.id WHERE name = ?";
const STANDINGS: &str =
    "SELECT jid, affiliation, nick, reason, version FROM affiliation WHERE room = ? ORDER BY jid";
const SEATS: &str = "SELECT nick_key, session, nick, owner, resource, occupant_id, role, presence, deadline
    FROM seat WHERE room = ? ORDER BY nick_key, shown_at DESC, session";
const LISTED: &str = "SELECT id, name, coalesce(settings ->> '$.name', '') FROM room
    WHERE public AND NOT locked AND name IS NOT NULL AND name > ? ORDER BY name LIMIT ?";
const ROOM_COUNT: &str = "SELECT count(*) FROM room WHERE name IS NOT NULL";
const DETACH_ALL: &str = "UPDATE seat SET deadline = ? WHERE deadline IS NULL";
const DUE: &str = "SELECT session FROM seat WHERE room = ? AND deadline <= ?";
const AHEAD: &str = "SELECT room FROM json_each(?) JOIN room_log ON room = value ->> 0
    WHERE seq > value ->> 1 OR quiet > value ->> 2";
const DETACHED: &str = "SELECT room, name, min(deadline) FROM seat JOIN room ON room.id = seat.room
    WHERE deadline IS NOT NULL GROUP BY room ORDER BY 3";
