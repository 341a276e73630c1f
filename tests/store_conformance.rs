//! What every store must do, whatever its engine: one body a rule, run on each.

use perch::store::account::{NewAccount, ScramHash, ScramRow};
use perch::store::error::{AddAccountError, OpenError};
use perch::store::{Options, Store};

/// A place for a store that is gone with the test.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn sqlite() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.directory.path().join("store.db").display())
    }

    async fn open(&self) -> Store {
        Store::open(&self.url(), &Options::new([7; 32])).await.unwrap()
    }
}

/// One test an engine for each body.
macro_rules! on_every_engine {
    ($($rule:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::Place::sqlite()).await;
            })*
        }
    };
}

on_every_engine! {
    accounts_are_added_read_and_removed
    many_accounts_are_added_at_once
    what_was_written_is_there_after_a_restart
    a_second_process_is_kept_out
}

async fn accounts_are_added_read_and_removed(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    assert_eq!(store.add_account(account("alice")).await, Err(AddAccountError::NameTaken));
    let bob = store.add_account(account("bob")).await.unwrap();

    let found = store.account("alice").await.unwrap().unwrap();
    assert_eq!((found.id, found.is_disabled), (alice, false));
    assert_eq!(found.credentials, account("alice").credentials);
    assert_eq!(store.account("carol").await.unwrap(), None);

    let names = |entries: Vec<perch::store::account::AccountEntry>| {
        entries.into_iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(store.accounts(None, 10).await.unwrap()), ["alice", "bob"]);
    assert_eq!(names(store.accounts(Some("alice"), 10).await.unwrap()), ["bob"]);
    assert_eq!(names(store.accounts(None, 1).await.unwrap()), ["alice"]);

    assert!(store.set_credentials(bob, Vec::new()).await.unwrap());
    assert_eq!(store.account("bob").await.unwrap().unwrap().credentials, []);
    assert!(store.set_account_disabled(bob, true).await.unwrap());
    assert!(store.account("bob").await.unwrap().unwrap().is_disabled);

    assert!(store.remove_account(bob).await.unwrap());
    assert!(!store.remove_account(bob).await.unwrap());
    assert!(!store.set_credentials(bob, account("bob").credentials).await.unwrap());
    let again = store.add_account(account("bob")).await.unwrap();
    assert!(again > bob, "an id is never given twice");
    assert_eq!(store.account_count().await.unwrap(), 2);
}

async fn many_accounts_are_added_at_once(place: Place) {
    let store = place.open().await;
    store.add_account(account("user17")).await.unwrap();
    let many = (0..250).map(|n| account(&format!("user{n}"))).collect();
    let ids = store.add_accounts(many).await.unwrap();
    assert_eq!(ids.len(), 250);
    let refused: Vec<usize> = (0..250).filter(|&n| ids[n].is_none()).collect();
    assert_eq!(refused, [17]);
    assert_eq!(store.account_count().await.unwrap(), 250);
}

async fn what_was_written_is_there_after_a_restart(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let (incarnation, secret) = (store.incarnation(), *store.secret());
    store.close().await;
    assert!(store.add_account(account("bob")).await.is_err(), "a closed store takes nothing");

    let store = Store::open(&place.url(), &Options::new([8; 32])).await.unwrap();
    assert_eq!(store.account("alice").await.unwrap().unwrap().id, alice);
    assert!(store.incarnation() > incarnation);
    assert_eq!(*store.secret(), secret, "the secret is made once");
}

async fn a_second_process_is_kept_out(place: Place) {
    let store = place.open().await;
    let second = Store::open(&place.url(), &Options::new([8; 32])).await;
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    store.close().await;
    place.open().await;
}

fn account(name: &str) -> NewAccount {
    let row = |hash, size| ScramRow {
        hash,
        iterations: 4096,
        salt: name.as_bytes().into(),
        stored_key: vec![1; size].into(),
        server_key: vec![2; size].into(),
    };
    NewAccount {
        name: name.into(),
        credentials: vec![row(ScramHash::Sha1, 20), row(ScramHash::Sha256, 32), row(ScramHash::Sha512, 64)],
    }
}
