//! Opening and closing.

use perch::store::error::OpenError;
use perch::store::{Options, Store};

use crate::Place;
use crate::scene::account;

pub(crate) async fn what_was_written_is_there_after_a_restart(place: Place) {
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

pub(crate) async fn a_second_process_is_kept_out(place: Place) {
    let store = place.open().await;
    let second = Store::open(&place.url(), &Options::new([8; 32])).await;
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    store.close().await;
    place.open().await;
}
