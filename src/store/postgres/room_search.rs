//! Rooms by their names and lists: the statements of this engine.

use perch_address::BareJid;
use sqlx::Row;

use crate::chat::id::RoomId;
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::room_search::{
    Candidate, FOLDED_AT_ONCE, FoundRoom, KnownRoom, RoomMatch, RoomSearch, RoomWords,
};

impl Postgres {
    pub(in crate::store) async fn rooms_behind_name(
        &self,
        search: &RoomSearch,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        let query = sqlx::query(BEHIND_NAME)
            .bind(after)
            .bind(search.is_public)
            .bind(search.is_members_only)
            .bind(search.member.as_ref().map(BareJid::as_str))
            .bind(search.manager.as_ref().map(BareJid::as_str))
            .bind(search.seen_by.as_ref().map(|seer| addresses(&seer.belongs)))
            .bind(i64::from(limit))
            .bind(
                search.seen_by.as_ref().map(|seer| seer.categories.iter().map(|id| id.0).collect::<Vec<_>>()),
            )
            .bind(search.wanted())
            .bind(search.in_address)
            .bind(search.in_title)
            .bind(search.in_description);
        self.links.link().await?.rows(query).await?.iter().map(Candidate::of).collect()
    }

    /// Folds what rooms are called, of all where that was not done since they were made or renamed.
    pub(in crate::store) async fn fold_rooms(&self) -> Result<(), StoreError> {
        while self.fold_slice().await? == FOLDED_AT_ONCE as usize {}
        Ok(())
    }

    /// Some of them; gives how many.
    async fn fold_slice(&self) -> Result<usize, StoreError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let rows = link.rows(sqlx::query(UNFOLDED).bind(i64::from(FOLDED_AT_ONCE))).await?;
        let folded = rows.iter().map(RoomWords::of).collect::<Result<Vec<_>, _>>()?;
        let texts = |of: fn(&RoomWords) -> &str| folded.iter().map(of).collect::<Vec<_>>();
        let fold = sqlx::query(FOLD)
            .bind(folded.iter().map(|words| words.id).collect::<Vec<_>>())
            .bind(texts(|words| &words.address))
            .bind(texts(|words| &words.title))
            .bind(texts(|words| &words.description));
        link.execute(fold).await?;
        link.commit().await?;
        Ok(folded.len())
    }

    pub(in crate::store) async fn rooms_behind_id(
        &self,
        belongs: &[BareJid],
        after: RoomId,
        limit: u32,
    ) -> Result<Vec<KnownRoom>, StoreError> {
        let query = sqlx::query(BEHIND_ID).bind(addresses(belongs)).bind(after.0).bind(i64::from(limit));
        self.links.link().await?.rows(query).await?.iter().map(KnownRoom::of).collect()
    }

    pub(in crate::store) async fn found_rooms(&self, rooms: &[RoomId]) -> Result<Vec<FoundRoom>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(FOUND).bind(ids(rooms))).await?;
        rows.iter().map(FoundRoom::of).collect()
    }

    pub(in crate::store) async fn occupant_counts(
        &self,
        rooms: &[RoomId],
    ) -> Result<Vec<(RoomId, u64)>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(OCCUPANTS).bind(ids(rooms))).await?;
        rows.iter()
            .map(|row| Ok((RoomId(row.try_get(0)?), row.try_get::<i64, _>(1)?.unsigned_abs())))
            .collect()
    }

    pub(in crate::store) async fn rooms_named(&self, names: &[&str]) -> Result<Vec<RoomMatch>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(NAMED).bind(names)).await?;
        rows.iter().map(RoomMatch::of).collect()
    }
}

fn ids(rooms: &[RoomId]) -> Vec<i64> {
    rooms.iter().map(|room| room.0).collect()
}

fn addresses(jids: &[BareJid]) -> Vec<String> {
    jids.iter().map(|jid| jid.as_str().to_owned()).collect()
}

/// A room whose words are not there yet comes as if it had those that are wanted.
const BEHIND_NAME: &str = "SELECT id, name, title_words IS NOT NULL FROM room
    WHERE name > $1 AND ($2::boolean IS NULL OR public = $2)
        AND ($3::boolean IS NULL OR coalesce((settings::json ->> 'members_only')::boolean, false) = $3)
        AND ($4::text IS NULL OR EXISTS (SELECT FROM affiliation WHERE affiliation.room = room.id AND jid = $4
            AND affiliation IN ('member', 'admin', 'owner')))
        AND ($5::text IS NULL OR EXISTS (SELECT FROM affiliation WHERE affiliation.room = room.id AND jid = $5
            AND affiliation = 'owner'))
        AND ($6::text[] IS NULL OR (public AND NOT locked) OR EXISTS (
            SELECT FROM affiliation AS held WHERE held.room = room.id AND held.jid = ANY ($6)
                AND held.affiliation IN ('member', 'admin', 'owner')))
        AND ($8::bigint[] IS NULL OR category IS NULL OR category = ANY ($8))
        AND (title_words IS NULL OR NOT EXISTS (SELECT FROM unnest($9::text[]) AS wanted (word)
            WHERE NOT ($10 AND strpos(address_words, word) > 0 OR $11 AND strpos(title_words, word) > 0
                OR $12 AND strpos(description_words, word) > 0)))
    ORDER BY name LIMIT $7";
/// In the order in which appends take them, so that none waits for the other.
const UNFOLDED: &str = "SELECT id, name, coalesce(settings::json ->> 'name', ''),
        coalesce(settings::json ->> 'description', '')
    FROM room WHERE title_words IS NULL AND name IS NOT NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE";
const FOLD: &str = "UPDATE room SET address_words = folded.address, title_words = folded.title,
        description_words = folded.description
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS folded (id, address, title, description)
    WHERE room.id = folded.id";
/// Who is inside matters where not everybody may know of the room, or read it.
const BEHIND_ID: &str = "SELECT id, public, locked,
        coalesce((settings::json ->> 'members_only')::boolean, false),
        settings::json ->> 'password' IS NOT NULL,
        coalesce((settings::json ->> 'disabled')::boolean, false), category,
        (NOT public OR settings::json ->> 'password' IS NOT NULL)
            AND EXISTS (SELECT FROM seat WHERE seat.room = room.id AND owner = ($1::text[])[1]),
        (SELECT json_agg(json_build_array(held.jid, held.affiliation, held.attends, held.presents))::text
            FROM affiliation AS held
            WHERE held.room = room.id AND held.jid = ANY ($1::text[]) AND held.affiliation <> 'none')
    FROM room WHERE id > $2 AND name IS NOT NULL ORDER BY id LIMIT $3";
const FOUND: &str = "SELECT id, name, settings, locked FROM room
    WHERE id = ANY ($1::bigint[]) AND name IS NOT NULL ORDER BY name";
const OCCUPANTS: &str = "SELECT room, count(DISTINCT nick_key) FROM seat
    WHERE room = ANY ($1::bigint[]) GROUP BY room";
const NAMED: &str = "SELECT id, name FROM room WHERE name = ANY ($1::text[])";
