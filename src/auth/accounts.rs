//! The accounts of the pool, and what proves that somebody owns one.
//!
//! Invariant: a password is turned into keys here and forgotten; neither store nor log ever sees one.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use perch_address::BareJid;
use perch_address::nickname::{PasswordError, prepare_password};
use perch_xmpp::sasl::scram::SALT_BYTES;
use perch_xmpp::sasl::{Credentials, Decoy, ScramHash, ScramKeys};
use thiserror::Error;
use tokio::sync::{Semaphore, broadcast};
use tracing::{info, warn};

use super::digest;
use super::guesses::{Guesses, TooManyAttempts};
use super::{Policy, Registration};
use crate::chat::id::{AccountId, SessionId};
use crate::chat::note::RoomName;
use crate::clock::Clock;
use crate::directory::Source;
use crate::directory::ldap::DirectoryError;
use crate::store::Store;
use crate::store::account::{
    Account, AccountEntry, DigestKeys, NewAccount, ScramHash as StoredHash, ScramRow,
};
use crate::store::administration::act::Act;
use crate::store::administration::{Deed, DeedError};
use crate::store::error::StoreError;

/// The accounts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    domain: BareJid,
    policy: Arc<Policy>,
    source: Source,
    guesses: Guesses,
    derivations: Arc<Semaphore>,
    revocations: broadcast::Sender<Revocation>,
    /// How many revocations there were.
    revoked: Arc<AtomicU64>,
}

/// The sessions of this account have to end: it was removed, disabled, or has a new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub account: AccountId,
    /// The session that asked for it itself, and may stay.
    pub spared: Option<SessionId>,
    /// Rooms in whose lists it was.
    pub rooms: Vec<RoomName>,
}

/// What a sign-in needs to know of an account.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub account: AccountId,
    pub credentials: Credentials,
    /// Where the directory has it, which then knows the password: it is asked by [`Accounts::ask_directory`].
    pub entry: Option<Box<str>>,
    /// What [`Accounts::is_current`] wants to know later.
    pub as_of: AsOf,
}

/// When something was looked up, as a place among the revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf(u64);

/// What is to prove that somebody owns an account.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Password(String),
    /// Keys that another server derived, taken as they are: whoever moves here keeps the password.
    Keys(Vec<ScramKeys>),
}

/// Why an account was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddError {
    #[error("the address is none of this server's accounts")]
    NotOurs,
    #[error("there is an account of this name")]
    NameTaken,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DeedError> for AddError {
    fn from(error: DeedError) -> Self {
        match error {
            DeedError::Store(error) => Self::Store(error),
            _ => Self::NameTaken,
        }
    }
}

/// Why a stranger got no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RegisterError {
    #[error("accounts are given by the operator only")]
    Off,
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
    #[error(transparent)]
    Add(#[from] AddError),
}

/// Why an account was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChangeError {
    #[error("there is no account of this name")]
    NoSuchAccount,
    #[error("the password is the directory's, and is changed there")]
    OfDirectory,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    #[error("the name or the password is wrong")]
    Wrong,
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
    /// The password is the directory's, which does not answer: nothing was proven, and nothing refuted.
    #[error("the directory cannot be asked right now")]
    Directory,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// The accounts of `domain` that `store` holds.
    pub fn new(store: Store, domain: BareJid, policy: Policy, clock: Clock) -> Self {
        Self {
            store,
            domain,
            guesses: Guesses::new(policy.guesses, clock),
            policy: Arc::new(policy),
            source: Source::Local,
            derivations: Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get))),
            revocations: broadcast::channel(REVOCATIONS).0,
            revoked: Arc::default(),
        }
    }

    /// The same accounts, of which some come from a directory.
    pub fn with_source(self, source: Source) -> Self {
        Self { source, ..self }
    }

    pub fn domain(&self) -> &BareJid {
        &self.domain
    }

    /// How to answer for accounts that do not exist.
    pub fn decoy(&self) -> Decoy {
        Decoy { secret: *self.store.secret(), iterations: ITERATIONS }
    }

    pub fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    /// Those whom the configuration lets administer the server.
    pub fn admins(&self) -> &[BareJid] {
        &self.policy.admins
    }

    /// Whether the account administers the server.
    pub fn is_admin(&self, address: &BareJid) -> bool {
        self.policy.admins.contains(address)
    }

    /// Whether somebody without an account may make one.
    pub fn registration(&self) -> Registration {
        self.policy.registration
    }

    /// Whose sessions have to end, from now on. Whoever lags behind looks all its accounts up again.
    pub fn revocations(&self) -> broadcast::Receiver<Revocation> {
        self.revocations.subscribe()
    }

    pub async fn sign_in(&self, address: &BareJid) -> Result<Option<SignIn>, StoreError> {
        // Before the look-up: what is revoked during it counts as later.
        let as_of = AsOf(self.revoked.load(Ordering::SeqCst));
        let Some(account) = self.find(address).await? else { return Ok(None) };
        let entry = if account.credentials.is_empty() { self.entry(address).await? } else { None };
        Ok(Some(SignIn {
            account: account.id,
            credentials: credentials(account.credentials, account.is_disabled),
            entry,
            as_of,
        }))
    }

    /// Whether Digest with MD5 proves anything.
    pub fn takes_md5(&self) -> bool {
        self.policy.takes_md5
    }

    /// By what that account signs in with Digest; none where its password is the directory's, or was never known here.
    pub async fn digest_keys(&self, account: AccountId) -> Result<Option<DigestKeys>, StoreError> {
        self.store.digest_keys(account).await
    }

    /// Whether the directory takes that password of the entry of that name.
    pub async fn ask_directory(&self, entry: &str, password: &str) -> Result<bool, DirectoryError> {
        match &self.source {
            Source::Local => Ok(false),
            Source::Ldap(ldap) => ldap.authenticate(entry, password).await,
        }
    }

    /// Where the directory has an account.
    async fn entry(&self, address: &BareJid) -> Result<Option<Box<str>>, StoreError> {
        if matches!(self.source, Source::Local) {
            return Ok(None);
        }
        let entry = self.store.principal(address).await?.and_then(|principal| principal.entry);
        Ok(entry.map(|entry| entry.dn).filter(|dn| !dn.is_empty()))
    }

    /// For somebody who has proved himself before, and is still signed in.
    pub fn as_of_now(&self) -> AsOf {
        AsOf(self.revoked.load(Ordering::SeqCst))
    }

    /// Whether nothing was revoked since. A session asks once it can be found by those that end sessions: a client
    /// that proved an old password slowly must not outlive the change of it.
    pub fn is_current(&self, as_of: AsOf) -> bool {
        self.revoked.load(Ordering::SeqCst) == as_of.0
    }

    /// Adds an account for a stranger, where the operator allows it.
    pub async fn register(
        &self,
        address: &BareJid,
        password: String,
        peer: IpAddr,
    ) -> Result<AccountId, RegisterError> {
        if self.policy.registration == Registration::Off {
            return Err(RegisterError::Off);
        }
        self.guesses.registration(peer)?;
        let account = self.add(address, Secret::Password(password)).await?;
        info!(%address, %peer, "an account was registered");
        Ok(account)
    }

    /// Adds an account of which the audit log has nothing: nobody administers when somebody registers.
    pub async fn add(&self, address: &BareJid, secret: Secret) -> Result<AccountId, AddError> {
        let account = self.new_account(address, secret).await?;
        self.store.add_account(account).await.map_err(AddError::from)
    }

    /// Adds an account, as an administrator.
    pub async fn administer_new(&self, address: &BareJid, secret: Secret, act: Act) -> Result<(), AddError> {
        let account = self.new_account(address, secret).await?;
        self.store.administer(Deed::AddAccount(account), act).await?;
        Ok(())
    }

    async fn new_account(&self, address: &BareJid, secret: Secret) -> Result<NewAccount, AddError> {
        let name = self.name(address).ok_or(AddError::NotOurs)?;
        // Looked at first, because deriving keys that nobody will keep is the dear part.
        if self.store.account(name).await?.is_some() {
            return Err(AddError::NameTaken);
        }
        let (digest, credentials) = self.keys(name, secret).await?;
        Ok(NewAccount { address: address.clone(), credentials, digest })
    }

    /// Whose account it is, if the password is right and the account may sign in. Guesses count as those of any sign-in.
    pub async fn verify(
        &self,
        address: &BareJid,
        password: String,
        peer: IpAddr,
    ) -> Result<AccountId, VerifyError> {
        let attempt = self.guesses.attempt(address, peer)?;
        let found = self.sign_in(address).await?;
        let account =
            found.as_ref().filter(|found| !found.credentials.is_disabled).map(|found| found.account);
        let is_right = match found.as_ref().and_then(|found| found.entry.as_deref()) {
            Some(entry) => self.ask_directory(entry, &password).await.map_err(|error| {
                warn!(%address, %error, "a password cannot be tried: the directory cannot be asked");
                VerifyError::Directory
            })?,
            None => self.try_keys(address, password, found.map(|found| found.credentials)).await,
        };
        let account = account.filter(|_| is_right).ok_or(VerifyError::Wrong)?;
        attempt.succeed();
        Ok(account)
    }

    /// Takes as long where there is no such account.
    async fn try_keys(&self, address: &BareJid, password: String, keys: Option<Credentials>) -> bool {
        let (decoy, name) = (self.decoy(), address.local().unwrap_or_default().to_owned());
        let _permit = self.derivations.acquire().await.expect("the semaphore is never closed");
        let verifying = move || decoy.verify_password(&name, &password, keys.as_ref());
        tokio::task::spawn_blocking(verifying).await.expect("trying a password does not panic")
    }

    /// Replaces the keys; sessions that were opened with the old ones end, but for the one that asks.
    pub async fn change(
        &self,
        address: &BareJid,
        secret: Secret,
        asker: Option<SessionId>,
        act: Act,
    ) -> Result<AccountId, ChangeError> {
        let account = self.find(address).await?.ok_or(ChangeError::NoSuchAccount)?.id;
        if self.entry(address).await?.is_some() {
            return Err(ChangeError::OfDirectory);
        }
        let (digest, credentials) = self.keys(address.local().unwrap_or_default(), secret).await?;
        let deed = Deed::SetCredentials { account, credentials, digest };
        self.administer(account, deed, asker, act).await
    }

    /// Lets an account sign in, or no longer.
    pub async fn set_disabled(
        &self,
        address: &BareJid,
        is_disabled: bool,
        act: Act,
    ) -> Result<AccountId, ChangeError> {
        let account = self.find(address).await?.ok_or(ChangeError::NoSuchAccount)?.id;
        let deed = Deed::SetAccountDisabled { account, address: address.clone(), is_disabled };
        self.administer(account, deed, None, act).await
    }

    pub async fn remove(&self, address: &BareJid, act: Act) -> Result<AccountId, ChangeError> {
        let account = self.find(address).await?.ok_or(ChangeError::NoSuchAccount)?.id;
        self.administer(account, Deed::RemoveAccount { account, address: address.clone() }, None, act).await
    }

    /// Does it, and ends the sessions that have no ground any more.
    async fn administer(
        &self,
        account: AccountId,
        deed: Deed,
        spared: Option<SessionId>,
        act: Act,
    ) -> Result<AccountId, ChangeError> {
        let ends_sessions =
            !act.is_trial && !matches!(deed, Deed::SetAccountDisabled { is_disabled: false, .. });
        // Their lists lose his address with him: they are to be read again.
        let rooms = match &deed {
            Deed::RemoveAccount { address, .. } => self.store.rooms_listing(address).await?,
            _ => Vec::new(),
        };
        let done = self.store.administer(deed, act).await;
        // What may have been done ends them too: whoever still has an account signs in again.
        let may_be_done = done.as_ref().err().is_none_or(DeedError::leaves_open);
        if ends_sessions && may_be_done {
            self.revoke(Revocation { account, spared, rooms });
        }
        match done {
            Ok(_) => Ok(account),
            Err(DeedError::Store(error)) => Err(ChangeError::Store(error)),
            Err(_) => Err(ChangeError::NoSuchAccount),
        }
    }

    /// Up to `limit` accounts whose names come after `after`, by name.
    pub async fn page(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccountEntry>, StoreError> {
        self.store.accounts(after, limit).await
    }

    /// The account, if there is one of that address.
    pub async fn find(&self, address: &BareJid) -> Result<Option<Account>, StoreError> {
        match self.name(address) {
            Some(name) => self.store.account(name).await,
            None => Ok(None),
        }
    }

    /// The name under which the store knows an address, if it can be one of ours.
    fn name<'a>(&self, address: &'a BareJid) -> Option<&'a str> {
        address.local().filter(|_| address.domain() == self.domain.domain())
    }

    /// Says that sessions have to end, for what others have done to their account.
    pub fn revoke(&self, revocation: Revocation) {
        self.revoked.fetch_add(1, Ordering::SeqCst);
        // Nobody listening means that nobody is signed in.
        let _ = self.revocations.send(revocation);
    }

    /// Derives keys, at most one derivation a core: each keeps a core busy for milliseconds.
    async fn keys(
        &self,
        name: &str,
        secret: Secret,
    ) -> Result<(Option<DigestKeys>, Vec<ScramRow>), PasswordError> {
        let password = match secret {
            Secret::Keys(keys) => return Ok((None, keys.into_iter().map(row).collect())),
            Secret::Password(password) => password,
        };
        let prepared = prepare_password(&password)?;
        let digest = digest::derive(name, self.domain.domain(), &prepared, self.policy.takes_md5);
        let _permit = self.derivations.acquire().await.expect("the semaphore is never closed");
        let salt: [u8; SALT_BYTES] = rand::random();
        let derived = tokio::task::spawn_blocking(move || Credentials::derive(&password, &salt, ITERATIONS))
            .await
            .expect("deriving keys does not panic")?;
        let keys = [derived.sha1, derived.sha256, derived.sha512];
        Ok((Some(digest), keys.into_iter().flatten().map(row).collect()))
    }
}

/// Keys and passwords stay out of logs.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Keys(_) => "Keys",
        })
    }
}

fn credentials(rows: Vec<ScramRow>, is_disabled: bool) -> Credentials {
    let mut credentials = Credentials { is_disabled, ..Credentials::default() };
    for row in rows {
        let (place, hash) = match row.hash {
            StoredHash::Sha1 => (&mut credentials.sha1, ScramHash::Sha1),
            StoredHash::Sha256 => (&mut credentials.sha256, ScramHash::Sha256),
            StoredHash::Sha512 => (&mut credentials.sha512, ScramHash::Sha512),
        };
        *place = Some(ScramKeys {
            hash,
            iterations: row.iterations,
            salt: row.salt.into(),
            stored_key: row.stored_key.into(),
            server_key: row.server_key.into(),
        });
    }
    credentials
}

fn row(keys: ScramKeys) -> ScramRow {
    ScramRow {
        hash: match keys.hash {
            ScramHash::Sha1 => StoredHash::Sha1,
            ScramHash::Sha256 => StoredHash::Sha256,
            ScramHash::Sha512 => StoredHash::Sha512,
        },
        iterations: keys.iterations,
        salt: keys.salt.into(),
        stored_key: keys.stored_key.into(),
        server_key: keys.server_key.into(),
    }
}

/// The cost of trying a password. RFC 7677 §4 asks for 4096 at least.
const ITERATIONS: u32 = 10_000;

/// Revocations that a slow listener may be behind.
const REVOCATIONS: usize = 1024;
