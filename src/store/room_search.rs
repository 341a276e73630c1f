//! Rooms, found by what they are called and by who stands in their lists; and those that somebody may know of.

use perch_address::BareJid;
use serde::Deserialize;
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
        limit: usize,
    ) -> Result<Vec<RoomMatch>, StoreError> {
        let mut found = Vec::new();
        let mut last: Box<str> = after.unwrap_or_default().into();
        loop {
            let rows =
                ask_lasting!(self, engine => engine.rooms_behind_name(search, &last, LOOKED_AT).await)?;
            let is_last = rows.len() < LOOKED_AT as usize;
            if let Some(row) = rows.last() {
                last = row.name.clone();
            }
            found.extend(
                rows.into_iter()
                    .filter(|room| search.is_named_so(room))
                    .map(|room| RoomMatch { id: room.id, name: room.name }),
            );
            if is_last || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
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

/// A room with the texts that are looked through.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) id: RoomId,
    pub(super) name: Box<str>,
    pub(super) title: Box<str>,
    pub(super) description: Box<str>,
}

impl Candidate {
    /// From a row: id, name, title, description.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: RoomId(row.integer(0)?),
            name: row.text(1)?.into(),
            title: row.text(2)?.into(),
            description: row.text(3)?.into(),
        })
    }
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
    fn is_named_so(&self, room: &Candidate) -> bool {
        let wanted = if self.is_phrase { vec![folded(&self.text)] } else { words(&self.text) };
        let texts = [
            (self.in_address, &room.name),
            (self.in_title, &room.title),
            (self.in_description, &room.description),
        ];
        let texts: Vec<String> = texts
            .into_iter()
            .filter(|(is_wanted, _)| *is_wanted)
            // Each word begins behind a space.
            .map(|(_, text)| format!(" {}", folded(text)))
            .collect();
        wanted.iter().all(|word| texts.iter().any(|text| text.contains(&format!(" {word}"))))
    }
}

/// Rooms that are looked at together.
const LOOKED_AT: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_the_beginnings_of_its_words() {
        let room = Candidate {
            id: RoomId(1),
            name: "fin-2".into(),
            title: "Café des Finances".into(),
            description: "Talk of quarterly figures".into(),
        };
        let check = |text: &str, is_phrase, expected| {
            let search = RoomSearch {
                text: text.into(),
                is_phrase,
                in_title: true,
                in_description: true,
                ..RoomSearch::default()
            };
            assert_eq!(search.is_named_so(&room), expected, "{text}");
        };
        check("", false, true);
        check("fin", false, true);
        check("cafe quarter", false, true);
        check("inance", false, false);
        check("des finances", true, true);
        check("cafe finances", true, false);
        check("2", false, false);
    }
}
