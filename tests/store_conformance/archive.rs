//! Reading back: history for who joins, pages of the archive, what is left of a retracted message.

use perch::chat::command::HistoryRequest;
use perch::chat::event::Change;
use perch::chat::id::{MessageId, Seq, Timestamp};
use perch::chat::message::Retention;
use perch::store::archive::{ArchiveQuery, ArchivedKind, Log, Page, PageAt, With};
use perch::store::error::ArchiveError;

use crate::Place;
use crate::scene::{append, author, chatty, content, texts};

pub(crate) async fn joiners_get_the_last_messages(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let texts = async |until: i64, request, limit| {
        let messages = store.history(room.id, Seq(until), request, limit).await.unwrap();
        texts(&messages).join(" ")
    };
    let all = HistoryRequest::default();
    assert_eq!(texts(1000, all, 3).await, "m7 m8 m9");
    assert_eq!(texts(1000, all, 100).await, "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9");
    assert_eq!(texts(6, all, 100).await, "m0 m1", "up to the join");
    let request = |stanzas_max, characters_max, since| HistoryRequest { stanzas_max, characters_max, since };
    assert_eq!(texts(1000, request(Some(2), None, None), 5).await, "m8 m9");
    assert_eq!(texts(1000, request(Some(0), None, None), 5).await, "");
    let size = "<body>m0</body>".len() as u32;
    assert_eq!(texts(1000, request(None, Some(size * 2 + 1), None), 5).await, "m8 m9");
    assert_eq!(texts(1000, request(None, None, Some(Timestamp(1_007))), 5).await, "m7 m8 m9");
}

pub(crate) async fn the_archive_is_paged_in_both_directions(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let page = async |page, max| {
        let query = ArchiveQuery { page, max, counts: true, ..ArchiveQuery::new(Log::Room(room.id)) };
        store.archive_page(query).await.unwrap()
    };
    let check = |page: &Page, expected: &str, is_complete, index| {
        assert_eq!(texts(&page.messages).join(" "), expected);
        assert_eq!((page.is_complete, page.total, page.index), (is_complete, Some(10), index));
    };
    let first = page(PageAt::First, 4).await;
    check(&first, "m0 m1 m2 m3", false, Some(0));
    let second = page(PageAt::After(first.messages[3].id), 4).await;
    check(&second, "m4 m5 m6 m7", false, Some(4));
    check(&page(PageAt::After(second.messages[3].id), 4).await, "m8 m9", true, Some(8));
    let last = page(PageAt::Last, 4).await;
    check(&last, "m6 m7 m8 m9", false, Some(6));
    check(&page(PageAt::Before(last.messages[0].id), 6).await, "m0 m1 m2 m3 m4 m5", true, Some(0));
    check(&page(PageAt::First, 0).await, "", false, None);

    let unknown = MessageId::new(room.epoch, Seq(999));
    let query = ArchiveQuery { page: PageAt::After(unknown), ..ArchiveQuery::new(Log::Room(room.id)) };
    assert_eq!(store.archive_page(query).await, Err(ArchiveError::ItemNotFound));
    let ends = store.archive_ends(Log::Room(room.id)).await.unwrap().unwrap();
    assert_eq!((ends.first.0, ends.last.0), (first.messages[0].id, last.messages[3].id));
}

pub(crate) async fn the_archive_is_filtered(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let all = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let id = |n: usize| all.messages[n].id;
    let check = async |query: ArchiveQuery, expected: &str, total| {
        let page = store.archive_page(ArchiveQuery { counts: true, ..query }).await.unwrap();
        assert_eq!(texts(&page.messages).join(" "), expected);
        assert_eq!(page.total, Some(total), "{expected}");
    };
    let base = ArchiveQuery::new(Log::Room(room.id));
    let (start, end) = (Some(Timestamp(1_003)), Some(Timestamp(1_005)));
    check(ArchiveQuery { start, end, ..base.clone() }, "m3 m4 m5", 3).await;
    check(ArchiveQuery { start: Some(Timestamp(2_000)), ..base.clone() }, "", 0).await;
    check(ArchiveQuery { end: Some(Timestamp(999)), ..base.clone() }, "", 0).await;
    check(ArchiveQuery { start: Some(Timestamp(0)), end: Some(Timestamp(1_000)), ..base.clone() }, "m0", 1)
        .await;
    check(ArchiveQuery { after: Some(id(6)), before: Some(id(9)), ..base.clone() }, "m7 m8", 2).await;
    check(ArchiveQuery { floor: Seq(id(8).seq().0), ..base.clone() }, "m8 m9", 2).await;
    let with = Some(With::Jid("bob@localhost".into()));
    check(ArchiveQuery { with: with.clone(), ..base.clone() }, "m1 m3 m5 m7 m9", 5).await;
    let with_and_page = ArchiveQuery { with, page: PageAt::After(id(3)), max: 1, ..base.clone() };
    check(with_and_page, "m5", 5).await;
    check(ArchiveQuery { with: Some(With::Nick("alice".into())), max: 2, ..base.clone() }, "m0 m2", 5).await;
    check(ArchiveQuery { ids: vec![id(7), id(2)], ..base.clone() }, "m2 m7", 2).await;
    let ids = vec![id(7), MessageId::new(room.epoch, Seq(999))];
    let missing = store.archive_page(ArchiveQuery { ids, ..base }).await;
    assert_eq!(missing, Err(ArchiveError::ItemNotFound));
}

pub(crate) async fn a_retracted_message_leaves_a_tombstone(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let all = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let target = all.messages[4].id;
    let retracted = Change::Retracted {
        target,
        author: author("alice"),
        is_moderation: true,
        reason: "rude".into(),
        content: content("gone", Retention::Kept),
        is_replacement: false,
    };
    let appended = append(&store, &room, [retracted]).await.unwrap();

    let page = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    assert_eq!(page.messages.len(), 11, "the message keeps its place, the retraction has its own");
    let message = &page.messages[4];
    assert_eq!((message.id, &message.author), (target, &all.messages[4].author));
    assert_eq!((message.content.text.as_deref(), message.content.payload.as_str()), (None, ""));
    let tombstone = message.tombstone.as_ref().unwrap();
    assert_eq!(tombstone.by, MessageId::new(room.epoch, appended.first));
    assert_eq!((tombstone.is_moderation, &*tombstone.reason), (true, "rude"));
    let kind = ArchivedKind::Retraction { target, is_moderation: true, reason: "rude".into() };
    assert_eq!(page.messages[10].kind, kind);
    assert_eq!(store.message(Log::Room(room.id), target.seq()).await.unwrap().as_ref(), Some(message));

    let history = store.history(room.id, Seq(1000), HistoryRequest::default(), 100).await.unwrap();
    assert_eq!(texts(&history).join(" "), "m0 m1 m2 m3 m5 m6 m7 m8 m9");
    let log = store.events_after(room.id, Seq(0), 100).await.unwrap();
    let blanked = log.iter().find(|event| event.seq == target.seq()).unwrap();
    let Change::Posted { content, .. } = &blanked.change else { panic!("{blanked:?}") };
    assert_eq!((content.text.as_deref(), content.payload.as_str()), (None, ""));
}
