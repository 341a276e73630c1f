//! `perch message` and `perch room`, as far as they are about what was said: found, replaced, taken out.

use std::fs;
use std::path::Path;

use perch::chat::event::Change;
use perch::chat::id::Timestamp;
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::settings::Settings;
use perch::store::archive::{ArchiveQuery, Log};
use perch::store::journal::JournalPlace;
use perch::store::room::{Append, NewRoom};
use perch::store::{Options, Store};

use crate::scene::{Scene, config};

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_found_removed_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    with_messages(directory.path(), 250).await;
    let scene = Scene::over(directory, &[("PERCH_COMPLIANCE__JOURNAL", "true")]).await;

    let found = scene.run("message search number CUP --limit 3 --json").await.json();
    let texts: Vec<_> = found.as_array().unwrap().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["cup number 249", "cup number 248", "cup number 247"]);
    let listed = scene.run("message search --phrase number 7 --room tea@rooms.localhost").await;
    assert!(listed.out.contains("bob@localhost") && listed.out.contains("cup number 7"), "{listed:?}");
    scene.run("message search --room coffee").await.check(1, "", "perch: there is no such room here\n");
    let bad = "perch: a date looks like 2026-01-31 or 2026-01-31T12:00:00Z\n";
    scene.run("message search --until yesterday").await.check(1, "", bad);

    let which = "--user bob@localhost --until 2026-01-01T00:03:20Z";
    scene.run(&format!("message remove {which} --what-if")).await.check(
        0,
        "100 messages would be removed\n",
        "",
    );
    scene.run(&format!("message remove {which} --yes")).await.check(0, "100 messages were removed\n", "");
    scene.run(&format!("message remove {which} --yes")).await.check(0, "0 messages were removed\n", "");
    let nothing = "perch: no room, user, date or word says which messages\n";
    scene.run("message remove --yes").await.check(1, "", nothing);
    scene.run("message replace --any 0 2 --yes").await.check(0, "2 messages were replaced\n", "");
    let left = scene.run("message search cup --limit 1000 --json").await.json();
    assert_eq!(left.as_array().unwrap().len(), 148);

    let store_url = format!("sqlite:{}", scene.data_dir().join("perch.db").display());
    let _directory = scene.stop().await;
    let store = Store::open(&store_url, &Options::new([0; 32])).await.unwrap();
    let room = store.load_room("tea").await.unwrap().unwrap();
    let page = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let first = page.messages[0].tombstone.as_ref().unwrap();
    assert_eq!((&*first.reason, first.is_replacement), ("An administrator has replaced this message.", true));
    let entries = store.journal(JournalPlace::default(), 1_000).await.unwrap();
    let originals = entries.iter().filter_map(|entry| entry.original.as_ref()?.text.as_deref());
    assert_eq!(originals.filter(|text| text.starts_with("cup number")).count(), 102, "none is lost");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_found_and_cleared() {
    let directory = tempfile::tempdir().unwrap();
    with_messages(directory.path(), 250).await;
    let scene = Scene::over(directory, &[]).await;

    let found = scene.run("room search two --privacy open --json").await.json();
    let room = serde_json::json!([{
        "address": "tea@rooms.localhost", "name": "Tea for two", "description": "", "privacy": "open",
        "locked": false, "occupants": 0,
    }]);
    assert_eq!(found, room);
    assert_eq!(
        scene.run("room search tea --member alice@localhost --json").await.json(),
        serde_json::json!([])
    );

    let until = "room clear tea --until 2026-01-01T00:03:19Z";
    scene.run(&format!("{until} --what-if")).await.check(0, "200 messages would be removed\n", "");
    scene.run(&format!("{until} --yes")).await.check(0, "200 messages were removed\n", "");
    scene.run(&format!("{until} --yes")).await.check(0, "0 messages were removed\n", "");
    let left = scene.run("message search --room tea --oldest-first --json").await.json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["text"]), (50, &"cup number 200".into()));
    scene.stop().await;
}

/// A room in which two people have said so much, in turn, a second after another from 2026-01-01 on.
async fn with_messages(directory: &Path, count: usize) {
    let data_dir = config(directory, &[]).data_dir;
    fs::create_dir_all(&data_dir).unwrap();
    let url = format!("sqlite:{}", data_dir.join("perch.db").display());
    let options = Options { has_journal: true, ..Options::new([7; 32]) };
    let store = Store::open(&url, &options).await.unwrap();
    let author = |name: &str| Author {
        nick: name.into(),
        jid: format!("{name}@localhost").parse().unwrap(),
        resource: None,
        occupant_id: name.into(),
    };
    let settings = Settings { name: "Tea for two".into(), ..Settings::default() };
    let created = Change::Created { by: author("alice").jid, settings: Box::new(settings), locked: false };
    let new = NewRoom {
        name: "tea".into(),
        secret: [1; 32],
        changes: [created].into(),
        at: Timestamp(0),
        origin: None,
    };
    let room = store.create_room(new).await.unwrap();
    for number in 0..count {
        let text = format!("cup number {number}");
        let content = Content {
            id: None,
            lang: None,
            payload: Payload::from(format!("<body>{text}</body>")),
            text: Some(text.into()),
            retention: Retention::Kept,
        };
        let posted = Change::Posted { author: author(["alice", "bob"][number % 2]), content };
        let append = Append {
            room: room.id,
            rules: room.rules,
            changes: [posted].into(),
            quiet: [].into(),
            at: Timestamp(1_767_225_600_000 + number as i64 * 1_000),
            origin: None,
        };
        store.append(append).await.unwrap();
    }
    store.close().await;
}
