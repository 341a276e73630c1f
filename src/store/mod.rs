//! The store: the logs, what is projected from them, and who may sign in. Nothing is acknowledged before it is
//! committed here.
//!
//! | module | what |
//! |---|---|
//! | [`room`] | rooms are made, changed and listed |
//! | [`room_search`] | rooms, found by name and by who stands in their lists |
//! | [`archive`] | logs are read: to catch up, by who comes in, as an archive |
//! | [`journal`] | what compliance reads |
//! | [`member`] | who works on this store |
//! | [`database`] | where a pool's database is, and what follows it |
//! | [`duty`] | what one member does for all |
//! | [`session`] | signed-in devices |
//! | [`account`] | accounts and their credentials |
//! | [`principal`] | whoever rights can be given to, and who belongs where |
//! | [`administration`] | what administrators do, and the log of it |
//! | [`account_log`] | accounts' logs, rosters and nodes |
//! | [`search`] | what was said, found by its words |
//! | [`retention`] | what time takes |
//! | [`error`] | what can go wrong |
//! | `record` | how a change lies in a log |
//! | `index` | how words lie in the index |
//! | `notes` | what accounts write down about themselves, gathered |
//! | `connection` | statements that are the same in all engines |
//! | `row`, `paging`, `fault` | what else is: rows read back, pages of an archive, failures |
//! | `sqlite` | the embedded engine |
//! | `postgres` | the engine of a pool |
//! | `model` | a pool's database as a simulation has it: in memory, and with every fault a network can add |
//!
//! The set of engines is closed: an `enum`, no trait. Operations are coarse, each is one transaction, and stand with
//! their words in one file an aggregate.

/// Puts a question to the engine, whichever it is.
macro_rules! ask {
    ($store:expr, $engine:ident => $answer:expr) => {
        match $store {
            Store::Sqlite($engine) => $answer,
            Store::Postgres($engine) => $answer,
            #[cfg(feature = "simulation")]
            Store::Model($engine) => $answer,
        }
    };
}

/// Puts a question to an engine that lasts. A simulation's has rooms, sessions and members, and nothing else.
macro_rules! ask_lasting {
    ($store:expr, $engine:ident => $answer:expr) => {
        match $store {
            Store::Sqlite($engine) => $answer,
            Store::Postgres($engine) => $answer,
            #[cfg(feature = "simulation")]
            Store::Model(_) => Err(crate::store::error::StoreError::Unavailable.into()),
        }
    };
}

pub mod account;
pub mod account_log;
pub mod administration;
pub mod archive;
mod connection;
pub mod database;
pub mod duty;
pub mod error;
mod fault;
mod index;
pub mod journal;
pub mod member;
#[cfg(feature = "simulation")]
pub mod model;
mod notes;
mod paging;
mod postgres;
pub mod principal;
mod record;
pub mod retention;
pub mod room;
pub mod room_search;
mod row;
pub mod search;
pub mod session;
mod sqlite;

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tracing::instrument;

use crate::clock::Clock;
use crate::store::error::OpenError;

/// A handle to the store. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
    #[cfg(feature = "simulation")]
    Model(model::Model),
}

impl Store {
    /// Opens the store at `url`, makes it where there is none, and brings an older one up to date.
    #[instrument(skip_all, err)]
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        match url.split_once(':') {
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(sqlite::Sqlite::open(path, options).await?))
            }
            Some(("postgres" | "postgresql", _)) => {
                Ok(Self::Postgres(postgres::Postgres::open(url, options).await?))
            }
            _ => Err(OpenError::UnknownEngine(url.to_owned())),
        }
    }

    /// Ends all writing. What was asked for before is committed, what comes later is refused.
    #[instrument(skip_all)]
    pub async fn close(&self) {
        ask!(self, engine => engine.close().await)
    }

    /// How often this member has opened the store: what an earlier incarnation held is held no more.
    pub fn incarnation(&self) -> i64 {
        ask!(self, engine => engine.incarnation())
    }

    /// May several members work on it?
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
            #[cfg(feature = "simulation")]
            Self::Model(_) => true,
        }
    }

    /// For who has something else to do with the database of a pool than to store: how one connects to the host of it
    /// that takes writes now. An embedded store has none.
    pub async fn primary(&self) -> Result<PgConnectOptions, OpenError> {
        match self {
            Self::Sqlite(_) => Err(OpenError::NoPrimary("an embedded store".to_owned())),
            Self::Postgres(engine) => engine.primary().await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Err(OpenError::NoPrimary("a simulated store".to_owned())),
        }
    }

    /// The server's own randomness, made with the store.
    pub fn secret(&self) -> &[u8; 32] {
        ask!(self, engine => engine.secret())
    }
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Is every message, join and part also written to the compliance journal?
    pub has_journal: bool,
    /// How many read side by side.
    pub readers: u32,
    /// How many write side by side, where the engine lets them.
    pub writers: u32,
    /// The name of this member, where several work on one store.
    pub member: Box<str>,
    /// Told the time of the database, where several members go by one.
    pub clock: Clock,
    /// The store was put back from a copy: no id that was given after the copy is given again.
    pub is_restored: bool,
    /// Where clients reach this member, as other members may tell them.
    pub address: Option<Box<str>>,
    /// How long this member is taken to be alive after it was last seen.
    pub lease: Duration,
    /// How long what is not to be kept stays in a log, for those who are to get it still.
    pub transient_lifetime: Duration,
    /// Fresh randomness: the server's own secret, should the store be a new one.
    pub fresh_secret: [u8; 32],
    /// The embedded store is full at so many pages of 4 KiB; None where the disk is the only limit.
    pub pages_max: Option<u32>,
}

impl Options {
    pub fn new(fresh_secret: [u8; 32]) -> Self {
        Self {
            has_journal: false,
            readers: 4,
            writers: 4,
            member: "perch".into(),
            clock: Clock::system(),
            is_restored: false,
            address: None,
            lease: Duration::from_secs(6),
            transient_lifetime: Duration::from_secs(24 * 60 * 60),
            fresh_secret,
            pages_max: None,
        }
    }
}
