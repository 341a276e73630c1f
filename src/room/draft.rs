//! A decision that is being made: every change is tried on a copy of the room, so that the next one is decided
//! against what the ones before will have made of it.

use std::borrow::Cow;

use crate::chat::event::{Change, Decision, Parcel};
use crate::chat::id::Timestamp;
use crate::room::state::Room;

pub(super) struct Draft<'a> {
    room: Cow<'a, Room>,
    now: Timestamp,
    decision: Decision,
}

impl<'a> Draft<'a> {
    pub(super) fn new(room: &'a Room, now: Timestamp) -> Self {
        Self { room: Cow::Borrowed(room), now, decision: Decision::default() }
    }

    /// The room as it will be after what was decided so far.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn log(&mut self, change: Change) {
        let room = self.room.to_mut();
        room.change(&change, room.seq.next(), self.now);
        self.decision.changes.push(change);
    }

    pub(super) fn send(&mut self, parcel: Parcel) {
        self.decision.parcels.push(parcel);
    }

    /// The decision; a temporary room ends with its last occupant.
    pub(super) fn finish(mut self) -> Decision {
        let has_emptied = self.room.occupants.is_empty()
            && self.decision.changes.iter().any(|change| matches!(change, Change::Left(_)));
        if has_emptied && !self.room.is_kept_when_empty() {
            self.log(Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None });
        }
        self.decision
    }
}
