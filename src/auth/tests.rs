//! Accounts over a real store.

use perch_xmpp::sasl::ScramHash;
use tempfile::TempDir;

use super::*;
use crate::chat::id::{AccountId, SessionId, Timestamp};
use crate::clock::Clock;
use crate::store::administration::act::Act;
use crate::store::{Options, Store};

struct Scene {
    accounts: Accounts,
    _directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Registration::Off).await
    }

    async fn with(registration: Registration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("perch.db").display());
        let store = Store::open(&url, &Options::new([7; 32])).await.unwrap();
        let policy = Policy {
            registration,
            admins: vec![address("root@localhost")],
            guesses: GuessLimits { per_account_and_minute: 10, per_address_and_minute: 10 },
            takes_md5: false,
        };
        let clock = Clock::manual(Timestamp(0));
        Self { accounts: Accounts::new(store, address("localhost"), policy, clock), _directory: directory }
    }

    async fn add(&self, name: &str, password: &str) -> Result<AccountId, AddError> {
        self.accounts.add(&address(name), Secret::Password(password.to_owned())).await
    }

    async fn knows(&self, name: &str, password: &str) -> bool {
        let found = self.accounts.sign_in(&address(name)).await.unwrap();
        found.is_some_and(|found| {
            [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512]
                .iter()
                .all(|hash| found.credentials.keys(*hash).is_some_and(|keys| keys.verify_password(password)))
        })
    }
}

fn address(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

#[tokio::test]
async fn what_is_only_tried_ends_no_session() {
    let scene = Scene::new().await;
    let alice = address("alice@localhost");
    scene.add("alice@localhost", "x").await.unwrap();
    let mut revocations = scene.accounts.revocations();
    scene.accounts.remove(&alice, Act { is_trial: true, ..Act::of_the_operator() }).await.unwrap();
    assert!(revocations.try_recv().is_err());
    assert!(scene.knows("alice@localhost", "x").await);
}

#[tokio::test]
async fn a_password_is_verified_as_often_as_anybody_may_guess() {
    let scene = Scene::new().await;
    let alice = address("alice@localhost");
    let account = scene.add("alice@localhost", "correct horse").await.unwrap();
    let peer = "192.0.2.1".parse().unwrap();
    let verify = async |name: &str, password: &str| {
        scene.accounts.verify(&address(name), password.to_owned(), peer).await
    };
    assert_eq!(verify("alice@localhost", "correct horse").await, Ok(account));
    scene.accounts.set_disabled(&alice, true, Act::of_the_operator()).await.unwrap();
    assert_eq!(verify("alice@localhost", "correct horse").await, Err(VerifyError::Wrong));
    for _ in 0..9 {
        assert_eq!(verify("nobody@localhost", "x").await, Err(VerifyError::Wrong));
    }
    let refused = verify("nobody@localhost", "x").await;
    assert_eq!(refused, Err(VerifyError::TooMany(TooManyAttempts)));
}

#[tokio::test]
async fn a_password_proves_by_every_mechanism_and_no_other_does() {
    let scene = Scene::new().await;
    scene.add("alice@localhost", "correct horse").await.unwrap();
    assert!(scene.knows("alice@localhost", "correct horse").await);
    assert!(!scene.knows("alice@localhost", "battery staple").await);
    assert!(!scene.knows("bob@localhost", "correct horse").await);
}

#[tokio::test]
async fn equal_passwords_have_unlike_keys() {
    let scene = Scene::new().await;
    let mut keys = Vec::new();
    for name in ["alice@localhost", "bob@localhost"] {
        scene.add(name, "the same").await.unwrap();
        keys.push(scene.accounts.sign_in(&address(name)).await.unwrap().unwrap().credentials);
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_name_is_given_once_and_here_only() {
    let scene = Scene::new().await;
    scene.add("alice@localhost", "x").await.unwrap();
    assert_eq!(scene.add("alice@localhost", "y").await, Err(AddError::NameTaken));
    assert_eq!(scene.add("alice@other.example", "y").await, Err(AddError::NotOurs));
    assert_eq!(scene.add("localhost", "y").await, Err(AddError::NotOurs));
    assert!(scene.accounts.sign_in(&address("alice@other.example")).await.unwrap().is_none());
}

#[tokio::test]
async fn two_who_want_a_name_at_once_do_not_both_get_it() {
    let scene = Scene::new().await;
    let (one, two) = tokio::join!(scene.add("alice@localhost", "x"), scene.add("alice@localhost", "y"));
    assert!([one, two].contains(&Err(AddError::NameTaken)) && (one.is_ok() || two.is_ok()));
}

#[tokio::test]
async fn a_change_ends_the_sessions_of_the_account() {
    let scene = Scene::new().await;
    let alice = address("alice@localhost");
    let account = scene.add("alice@localhost", "old").await.unwrap();
    let mut revocations = scene.accounts.revocations();
    let new = || Secret::Password("new".to_owned());

    let asker = SessionId(5);
    scene.accounts.change(&alice, new(), Some(asker), Act::of_the_operator()).await.unwrap();
    assert_eq!(revocations.try_recv(), Ok(Revocation { account, spared: Some(asker), rooms: Vec::new() }));
    assert!(scene.knows("alice@localhost", "new").await && !scene.knows("alice@localhost", "old").await);

    scene.accounts.set_disabled(&alice, true, Act::of_the_operator()).await.unwrap();
    assert_eq!(revocations.try_recv(), Ok(Revocation { account, spared: None, rooms: Vec::new() }));
    assert!(scene.accounts.sign_in(&alice).await.unwrap().unwrap().credentials.is_disabled);
    scene.accounts.set_disabled(&alice, false, Act::of_the_operator()).await.unwrap();
    assert!(revocations.try_recv().is_err());

    scene.accounts.remove(&alice, Act::of_the_operator()).await.unwrap();
    assert_eq!(revocations.try_recv(), Ok(Revocation { account, spared: None, rooms: Vec::new() }));
    assert_eq!(
        scene.accounts.change(&alice, new(), None, Act::of_the_operator()).await,
        Err(ChangeError::NoSuchAccount)
    );
    assert_eq!(scene.accounts.remove(&alice, Act::of_the_operator()).await, Err(ChangeError::NoSuchAccount));

    let successor = scene.add("alice@localhost", "new").await.unwrap();
    assert_ne!(successor, account, "the name comes back, the rights do not");
}

#[tokio::test]
async fn what_was_looked_up_before_a_revocation_is_not_current() {
    let scene = Scene::new().await;
    let alice = address("alice@localhost");
    scene.add("alice@localhost", "x").await.unwrap();
    let before = scene.accounts.sign_in(&alice).await.unwrap().unwrap().as_of;
    scene.add("bob@localhost", "x").await.unwrap();
    assert!(scene.accounts.is_current(before));
    scene.accounts.remove(&alice, Act::of_the_operator()).await.unwrap();
    assert!(!scene.accounts.is_current(before));
}

#[tokio::test]
async fn strangers_register_where_they_may() {
    let peer = "192.0.2.1".parse().unwrap();
    let register = async |scene: &Scene, name: &str| {
        scene.accounts.register(&address(name), "x".to_owned(), peer).await.map(drop)
    };
    let closed = Scene::new().await;
    assert_eq!(register(&closed, "alice@localhost").await, Err(RegisterError::Off));
    let open = Scene::with(Registration::Open).await;
    assert_eq!(register(&open, "alice@localhost").await, Ok(()));
    for _ in 0..4 {
        let taken = Err(RegisterError::Add(AddError::NameTaken));
        assert_eq!(register(&open, "alice@localhost").await, taken);
    }
    assert!(matches!(register(&open, "bob@localhost").await, Err(RegisterError::TooMany(_))));
}

#[tokio::test]
async fn strangers_see_the_same_salt_after_a_restart() {
    let scene = Scene::new().await;
    assert_eq!(scene.accounts.decoy(), scene.accounts.decoy());
    assert_eq!(scene.accounts.decoy().secret, [7; 32], "the secret is the store's, not the process's");
}
