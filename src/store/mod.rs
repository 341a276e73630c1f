//! The store: the logs, what is projected from them, and who may sign in. Nothing is acknowledged before it is
//! committed here.
//!
//! | module | what |
//! |---|---|
//! | [`account`] | accounts and their credentials as rows |
//! | [`account_log`] | what is asked about accounts' logs, rosters and nodes |
//! | [`error`] | what can go wrong |
//! | `sqlite` | the embedded engine |
//!
//! The set of engines is closed: an `enum`, no trait. Operations are coarse, each is one transaction.

pub mod account;
pub mod account_log;
pub mod error;
mod sqlite;

use std::time::Duration;

use tracing::instrument;

use crate::chat::id::AccountId;
use crate::store::account::{Account, AccountEntry, NewAccount, ScramRow};
use crate::store::error::{AddAccountError, OpenError, StoreError};

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
