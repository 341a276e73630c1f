//! The invariants, room by room. Each check is a scan over facts that are sorted already.

pub(crate) mod copies;
pub(crate) mod durability;
pub(crate) mod identity;
pub(crate) mod occupancy;
pub(crate) mod order;

use std::collections::HashMap;

use crate::history::{History, OutcomeKind, Read, Room};
use crate::names::Name;
use crate::violation::Violation;

/// Everything in the history that a correct server would not have shown.
pub(crate) fn violations(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for room in &history.rooms {
        let Some(archive) = copies::whole_archive(history, room) else {
            found.push(Violation::Unread { room: history.text(room.name) });
            continue;
        };
        let facts = Facts::new(history, room, archive);
        durability::check(&facts, &mut found);
        identity::check(&facts, &mut found);
        order::check(&facts, &mut found);
        occupancy::check(&facts, &mut found);
        copies::check(&facts, &mut found);
    }
    found
}

/// One room's history beside the archive that it is measured by.
pub(crate) struct Facts<'h> {
    history: &'h History,
    room: &'h Room,
    archive: &'h Read,
    /// Where a message stands in the archive; the first place, should there be several.
    position: HashMap<Name, usize>,
    messages: HashMap<Name, Message>,
}

/// What the senders know of a message.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    first_attempt: u64,
    attempts: u32,
    fails: u32,
    acknowledged: bool,
    unknown: bool,
}

impl<'h> Facts<'h> {
    fn new(history: &'h History, room: &'h Room, archive: &'h Read) -> Self {
        let mut position = HashMap::new();
        for (index, item) in archive.items.iter().enumerate() {
            position.entry(item.id).or_insert(index);
        }
        let mut messages = HashMap::<Name, Message>::new();
        for attempt in &room.attempts {
            let message = messages.entry(attempt.id).or_insert(Message {
                first_attempt: attempt.at,
                attempts: 0,
                fails: 0,
                acknowledged: false,
                unknown: false,
            });
            message.attempts += 1;
        }
        for outcome in &room.outcomes {
            if let Some(message) = messages.get_mut(&outcome.id) {
                match outcome.kind {
                    OutcomeKind::Ok => message.acknowledged = true,
                    OutcomeKind::Fail => message.fails += 1,
                    OutcomeKind::Info => message.unknown = true,
                }
            }
        }
        Self { history, room, archive, position, messages }
    }

    fn text(&self, name: Name) -> String {
        self.history.text(name)
    }

    fn room_name(&self) -> String {
        self.history.text(self.room.name)
    }
}

impl Message {
    /// Refused each time it was sent: a refusal after an attempt of unknown outcome says nothing of the first.
    const fn refused(&self) -> bool {
        !self.acknowledged && !self.unknown && self.fails >= self.attempts
    }
}
