//! Accounts as rows: a name, whether it may sign in, and the keys that prove a password without holding it.

use std::collections::HashSet;

use perch_address::BareJid;
use tracing::instrument;

use crate::chat::id::AccountId;
use crate::chat::note::RoomName;
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::duty::Duty;
use crate::store::error::StoreError;

impl Store {
    #[instrument(skip_all)]
    pub async fn add_account(&self, account: NewAccount) -> Result<AccountId, DeedError> {
        let ids = self.add_accounts(vec![account], None).await?;
        ids.into_iter().flatten().next().ok_or(DeedError::NameTaken)
    }

    /// Adds many at once; None stands for a name that was taken. When it fails, some may have been added. `duty`: in which
    /// it is done, where it is one.
    #[instrument(skip_all)]
    pub async fn add_accounts(
        &self,
        accounts: Vec<NewAccount>,
        duty: Option<Duty>,
    ) -> Result<Vec<Option<AccountId>>, DeedError> {
        match self {
            Self::Sqlite(engine) => Ok(engine.add_accounts(accounts).await?),
            Self::Postgres(engine) => engine.add_accounts(accounts, duty).await,
            #[cfg(feature = "simulation")]
            Self::Model(_) => Err(StoreError::Unavailable.into()),
        }
    }

    /// The account of this localpart, with what a sign-in needs.
    #[instrument(skip_all)]
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        ask_lasting!(self, engine => engine.account(name).await)
    }

    /// By what that account signs in with Digest.
    #[instrument(skip_all)]
    pub async fn digest_keys(&self, account: AccountId) -> Result<Option<DigestKeys>, StoreError> {
        ask_lasting!(self, engine => engine.digest_keys(account).await)
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

    /// The rooms in whose lists somebody has a right.
    #[instrument(skip_all)]
    pub async fn rooms_listing(&self, address: &BareJid) -> Result<Vec<RoomName>, StoreError> {
        ask_lasting!(self, engine => engine.rooms_listing(address).await)
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
    pub digest: Option<DigestKeys>,
}

/// The addresses of those that were added: that have an id.
pub(super) fn addresses_of<'a>(accounts: &'a [NewAccount], ids: &[Option<AccountId>]) -> Vec<&'a BareJid> {
    let added = accounts.iter().zip(ids).filter(|(_, id)| id.is_some());
    added.map(|(account, _)| &account.address).collect()
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

/// The password's hashes for Digest (RFC 7616 §3.4.2: H(A1)), with the localpart for the user and the domain for the
/// realm. An account whose keys another server derived has none.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestKeys {
    pub sha256: [u8; 32],
    /// Of SHA-512/256 (FIPS 180-4 §5.3.6.2).
    pub sha512_256: [u8; 32],
    /// If the operator took it when the password was set.
    pub md5: Option<Md5Keys>,
}

/// The same of MD5, for clients that know nothing else: they give their user's name in either way.
#[derive(Clone, PartialEq, Eq)]
pub struct Md5Keys {
    /// With the localpart.
    pub of_name: [u8; 16],
    /// With the whole address.
    pub of_address: [u8; 16],
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

impl std::fmt::Debug for DigestKeys {
    /// Whoever holds these can sign in by Digest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigestKeys")
    }
}

impl std::fmt::Debug for Md5Keys {
    /// The same is true of these.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Md5Keys")
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
