//! A decision made true: seqs, log and projections, all or nothing. As the function of the PostgreSQL engine's schema has
//! it.

use std::collections::BTreeMap;

use crate::chat::event::{Change, Event};
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Seq, Timestamp};
use crate::chat::message::Retention;
use crate::chat::settings::Settings;
use crate::chat::snapshot::RoomSnapshot;
use crate::store::error::{AppendError, CreateRoomError, StoreError};
use crate::store::model::Own;
use crate::store::model::project::blank;
use crate::store::model::tables::{Projected, RoomRows, Tables};
use crate::store::room::{Append, Appended, NewRoom};

impl Tables {
    pub(super) fn create_room(&mut self, own: &Own, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        if self.named(&room.name).is_some() {
            return Err(CreateRoomError::NameTaken);
        }
        let id = RoomId(self.rooms.len() as i64 + 1);
        let projected = Projected {
            head: empty_room(id, &room, self.epoch()),
            is_open: true,
            standings: BTreeMap::new(),
            seats: Vec::new(),
        };
        let epochs = vec![(Seq(0), projected.head.epoch)];
        self.rooms.insert(id, RoomRows { projected, log: Vec::new(), epochs, keys: BTreeMap::new() });
        let append = Append {
            room: id,
            rules: RulesVersion(0),
            changes: room.changes,
            quiet: [].into(),
            at: room.at,
            origin: room.origin,
        };
        let inconsistent = StoreError::Inconsistent { table: "room", row: id.0 };
        self.append(own, &append, false).map_err(|_refused| inconsistent)?;
        Ok(self.rooms[&id].projected.snapshot())
    }

    /// `is_repeated`: it may have been written before.
    pub(super) fn append(
        &mut self,
        own: &Own,
        append: &Append,
        is_repeated: bool,
    ) -> Result<Appended, AppendError> {
        let stands = self.stands(own);
        let room = self.rooms.get_mut(&append.room).ok_or(AppendError::Gone)?;
        if let Some(found) = room.found(append, is_repeated) {
            return found;
        }
        if !room.projected.is_open {
            return Err(AppendError::Gone);
        }
        if room.projected.head.rules != append.rules && !planted!(StaleApplied) {
            return Err(AppendError::Stale);
        }
        let appended = room.write(own, append)?;
        if !stands {
            self.trespasses += 1;
        }
        Ok(appended)
    }
}

impl RoomRows {
    /// What the key leads to, where there is one.
    fn found(&self, append: &Append, is_repeated: bool) -> Option<Result<Appended, AppendError>> {
        let origin = append.origin.filter(|_| !append.changes.is_empty())?;
        let first = *self.keys.get(&(origin.session, origin.number))?;
        let at = self.log.iter().find(|event| event.seq == first)?.at;
        if !self.projected.is_open && !is_repeated {
            return None;
        }
        // It was this append, whose answer was lost, and none before it: that would have an older stamp.
        if is_repeated && at >= append.at {
            let rules = RulesVersion(append.rules.0 + moves(append));
            return Some(Ok(Appended { first, at, rules, quiet: self.projected.head.quiet }));
        }
        Some(Err(AppendError::AlreadyDone { seq: first }))
    }

    fn write(&mut self, own: &Own, append: &Append) -> Result<Appended, AppendError> {
        let first = self.projected.head.seq.next();
        let at = self.projected.head.last_at.max(append.at);
        let mut projected = self.projected.clone();
        let mut seq = first;
        let mut events = Vec::with_capacity(append.changes.len());
        let mut origin = append.origin;
        for change in &*append.changes {
            projected.take(change, seq, at, own)?;
            events.push(Event { seq, at, origin: origin.take(), change: as_read(change) });
            seq = seq.next();
        }
        let last = Seq(seq.0 - 1);
        for change in &*append.quiet {
            projected.take(change, last, at, own)?;
        }
        projected.check_departures(&append.changes)?;
        let head = &mut projected.head;
        head.seq = last;
        head.rules = RulesVersion(head.rules.0 + moves(append));
        head.quiet += i64::from(!append.quiet.is_empty());
        head.last_at = if append.changes.is_empty() { head.last_at } else { at };
        let appended = Appended { first, at, rules: head.rules, quiet: head.quiet };
        self.projected = projected;
        self.log.extend(events);
        if let Some(origin) = append.origin.filter(|_| !append.changes.is_empty()) {
            self.keys.insert((origin.session, origin.number), first);
        }
        for change in &*append.changes {
            if let Change::Retracted { target, .. } = change {
                blank(&mut self.log, target.seq());
            }
        }
        Ok(appended)
    }
}

fn moves(append: &Append) -> i64 {
    append.changes.iter().filter(|change| change.moves_rules()).count() as i64
}

/// The change as the log gives it back: what is whispered is not kept, whatever was asked.
fn as_read(change: &Change) -> Change {
    let mut change = change.clone();
    if let Change::Whispered { content, .. } = &mut change {
        content.retention = Retention::Transient;
    }
    change
}

/// Its settings, and all else that its first change says, come with that change.
fn empty_room(id: RoomId, room: &NewRoom, epoch: Epoch) -> RoomSnapshot {
    RoomSnapshot {
        id,
        guid: RoomGuid(id.0.unsigned_abs().into()),
        name: room.name.clone(),
        epoch,
        seq: Seq(0),
        first_seq: Seq(1),
        rules: RulesVersion(0),
        last_at: Timestamp(0),
        quiet: 0,
        secret: room.secret,
        is_locked: true,
        settings: Settings::default(),
        subject: None,
        affiliations: Vec::new(),
        affiliations_version: 0,
        occupants: Vec::new(),
    }
}
