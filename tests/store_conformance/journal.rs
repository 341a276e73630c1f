//! The compliance journal.

use std::time::{Duration, Instant};

use perch::chat::affiliation::Affiliation;
use perch::chat::event::Change;
use perch::chat::id::{MessageId, Seq, SessionId};
use perch::chat::message::Retention;
use perch::store::journal::{JournalEntry, JournalPlace};
use perch::store::room::Append;
use perch::store::{Options, Store};

use crate::Place;
use crate::scene::{affiliation, append, author, content, decision, join, leave, make, post};

pub(crate) async fn what_is_said_and_who_comes_and_goes_is_journalled(place: Place) {
    let store = place.open_with(&Options { has_journal: true, ..Options::new([7; 32]) }).await;
    let room = make(&store, "tea").await;
    let unkept = Change::Posted { author: author("alice"), content: content("unkept", Retention::Transient) };
    let retracted = Change::Retracted {
        target: MessageId::new(room.epoch, Seq(4)),
        author: author("alice"),
        is_moderation: false,
        reason: "".into(),
        content: content("gone", Retention::Kept),
        is_replacement: false,
    };
    let changes = vec![
        post("alice", "kept"),
        unkept.clone(),
        retracted.clone(),
        affiliation("carol", Affiliation::Member, 2),
        Change::Detached { session: SessionId(1), deadline: None },
    ];
    let quiet = [join("bob", "bob", 2), leave("bob", 2)];
    store.append(Append { quiet: quiet.clone().into(), ..decision(&room, changes) }).await.unwrap();
    let refused = append(&store, &room, [post("alice", "never"), join("mallory", "alice", 3)]).await;
    assert!(refused.is_err());

    let entries = journal(&store, 6).await;
    let found: Vec<_> = entries.iter().map(|entry| (entry.seq.map(|seq| seq.0), &entry.change)).collect();
    let [joined, left] = &quiet;
    let expected = [
        (Some(3), join("alice", "alice", 1)),
        (Some(4), post("alice", "kept")),
        (Some(5), unkept),
        (Some(6), retracted),
        (None, joined.clone()),
        (None, left.clone()),
    ];
    assert_eq!(found, expected.iter().map(|(seq, change)| (*seq, change)).collect::<Vec<_>>());
    assert!(entries.iter().all(|entry| entry.room == room.id && entry.at == room.last_at));
    let original = entries[3].original.as_ref().unwrap();
    assert_eq!((&*original.jid, original.text.as_deref()), ("alice@localhost", Some("kept")));

    let rest = store.journal(entries[3].place, 1).await.unwrap();
    assert_eq!(rest, entries[4..5], "a reader goes on where it was");
}

pub(crate) async fn nothing_is_journalled_unless_wanted(place: Place) {
    let store = place.open().await;
    make(&store, "tea").await;
    assert_eq!(store.journal(JournalPlace::default(), 100).await.unwrap(), []);
}

/// The whole journal, once it has so many rows: they come when nothing older is under way in the engine, and it may be
/// at work for others.
pub(crate) async fn journal(store: &Store, count: usize) -> Vec<JournalEntry> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let entries = store.journal(JournalPlace::default(), 1_000).await.unwrap();
        if entries.len() >= count || Instant::now() > until {
            return entries;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
