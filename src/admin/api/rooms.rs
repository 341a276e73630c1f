//! Rooms: found by name and by who stands in their lists.

use std::collections::HashMap;

use perch_address::BareJid;

use super::{Admin, AdminError, Page, Target, page_limit};
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

impl Admin {
    /// The rooms that fit, of those that the caller may know of, in the order of their names.
    pub async fn search_rooms(
        &self,
        caller: &Caller,
        search: RoomSearch,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<RoomInfo>, AdminError> {
        self.may_see(caller, Operation::ListRooms, Target::Pool).await?;
        let seen_by = match &caller.who {
            Who::Account(address) if !self.reads_all(caller).await? => {
                // Who stands in a room's lists is its managers' business.
                let is_of_another = |who: &Option<BareJid>| who.as_ref().is_some_and(|who| who != address);
                if is_of_another(&search.member) || is_of_another(&search.manager) {
                    return Err(AdminError::Forbidden);
                }
                Some(self.rooms.seer(address)?)
            }
            _ => None,
        };
        let search = RoomSearch { seen_by, ..search };
        let (store, limit) = (self.rooms.store(), page_limit(limit));
        let found = store.find_rooms(&search, after, limit + 1).await?;
        let found = Page::of(found, limit, |room| room.name.to_string());
        let ids: Vec<_> = found.items.iter().map(|room| room.id).collect();
        let counts: HashMap<_, _> = store.occupant_counts(&ids).await?.into_iter().collect();
        let rooms = store.found_rooms(&ids).await?.into_iter().filter_map(|room| {
            Some(RoomInfo {
                address: BareJid::from_parts(Some(&room.name), self.rooms.domain()).ok()?,
                settings: room.settings,
                is_locked: room.is_locked,
                occupants: counts.get(&room.id).copied().unwrap_or_default(),
            })
        });
        Ok(Page { items: rooms.collect(), next: found.next })
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
