//! Rooms: made, loaded from their projections, listed.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::chat::category::CategoryId;
use crate::chat::id::{RoomGuid, RoomId, RulesVersion, Timestamp};
use crate::chat::snapshot::RoomSnapshot;
use crate::store::error::{AppendError, CreateRoomError, StoreError};
use crate::store::member::may_read;
use crate::store::postgres::Postgres;
use crate::store::postgres::append::{Job, write_within};
use crate::store::postgres::links::Link;
use crate::store::room::{Append, Appended, DetachedRoom, NewRoom, RoomEntry, RoomPlace};
use crate::store::row;

impl Postgres {
    pub(in crate::store) async fn create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        let (name, secret) = (room.name.clone(), room.secret);
        match self.try_create_room(room).await {
            // Perhaps it was made, and only the word of it was lost: its secret is nobody else's.
            Err(CreateRoomError::Store(StoreError::Unknown)) => {
                match self.load_room(&name).await.map_err(|_unread| StoreError::Unknown)? {
                    Some(made) if made.secret == secret => Ok(made),
                    Some(_) => Err(CreateRoomError::NameTaken),
                    None => Err(StoreError::Unavailable.into()),
                }
            }
            made => made,
        }
    }

    async fn try_create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let created = link.row(sqlx::query(CREATE).bind(&*room.name).bind(&room.secret[..])).await?;
        let Some(created) = created else {
            link.roll_back().await?;
            return Err(CreateRoomError::NameTaken);
        };
        let id = RoomId(created.try_get(0).map_err(StoreError::from)?);
        link.execute(sqlx::query(CREATE_LOG).bind(id.0)).await?;
        let append = Append {
            room: id,
            rules: RulesVersion(0),
            changes: room.changes,
            quiet: [].into(),
            at: room.at,
            origin: room.origin,
        };
        let appended = write_within(&mut link, append, &self.rules).await?;
        let inconsistent = StoreError::Inconsistent { table: "room", row: id.0 };
        appended.map_err(|refusal| match refusal {
            AppendError::Store(fault) => fault,
            _ => inconsistent,
        })?;
        let row = link.row(sqlx::query(ROOM_NAMED).bind(&*room.name)).await?.ok_or(inconsistent)?;
        let snapshot = load(&mut link, &row).await?;
        link.commit().await?;
        Ok(snapshot)
    }

    pub(in crate::store) async fn load_room(&self, name: &str) -> Result<Option<RoomSnapshot>, StoreError> {
        // One view of all tables, whatever is committed meanwhile.
        let mut view = self.links.link().await?;
        view.begin_view().await?;
        let row = view.row(sqlx::query(ROOM_NAMED).bind(name)).await?;
        let snapshot = match row {
            Some(row) => Some(load(&mut view, &row).await?),
            None => None,
        };
        view.end_view().await?;
        if let Some(snapshot) = &snapshot {
            may_read(self.incarnation(), snapshot.epoch)?;
        }
        Ok(snapshot)
    }

    pub(in crate::store) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (room, changes) = (append.room, append.changes.clone());
        let (job, answer) = Job::new(append);
        self.room_writers.push(job).await?;
        let appended = answer.await.unwrap_or(Err(StoreError::Unavailable.into()))?;
        self.unread.note_room(room, &changes);
        Ok(appended)
    }

    pub(in crate::store) async fn public_rooms(
        &self,
        categories: &[CategoryId],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RoomEntry>, StoreError> {
        let query = sqlx::query(LISTED)
            .bind(after.unwrap_or(""))
            .bind(i64::from(limit))
            .bind(categories.iter().map(|category| category.0).collect::<Vec<_>>());
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(row::room_entry).collect()
    }

    pub(in crate::store) async fn rooms_of_guids(
        &self,
        guids: &[String],
    ) -> Result<Vec<(RoomGuid, Box<str>)>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(OF_GUIDS).bind(guids)).await?;
        rows.iter().map(row::room_of_guid).collect()
    }

    pub(in crate::store) async fn room_count(&self) -> Result<u64, StoreError> {
        self.count(ROOM_COUNT).await
    }

    pub(in crate::store) async fn rooms_ahead(&self, known: &[RoomPlace]) -> Result<Vec<RoomId>, StoreError> {
        let column = |of: fn(&RoomPlace) -> i64| known.iter().map(of).collect::<Vec<_>>();
        let query = sqlx::query(AHEAD)
            .bind(column(|place| place.room.0))
            .bind(column(|place| place.seq.0))
            .bind(column(|place| place.quiet));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(|row| Ok(RoomId(row.try_get(0)?))).collect()
    }

    pub(in crate::store) async fn detach_seats(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        let query = sqlx::query(DETACH_OWN).bind(deadline.0).bind(&*self.rules.own.member);
        self.links.link().await?.execute(query).await
    }

    pub(in crate::store) async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(DETACHED)).await?;
        rows.iter().map(row::detached_room).collect()
    }
}

async fn load(link: &mut Link, row: &PgRow) -> Result<RoomSnapshot, StoreError> {
    let head = row::Head::of(row)?;
    let standings = link.rows(sqlx::query(STANDINGS).bind(head.id().0)).await?;
    let seats = link.rows(sqlx::query(SEATS).bind(head.id().0)).await?;
    head.with(&standings, &seats)
}

/// Its settings, and all else that its first change says, come with that change.
const CREATE: &str =
    "INSERT INTO room (name, secret, settings, public, locked) VALUES ($1, $2, '{}', false, true)
    ON CONFLICT (name) DO NOTHING RETURNING id";
const CREATE_LOG: &str = "INSERT INTO room_log (room, open, epoch, first_seq, seq, rules, archived, last_at)
    SELECT $1, true, epoch, 1, 0, 0, 0, 0 FROM meta";
const ROOM_NAMED: &str = "SELECT id, name, secret, settings, locked, subject, affiliations_version,
        epoch, first_seq, seq, rules, last_at, quiet, guid::text
    FROM room JOIN room_log ON room_log.room = room.id WHERE name = $1";
const STANDINGS: &str = "SELECT jid, affiliation, nick, reason, version, attends, presents FROM affiliation WHERE room = $1 ORDER BY jid";
const SEATS: &str = "SELECT nick_key, session, nick, owner, resource, occupant_id, role, presence, deadline
    FROM seat WHERE room = $1 ORDER BY nick_key, shown_at DESC, session";
const LISTED: &str = "SELECT id, name, coalesce(settings::json ->> 'name', '') FROM room
    WHERE public AND NOT locked AND name IS NOT NULL AND name > $1
        AND (category IS NULL OR category = ANY ($3)) ORDER BY name LIMIT $2";
const OF_GUIDS: &str =
    "SELECT guid::text, name FROM room WHERE guid = ANY ($1::text[]::uuid[]) AND name IS NOT NULL";
const ROOM_COUNT: &str = "SELECT count(*) FROM room WHERE name IS NOT NULL";
const AHEAD: &str = "SELECT log.room
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS known (room, seq, quiet)
    JOIN room_log AS log ON log.room = known.room AND (log.seq > known.seq OR log.quiet > known.quiet) ORDER BY 1";
const DETACH_OWN: &str = "UPDATE seat SET deadline = $1 WHERE deadline IS NULL AND member = $2";
const DETACHED: &str = "SELECT room, name, min(deadline) FROM seat JOIN room ON room.id = seat.room
    WHERE deadline IS NOT NULL GROUP BY room, name ORDER BY 3";
