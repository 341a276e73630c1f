//! Accounts as rows: a name, whether it may sign in, and the keys that prove a password without holding it.

use std::collections::HashSet;

use perch_address::BareJid;
use tracing::instrument;

use crate::chat::id::AccountId;
use crate::chat::note::RoomName;
use crate::store::Store;
use crate::store::error::{AddAccountError, StoreError};

impl Store {
    #[instrument(skip_all)]
    pub async fn add_account(&self, account: NewAccount) -> Result<AccountId, AddAccountError> {
        ask_lasting!(self, engine => engine.add_account(account).await)
    }

    /// Adds many at once; None stands for a name that was taken. When it fails, some may have been added.
    #[instrument(skip_all)]
    pub async fn add_accounts(
        &self,
        accounts: Vec<NewAccount>,
    ) -> Result<Vec<Option<AccountId>>, StoreError> {
        ask_lasting!(self, engine => engine.add_accounts(accounts).await)
    }

    /// The account of this localpart, with what a sign-in needs.
    #[instrument(skip_all)]
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        ask_lasting!(self, engine => engine.account(name).await)
    }

    /// In the order of their names, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountEntry>, StoreError> {
        ask_lasting!(self, engine => engine.accounts(after, limit).await)
    }

    /// Which of the addresses have accounts.
    #[instrument(skip_all)]
    pub async fn known_accounts(&self, addresses: &[BareJid]) -> Result<Vec<BareJid>, StoreError> {
        let names: Vec<&str> = addresses.iter().filter_map(BareJid::local).collect();
        let known: Result<HashSet<Box<str>>, StoreError> =
            ask_lasting!(self, engine => engine.known_accounts(&names).await);
        let known = known?;
        let is_known = |address: &&BareJid| address.local().is_some_and(|name| known.contains(name));
        Ok(addresses.iter().filter(is_known).cloned().collect())
    }

    #[instrument(skip_all)]
    pub async fn account_count(&self) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.account_count().await)
    }

    /// Replaces all keys of an account; false when there is no such account.
    #[instrument(skip_all)]
    pub async fn set_credentials(
        &self,
        account: AccountId,
        credentials: Vec<ScramRow>,
    ) -> Result<bool, StoreError> {
        ask_lasting!(self, engine => engine.set_credentials(account, credentials).await)
    }

    /// False when there is no such account. One that is disabled belongs to nothing.
    #[instrument(skip_all)]
    pub async fn set_account_disabled(
        &self,
        account: AccountId,
        address: &BareJid,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        ask_lasting!(self, engine => engine.set_account_disabled(account, address, is_disabled).await)
    }

    /// Removes an account with its keys, its place in groups and units, and what its address may in rooms; None when
    /// there was none. The name may be given again, the id never is. What somebody is kept from stays forbidden to the
    /// name, or he would only have to register anew.
    #[instrument(skip_all)]
    pub async fn remove_account(
        &self,
        account: AccountId,
        address: &BareJid,
    ) -> Result<Option<RemovedAccount>, StoreError> {
        ask_lasting!(self, engine => engine.remove_account(account, address).await)
    }
}

/// An account with what a sign-in needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// The localpart of its address, prepared.
    pub name: Box<str>,
    pub is_disabled: bool,
    pub credentials: Vec<ScramRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    pub address: BareJid,
    pub credentials: Vec<ScramRow>,
}

/// What ended with an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemovedAccount {
    /// Rooms whose lists had its address: they are to be read again.
    pub rooms: Vec<RoomName>,
}

/// An account as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    pub id: AccountId,
    pub name: Box<str>,
    pub is_disabled: bool,
}

impl NewAccount {
    /// What the account is found by.
    pub(super) fn name(&self) -> &str {
        self.address.local().unwrap_or_default()
    }
}

/// The keys of RFC 5802 §3 for one hash function.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramRow {
    pub hash: ScramHash,
    pub iterations: u32,
    pub salt: Box<[u8]>,
    pub stored_key: Box<[u8]>,
    pub server_key: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScramHash {
    Sha1,
    Sha256,
    Sha512,
}

impl ScramHash {
    /// The number under which rows name it.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 256,
            Self::Sha512 => 512,
        }
    }

    pub(super) fn from_number(number: i64) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512].into_iter().find(|hash| hash.number() == number)
    }
}

impl std::fmt::Debug for ScramRow {
    /// The keys open the account to who holds them: they do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramRow")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}
