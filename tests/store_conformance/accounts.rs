//! Accounts and their keys.

use perch::store::account::{AccountEntry, DigestKeys, Md5Keys};
use perch::store::administration::{Deed, DeedError};

use crate::Place;
use crate::scene::{account, act, address};

pub(crate) async fn accounts_are_added_read_and_removed(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    assert_eq!(store.add_account(account("alice")).await, Err(DeedError::NameTaken));
    let bob = store.add_account(account("bob")).await.unwrap();

    let found = store.account("alice").await.unwrap().unwrap();
    assert_eq!((found.id, found.is_disabled), (alice, false));
    assert_eq!(found.credentials, account("alice").credentials);
    assert_eq!(store.account("carol").await.unwrap(), None);

    let names = |entries: Vec<AccountEntry>| {
        entries.into_iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(store.accounts(None, 10).await.unwrap()), ["alice", "bob"]);
    assert_eq!(names(store.accounts(Some("alice"), 10).await.unwrap()), ["bob"]);
    assert_eq!(names(store.accounts(None, 1).await.unwrap()), ["alice"]);

    let administer = async |deed: Deed| store.administer(deed, act()).await;
    assert_eq!(store.digest_keys(bob).await.unwrap(), account("bob").digest);
    let md5 = Md5Keys { of_name: [7; 16], of_address: [8; 16] };
    for md5 in [Some(md5), None] {
        let digest = Some(DigestKeys { sha256: [5; 32], sha512_256: [6; 32], md5 });
        administer(Deed::SetCredentials { account: bob, credentials: Vec::new(), digest: digest.clone() })
            .await
            .unwrap();
        assert_eq!(store.digest_keys(bob).await.unwrap(), digest);
    }
    administer(Deed::SetCredentials { account: bob, credentials: Vec::new(), digest: None }).await.unwrap();
    assert_eq!(store.digest_keys(bob).await.unwrap(), None);
    assert_eq!(store.account("bob").await.unwrap().unwrap().credentials, []);
    administer(Deed::SetAccountDisabled { account: bob, address: address("bob"), is_disabled: true })
        .await
        .unwrap();
    assert!(store.account("bob").await.unwrap().unwrap().is_disabled);

    administer(Deed::RemoveAccount { account: bob, address: address("bob") }).await.unwrap();
    let gone = Err(DeedError::NotThere);
    assert_eq!(administer(Deed::RemoveAccount { account: bob, address: address("bob") }).await, gone);
    let credentials = account("bob").credentials;
    assert_eq!(administer(Deed::SetCredentials { account: bob, credentials, digest: None }).await, gone);
    assert_eq!(administer(Deed::AddAccount(account("alice"))).await, Err(DeedError::NameTaken));
    let again = store.add_account(account("bob")).await.unwrap();
    assert!(again > bob, "an id is never given twice");
    assert_eq!(store.account_count().await.unwrap(), 2);
}

pub(crate) async fn many_accounts_are_added_at_once(place: Place) {
    let store = place.open().await;
    store.add_account(account("user17")).await.unwrap();
    let many = (0..250).map(|n| account(&format!("user{n}"))).collect();
    let ids = store.add_accounts(many, None).await.unwrap();
    assert_eq!(ids.len(), 250);
    let refused: Vec<usize> = (0..250).filter(|&n| ids[n].is_none()).collect();
    assert_eq!(refused, [17]);
    assert_eq!(store.account_count().await.unwrap(), 250);
}
