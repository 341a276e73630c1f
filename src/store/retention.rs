//! What time takes from the logs.

use tracing::instrument;

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// Removes what is older than `below` from a room's log, from its beginning on. Says how much it was.
    #[instrument(skip_all)]
    pub async fn purge(&self, room: RoomId, below: Timestamp) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.purge(room, below).await)
    }

    /// Removes what lies below a place from a room's log, from its beginning on. Says how much it was. For a room that was
    /// cleared: nothing of it is shown any more. Cut off, it is gone on with where it was.
    #[instrument(skip_all)]
    pub async fn purge_below(&self, room: RoomId, below: Seq) -> Result<u64, StoreError> {
        let mut purged = 0;
        while let Some(slice) = ask_lasting!(self, engine => engine.purge_slice(room, below).await)? {
            purged += slice;
        }
        Ok(purged)
    }

    /// The rooms that still have what lies below their beginning, and where that is: something has cut off
    /// [`Store::purge_below`].
    #[instrument(skip_all)]
    pub async fn rooms_half_cleared(&self) -> Result<Vec<(RoomId, Seq)>, StoreError> {
        ask_lasting!(self, engine => engine.rooms_half_cleared().await)
    }

    /// Blanks what was not to be kept and has been there long enough. Says how much it was.
    #[instrument(skip_all)]
    pub async fn expire_messages(&self, now: Timestamp) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.expire_messages(now).await)
    }

    /// The rooms for which [`Store::purge`] has something to do, sooner or later.
    #[instrument(skip_all)]
    pub async fn rooms_with_retention(&self) -> Result<Vec<Retained>, StoreError> {
        ask_lasting!(self, engine => engine.rooms_with_retention().await)
    }
}

/// A room that does not keep its conversation for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    pub id: RoomId,
    pub days: u32,
}
