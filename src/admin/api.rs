//! The operations, each with its caller: what the caller may do is decided here, before anything is looked up.

pub mod messages;
pub mod rooms;

use perch_address::nickname::PasswordError;
use perch_address::{AddressError, BareJid};
use thiserror::Error;
use tracing::info;

use crate::auth::{Accounts, AddError, ChangeError, Secret};
use crate::pool::{MemberStatus, Pool, PoolError};
use crate::room::Rooms;
use crate::store::database::Database;
use crate::store::error::{SearchError, StoreError};
use crate::store::member::MemberState;

/// The administration of this pool; cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin {
    accounts: Accounts,
    pool: Pool,
    rooms: Rooms,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever may open the socket in the data directory: the user that the server runs as, and root.
    Operator,
    /// Somebody signed in.
    Account(BareJid),
}

/// An account as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub address: BareJid,
    pub is_disabled: bool,
}

/// Some of the users, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    pub users: Vec<User>,
    /// The name behind which the next page begins, if there is more.
    pub next: Option<String>,
}

/// Why an operation was refused or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AdminError {
    #[error("only administrators may do this")]
    Forbidden,
    #[error("{0}")]
    Address(#[from] AddressError),
    #[error("the address is none of this server's accounts")]
    NotOurs,
    #[error("there is an account of this name")]
    NameTaken,
    #[error("there is no account of this name")]
    NoSuchAccount,
    #[error("{0}")]
    Password(#[from] PasswordError),
    #[error("there is no member of this name in the pool")]
    NoSuchMember,
    #[error("it is the last active member: there is no other to take its clients")]
    LastActive,
    #[error("no member can be told to be gone; stop it")]
    NoWish,
    #[error("there is no such room here")]
    NoSuchRoom,
    #[error("no room, user, date or word says which messages")]
    NothingAsked,
    #[error("a date looks like 2026-01-31 or 2026-01-31T12:00:00Z")]
    BadDate,
    #[error("there is no such place to go on from; begin anew")]
    NoSuchPlace,
    #[error("the index is being built; try again when that is done")]
    BeingIndexed,
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Admin {
    pub fn new(accounts: Accounts, pool: Pool, rooms: Rooms) -> Self {
        Self { accounts, pool, rooms }
    }

    /// The members of the pool.
    pub async fn members(&self, caller: &Caller) -> Result<Vec<MemberStatus>, AdminError> {
        self.authorize(caller)?;
        Ok(self.pool.status().await?)
    }

    /// The database of the pool; `None` where the store is embedded.
    pub async fn database(&self, caller: &Caller) -> Result<Option<Database>, AdminError> {
        self.authorize(caller)?;
        Ok(self.pool.database().await?)
    }

    /// Says what a member of the pool is to be. It follows within seconds.
    pub async fn want_member(
        &self,
        caller: &Caller,
        name: &str,
        state: MemberState,
    ) -> Result<MemberStatus, AdminError> {
        self.authorize(caller)?;
        if state == MemberState::Gone {
            return Err(AdminError::NoWish);
        }
        self.pool.want(name, state).await?;
        info!(member = name, ?caller, state = state.as_str(), "a member of the pool is to change");
        let members = self.pool.status().await?;
        members.into_iter().find(|status| *status.member.name == *name).ok_or(AdminError::NoSuchMember)
    }

    /// Adds an account. `address` may be the name alone.
    pub async fn add_user(&self, caller: &Caller, address: &str, secret: Secret) -> Result<User, AdminError> {
        self.authorize(caller)?;
        let address = self.address(address)?;
        self.accounts.add(&address, secret).await?;
        info!(%address, ?caller, "an account was added");
        Ok(User { address, is_disabled: false })
    }

    /// The users whose names come after `after`, at most `limit`.
    pub async fn users(
        &self,
        caller: &Caller,
        after: Option<&str>,
        limit: u32,
    ) -> Result<UserPage, AdminError> {
        self.authorize(caller)?;
        let limit = limit.clamp(1, PAGE_MAX);
        // One more than asked for tells whether there is more.
        let mut entries = self.accounts.page(after, limit + 1).await?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().filter(|_| has_more).map(|entry| entry.name.to_string());
        let users = entries.into_iter().map(|entry| {
            let address = self.address(&entry.name)?;
            Ok(User { address, is_disabled: entry.is_disabled })
        });
        Ok(UserPage { users: users.collect::<Result<_, AdminError>>()?, next })
    }

    /// Replaces what proves the account; its sessions end.
    pub async fn change_secret(
        &self,
        caller: &Caller,
        address: &str,
        secret: Secret,
    ) -> Result<BareJid, AdminError> {
        self.authorize(caller)?;
        let address = self.address(address)?;
        self.accounts.change(&address, secret, None).await?;
        info!(%address, ?caller, "an account has a new password");
        Ok(address)
    }

    /// Lets the account sign in, or no longer; in that case its sessions end.
    pub async fn set_user_disabled(
        &self,
        caller: &Caller,
        address: &str,
        is_disabled: bool,
    ) -> Result<User, AdminError> {
        self.authorize(caller)?;
        let address = self.address(address)?;
        self.accounts.set_disabled(&address, is_disabled).await?;
        info!(%address, ?caller, is_disabled, "an account was disabled or enabled");
        Ok(User { address, is_disabled })
    }

    /// Removes the account; its sessions end. Whoever gets the name next inherits no rights.
    pub async fn remove_user(&self, caller: &Caller, address: &str) -> Result<BareJid, AdminError> {
        self.authorize(caller)?;
        let address = self.address(address)?;
        self.accounts.remove(&address).await?;
        info!(%address, ?caller, "an account was removed");
        Ok(address)
    }

    /// The one place where rights to administer are decided.
    fn authorize(&self, caller: &Caller) -> Result<(), AdminError> {
        match caller {
            Caller::Operator => Ok(()),
            Caller::Account(address) if self.accounts.is_admin(address) => Ok(()),
            Caller::Account(_) => Err(AdminError::Forbidden),
        }
    }

    /// The account that `text` means: a whole address of this server's, or a name.
    fn address(&self, text: &str) -> Result<BareJid, AdminError> {
        let domain = self.accounts.domain().domain();
        let address = match text.contains('@') {
            true => BareJid::new(text)?,
            false => BareJid::from_parts(Some(text), domain)?,
        };
        if address.local().is_some() && address.domain() == domain {
            Ok(address)
        } else {
            Err(AdminError::NotOurs)
        }
    }
}

impl From<SearchError> for AdminError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::ItemNotFound => Self::NoSuchPlace,
            SearchError::BeingIndexed => Self::BeingIndexed,
            SearchError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PoolError> for AdminError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::NoSuchMember => Self::NoSuchMember,
            PoolError::LastActive => Self::LastActive,
            PoolError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AddError> for AdminError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::NotOurs => Self::NotOurs,
            AddError::NameTaken => Self::NameTaken,
            AddError::Password(error) => Self::Password(error),
            AddError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for AdminError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NoSuchAccount => Self::NoSuchAccount,
            ChangeError::Password(error) => Self::Password(error),
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

/// The longest page of a list.
pub const PAGE_MAX: u32 = 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::auth::{GuessLimits, Policy, Registration};
    use crate::bus::Bus;
    use crate::chat::event::Change;
    use crate::chat::id::Timestamp;
    use crate::chat::message::{Author, Content, Payload, Retention};
    use crate::chat::note;
    use crate::chat::settings::Settings;
    use crate::chat::words::Wording;
    use crate::clock::Clock;
    use crate::pool::ReturnTimes;
    use crate::store::room::NewRoom;
    use crate::store::room_search::RoomSearch;
    use crate::store::search::Order;
    use crate::store::{Options, Store};

    async fn admin() -> (Admin, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("perch.db").display());
        let store = Store::open(&url, &Options::new([7; 32])).await.unwrap();
        let policy = Policy {
            registration: Registration::Off,
            admins: vec![BareJid::new("root@localhost").unwrap()],
            guesses: GuessLimits { per_account_and_minute: 10, per_address_and_minute: 10 },
        };
        let localhost = BareJid::new("localhost").unwrap();
        let clock = Clock::manual(Timestamp(0));
        let me = note::Member { name: "perch".into(), incarnation: store.incarnation() };
        let times = ReturnTimes { sessions: Duration::ZERO, seats: Duration::ZERO };
        let pool = Pool::join(store.clone(), Bus::Local, clock.clone(), me, times).await.unwrap();
        let (letters, _unread) = tokio::sync::mpsc::channel(1);
        let rules = crate::room::Policy {
            is_creation_open: true,
            locks_new_rooms: false,
            defaults: Settings::default(),
        };
        let rooms = Rooms::new(store.clone(), Bus::Local, clock.clone(), "rooms.localhost", rules, letters);
        let accounts = Accounts::new(store, localhost, policy, clock);
        (Admin::new(accounts, pool, rooms), directory)
    }

    #[tokio::test]
    async fn only_administrators_administer() {
        let (admin, _directory) = admin().await;
        let secret = || Secret::Password("x".to_owned());
        let account = |name: &str| Caller::Account(BareJid::new(name).unwrap());
        for caller in [account("alice@localhost"), account("root@other.example")] {
            let refused = Some(AdminError::Forbidden);
            assert_eq!(admin.add_user(&caller, "bob", secret()).await.err(), refused);
            assert_eq!(admin.users(&caller, None, 10).await.err(), refused);
            assert_eq!(admin.change_secret(&caller, "bob", secret()).await.err(), refused);
            assert_eq!(admin.set_user_disabled(&caller, "bob", true).await.err(), refused);
            assert_eq!(admin.remove_user(&caller, "bob").await.err(), refused);
            let filter = messages::MessageFilter { rooms: vec!["tea".into()], ..Default::default() };
            let remove = &messages::Removal::WhatIf;
            assert_eq!(admin.remove_messages(&caller, &filter, remove, None).await.err(), refused);
            assert_eq!(admin.clear_room(&caller, "tea", Timestamp(0), true).await.err(), refused);
            assert_eq!(admin.members(&caller).await.err(), refused);
            assert_eq!(admin.database(&caller).await.err(), refused);
            assert_eq!(admin.want_member(&caller, "perch", MemberState::Active).await.err(), refused);
        }
        for (caller, name) in [(Caller::Operator, "bob"), (account("root@localhost"), "carol")] {
            let user = admin.add_user(&caller, name, secret()).await.unwrap();
            assert_eq!(user.address.local(), Some(name));
        }
    }

    /// A room in which one message was said.
    async fn room(admin: &Admin, at: i64, name: &str, settings: Settings) {
        let by = BareJid::new("owner@localhost").unwrap();
        let author =
            Author { nick: "owner".into(), jid: by.clone(), resource: None, occupant_id: "o".into() };
        let content = Content {
            id: None,
            lang: None,
            text: Some(format!("tea in {name}").into()),
            payload: Payload::from("<body>tea</body>".to_owned()),
            retention: Retention::Kept,
        };
        let created = Change::Created { by, settings: Box::new(settings), locked: false };
        let changes = [created, Change::Posted { author, content }].into();
        let at = Timestamp(at);
        let new = NewRoom { name: name.into(), secret: [1; 32], changes, at, origin: None };
        admin.rooms.store().create_room(new).await.unwrap();
    }

    #[tokio::test]
    async fn everybody_finds_what_he_may_read_and_no_more() {
        let (admin, _directory) = admin().await;
        room(&admin, 1, "open", Settings::default()).await;
        room(&admin, 2, "closed", Settings { members_only: true, ..Settings::default() }).await;
        room(&admin, 3, "locked", Settings { password: Some("x".into()), ..Settings::default() }).await;
        room(&admin, 4, "hidden", Settings { public: false, ..Settings::default() }).await;
        let alice = Caller::Account(BareJid::new("alice@localhost").unwrap());
        let root = Caller::Account(BareJid::new("root@localhost").unwrap());
        let found = async |caller: &Caller, rooms: &[&str], authors: &[&str]| {
            let filter = messages::MessageFilter {
                rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
                wording: Some(Wording::typed("TEA")),
                authors: authors.iter().map(|author| BareJid::new(author).unwrap()).collect(),
                ..Default::default()
            };
            let page = admin.search_messages(caller, &filter, Order::OldestFirst, None, 10).await?;
            let shown = page.messages.iter().map(|message| {
                format!("{} {}", message.text, if message.author.is_some() { "+" } else { "-" })
            });
            Ok::<_, AdminError>(shown.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(found(&alice, &[], &[]).await, Ok("tea in open -".to_owned()));
        assert_eq!(found(&alice, &["closed"], &[]).await, Err(AdminError::Forbidden));
        assert_eq!(found(&alice, &["open", "locked"], &[]).await, Err(AdminError::Forbidden));
        // Who knows where it is may enter it.
        assert_eq!(found(&alice, &["hidden"], &[]).await, Ok("tea in hidden -".to_owned()));
        assert_eq!(found(&alice, &["none"], &[]).await, Err(AdminError::NoSuchRoom));
        assert_eq!(found(&alice, &[], &["owner@localhost"]).await, Err(AdminError::Forbidden));
        let all = "tea in open +, tea in closed +, tea in locked +, tea in hidden +";
        for caller in [&root, &Caller::Operator] {
            assert_eq!(found(caller, &[], &["owner@localhost"]).await, Ok(all.to_owned()));
        }
        assert_eq!(found(&root, &["closed"], &[]).await, Ok("tea in closed +".to_owned()));
        let rooms = async |caller: &Caller| {
            let page = admin.search_rooms(caller, RoomSearch::default(), None, 10).await.unwrap();
            page.rooms.len()
        };
        assert_eq!((rooms(&alice).await, rooms(&root).await), (3, 4));
    }

    #[tokio::test]
    async fn pages_follow_one_another_to_the_end() {
        let (admin, _directory) = admin().await;
        for name in ["a", "b", "c"] {
            admin.add_user(&Caller::Operator, name, Secret::Keys(Vec::new())).await.unwrap();
        }
        let page = async |after: Option<&str>, limit| {
            let page = admin.users(&Caller::Operator, after, limit).await.unwrap();
            (page.users.len(), page.next)
        };
        assert_eq!(page(None, 2).await, (2, Some("b".to_owned())));
        assert_eq!(page(Some("b"), 2).await, (1, None));
        assert_eq!(page(None, 3).await, (3, None));
        assert_eq!(page(None, 0).await, (1, Some("a".to_owned())), "a page of nothing would never end");
    }
}
