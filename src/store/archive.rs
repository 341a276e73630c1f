//! What is asked of an archive (XEP-0313 with its `#extended` part, XEP-0059), and what comes back. The same for the
//! logs of rooms and of accounts.

use tracing::instrument;

use crate::chat::account::entry::Letter;
use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{AccountId, MessageId, RoomId, Seq, Timestamp};
use crate::chat::message::{Author, Content};
use crate::chat::words::Wording;
use crate::store::Store;
use crate::store::error::{ArchiveError, StoreError};
pub use crate::store::record::Tombstone;

impl Store {
    /// What happened in a room after `seq`, in order: to catch up and to recover. Messages that were retracted or have
    /// expired are there without text and payload.
    #[instrument(skip_all)]
    pub async fn events_after(&self, room: RoomId, seq: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        ask!(self, engine => engine.events_after(room, seq, limit).await)
    }

    /// What who has just come in gets to read: the last messages up to `until`, oldest first, at most `limit` and
    /// what he asks for (XEP-0045 §7.2.14).
    #[instrument(skip_all)]
    pub async fn history(
        &self,
        room: RoomId,
        until: Seq,
        request: HistoryRequest,
        limit: u32,
    ) -> Result<Vec<ArchivedMessage>, StoreError> {
        ask!(self, engine => engine.history(room, until, request, limit).await)
    }

    /// A page of a room's log.
    #[instrument(skip_all)]
    pub async fn archive_page(&self, query: ArchiveQuery) -> Result<Page, ArchiveError> {
        ask_lasting!(self, engine => engine.archive_page(query).await)
    }

    /// A page of an account's log.
    #[instrument(skip_all)]
    pub async fn letter_page(&self, query: ArchiveQuery) -> Result<Page<ArchivedLetter>, ArchiveError> {
        ask_lasting!(self, engine => engine.letter_page(query).await)
    }

    /// The first and the last message of an archive; None when it is empty.
    #[instrument(skip_all)]
    pub async fn archive_ends(&self, log: Log) -> Result<Option<ArchiveEnds>, StoreError> {
        ask_lasting!(self, engine => engine.archive_ends(log).await)
    }

    /// The place in a room's conversation from which on nothing was said before `at`.
    #[instrument(skip_all)]
    pub async fn place_at(&self, room: RoomId, at: Timestamp) -> Result<Seq, StoreError> {
        ask_lasting!(self, engine => engine.place_at(room, at).await)
    }

    /// One message of a log, kept or not.
    #[instrument(skip_all)]
    pub async fn message(&self, log: Log, seq: Seq) -> Result<Option<ArchivedMessage>, StoreError> {
        ask!(self, engine => engine.message(log, seq).await)
    }
}

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    Room(RoomId),
    Account(AccountId),
}

/// Filters, and the page of what they leave. Bounds by time are inclusive, bounds by id exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveQuery {
    pub log: Log,
    /// The oldest entry that there is for the asker.
    pub floor: Seq,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub after: Option<MessageId>,
    pub before: Option<MessageId>,
    pub with: Option<With>,
    /// Only what has these words (XEP-0431).
    pub wording: Option<Wording>,
    /// Exactly these messages, whatever else is asked; empty for all.
    pub ids: Vec<MessageId>,
    pub page: PageAt,
    /// At most so many messages, and never more than [`ArchiveQuery::MAX`].
    pub max: u32,
    /// Are [`Page::total`] and [`Page::index`] wanted? Without `with` they cost next to nothing.
    pub counts: bool,
}

/// Whose messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    /// By bare address.
    Jid(Box<str>),
    /// By the nick at that time, in a room's log.
    Nick(Box<str>),
    /// By full address, in an account's log: bare address and resource.
    Resource(Box<str>, Box<str>),
}

/// Which page of what the filters leave; messages are in the order of the log in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageAt {
    First,
    After(MessageId),
    Last,
    Before(MessageId),
}

impl ArchiveQuery {
    /// The longest page, and the most ids in one question.
    pub const MAX: u32 = 100;

    /// The first page of a whole log.
    pub fn new(log: Log) -> Self {
        Self {
            log,
            floor: Seq(0),
            start: None,
            end: None,
            after: None,
            before: None,
            with: None,
            wording: None,
            ids: Vec::new(),
            page: PageAt::First,
            max: Self::MAX,
            counts: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<M = ArchivedMessage> {
    pub messages: Vec<M>,
    /// There is nothing behind this page in the direction of paging.
    pub is_complete: bool,
    /// How many messages the filters leave.
    pub total: Option<u64>,
    /// How many of them come before this page.
    pub index: Option<u64>,
}

impl<M> Page<M> {
    /// The same page of what its messages are made into.
    pub(super) fn map<N>(self, make: impl FnMut(&M) -> Result<N, StoreError>) -> Result<Page<N>, StoreError> {
        let Self { messages, is_complete, total, index } = self;
        Ok(Page { messages: messages.iter().map(make).collect::<Result<_, _>>()?, is_complete, total, index })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedMessage {
    pub id: MessageId,
    pub at: Timestamp,
    pub author: Author,
    /// Without text and payload where there is a tombstone.
    pub content: Content,
    pub kind: ArchivedKind,
    pub tombstone: Option<Tombstone>,
}

/// A message of an account's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedLetter {
    pub id: MessageId,
    pub at: Timestamp,
    pub letter: Letter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivedKind {
    Post,
    Subject(Box<str>),
    Retraction { target: MessageId, is_moderation: bool, reason: Box<str> },
}

/// The two ends of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveEnds {
    pub first: (MessageId, Timestamp),
    pub last: (MessageId, Timestamp),
}
