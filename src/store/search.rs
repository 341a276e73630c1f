//! What was said, found by its words: over the rooms that the asker may read, newest or oldest first, in pages.
//!
//! The index lies behind the logs. A search first lets it catch up with what is committed, so that what was said a moment
//! ago is found; what was taken back is found no more, whatever the index still has.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use perch_address::BareJid;
use tracing::instrument;

use crate::chat::id::{MessageId, RoomId, Timestamp};
use crate::chat::words::Wording;
use crate::store::Store;
use crate::store::archive::{ArchivedMessage, Log};
use crate::store::error::{SearchError, StoreError};
use crate::store::index::LOGS_MAX;

impl Store {
    /// A page of what is found.
    #[instrument(skip_all)]
    pub async fn search(&self, search: Search) -> Result<Found, SearchError> {
        ask_lasting!(self, engine => engine.search(search).await)
    }

    /// Takes what this member has written since the last time into the index.
    #[instrument(skip_all)]
    pub async fn index_new(&self) -> Result<(), StoreError> {
        ask_lasting!(self, engine => engine.index_new().await)
    }

    /// Takes everything into the index that is in a log and not yet there, whoever wrote it, and what rooms are called.
    #[instrument(skip_all)]
    pub async fn index_all(&self) -> Result<(), StoreError> {
        ask_lasting!(self, engine => engine.index_all().await)
    }
}

/// What is looked for. Bounds by time are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub scope: Scope,
    /// Whatever was said, where there is none.
    pub wording: Option<Wording>,
    /// By anybody, where there is none.
    pub authors: Vec<BareJid>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub order: Order,
    /// The page behind this message.
    pub after: Option<(RoomId, MessageId)>,
    /// At most so many messages, and never more than [`Search::MAX`].
    pub max: u32,
}

/// Where it is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In all rooms that are in service.
    Everywhere,
    Rooms(Vec<RoomId>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

impl Scope {
    /// The logs that the index has to have, where they are so few that it is asked about each.
    pub(super) fn few(&self) -> Option<VecDeque<Log>> {
        match self {
            Self::Rooms(rooms) if rooms.len() <= LOGS_MAX => {
                Some(rooms.iter().copied().map(Log::Room).collect())
            }
            Self::Rooms(_) | Self::Everywhere => None,
        }
    }

    /// Those that it has to have among all that it does not have.
    pub(super) fn among(&self, mut behind: VecDeque<Log>) -> VecDeque<Log> {
        if let Self::Rooms(rooms) = self {
            let rooms: HashSet<RoomId> = rooms.iter().copied().collect();
            behind.retain(|log| matches!(log, Log::Room(room) if rooms.contains(room)));
        }
        behind
    }
}

impl Search {
    /// The longest page.
    pub const MAX: u32 = 1000;

    /// Everything that was said there, newest first.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            wording: None,
            authors: Vec::new(),
            start: None,
            end: None,
            order: Order::NewestFirst,
            after: None,
            max: Self::MAX,
        }
    }
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub hits: Vec<Hit>,
    /// Behind which the next page begins; `None`: there is no more.
    pub next: Option<(RoomId, MessageId)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub room: RoomId,
    /// The localpart of the room's address.
    pub name: Box<str>,
    pub message: ArchivedMessage,
}

/// How long a search waits for the index to catch up. Where more is missing, as after an upgrade, it is refused: an answer
/// from half of an index would pass for the whole.
pub(super) const CATCH_UP_TIME: Duration = Duration::from_secs(3);
