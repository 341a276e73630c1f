//! Whose sessions end when the rights outside of rooms change, whoever changed them and whatever the bus lost.

use std::collections::VecDeque;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::admin::scene::{administration, here};
use crate::bus::Bus;
use crate::chat::id::Timestamp;
use crate::chat::settings::Settings;
use crate::fanout::mailbox::Item;
use crate::room;
use crate::store::account::NewAccount;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;
use crate::store::{Options, Store};

/// A member on which nobody tells of revocations, with one account.
struct Scene {
    store: Store,
    directory: Directory,
    sessions: Sessions,
    alice: BareJid,
    account: AccountId,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("perch.db").display());
        let store = Store::open(&url, &Options::new([7; 32])).await.unwrap();
        let (domain, alice) = (address("localhost"), address("alice@localhost"));
        let account = NewAccount { address: alice.clone(), credentials: Vec::new(), digest: None };
        let account = store.add_account(account).await.unwrap();
        let directory = Directory::open(store.clone(), Bus::Local, domain.clone(), here()).await.unwrap();
        let clock = Clock::manual(Timestamp(0));
        let policy = room::Policy {
            is_creation_open: true,
            locks_new_rooms: false,
            defaults: Settings::default(),
            administrators: Vec::new(),
        };
        let (letters, _bag) = room::letters();
        let (bus, rooms_domain) = (Bus::Local, "rooms.localhost");
        let rooms =
            Rooms::new(store.clone(), bus, clock.clone(), rooms_domain, policy, directory.clone(), letters);
        let admin = administration(store.clone(), directory.clone(), rooms.clone(), clock.clone()).await;
        let (foreign, _unserved) = mpsc::channel(1);
        let people = Accounts::new(store.clone(), Bus::Local, clock.clone(), domain.clone(), foreign);
        let policy =
            Policy { administrators: Vec::new(), resumption_time: Duration::from_secs(60), member: None };
        let sessions = Sessions::new(domain, rooms, people, admin, directory.clone(), clock, policy);
        Self { store, directory, sessions, alice, account, _folder: folder }
    }

    async fn set_disabled(&self, is_disabled: bool) {
        let deed =
            Deed::SetAccountDisabled { account: self.account, address: self.alice.clone(), is_disabled };
        self.store.administer(deed, Act::of_the_operator()).await.unwrap();
    }

    async fn open(&self) -> Opened {
        self.sessions.open(&self.alice, None).await.unwrap()
    }
}

fn address(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// Whether a session was ended for want of an account.
fn is_ended(items: &VecDeque<Item>) -> bool {
    items.iter().any(|item| matches!(item, Item::End(Ending::AccountGone)))
}

#[tokio::test]
async fn a_session_ends_when_the_rights_say_that_its_account_counts_no_more() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let following = tokio::spawn(scene.sessions.clone().follow_rights(stop.clone()));
    let mut opened = scene.open().await;
    scene.set_disabled(true).await;
    scene.directory.refresh().await.unwrap();
    let ended = async {
        let mut items = VecDeque::new();
        while !is_ended(&items) {
            opened.inbox.take(&mut items).await.unwrap();
        }
    };
    timeout(Duration::from_secs(10), ended).await.expect("nobody else would end it");
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn a_session_that_begins_too_late_ends_at_once() {
    let scene = Scene::new().await;
    let opens_and_ends = async || {
        let opened = scene.open().await;
        let mut items = VecDeque::new();
        let _ = opened.inbox.try_take(&mut items);
        is_ended(&items)
    };
    scene.set_disabled(true).await;
    scene.directory.refresh().await.unwrap();
    assert!(opens_and_ends().await);
    scene.set_disabled(false).await;
    assert!(!opens_and_ends().await, "what this member does not know yet is looked up");
}
