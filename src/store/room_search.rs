//! Rooms, found by what they are called and by who stands in their lists; and those that somebody may know of.

use perch_address::BareJid;
use serde::{Deserialize, Serialize};
use tracing::instrument;

use crate::chat::affiliation::Affiliation;
use crate::chat::category::CategoryId;
use crate::chat::event::Extent;
use crate::chat::id::RoomId;
use crate::chat::settings::Settings;
use crate::chat::words::{folded, words};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::row::Columns;

impl Store {
    /// Rooms in service that fit, in the order of their names, from the one behind `after` on, at most `limit`.
    #[instrument(skip_all)]
    pub async fn find_rooms(
        &self,
        search: &RoomSearch,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RoomMatch>, StoreError> {
        let after = after.unwrap_or_default();
        for _ in 0..ROUNDS_MAX {
            let found: Vec<Candidate> =
                ask_lasting!(self, engine => engine.rooms_behind_name(search, after, limit).await)?;
            if found.iter().all(|room| room.is_folded) {
                return Ok(found.into_iter().map(|candidate| candidate.room).collect());
            }
            ask_lasting!(self, engine => engine.fold_rooms().await)?;
        }
        Err(StoreError::Unavailable)
    }

    /// These rooms as they are shown to who has found them, in the order of their names.
    #[instrument(skip_all)]
    pub async fn found_rooms(&self, rooms: &[RoomId]) -> Result<Vec<FoundRoom>, StoreError> {
        ask_lasting!(self, engine => engine.found_rooms(rooms).await)
    }

    /// How many are in each of these rooms that is not empty.
    #[instrument(skip_all)]
    pub async fn occupant_counts(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, u64)>, StoreError> {
        ask_lasting!(self, engine => engine.occupant_counts(rooms).await)
    }

    /// The rooms that somebody may know of: those for everybody, and those in whose lists he stands. `belongs` are his
    /// address and all others that speak for him, the nearest first.
    #[instrument(skip_all)]
    pub async fn known_rooms(&self, belongs: &[BareJid]) -> Result<Vec<KnownRoom>, StoreError> {
        let mut known = Vec::new();
        let mut last = RoomId(0);
        loop {
            let rows = ask_lasting!(self, engine => engine.rooms_behind_id(belongs, last, LOOKED_AT).await)?;
            let is_last = rows.len() < LOOKED_AT as usize;
            last = rows.last().map_or(last, |room| room.id);
            known.extend(rows.into_iter().filter(KnownRoom::is_known));
            if is_last {
                return Ok(known);
            }
        }
    }

    /// The rooms of these names, as far as there are any.
    #[instrument(skip_all)]
    pub async fn rooms_named(&self, names: &[&str]) -> Result<Vec<RoomMatch>, StoreError> {
        ask_lasting!(self, engine => engine.rooms_named(names).await)
    }
}

/// What is looked for. A room fits when all of it does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomSearch {
    /// Each word, or the beginning of it, is in one of the texts that are looked through; empty for all rooms.
    pub text: Box<str>,
    pub is_phrase: bool,
    pub in_address: bool,
    pub in_title: bool,
    pub in_description: bool,
    /// Is it in the list of rooms?
    pub is_public: Option<bool>,
    pub is_members_only: Option<bool>,
    /// Who stands in its lists, as member or more.
    pub member: Option<BareJid>,
    /// Who is an owner of it.
    pub manager: Option<BareJid>,
    /// Who asks: what he may not know of is not found. `None`: he may know of all.
    pub seen_by: Option<Seer>,
}

/// By what somebody knows of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seer {
    /// All addresses that speak for him.
    pub belongs: Vec<BareJid>,
    /// Those that are for him.
    pub categories: Vec<CategoryId>,
}

/// A room that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMatch {
    pub id: RoomId,
    pub name: Box<str>,
}

/// A room as it is shown to who has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoom {
    pub id: RoomId,
    pub name: Box<str>,
    pub settings: Settings,
    pub is_locked: bool,
}

/// A room that somebody may know of, with what decides whether he may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRoom {
    pub id: RoomId,
    pub is_public: bool,
    pub is_locked: bool,
    pub is_members_only: bool,
    pub has_password: bool,
    pub is_disabled: bool,
    pub category: Option<CategoryId>,
    pub is_inside: bool,
    /// The entries of its lists that speak of the asker.
    pub entries: Vec<(BareJid, Affiliation, Extent)>,
}

/// A room that fits, as far as it is known what it is called.
#[derive(Debug)]
pub(super) struct Candidate {
    room: RoomMatch,
    /// Its words were there to be looked through. Those of a room that was just made or renamed may not be yet.
    is_folded: bool,
}

impl Candidate {
    /// From a row: id, name, are its words there.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self { room: RoomMatch::of(row)?, is_folded: row.flag(2)? })
    }
}

/// What a room is called, as searches look through it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct RoomWords {
    pub(super) id: i64,
    pub(super) address: String,
    pub(super) title: String,
    pub(super) description: String,
}

impl RoomWords {
    /// From a row: id, name, title, description.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.integer(0)?,
            address: behind_spaces(row.text(1)?),
            title: behind_spaces(row.text(2)?),
            description: behind_spaces(row.text(3)?),
        })
    }
}

/// The words of a text, each behind a space: where one begins is then found like any other text.
fn behind_spaces(text: &str) -> String {
    format!(" {}", folded(text))
}

impl FoundRoom {
    /// From a row: id, name, settings, locked.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        let id = RoomId(row.integer(0)?);
        let settings = serde_json::from_str(row.text(2)?);
        Ok(Self {
            id,
            name: row.text(1)?.into(),
            settings: settings.map_err(|_| StoreError::Inconsistent { table: "room", row: id.0 })?,
            is_locked: row.flag(3)?,
        })
    }
}

impl KnownRoom {
    /// From a row: id, public, locked, members only, has a password, disabled, category, is the asker inside, and, as JSON,
    /// `[jid, affiliation, attends, presents]` of each entry.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        let id = RoomId(row.integer(0)?);
        let entries: Option<Vec<(BareJid, Affiliation, Flag, Flag)>> = row
            .text_if_any(8)?
            .map(serde_json::from_str)
            .transpose()
            .map_err(|_malformed| StoreError::Inconsistent { table: "affiliation", row: id.0 })?;
        let entry = |(jid, affiliation, attends, presents): (BareJid, Affiliation, Flag, Flag)| {
            (jid, affiliation, Extent { attends: attends.is_set(), presents: presents.is_set() })
        };
        Ok(Self {
            id,
            is_public: row.flag(1)?,
            is_locked: row.flag(2)?,
            is_members_only: row.flag(3)?,
            has_password: row.flag(4)?,
            is_disabled: row.flag(5)?,
            category: row.integer_if_any(6)?.map(CategoryId),
            is_inside: row.flag(7)?,
            entries: entries.unwrap_or_default().into_iter().map(entry).collect(),
        })
    }

    fn is_known(&self) -> bool {
        let is_listed =
            |(_, affiliation, _): &(BareJid, Affiliation, Extent)| *affiliation >= Affiliation::Member;
        self.is_public || self.is_inside || self.entries.iter().any(is_listed)
    }
}

/// Yes or no in the JSON of either engine.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Is(bool),
    Number(i64),
}

impl Flag {
    fn is_set(&self) -> bool {
        match self {
            Self::Is(is) => *is,
            Self::Number(number) => *number != 0,
        }
    }
}

impl RoomMatch {
    /// From a row: id, name.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self { id: RoomId(row.integer(0)?), name: row.text(1)?.into() })
    }
}

impl RoomSearch {
    /// What has to be in the words of a room, each somewhere.
    pub(super) fn wanted(&self) -> Vec<String> {
        if self.is_phrase {
            return vec![behind_spaces(&self.text)];
        }
        words(&self.text).iter().map(|word| format!(" {word}")).collect()
    }
}

/// Rooms that are looked at together.
const LOOKED_AT: u32 = 1000;
/// Rooms whose words are folded together: with others' appends between them.
pub(super) const FOLDED_AT_ONCE: u32 = 200;
/// How often a search begins anew because rooms were renamed meanwhile.
const ROUNDS_MAX: u32 = 10;
