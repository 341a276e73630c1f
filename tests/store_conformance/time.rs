//! What time takes, what a restore asks for, and what a start finds.

use std::time::Duration;

use perch::chat::event::Change;
use perch::chat::id::{MessageId, Seq, Timestamp};
use perch::chat::message::Retention;
use perch::chat::settings::Settings;
use perch::store::Options;
use perch::store::archive::{ArchiveQuery, ArchivedKind, Log, PageAt};
use perch::store::error::ArchiveError;
use perch::store::retention::Retained;

use crate::Place;
use crate::scene::{append, author, chatty, content, decision, join, make, post, texts};

pub(crate) async fn a_log_is_purged_from_its_beginning_on(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let all = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    assert_eq!(store.purge(room.id, Timestamp(1_000)).await.unwrap(), 0);
    // Three of making the room, and each of m0 to m3 with what is not kept.
    assert_eq!(store.purge(room.id, Timestamp(1_004)).await.unwrap(), 3 + 2 * 4);
    assert_eq!(store.purge(room.id, Timestamp(1_004)).await.unwrap(), 0);

    let loaded = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!((loaded.first_seq, loaded.seq), (Seq(12), Seq(23)));
    let query = ArchiveQuery { counts: true, max: 2, ..ArchiveQuery::new(Log::Room(room.id)) };
    let page = store.archive_page(query.clone()).await.unwrap();
    assert_eq!(
        (texts(&page.messages).join(" ").as_str(), page.total, page.index),
        ("m4 m5", Some(6), Some(0))
    );
    let purged = ArchiveQuery { page: PageAt::After(all.messages[1].id), ..query };
    assert_eq!(store.archive_page(purged).await, Err(ArchiveError::ItemNotFound));

    assert_eq!(store.purge(room.id, Timestamp(9_999)).await.unwrap(), 12);
    assert_eq!(store.archive_ends(Log::Room(room.id)).await.unwrap(), None);
    let appended = append(&store, &room, [post("alice", "again")]).await.unwrap();
    assert_eq!(appended.first, Seq(24), "a seq is never given twice");
}

pub(crate) async fn what_is_not_kept_is_blanked_after_a_while(place: Place) {
    let options = Options { transient_lifetime: Duration::from_millis(500), ..Options::new([7; 32]) };
    let store = place.open_with(&options).await;
    let room = make(&store, "tea").await;
    let unkept = Change::Posted { author: author("alice"), content: content("unkept", Retention::Transient) };
    append(&store, &room, [post("alice", "kept"), unkept]).await.unwrap();
    assert_eq!(store.expire_messages(Timestamp(1_499)).await.unwrap(), 0);
    assert_eq!(store.expire_messages(Timestamp(1_500)).await.unwrap(), 1);
    assert_eq!(store.expire_messages(Timestamp(1_500)).await.unwrap(), 0);
    let log = store.events_after(room.id, room.seq, 10).await.unwrap();
    let texts: Vec<_> = log
        .iter()
        .map(|event| match &event.change {
            Change::Posted { content, .. } => (content.text.as_deref(), content.payload.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, [(Some("kept"), "<body>kept</body>"), (None, "")], "its place stays");
}

pub(crate) async fn rooms_with_retention_are_found(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    make(&store, "coffee").await;
    assert_eq!(store.rooms_with_retention().await.unwrap(), []);
    let settings = Box::new(Settings { retention_days: Some(30), ..Settings::default() });
    append(&store, &room, [Change::Configured { by: author("alice").jid, settings }]).await.unwrap();
    assert_eq!(store.rooms_with_retention().await.unwrap(), [Retained { id: room.id, days: 30 }]);
}

pub(crate) async fn a_raised_epoch_tells_new_ids_from_lost_ones(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let before = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    store.close().await;
    let store = place.open_with(&Options { is_restored: true, ..Options::new([7; 32]) }).await;
    let raised = store.load_room("tea").await.unwrap().unwrap();
    assert!(raised.epoch > room.epoch);
    let appended = append(&store, &raised, [post("alice", "new")]).await.unwrap();

    let page = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    assert_eq!(page.messages[..10], before.messages, "what was there keeps its id");
    assert_eq!(page.messages[10].id, MessageId::new(raised.epoch, appended.first));
    let lost = MessageId::new(room.epoch, appended.first);
    let query = ArchiveQuery { page: PageAt::After(lost), ..ArchiveQuery::new(Log::Room(room.id)) };
    assert_eq!(store.archive_page(query).await, Err(ArchiveError::ItemNotFound));
    assert_eq!(make(&store, "coffee").await.epoch, raised.epoch);

    // Whose place it is has not changed with the epoch, also for who reads of its end.
    let target = before.messages[0].id;
    let retracted = Change::Retracted {
        target,
        author: author("alice"),
        is_moderation: true,
        reason: "".into(),
        content: content("", Retention::Kept),
        is_replacement: false,
    };
    let appended = append(&store, &raised, [retracted.clone()]).await.unwrap();
    let log = store.events_after(room.id, Seq(appended.first.0 - 1), 10).await.unwrap();
    assert_eq!(log.iter().map(|event| &event.change).collect::<Vec<_>>(), [&retracted]);
    let page = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let kind = ArchivedKind::Retraction { target, is_moderation: true, reason: "".into() };
    assert_eq!(page.messages.last().map(|message| &message.kind), Some(&kind));
}

pub(crate) async fn who_was_inside_when_the_server_died_is_detached(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let detached = Change::Detached { session: perch::chat::id::SessionId(2), deadline: Some(Timestamp(7)) };
    append(&store, &room, [join("bob", "bob", 2), detached]).await.unwrap();
    make(&store, "coffee").await;
    assert_eq!(store.detach_seats(Timestamp(9)).await.unwrap(), 2, "who had a deadline keeps it");
    let rooms = store.rooms_with_detached_seats().await.unwrap();
    let rooms: Vec<_> = rooms.iter().map(|room| (&*room.name, room.deadline)).collect();
    assert_eq!(rooms, [("tea", Timestamp(7)), ("coffee", Timestamp(9))]);

    // A join of the same session, and a part, end it.
    store
        .append(decision(&room, vec![join("bob", "bob", 2), crate::scene::leave("alice", 1)]))
        .await
        .unwrap();
    let rooms = store.rooms_with_detached_seats().await.unwrap();
    assert_eq!(rooms.iter().map(|room| &*room.name).collect::<Vec<_>>(), ["coffee"]);
}
