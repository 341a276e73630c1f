//! What is asked about accounts' logs and what follows from them.

use std::time::Duration;

use perch_address::{BareJid, Jid};
use thiserror::Error;
use tracing::instrument;

use crate::chat::account::contact::Contact;
use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange, AccountEvent};
use crate::chat::account::node::{Item, Node};
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Seq, Timestamp};
use crate::chat::message::Payload;
use crate::store::Store;
use crate::store::error::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccountAppendError {
    /// The account was removed.
    #[error("there is no such account")]
    Gone,
    /// An append with this origin was written before, or this input was answered; nothing of this one was.
    #[error("this was already written")]
    AlreadyDone,
    /// The log has moved on since this was decided; nothing was written.
    #[error("the account has changed meanwhile")]
    Stale,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account with what was said to it and is not known to have reached a device.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedAccount {
    pub snapshot: AccountSnapshot,
    pub waiting: Vec<Seq>,
    /// What it has still to answer.
    pub inputs: Vec<AccountEvent>,
}

/// What an account keeps about itself beside its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNote {
    pub delivered: Seq,
    pub last_seen: Option<(Timestamp, Box<str>)>,
}

/// Which items of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemChoice {
    Ids(Vec<Box<str>>),
    /// The newest so many.
    Newest(u32),
}

/// The newest item of a node, with what decides who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastItem {
    /// The localpart of its owner.
    pub owner: Box<str>,
    pub node: Node,
    pub item: Item,
    /// What the owner knows of who asks.
    pub contact: Option<Contact>,
    /// The owner wants to hear nothing of who asks.
    pub is_blocked: bool,
}

/// Accounts' logs and projections.
impl Store {
    /// The account of this address as its projections stand, all at one `seq`.
    #[instrument(skip_all)]
    pub async fn load_account(&self, jid: &BareJid) -> Result<Option<LoadedAccount>, StoreError> {
        ask_lasting!(self, engine => engine.load_account(jid).await)
    }

    /// Appends to one or several accounts' logs in one transaction: all or nothing. The answers are in the order of
    /// the appends; appends that are handed in one after the other are written in that order.
    #[instrument(skip_all)]
    pub async fn append_accounts(
        &self,
        appends: Vec<AccountAppend>,
        at: Timestamp,
    ) -> Result<Vec<AccountAppended>, AccountAppendError> {
        ask_lasting!(self, engine => engine.append_accounts(appends, at).await)
    }

    /// Entries of a log behind `after`, oldest first.
    #[instrument(skip_all)]
    pub async fn account_events(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        ask_lasting!(self, engine => engine.account_events(account, after, limit).await)
    }

    /// Of these accounts those whose log is ahead of what is known of it, with where it is.
    #[instrument(skip_all)]
    pub async fn accounts_ahead(
        &self,
        known: &[(AccountId, Seq)],
    ) -> Result<Vec<(AccountId, Seq)>, StoreError> {
        ask_lasting!(self, engine => engine.accounts_ahead(known).await)
    }

    /// Messages to the account behind `after`, oldest first.
    #[instrument(skip_all)]
    pub async fn letters(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        ask_lasting!(self, engine => engine.letters(account, after, limit).await)
    }

    /// Writes down what may be lost without harm; with what others have to write down at the time.
    #[instrument(skip_all)]
    pub async fn note_account(&self, account: AccountId, note: AccountNote) -> Result<(), StoreError> {
        ask_lasting!(self, engine => engine.note_account(account, note).await)
    }

    #[instrument(skip_all)]
    pub async fn vcard(&self, account: AccountId) -> Result<Option<Payload>, StoreError> {
        ask_lasting!(self, engine => engine.vcard(account).await)
    }

    /// XEP-0049: what was put under this element name.
    #[instrument(skip_all)]
    pub async fn private_xml(
        &self,
        account: AccountId,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Payload>, StoreError> {
        ask_lasting!(self, engine => engine.private_xml(account, namespace, name).await)
    }

    /// Items of a node, oldest first.
    #[instrument(skip_all)]
    pub async fn node_items(
        &self,
        account: AccountId,
        node: &str,
        choice: &ItemChoice,
    ) -> Result<Vec<Item>, StoreError> {
        ask_lasting!(self, engine => engine.node_items(account, node, choice).await)
    }

    /// The newest items of these nodes of these owners, by localpart, for `viewer` to be sent as far as he may.
    #[instrument(skip_all)]
    pub async fn last_items(
        &self,
        viewer: &BareJid,
        owners: &[Box<str>],
        nodes: &[Box<str>],
    ) -> Result<Vec<LastItem>, StoreError> {
        ask_lasting!(self, engine => engine.last_items(viewer, owners, nodes).await)
    }

    /// Takes out of the logs what nobody may need any more. Says how much it was.
    #[instrument(skip_all)]
    pub async fn expire_account_events(&self, now: Timestamp) -> Result<u64, StoreError> {
        ask_lasting!(self, engine => engine.expire_account_events(now).await)
    }
}

/// The address at the other end of a message.
pub(super) fn peer_of(change: &AccountChange) -> Option<&Jid> {
    match change {
        AccountChange::Sent(letter) => Some(&letter.to),
        AccountChange::Received(letter) => Some(&letter.from),
        _ => None,
    }
}

pub(super) fn is_archived(change: &AccountChange) -> bool {
    matches!(change, AccountChange::Sent(letter) | AccountChange::Received(letter) if letter.is_archived)
}

/// The text of a message.
pub(super) fn body_of(change: &AccountChange) -> Option<&str> {
    match change {
        AccountChange::Sent(letter) | AccountChange::Received(letter) => letter.content.text.as_deref(),
        _ => None,
    }
}

/// What the archive does not show stays so long in the log, for the sessions that are to see it and for who catches up.
pub(super) const UNARCHIVED_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Messages that may wait for one account (the rules have the same bound).
pub(super) const WAITING_MAX: u32 = 10_000;
/// Removed contacts that are remembered (the rules have the same bound).
pub(super) const REMOVED_MAX: u32 = 256;
