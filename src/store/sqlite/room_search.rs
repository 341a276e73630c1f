//! Rooms by their names and lists: the statements of this engine.

use futures_util::FutureExt;
use perch_address::BareJid;
use sqlx::sqlite::SqliteConnection;

use crate::chat::id::RoomId;
use crate::store::error::StoreError;
use crate::store::record::json;
use crate::store::room_search::{
    Candidate, FOLDED_AT_ONCE, FoundRoom, KnownRoom, RoomMatch, RoomSearch, RoomWords,
};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::pages::{PageRow, as_page, page_rows};

impl Sqlite {
    pub(in crate::store) async fn rooms_behind_name(
        &self,
        search: &RoomSearch,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        let address = |jid: &Option<BareJid>| jid.as_ref().map(|jid| jid.as_str().to_owned());
        let query = sqlx::query(BEHIND_NAME)
            .bind(after)
            .bind(search.is_public)
            .bind(search.is_members_only)
            .bind(address(&search.member))
            .bind(address(&search.manager))
            .bind(search.seen_by.as_ref().map(|seer| addresses(&seer.belongs)))
            .bind(limit)
            .bind(search.seen_by.as_ref().map(|seer| json(&seer.categories)))
            .bind(json(&search.wanted()))
            .bind(search.in_address)
            .bind(search.in_title)
            .bind(search.in_description);
        let rows = page_rows(&query.fetch_one(&self.readers).await?)?;
        rows.iter().map(Candidate::of).collect()
    }

    /// Folds what rooms are called, of all where that was not done since they were made or renamed.
    pub(in crate::store) async fn fold_rooms(&self) -> Result<(), StoreError> {
        loop {
            let folded: Result<usize, StoreError> =
                self.writer.transact(|connection| async { Ok(Ok(fold(connection).await?)) }.boxed()).await;
            if folded? < FOLDED_AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    pub(in crate::store) async fn rooms_behind_id(
        &self,
        belongs: &[BareJid],
        after: RoomId,
        limit: u32,
    ) -> Result<Vec<KnownRoom>, StoreError> {
        let query = sqlx::query(BEHIND_ID).bind(addresses(belongs)).bind(after.0).bind(limit);
        let rows = page_rows(&query.fetch_one(&self.readers).await?)?;
        rows.iter().map(KnownRoom::of).collect()
    }

    pub(in crate::store) async fn found_rooms(&self, rooms: &[RoomId]) -> Result<Vec<FoundRoom>, StoreError> {
        self.of_rooms(FOUND, rooms).await?.iter().map(FoundRoom::of).collect()
    }

    pub(in crate::store) async fn occupant_counts(
        &self,
        rooms: &[RoomId],
    ) -> Result<Vec<(RoomId, u64)>, StoreError> {
        let rows: Vec<(i64, i64)> =
            sqlx::query_as(OCCUPANTS).bind(ids(rooms)).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|(room, count)| (RoomId(room), count.unsigned_abs())).collect())
    }

    pub(in crate::store) async fn rooms_named(&self, names: &[&str]) -> Result<Vec<RoomMatch>, StoreError> {
        let rows = sqlx::query(NAMED).bind(json(&names)).fetch_one(&self.readers).await?;
        page_rows(&rows)?.iter().map(RoomMatch::of).collect()
    }

    async fn of_rooms(&self, sql: &'static str, rooms: &[RoomId]) -> Result<Vec<PageRow>, StoreError> {
        page_rows(&sqlx::query(sql).bind(ids(rooms)).fetch_one(&self.readers).await?)
    }
}

/// Some of them, in a transaction of the writer's; gives how many.
async fn fold(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let rows = page_rows(&sqlx::query(UNFOLDED).bind(FOLDED_AT_ONCE).fetch_one(&mut *connection).await?)?;
    let folded = rows.iter().map(RoomWords::of).collect::<Result<Vec<_>, _>>()?;
    if !folded.is_empty() {
        sqlx::query(FOLD).bind(json(&folded)).execute(connection).await?;
    }
    Ok(folded.len())
}

fn ids(rooms: &[RoomId]) -> String {
    json(&rooms.iter().map(|room| room.0).collect::<Vec<_>>())
}

fn addresses(jids: &[BareJid]) -> String {
    json(&jids.iter().map(BareJid::as_str).collect::<Vec<_>>())
}

/// A room whose words are not there yet comes as if it had those that are wanted.
const BEHIND_NAME: &str = as_page!(
    "id, name, title_words IS NOT NULL",
    "(WITH wanted AS MATERIALIZED (SELECT value AS word FROM json_each(?9))
        SELECT id, name, title_words FROM room
        WHERE name > ?1 AND (?2 IS NULL OR public = ?2)
            AND (?3 IS NULL OR coalesce(settings ->> '$.members_only', 0) = ?3)
            AND (?4 IS NULL OR EXISTS (SELECT 1 FROM affiliation WHERE affiliation.room = room.id AND jid = ?4
                AND affiliation IN ('member', 'admin', 'owner')))
            AND (?5 IS NULL OR EXISTS (SELECT 1 FROM affiliation WHERE affiliation.room = room.id AND jid = ?5
                AND affiliation = 'owner'))
            AND (?6 IS NULL OR (public AND NOT locked) OR EXISTS (
                SELECT 1 FROM json_each(?6) AS asked CROSS JOIN affiliation AS held
                    ON held.room = room.id AND held.jid = asked.value
                WHERE held.affiliation IN ('member', 'admin', 'owner')))
            AND (?8 IS NULL OR category IS NULL OR category IN (SELECT value FROM json_each(?8)))
            AND (title_words IS NULL OR NOT EXISTS (SELECT 1 FROM wanted
                WHERE NOT (?10 AND instr(address_words, word) OR ?11 AND instr(title_words, word)
                    OR ?12 AND instr(description_words, word))))
        ORDER BY name LIMIT ?7)"
);
const UNFOLDED: &str = as_page!(
    "id, name, coalesce(settings ->> '$.name', ''), coalesce(settings ->> '$.description', '')",
    "(SELECT * FROM room WHERE title_words IS NULL AND name IS NOT NULL LIMIT ?)"
);
const FOLD: &str = "UPDATE room SET address_words = value ->> '$.address', title_words = value ->> '$.title',
        description_words = value ->> '$.description'
    FROM json_each(?) WHERE room.id = value ->> '$.id'";
/// Who is inside matters where not everybody may know of the room, or read it.
const BEHIND_ID: &str = as_page!(
    "id, public, locked, members_only, has_password, disabled, category, is_inside, entries",
    "(SELECT id, public, locked, coalesce(settings ->> '$.members_only', 0) AS members_only,
            settings ->> '$.password' IS NOT NULL AS has_password,
            coalesce(settings ->> '$.disabled', 0) AS disabled, category,
            (NOT public OR settings ->> '$.password' IS NOT NULL)
                AND EXISTS (SELECT 1 FROM seat WHERE seat.room = room.id AND owner = ?1 ->> '$[0]') AS is_inside,
            (SELECT json_group_array(json_array(held.jid, held.affiliation, held.attends, held.presents))
                FROM json_each(?1) AS asked CROSS JOIN affiliation AS held
                ON held.room = room.id AND held.jid = asked.value
                WHERE held.affiliation <> 'none') AS entries
        FROM room WHERE id > ?2 AND name IS NOT NULL ORDER BY id LIMIT ?3)"
);
const FOUND: &str = as_page!(
    "id, name, settings, locked",
    "(SELECT * FROM room WHERE id IN (SELECT value FROM json_each(?)) AND name IS NOT NULL ORDER BY name)"
);
const OCCUPANTS: &str = "SELECT room, count(DISTINCT nick_key) FROM seat
    WHERE room IN (SELECT value FROM json_each(?)) GROUP BY room";
const NAMED: &str =
    as_page!("id, name", "(SELECT id, name FROM room WHERE name IN (SELECT value FROM json_each(?)))");
