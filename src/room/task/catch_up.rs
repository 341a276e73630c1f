//! Taking in what other members did: from their hints where they are whole, from the log where they are not.

use std::time::Duration;

use tracing::{error, warn};

use crate::chat::event::{Change, Ephemeral, Event};
use crate::chat::id::Seq;
use crate::chat::note::Note;
use crate::chat::snapshot::RoomSnapshot;
use crate::fanout::mailbox::Ending;
use crate::room::decided::{logged, passing, unlogged};
use crate::room::state::Room;
use crate::room::task::{Loaded, RoomTask};
use crate::store::error::StoreError;

/// Events read from the log at a time. A simulation's rooms are behind by a few, and are to come to the end of a page.
pub(super) const PAGE: u32 = if cfg!(feature = "simulation") { 4 } else { 512 };
/// How often the log is asked again for what is known to be in it.
const READS_MAX: u32 = 10;
const READ_PAUSE: Duration = Duration::from_millis(200);

impl RoomTask {
    /// Before anything is decided: the room is loaded, and what it is known to have missed is taken in.
    pub(super) async fn be_current(&mut self) -> Result<(), StoreError> {
        if self.mark.take_behind() {
            self.refresh().await.inspect_err(|_unread| self.mark.fall_behind())?;
        }
        if self.state.is_none() {
            self.state = self.load().await?;
        }
        Ok(())
    }

    async fn load(&self) -> Result<Option<Loaded>, StoreError> {
        let snapshot = self.services.store.load_room(&self.name).await?;
        Ok(snapshot.map(|snapshot| Loaded::new(&self.address, snapshot, &self.services)))
    }

    /// Takes in everything that the store has of the room, also what is in no log.
    pub(super) async fn refresh(&mut self) -> Result<(), StoreError> {
        if self.state.is_none() {
            return Ok(());
        }
        let snapshot = self.services.store.load_room(&self.name).await?;
        let Some(loaded) = &self.state else { return Ok(()) };
        match snapshot.filter(|snapshot| snapshot.id == loaded.room.id()) {
            Some(snapshot) => {
                self.catch_up(Some(snapshot.seq)).await?;
                if let Some(loaded) = &mut self.state {
                    loaded.take_snapshot(snapshot);
                }
                Ok(())
            }
            // Destroyed: the end of its log says so.
            None => self.catch_up(None).await,
        }
    }

    /// Applies and shows what the log has behind the state, up to `until` or to its end.
    pub(super) async fn catch_up(&mut self, until: Option<Seq>) -> Result<(), StoreError> {
        let mut pages = 0;
        while let Some(loaded) = &mut self.state {
            let missing = until.map_or(i64::from(PAGE), |until| until.0 - loaded.room.seq().0);
            let limit = u32::try_from(missing.clamp(0, i64::from(PAGE))).unwrap_or(PAGE);
            if limit == 0 || loaded.room.is_destroyed() {
                break;
            }
            let mut after = loaded.room.seq();
            if planted!(PageSkipped) && pages > 0 {
                after = after.next();
            }
            let events = self.services.store.events_after(loaded.room.id(), after, limit).await?;
            pages += 1;
            let is_last = events.len() < limit as usize;
            loaded.take_events(events);
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Brings the state to `seq`, which is known to be in the log. `false`: the store cannot be read; those who are here
    /// would miss something, so their streams end, and they read the archive when they are back.
    pub(super) async fn reach(&mut self, seq: Seq) -> bool {
        for _ in 0..READS_MAX {
            let Some(loaded) = &self.state else { return false };
            if loaded.room.seq() >= seq {
                return true;
            }
            if let Err(error) = self.catch_up(Some(seq)).await {
                warn!(room = %self.name, %error, "the log cannot be read");
                tokio::time::sleep(READ_PAUSE).await;
            }
        }
        error!(room = %self.name, "the room is given up on this member: its log cannot be read");
        if let Some(loaded) = self.state.take() {
            loaded.audience.end(Ending::Lost);
        }
        false
    }

    /// What another member tells of the room.
    pub(super) async fn hear(&mut self, note: Note) {
        let Some(loaded) = &mut self.state else { return };
        let room = loaded.room.id();
        let taken = match note {
            Note::RoomGrew { room: about, last, events } if about.id == room => {
                self.hear_events(last, events).await
            }
            Note::RoomQuiet { room: about, count, after, changes } if about.id == room => {
                self.hear_quiet(count, after, changes).await
            }
            Note::RoomPassing { room: about, after, ephemeral } if about.id == room => {
                self.hear_passing(after, ephemeral).await
            }
            Note::RoomStale { .. } => self.refresh().await,
            // Of a room that had the name before, or not for rooms at all.
            _ => Ok(()),
        };
        if let Err(error) = taken {
            // Whoever asks for the room next, or the next hint, tries again.
            warn!(room = %self.name, %error, "what another member did cannot be read");
            self.mark.fall_behind();
        }
        if self.state.as_ref().is_some_and(|loaded| loaded.room.is_destroyed()) {
            self.state = None;
        }
    }

    async fn hear_events(&mut self, last: Seq, events: Vec<Event>) -> Result<(), StoreError> {
        if let Some(loaded) = &mut self.state {
            let next = loaded.room.seq().next();
            // Those that are known already are passed over; what comes behind a gap is read from the log.
            let new: Vec<Event> = events.into_iter().filter(|event| event.seq >= next).collect();
            if new.first().is_some_and(|event| event.seq == next || planted!(BusAsTruth)) {
                loaded.take_events(new);
            }
            if loaded.room.seq() < last {
                return self.catch_up(None).await;
            }
        }
        Ok(())
    }

    async fn hear_quiet(&mut self, count: i64, after: Seq, changes: Vec<Change>) -> Result<(), StoreError> {
        if self.state.as_ref().is_some_and(|loaded| loaded.room.seq() < after) {
            self.catch_up(Some(after)).await?;
        }
        let Some(loaded) = &mut self.state else { return Ok(()) };
        if count <= loaded.quiet || loaded.moved <= after && loaded.take_quiet(count, changes) {
            return Ok(());
        }
        // Others came or went meanwhile, as the log has it: in another order it would be another room.
        self.refresh().await
    }

    async fn hear_passing(&mut self, after: Seq, ephemeral: Ephemeral) -> Result<(), StoreError> {
        if self.state.as_ref().is_some_and(|loaded| loaded.room.seq() < after) {
            self.catch_up(Some(after)).await?;
        }
        if let Some(loaded) = &mut self.state {
            let (ephemeral, view, is_quiet) = passing(&mut loaded.room, ephemeral);
            loaded.show_passing(&ephemeral, view, is_quiet);
        }
        Ok(())
    }
}

impl Loaded {
    /// Another state of the same room, which the log does not wholly lead to. The sessions that are here stay.
    fn take_snapshot(&mut self, snapshot: RoomSnapshot) {
        (self.quiet, self.moved) = (snapshot.quiet, snapshot.seq);
        let view = self.room.standings().view().clone();
        let before = std::mem::replace(&mut self.room, Room::load(snapshot, &view));
        self.room.spare(before.spared.clone());
        self.room.recall(before.occupants());
        self.is_reviewed = false;
        // Whoever lost his seat by what no log has is told by nobody else.
        self.audience
            .dismiss(|session| self.room.occupants().by_session(session).is_some(), before.occupants());
    }

    /// The next events of the log, which another member wrote.
    fn take_events(&mut self, events: Vec<Event>) {
        self.note_rules(&events);
        for step in logged(&mut self.room, events) {
            if !step.event.change.is_blank() {
                self.show(&step);
            }
        }
    }

    /// Comings and goings that the log does not have. `false`: some before them were missed.
    fn take_quiet(&mut self, count: i64, changes: Vec<Change>) -> bool {
        if count > self.quiet + 1 {
            return false;
        }
        self.quiet = count;
        let at = self.room.last_at();
        for change in changes {
            let step = unlogged(&mut self.room, change, at);
            self.show(&step);
        }
        true
    }
}
