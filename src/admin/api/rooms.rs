//! Rooms: found by name and by who stands in their lists.

use std::collections::HashMap;

use perch_address::BareJid;

use super::{Admin, AdminError, PAGE_MAX, Target};
use crate::admin::caller::{Caller, Who};
use crate::admin::rights::Operation;
use crate::chat::settings::Settings;
use crate::store::room_search::RoomSearch;

/// A room as it is shown to who has found it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomInfo {
    pub address: BareJid,
    pub settings: Settings,
    /// Not yet configured by its owner.
    pub is_locked: bool,
    /// How many are in it now.
    pub occupants: u64,
}

/// Some of the rooms that were found, in the order of their names.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomPage {
    pub rooms: Vec<RoomInfo>,
    /// The name behind which the next page begins, if there is more.
    pub next: Option<String>,
}

impl Admin {
    /// The rooms that fit, of those that the caller may know of, behind `after`, at most `limit`.
    pub async fn search_rooms(
        &self,
        caller: &Caller,
        search: RoomSearch,
        after: Option<&str>,
        limit: u32,
    ) -> Result<RoomPage, AdminError> {
        self.may_see(caller, Operation::ListRooms, Target::Pool).await?;
        let seen_by = match &caller.who {
            Who::Account(address) if !self.reads_all(caller).await => Some(self.rooms.seer(address)),
            _ => None,
        };
        let search = RoomSearch { seen_by, ..search };
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let store = self.rooms.store();
        // One more than asked for tells whether there is more.
        let mut found = store.find_rooms(&search, after, limit + 1).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|room| room.name.to_string());
        let ids: Vec<_> = found.iter().map(|room| room.id).collect();
        let counts: HashMap<_, _> = store.occupant_counts(&ids).await?.into_iter().collect();
        let rooms = store.found_rooms(&ids).await?.into_iter().filter_map(|room| {
            Some(RoomInfo {
                address: BareJid::from_parts(Some(&room.name), self.rooms.domain()).ok()?,
                settings: room.settings,
                is_locked: room.is_locked,
                occupants: counts.get(&room.id).copied().unwrap_or_default(),
            })
        });
        Ok(RoomPage { rooms: rooms.collect(), next })
    }

    /// The localpart of the room that `text` means: a whole address of the rooms domain, or a name.
    pub(super) fn room_name(&self, text: &str) -> Result<String, AdminError> {
        let domain = self.rooms.domain();
        let address = match text.contains('@') {
            true => BareJid::new(text)?,
            false => BareJid::from_parts(Some(text), domain)?,
        };
        let name = address.local().filter(|_| address.domain() == domain);
        name.map(str::to_owned).ok_or(AdminError::NoSuchRoom)
    }
}
