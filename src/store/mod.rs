//! The store: the logs, what is projected from them, and who may sign in. Nothing is acknowledged before it is
//! committed here.
//!
//! | module | what |
//! |---|---|
//! | [`account`] | accounts and their credentials as rows |
//! | [`account_log`] | what is asked about accounts' logs, rosters and nodes |
//! | [`archive`] | what is asked of an archive |
//! | [`room`] | what is asked about rooms |
//! | [`session`] | signed-in devices as rows |
//! | [`error`] | what can go wrong |
//! | `record` | how a change lies in a log |
//! | `sqlite` | the embedded engine |
//!
//! The set of engines is closed: an `enum`, no trait. Operations are coarse, each is one transaction.

pub mod account;
pub mod account_log;
pub mod archive;
pub mod error;
mod record;
pub mod room;
pub mod session;
mod sqlite;

use std::time::Duration;

use tracing::instrument;

use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{AccountId, Epoch, RoomId, Seq, SessionId, Timestamp};
use crate::chat::snapshot::RoomSnapshot;
use crate::store::account::{Account, AccountEntry, NewAccount, ScramRow};
use crate::store::archive::{ArchiveEnds, ArchiveQuery, ArchivedMessage, Log, Page};
use crate::store::error::{
    AddAccountError, AppendError, ArchiveError, CreateRoomError, OpenError, StoreError,
};
use crate::store::room::{Append, Appended, DetachedRoom, NewRoom, Retained, RoomEntry};
use crate::store::session::{SavedSession, SessionRow};

/// A handle to the store. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    Sqlite(sqlite::Sqlite),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Is every message, join and part also written to the compliance journal?
    pub has_journal: bool,
    /// How many read side by side.
    pub readers: u32,
    /// How long what is not to be kept stays in a log, for those who are to get it still.
    pub transient_lifetime: Duration,
    /// Fresh randomness: the server's own secret, should the store be a new one.
    pub fresh_secret: [u8; 32],
    /// The store is full at so many pages of 4 KiB; None where the disk is the only limit.
    pub pages_max: Option<u32>,
}

impl Options {
    pub fn new(fresh_secret: [u8; 32]) -> Self {
        Self {
            has_journal: false,
            readers: 4,
            transient_lifetime: Duration::from_secs(24 * 60 * 60),
            fresh_secret,
            pages_max: None,
        }
    }
}

/// Opening and closing.
impl Store {
    /// Opens the store at `url`, makes it where there is none, and brings an older one up to date.
    #[instrument(skip_all, err)]
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(sqlite::Sqlite::open(path, options).await?))
            }
            _ => Err(OpenError::UnknownEngine(url.to_owned())),
        }
    }

    /// Ends all writing. What was asked for before is committed, what comes later is refused.
    #[instrument(skip_all)]
    pub async fn close(&self) {
        match self {
            Self::Sqlite(engine) => engine.close().await,
        }
    }

    /// How often this member has opened the store: what an earlier incarnation held is held no more.
    pub fn incarnation(&self) -> i64 {
        match self {
            Self::Sqlite(engine) => engine.incarnation(),
        }
    }

    /// The server's own randomness, made with the store.
    pub fn secret(&self) -> &[u8; 32] {
        match self {
            Self::Sqlite(engine) => engine.secret(),
        }
    }
}

/// Rooms.
impl Store {
    /// Makes a room and writes its first changes.
    #[instrument(skip_all)]
    pub async fn create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        match self {
            Self::Sqlite(engine) => engine.create_room(room).await,
        }
    }

    /// The room of this localpart as its projections stand, all at one `seq`.
    #[instrument(skip_all)]
    pub async fn load_room(&self, name: &str) -> Result<Option<RoomSnapshot>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.load_room(name).await,
        }
    }

    /// Makes a decision true: the log, what follows from it and the journal, all or nothing. Appends of one room that
    /// are handed in one after the other are written in that order.
    #[instrument(skip_all)]
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        match self {
            Self::Sqlite(engine) => engine.append(append).await,
        }
    }

    /// Public rooms that are in service, in the order of their names, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn public_rooms(&self, after: Option<&str>, limit: u32) -> Result<Vec<RoomEntry>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.public_rooms(after, limit).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn room_count(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.room_count().await,
        }
    }

    /// At a start, before anybody is let in: whoever was inside has lost his connection, and leaves at `deadline`
    /// unless he comes back. Says how many there are.
    #[instrument(skip_all)]
    pub async fn detach_seats(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.detach_seats(deadline).await,
        }
    }

    /// Where somebody has to leave unless he comes back, the most urgent room first.
    #[instrument(skip_all)]
    pub async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rooms_with_detached_seats().await,
        }
    }
}

/// Logs and archives.
impl Store {
    /// What happened in a room after `seq`, in order: to catch up and to recover. Messages that were retracted or have
    /// expired are there without text and payload.
    #[instrument(skip_all)]
    pub async fn events_after(&self, room: RoomId, seq: Seq, limit: u32) -> Result<Vec<Event>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.events_after(room, seq, limit).await,
        }
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
        match self {
            Self::Sqlite(engine) => engine.history(room, until, request, limit).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn archive_page(&self, query: ArchiveQuery) -> Result<Page, ArchiveError> {
        match self {
            Self::Sqlite(engine) => engine.archive_page(query).await,
        }
    }

    /// The first and the last message of an archive; None when it is empty.
    #[instrument(skip_all)]
    pub async fn archive_ends(&self, log: Log) -> Result<Option<ArchiveEnds>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.archive_ends(log).await,
        }
    }

    /// One message of a log, kept or not.
    #[instrument(skip_all)]
    pub async fn message(&self, log: Log, seq: Seq) -> Result<Option<ArchivedMessage>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.message(log, seq).await,
        }
    }
}

/// What time takes, and what a restore asks for.
impl Store {
    /// Removes what is older than `below` from a room's log, from its beginning on. Says how much it was.
    #[instrument(skip_all)]
    pub async fn purge(&self, room: RoomId, below: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.purge(room, below).await,
        }
    }

    /// Blanks what was not to be kept and has been there long enough. Says how much it was.
    #[instrument(skip_all)]
    pub async fn expire_messages(&self, now: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.expire_messages(now).await,
        }
    }

    /// The rooms for which [`Store::purge`] has something to do, sooner or later.
    #[instrument(skip_all)]
    pub async fn rooms_with_retention(&self) -> Result<Vec<Retained>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rooms_with_retention().await,
        }
    }

    /// After a restore, before anything is written: ids given from now on are unlike those that were lost.
    #[instrument(skip_all)]
    pub async fn raise_epoch(&self) -> Result<Epoch, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.raise_epoch().await,
        }
    }
}

/// Sessions.
impl Store {
    /// Saves how far sessions are, new ones too. One whose account is gone is passed over.
    #[instrument(skip_all)]
    pub async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.save_sessions(sessions).await,
        }
    }

    /// They have ended, and nobody asks for them again.
    #[instrument(skip_all)]
    pub async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.forget_sessions(sessions).await,
        }
    }

    /// The session whose client was given an id with that hash.
    #[instrument(skip_all)]
    pub async fn session_to_resume(&self, resumption: &str) -> Result<Option<SavedSession>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.session_to_resume(resumption).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.session(id).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<SessionRow>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.sessions_of(account).await,
        }
    }

    /// At a start: the sessions of earlier incarnations have lost their connections, and lapse at `deadline`.
    #[instrument(skip_all)]
    pub async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.detach_sessions(deadline).await,
        }
    }

    /// Forgets those whose deadline has passed. Says how many there were.
    #[instrument(skip_all)]
    pub async fn forget_lapsed_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.forget_lapsed_sessions(now).await,
        }
    }
}

/// Accounts.
impl Store {
    #[instrument(skip_all)]
    pub async fn add_account(&self, account: NewAccount) -> Result<AccountId, AddAccountError> {
        match self {
            Self::Sqlite(engine) => engine.add_account(account).await,
        }
    }

    /// Adds many at once; None stands for a name that was taken. When it fails, some may have been added.
    #[instrument(skip_all)]
    pub async fn add_accounts(
        &self,
        accounts: Vec<NewAccount>,
    ) -> Result<Vec<Option<AccountId>>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.add_accounts(accounts).await,
        }
    }

    /// The account of this localpart, with what a sign-in needs.
    #[instrument(skip_all)]
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.account(name).await,
        }
    }

    /// In the order of their names, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountEntry>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.accounts(after, limit).await,
        }
    }

    #[instrument(skip_all)]
    pub async fn account_count(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.account_count().await,
        }
    }

    /// Replaces all keys of an account; false when there is no such account.
    #[instrument(skip_all)]
    pub async fn set_credentials(
        &self,
        account: AccountId,
        credentials: Vec<ScramRow>,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.set_credentials(account, credentials).await,
        }
    }

    /// False when there is no such account.
    #[instrument(skip_all)]
    pub async fn set_account_disabled(
        &self,
        account: AccountId,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.set_account_disabled(account, is_disabled).await,
        }
    }

    /// Removes an account with its keys; false when there was none. The name may be given again, the id never is.
    #[instrument(skip_all)]
    pub async fn remove_account(&self, account: AccountId) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.remove_account(account).await,
        }
    }
}
