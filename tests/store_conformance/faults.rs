//! What a store does when it cannot do what it should. The embedded engine's alone: others fail elsewhere.

use std::collections::BTreeSet;

use perch::chat::id::{Seq, Timestamp};
use perch::store::error::{AppendError, OpenError, StoreError};
use perch::store::{Options, Store};
use sqlx::{ConnectOptions, Connection};

use crate::Place;
use crate::scene::{append, make, post};

pub(crate) async fn a_full_store_acknowledges_nothing_and_heals(place: Place) {
    let store = place.open_with(&Options { pages_max: Some(160), ..Options::new([7; 32]) }).await;
    let room = make(&store, "tea").await;
    let text = "long ".repeat(500);
    let mut acknowledged = BTreeSet::new();
    loop {
        match append(&store, &room, [post("alice", &text)]).await {
            Ok(appended) => acknowledged.insert(appended.first),
            Err(AppendError::Store(StoreError::NoSpace)) => break,
            Err(other) => panic!("{other:?}"),
        };
        assert!(acknowledged.len() < 1_000, "the limit was never met");
    }
    let jobs = (0..20).map(|_| append(&store, &room, [post("alice", &text)]));
    for refused in futures_util::future::join_all(jobs).await {
        assert_eq!(refused, Err(AppendError::Store(StoreError::NoSpace)));
    }
    let read = || async {
        let log = store.events_after(room.id, room.seq, 1_000).await.unwrap();
        log.into_iter().map(|event| event.seq).collect::<BTreeSet<_>>()
    };
    assert_eq!(read().await, acknowledged, "all that was acknowledged, and nothing else");
    assert_eq!(store.load_room("tea").await.unwrap().unwrap().seq, *acknowledged.last().unwrap());

    // Room is made, and the same handle goes on.
    assert!(store.purge(room.id, Timestamp(2_000)).await.unwrap() > 0);
    let next = append(&store, &room, [post("alice", &text)]).await.unwrap();
    assert_eq!(next.first, Seq(acknowledged.last().unwrap().0 + 1));
}

pub(crate) async fn a_newer_store_is_left_alone(place: Place) {
    place.open().await.close().await;
    let mut connection = connect(&place).await;
    sqlx::raw_sql("PRAGMA user_version = 999").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(place.path()).unwrap();

    let refused = Store::open(&place.url(), &Options::new([7; 32])).await.unwrap_err();
    assert!(matches!(refused, OpenError::TooNew { found: 999, .. }), "{refused:?}");
    assert!(refused.to_string().contains("newer"), "{refused}");
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

pub(crate) async fn a_file_that_is_no_store_is_left_alone(place: Place) {
    std::fs::write(place.path(), "a letter to my mother, and quite a long one").unwrap();
    let refused = Store::open(&place.url(), &Options::new([7; 32])).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs(_)), "{refused:?}");
    assert!(std::fs::read_to_string(place.path()).unwrap().starts_with("a letter"));

    std::fs::remove_file(place.path()).unwrap();
    let mut connection = connect(&place).await;
    sqlx::raw_sql("CREATE TABLE theirs (a)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = Store::open(&place.url(), &Options::new([7; 32])).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs(_)), "another program's database: {refused:?}");
    let elsewhere = Store::open("mysql://localhost", &Options::new([7; 32])).await.unwrap_err();
    assert!(matches!(elsewhere, OpenError::UnknownEngine(_)), "{elsewhere:?}");
}

/// What a kill leaves is the database and its log as they are at that moment, without a word of farewell.
pub(crate) async fn a_killed_server_loses_nothing_acknowledged(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let mut last = room.seq;
    for _ in 0..20 {
        last = append(&store, &room, [post("alice", "hi")]).await.unwrap().first;
    }
    let corpse = Place::sqlite();
    for end in ["", "-wal"] {
        let file = |place: &Place| format!("{}{end}", place.path().display());
        std::fs::copy(file(&place), file(&corpse)).unwrap();
    }
    let risen = corpse.open().await;
    assert_eq!(risen.load_room("tea").await.unwrap().unwrap().seq, last);
    assert_eq!(risen.events_after(room.id, Seq(0), 100).await.unwrap().len(), 23);
}

async fn connect(place: &Place) -> sqlx::SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(place.path())
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}
