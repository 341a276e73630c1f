//! What every store must do, whatever its engine: one body a rule, run on each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::sync::Arc;

use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::command::HistoryRequest;
use perch::chat::event::{AffiliationSet, Change, Departure, Joined, Left};
use perch::chat::id::{MessageId, Origin, RoomId, RulesVersion, Seq, SessionId, Timestamp};
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::settings::Settings;
use perch::chat::snapshot::RoomSnapshot;
use perch::store::account::{NewAccount, ScramHash, ScramRow};
use perch::store::archive::{ArchiveQuery, ArchivedKind, ArchivedMessage, Log, Page, PageAt, With};
use perch::store::error::{AddAccountError, AppendError, ArchiveError, CreateRoomError, OpenError};
use perch::store::room::{Append, NewRoom};
use perch::store::{Options, Store};

/// A place for a store that is gone with the test.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn sqlite() -> Self {
        // What the engine says of a fault is in the log only.
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
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
    a_room_is_loaded_as_it_was_made
    names_are_unique_and_given_again_after_destruction
    an_append_is_all_or_nothing
    decisions_against_older_rules_are_stale
    what_was_written_before_is_found_again
    a_nick_has_one_owner
    one_refused_append_does_not_spoil_its_group
    the_log_gives_back_what_was_appended
    joiners_get_the_last_messages
    the_archive_is_paged_in_both_directions
    the_archive_is_filtered
    a_retracted_message_leaves_a_tombstone
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

async fn a_room_is_loaded_as_it_was_made(place: Place) {
    let store = place.open().await;
    assert_eq!(store.load_room("tea").await.unwrap(), None);
    let made = make(&store, "tea").await;
    assert_eq!(store.load_room("tea").await.unwrap(), Some(made.clone()));
    assert_eq!((made.seq, made.rules, made.first_seq), (Seq(3), RulesVersion(2), Seq(1)));
    assert!(made.is_locked);
    assert_eq!(made.affiliations[0].affiliation, Affiliation::Owner);
    assert_eq!(made.affiliations_version, 1);
    let occupant = &made.occupants[0];
    assert_eq!((&*occupant.nick, occupant.affiliation), ("alice", Affiliation::Owner));
    assert_eq!(occupant.seats[0].jid.as_str(), "alice@localhost/phone");

    let settings = Box::new(Settings { name: "Tea".into(), ..Settings::default() });
    let configured = Change::Configured { by: author("alice").jid, settings };
    append(&store, &made, [configured]).await.unwrap();
    let room = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!((room.is_locked, &*room.settings.name, room.rules), (false, "Tea", RulesVersion(3)));
    let listed = store.public_rooms(None, 10).await.unwrap();
    assert_eq!((listed.len(), &*listed[0].name, &*listed[0].title), (1, "tea", "Tea"));
}

async fn names_are_unique_and_given_again_after_destruction(place: Place) {
    let store = place.open().await;
    let first = make(&store, "tea").await;
    let again = store.create_room(new_room("tea")).await;
    assert_eq!(again, Err(CreateRoomError::NameTaken));
    let destroyed = Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None };
    append(&store, &first, [destroyed]).await.unwrap();
    assert_eq!(store.load_room("tea").await.unwrap(), None);
    assert_eq!(append(&store, &first, [post("alice", "late")]).await, Err(AppendError::Gone));
    assert_eq!(store.room_count().await.unwrap(), 0);

    let second = make(&store, "tea").await;
    assert!(second.id > first.id);
    assert_eq!(second.occupants.len(), 1, "nobody is left over from the first");
    let log = store.events_after(first.id, Seq(0), 10).await.unwrap();
    assert_eq!(log.len(), 4, "the log of the first is still there");
}

async fn an_append_is_all_or_nothing(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    // The second change is refused, and with it the first.
    let refused = append(&store, &room, [post("alice", "one"), join("mallory", "alice", 9)]).await;
    assert_eq!(refused, Err(AppendError::NickTaken));
    assert_eq!(store.load_room("tea").await.unwrap(), Some(room.clone()));
    assert_eq!(store.events_after(room.id, room.seq, 10).await.unwrap(), []);
    let appended = append(&store, &room, [post("alice", "one"), join("bob", "bob", 9)]).await.unwrap();
    assert_eq!(appended.first, Seq(4));
    assert_eq!(store.load_room("tea").await.unwrap().unwrap().seq, Seq(5));
}

async fn decisions_against_older_rules_are_stale(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let ban = affiliation("mallory", Affiliation::Outcast, 2);
    let appended = append(&store, &room, [ban]).await.unwrap();
    assert_eq!(appended.rules, RulesVersion(3));
    assert_eq!(append(&store, &room, [post("mallory", "hi")]).await, Err(AppendError::Stale));
    let newer = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(newer.rules, appended.rules);
    append(&store, &newer, [post("alice", "hi")]).await.unwrap();
    append(&store, &newer, [post("alice", "posts do not move the rules")]).await.unwrap();
}

async fn what_was_written_before_is_found_again(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let origin = Some(Origin { session: SessionId(1), number: 7, settled: 6 });
    let keyed = |changes: Vec<Change>| Append { origin, ..decision(&room, changes) };
    let first = store.append(keyed(vec![post("alice", "hi"), post("alice", "ho")])).await.unwrap();
    let again = store.append(keyed(vec![post("alice", "hi")])).await;
    assert_eq!(again, Err(AppendError::AlreadyDone { seq: first.first }));
    append(&store, &room, [affiliation("bob", Affiliation::Member, 2)]).await.unwrap();
    let stale_too = store.append(keyed(vec![post("alice", "hi")])).await;
    assert_eq!(stale_too, Err(AppendError::AlreadyDone { seq: first.first }));
    // The key is the session's; in another room it is another stanza's.
    let other = make(&store, "coffee").await;
    store.append(Append { origin, ..decision(&other, vec![post("alice", "hi")]) }).await.unwrap();
}

async fn a_nick_has_one_owner(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    append(&store, &room, [join("bob", "bob", 2), join("bob", "bob", 3)]).await.unwrap();
    assert_eq!(append(&store, &room, [join("mallory", "bob", 4)]).await, Err(AppendError::NickTaken));
    let rename = |session, from: &str, to: &str| Change::Renamed {
        session: SessionId(session),
        nick_key: from.into(),
        nick: from.into(),
        new_nick_key: to.into(),
        new_nick: to.into(),
        presence: payload(""),
    };
    assert_eq!(append(&store, &room, [rename(2, "bob", "alice")]).await, Err(AppendError::NickTaken));
    append(&store, &room, [rename(2, "bob", "bill")]).await.unwrap();
    let loaded = store.load_room("tea").await.unwrap().unwrap();
    let nicks: Vec<_> = loaded.occupants.iter().map(|o| (&*o.nick, o.seats.len())).collect();
    assert_eq!(nicks, [("alice", 1), ("bill", 2)]);
    append(&store, &room, [leave("bill", 2), leave("bill", 3), join("mallory", "bill", 4)]).await.unwrap();
}

async fn one_refused_append_does_not_spoil_its_group(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let origin = |number| Some(Origin { session: SessionId(1), number, settled: 0 });
    let keyed = |number, change| Append { origin: origin(number), ..decision(&room, vec![change]) };
    let jobs = [
        keyed(1, post("alice", "one")),
        keyed(1, post("alice", "one again")),
        keyed(2, join("mallory", "alice", 5)),
        Append { rules: RulesVersion(99), ..keyed(3, post("alice", "stale")) },
        Append { room: RoomId(99), ..keyed(4, post("alice", "gone")) },
        keyed(5, post("alice", "two")),
    ];
    // Whether they meet in one group or not, each has its own outcome.
    let [a, b, c, d, e, f] = jobs.map(|job| store.append(job));
    let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
    assert_eq!(a.unwrap().first, Seq(4));
    assert_eq!(b, Err(AppendError::AlreadyDone { seq: Seq(4) }));
    assert_eq!(c, Err(AppendError::NickTaken));
    assert_eq!(d, Err(AppendError::Stale));
    assert_eq!(e, Err(AppendError::Gone));
    assert_eq!(f.unwrap().first, Seq(5));
    let log = store.events_after(room.id, room.seq, 10).await.unwrap();
    assert_eq!(log.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [4, 5]);
}

async fn the_log_gives_back_what_was_appended(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let changes = vec![
        post("alice", "hi <&'\"> there"),
        Change::SubjectSet {
            author: author("alice"),
            subject: "Tea".into(),
            content: content("s", Retention::Kept),
        },
        Change::Whispered {
            author: author("alice"),
            to: "bob".into(),
            to_jid: author("bob").jid,
            content: content("psst", Retention::Kept),
        },
        Change::Posted { author: author("bob"), content: content("unkept", Retention::Transient) },
        join("bob", "bob", 2),
        leave("bob", 2),
        affiliation("carol", Affiliation::Member, 2),
        Change::Invited { by: author("alice"), to: author("dave").jid, reason: "come".into() },
        Change::VoiceRequested { author: author("bob"), role: Role::Participant },
        Change::Detached { session: SessionId(1), deadline: Some(Timestamp(99)) },
    ];
    let origin = Some(Origin { session: SessionId(1), number: 1, settled: 0 });
    let appended = store
        .append(Append { origin, at: Timestamp(500), ..decision(&room, changes.clone()) })
        .await
        .unwrap();
    assert_eq!(appended.at, room.last_at, "stamps do not fall");
    let log = store.events_after(room.id, room.seq, 100).await.unwrap();
    assert_eq!(log.iter().map(|event| event.seq.0).collect::<Vec<_>>(), (4..14).collect::<Vec<_>>());
    assert!(log.iter().all(|event| event.at == room.last_at));
    assert_eq!(log[0].origin, origin);
    for (event, change) in log.iter().zip(&changes) {
        let mut expected = change.clone();
        if let Change::Whispered { content, .. } = &mut expected {
            content.retention = Retention::Transient;
        }
        assert_eq!(event.change, expected);
    }
    let two = store.events_after(room.id, Seq(5), 2).await.unwrap();
    assert_eq!(two, log[2..4]);
    let loaded = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(&*loaded.subject.unwrap().text, "Tea");
    assert_eq!(loaded.occupants[0].seats[0].deadline, Some(Timestamp(99)));
    let detached = store.rooms_with_detached_seats().await.unwrap();
    assert_eq!((&*detached[0].name, detached[0].deadline), ("tea", Timestamp(99)));
}

async fn joiners_get_the_last_messages(place: Place) {
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

async fn the_archive_is_paged_in_both_directions(place: Place) {
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

async fn the_archive_is_filtered(place: Place) {
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

async fn a_retracted_message_leaves_a_tombstone(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let all = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    let target = all.messages[4].id;
    let retracted = Change::Retracted {
        target: target.seq(),
        author: author("alice"),
        is_moderation: true,
        reason: "rude".into(),
        content: content("gone", Retention::Kept),
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

/// A room with ten messages, one a millisecond, and other events between them.
async fn chatty(store: &Store) -> RoomSnapshot {
    let room = make(store, "tea").await;
    for n in 0..10 {
        let who = ["alice", "bob"][n % 2];
        let changes = vec![
            post(who, &format!("m{n}")),
            Change::Posted { author: author(who), content: content("unkept", Retention::Transient) },
        ];
        let at = Timestamp(1_000 + n as i64);
        store.append(Append { at, ..decision(&room, changes) }).await.unwrap();
    }
    room
}

fn texts(messages: &[ArchivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.content.text.as_deref().unwrap_or("-")).collect()
}

async fn make(store: &Store, name: &str) -> RoomSnapshot {
    store.create_room(new_room(name)).await.unwrap()
}

fn new_room(name: &str) -> NewRoom {
    let created = Change::Created { by: author("alice").jid, settings: Box::default(), locked: true };
    let changes = [created, affiliation("alice", Affiliation::Owner, 1), join("alice", "alice", 1)];
    NewRoom {
        name: name.into(),
        secret: [9; 32],
        changes: Arc::new(changes),
        at: Timestamp(1_000),
        origin: None,
    }
}

async fn append<const N: usize>(
    store: &Store,
    room: &RoomSnapshot,
    changes: [Change; N],
) -> Result<perch::store::room::Appended, AppendError> {
    store.append(decision(room, changes.to_vec())).await
}

fn decision(room: &RoomSnapshot, changes: Vec<Change>) -> Append {
    Append {
        room: room.id,
        rules: room.rules,
        changes: changes.into(),
        quiet: [].into(),
        at: Timestamp(1_000),
        origin: None,
    }
}

fn post(who: &str, text: &str) -> Change {
    Change::Posted { author: author(who), content: content(text, Retention::Kept) }
}

fn content(text: &str, retention: Retention) -> Content {
    Content {
        id: Some(format!("id-{text}").into()),
        lang: Some("en".into()),
        text: Some(text.into()),
        payload: payload(text),
        retention,
    }
}

fn payload(text: &str) -> Payload {
    Payload::from(format!("<body>{text}</body>"))
}

fn author(who: &str) -> Author {
    Author {
        nick: who.into(),
        jid: format!("{who}@localhost").parse().unwrap(),
        resource: Some("phone".into()),
        occupant_id: format!("occupant-{who}").into(),
    }
}

fn join(who: &str, nick: &str, session: i64) -> Change {
    Change::Joined(Joined {
        nick: nick.into(),
        nick_key: nick.into(),
        session: SessionId(session),
        jid: format!("{who}@localhost/phone").parse().unwrap(),
        occupant_id: format!("occupant-{who}").into(),
        affiliation: Affiliation::None,
        role: Role::Participant,
        presence: payload("here"),
        has_created: false,
        nick_assigned: false,
    })
}

fn leave(nick: &str, session: i64) -> Change {
    Change::Left(Left {
        nick: nick.into(),
        nick_key: nick.into(),
        session: SessionId(session),
        cause: Departure::Own,
        presence: payload("bye"),
    })
}

fn affiliation(who: &str, affiliation: Affiliation, version: i64) -> Change {
    Change::AffiliationSet(AffiliationSet {
        jid: author(who).jid,
        affiliation,
        by: Some(author("alice")),
        reason: "so it is".into(),
        nick: None,
        roles: Vec::new(),
        version,
    })
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
