//! What time takes from the logs.

use tracing::instrument;

use crate::chat::id::{RoomId, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// Removes what is older than `below` from a room's log, from its beginning on. Says how much it was.
    #[instrument(skip_all)]
    pub async fn purge(&self, room: RoomId, below: Timestamp) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.purge(room, below).await)
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
