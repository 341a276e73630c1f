//! What is asked of the store about rooms, and what it answers.

use std::sync::Arc;

use tracing::instrument;

use crate::chat::category::CategoryId;
use crate::chat::event::Change;
use crate::chat::id::{Origin, RoomGuid, RoomId, RulesVersion, Seq, Timestamp};
use crate::chat::snapshot::RoomSnapshot;
use crate::store::Store;
use crate::store::error::{AppendError, CreateRoomError, StoreError};

impl Store {
    /// Makes a room and writes its first changes.
    #[instrument(skip_all)]
    pub async fn create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        ask!(self, engine => engine.create_room(room).await)
    }

    /// The room of this localpart as its projections stand, all at one `seq`.
    #[instrument(skip_all)]
    pub async fn load_room(&self, name: &str) -> Result<Option<RoomSnapshot>, StoreError> {
        ask!(self, engine => engine.load_room(name).await)
    }

    /// Makes a decision true: the log, what follows from it and the journal, all or nothing. Appends of one room that
    /// are handed in one after the other are written in that order.
    #[instrument(skip_all)]
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        ask!(self, engine => engine.append(append).await)
    }

    /// Public rooms of these categories, and of none, that are in service, in the order of their names, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn public_rooms(
        &self,
        categories: &[CategoryId],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RoomEntry>, StoreError> {
        ask_lasting!(self, engine => engine.public_rooms(categories, after, limit).await)
    }

    /// The localparts of the rooms that have these GUIDs, as far as there are any.
    #[instrument(skip_all)]
    pub async fn rooms_of_guids(&self, guids: &[RoomGuid]) -> Result<Vec<(RoomGuid, Box<str>)>, StoreError> {
        let guids: Vec<String> = guids.iter().map(RoomGuid::to_string).collect();
        ask_lasting!(self, engine => engine.rooms_of_guids(&guids).await)
    }

    #[instrument(skip_all)]
    pub async fn room_count(&self) -> Result<u64, StoreError> {
        ask!(self, engine => engine.room_count().await)
    }

    /// Of these rooms those that are ahead of what is known of them: after hints may have been lost.
    #[instrument(skip_all)]
    pub async fn rooms_ahead(&self, known: &[RoomPlace]) -> Result<Vec<RoomId>, StoreError> {
        ask!(self, engine => engine.rooms_ahead(known).await)
    }

    /// At a start, before anybody is let in: whoever was inside by this member has lost his connection, and leaves at
    /// `deadline` unless he comes back. Says how many there are.
    #[instrument(skip_all)]
    pub async fn detach_seats(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        ask!(self, engine => engine.detach_seats(deadline).await)
    }

    /// Where somebody has to leave unless he comes back, the most urgent room first.
    #[instrument(skip_all)]
    pub async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        ask!(self, engine => engine.rooms_with_detached_seats().await)
    }
}

/// A room to be made, with the first changes of its log: `Created` comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRoom {
    /// The localpart of its address, prepared.
    pub name: Box<str>,
    pub secret: [u8; 32],
    pub changes: Arc<[Change]>,
    pub at: Timestamp,
    pub origin: Option<Origin>,
}

/// A decision to be made true: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    pub room: RoomId,
    /// The version that it was decided against.
    pub rules: RulesVersion,
    /// What the log gets, in order. Shared with the room, which applies and delivers it after the commit.
    pub changes: Arc<[Change]>,
    /// Joins and parts that are projected and journalled, but not logged.
    pub quiet: Arc<[Change]>,
    pub at: Timestamp,
    /// The key under which the first of the changes is found again.
    pub origin: Option<Origin>,
}

/// A decision that has come true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The seq of the first change; the others follow without gaps. Of the next one, where none was logged.
    pub first: Seq,
    /// The stamp of all of them: the one asked for, or the room's last one where that is later.
    pub at: Timestamp,
    /// The version from now on: one more for each change that [moves](Change::moves_rules) it.
    pub rules: RulesVersion,
    /// How many appends with quiet changes the room has had.
    pub quiet: i64,
}

/// Up to where somebody knows a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomPlace {
    pub room: RoomId,
    pub seq: Seq,
    /// As in [`Appended::quiet`].
    pub quiet: i64,
}

/// A room in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomEntry {
    pub id: RoomId,
    pub name: Box<str>,
    /// The name that its owner gave it; empty for none.
    pub title: Box<str>,
}

/// A room in which somebody has to leave at `deadline` unless he comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedRoom {
    pub id: RoomId,
    pub name: Box<str>,
    pub deadline: Timestamp,
}
