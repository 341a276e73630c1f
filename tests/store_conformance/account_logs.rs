//! Accounts' logs: two in one transaction, what follows from them, and their archive.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use perch::chat::account::contact::{Contact, Subscription};
use perch::chat::account::entry::{AccountAppend, AccountChange, Letter};
use perch::chat::account::node::{Item, Node, NodeSettings};
use perch::chat::account::packet::MessageKind;
use perch::chat::account::preferences::{ArchiveDefault, ArchivePreferences};
use perch::chat::id::{AccountId, MessageId, Origin, Seq, SessionId, Timestamp};
use perch::chat::message::{Content, Payload, Retention};
use perch::store::Store;
use perch::store::account::NewAccount;
use perch::store::account_log::{AccountAppendError, AccountNote, ItemChoice};
use perch::store::archive::{ArchiveQuery, Log, PageAt, With};
use perch::store::error::ArchiveError;
use perch_address::{BareJid, Jid};
use sqlx::{Connection, PgConnection};

use crate::Place;
use crate::pool::member;
use crate::scene::address;

const NOW: Timestamp = Timestamp(1_000_000);

pub(crate) async fn a_message_is_in_both_logs_or_in_none(place: Place) {
    let store = place.open().await;
    let (romeo, juliet) = (account(&store, "romeo").await, account(&store, "juliet").await);
    let both = |number, text: &str| {
        vec![
            append(romeo, number, vec![AccountChange::Sent(letter("romeo", "juliet", text))]),
            append(juliet, number, vec![AccountChange::Received(letter("romeo", "juliet", text))]),
        ]
    };
    let places = store.append_accounts(both(1, "one"), NOW).await.unwrap();
    assert_eq!(places.iter().map(|place| place.first).collect::<Vec<_>>(), [Seq(1), Seq(1)]);
    let again = store.append_accounts(both(1, "one"), NOW).await;
    assert_eq!(again, Err(AccountAppendError::AlreadyDone), "a repeated message is written once");
    let mut half = both(2, "two");
    half[1].account = AccountId(99);
    assert_eq!(store.append_accounts(half, NOW).await, Err(AccountAppendError::Gone));
    for account in [romeo, juliet] {
        let events = store.account_events(account, Seq(0), 10).await.unwrap();
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [Seq(1)], "{account:?}");
    }
    let places = store.append_accounts(both(3, "three"), NOW).await.unwrap();
    assert_eq!(places[0].first, Seq(2), "what failed left no gap");
}

pub(crate) async fn stamps_of_an_account_do_not_fall(place: Place) {
    let store = place.open().await;
    let romeo = account(&store, "romeo").await;
    let one = |number| vec![append(romeo, number, vec![AccountChange::Blocked { jids: vec![jid("x@y")] }])];
    let first = store.append_accounts(one(1), NOW).await.unwrap();
    let second = store.append_accounts(one(2), Timestamp(5)).await.unwrap();
    assert_eq!((first[0].at, second[0].at), (NOW, NOW));
}

pub(crate) async fn an_account_is_loaded_as_its_log_left_it(place: Place) {
    let store = place.open().await;
    let romeo = account(&store, "romeo").await;
    let contact = |name: &str, version| Contact {
        subscription: Subscription { to: true, from: true, ..Subscription::default() },
        is_listed: true,
        groups: vec!["Friends".into()],
        version,
        ..Contact::stranger(bare(name))
    };
    let preferences = ArchivePreferences { default: ArchiveDefault::Roster, ..ArchivePreferences::default() };
    let node = Node { name: "n".into(), ..Node::default() };
    let set = |contact| AccountChange::ContactSet { contact, told: None };
    let changes = vec![
        set(contact("juliet", 1)),
        set(contact("nurse", 2)),
        AccountChange::ContactRemoved { jid: bare("nurse"), version: 3 },
        set(Contact { version: 4, ..Contact::stranger(bare("nobody")) }),
        AccountChange::Blocked { jids: vec![jid("tybalt@localhost"), jid("paris@localhost")] },
        AccountChange::Unblocked { jids: vec![jid("paris@localhost")] },
        AccountChange::PreferencesSet(preferences.clone()),
        AccountChange::PhotoSet { photo: Some("abc".into()) },
        AccountChange::VcardSet { vcard: payload("<vCard xmlns='vcard-temp'/>") },
        AccountChange::PrivateSet {
            namespace: "u".into(),
            name: "x".into(),
            payload: payload("<x xmlns='u'/>"),
        },
        AccountChange::NodeSet(node.clone()),
        AccountChange::Received(letter("juliet", "romeo", "hi")),
        AccountChange::Approached {
            from: bare("juliet"),
            request: perch::chat::account::contact::SubscriptionRequest::Subscribe,
            payload: payload(""),
        },
    ];
    store.append_accounts(vec![append(romeo, 1, changes)], NOW).await.unwrap();
    let loaded = store.load_account(&bare("romeo")).await.unwrap().unwrap();
    let snapshot = loaded.snapshot;
    assert_eq!((snapshot.id, snapshot.seq, snapshot.last_at), (romeo, Seq(13), NOW));
    assert_eq!(snapshot.contacts, [contact("juliet", 1)]);
    assert_eq!(snapshot.removed_contacts, [(bare("nurse"), 3)]);
    assert_eq!(snapshot.roster_version, 4);
    assert_eq!(snapshot.blocked, [jid("tybalt@localhost")]);
    assert_eq!(snapshot.preferences, preferences);
    assert_eq!(snapshot.photo.as_deref(), Some("abc"));
    assert_eq!(snapshot.nodes, [node]);
    assert_eq!(loaded.waiting, [Seq(12)]);
    assert_eq!(loaded.inputs.iter().map(|event| event.seq).collect::<Vec<_>>(), [Seq(13)]);
    assert_eq!(store.vcard(romeo).await.unwrap(), Some(payload("<vCard xmlns='vcard-temp'/>")));
    assert_eq!(store.private_xml(romeo, "u", "x").await.unwrap(), Some(payload("<x xmlns='u'/>")));
    assert_eq!(store.private_xml(romeo, "u", "y").await.unwrap(), None);

    let answered =
        AccountAppend { handled: Some(Seq(13)), changes: Vec::new(), ..append(romeo, 2, Vec::new()) };
    store.append_accounts(vec![answered], NOW).await.unwrap();
    let note = AccountNote { delivered: Seq(12), last_seen: Some((NOW, "gone".into())) };
    store.note_account(romeo, note).await.unwrap();
    let loaded = store.load_account(&bare("romeo")).await.unwrap().unwrap();
    assert_eq!((loaded.waiting, loaded.inputs), (Vec::new(), Vec::new()));
    assert_eq!(loaded.snapshot.last_seen, Some((NOW, "gone".into())));
    assert!(store.load_account(&bare("nobody")).await.unwrap().is_none());
}

pub(crate) async fn notes_that_wait_together_are_all_written(place: Place) {
    let store = place.open().await;
    let new = |number| NewAccount {
        address: address(&format!("user{number}")),
        credentials: Vec::new(),
        digest: None,
    };
    let added = store.add_accounts((0..600).map(new).collect(), None).await.unwrap();
    let mut accounts: Vec<AccountId> = added.into_iter().flatten().collect();
    assert_eq!(accounts.len(), 600);
    // One that was removed meanwhile keeps nobody else's from being written.
    accounts.insert(300, AccountId(999_999));
    let note = |at: i64| AccountNote { delivered: Seq(at), last_seen: Some((Timestamp(at), "".into())) };
    let noted = accounts.iter().map(|account| store.note_account(*account, note(account.0)));
    assert!(join_all(noted).await.iter().all(Result::is_ok));
    for number in 0..600 {
        let snapshot = store.load_account(&bare(&format!("user{number}"))).await.unwrap().unwrap().snapshot;
        assert_eq!(snapshot.last_seen, Some((Timestamp(snapshot.id.0), "".into())), "user{number}");
    }
}

/// Whoever holds a row for longer than a statement waits has let go of it by the next.
pub(crate) async fn a_note_that_failed_is_written_again(url: String) {
    let store = member(&url, "a").await;
    let romeo = account(&store, "romeo").await;
    let note = |at| AccountNote { delivered: Seq(0), last_seen: Some((Timestamp(at), "".into())) };
    store.note_account(romeo, note(1)).await.unwrap();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let hold = "BEGIN; UPDATE account_log SET last_at = last_at";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let noting = tokio::spawn({
        let store = store.clone();
        async move { store.note_account(romeo, note(2)).await }
    });
    let mut statements = BTreeSet::new();
    while statements.len() < 2 {
        assert!(!noting.is_finished(), "it was given up");
        let waiting: Vec<String> = sqlx::query_scalar(WAITING).fetch_all(&mut holder).await.unwrap();
        statements.extend(waiting);
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    assert_eq!(noting.await.unwrap(), Ok(()));
    let snapshot = store.load_account(&bare("romeo")).await.unwrap().unwrap().snapshot;
    assert_eq!(snapshot.last_seen, Some((Timestamp(2), "".into())));
}

/// When each statement began to wait that waits for this connection.
const WAITING: &str = "SELECT waitstart::text FROM pg_locks
    WHERE waitstart IS NOT NULL AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";

pub(crate) async fn a_node_keeps_its_newest_items(place: Place) {
    let store = place.open().await;
    let romeo = account(&store, "romeo").await;
    let settings = NodeSettings { items_max: 2, ..NodeSettings::default() };
    let node = Node { name: "n".into(), settings, ..Node::default() };
    let publish = |id: &str| AccountChange::ItemPublished {
        node: "n".into(),
        item: Item { id: id.into(), payload: payload("<x/>"), publisher: jid("romeo@localhost/1"), at: NOW },
    };
    let changes = vec![AccountChange::NodeSet(node), publish("a"), publish("b"), publish("a"), publish("c")];
    store.append_accounts(vec![append(romeo, 1, changes)], NOW).await.unwrap();
    let check = async |choice, expected: &[&str]| {
        let items = store.node_items(romeo, "n", &choice).await.unwrap();
        assert_eq!(items.iter().map(|item| &*item.id).collect::<Vec<_>>(), expected, "{choice:?}");
    };
    check(ItemChoice::Newest(10), &["a", "c"]).await;
    check(ItemChoice::Newest(1), &["c"]).await;
    check(ItemChoice::Ids(vec!["a".into(), "b".into()]), &["a"]).await;
    let last = store.last_items(&bare("romeo"), &["romeo".into()], &["n".into(), "m".into()]).await.unwrap();
    assert_eq!(last.iter().map(|last| &*last.item.id).collect::<Vec<_>>(), ["c"]);
    let gone = vec![AccountChange::ItemsRetracted { node: "n".into(), ids: vec!["c".into()], is_told: true }];
    store.append_accounts(vec![append(romeo, 2, gone)], NOW).await.unwrap();
    check(ItemChoice::Newest(10), &["a"]).await;
    let gone = vec![AccountChange::NodeDeleted { node: "n".into() }];
    store.append_accounts(vec![append(romeo, 3, gone)], NOW).await.unwrap();
    check(ItemChoice::Newest(10), &[]).await;
}

pub(crate) async fn an_accounts_archive_is_paged_and_filtered(place: Place) {
    let store = place.open().await;
    let romeo = account(&store, "romeo").await;
    let mut hidden = letter("juliet", "romeo", "secret");
    hidden.is_archived = false;
    let changes = vec![
        AccountChange::Received(letter("juliet", "romeo", "one")),
        AccountChange::Received(hidden),
        AccountChange::Sent(letter("romeo", "nurse", "two")),
        AccountChange::Blocked { jids: vec![jid("x@y")] },
        AccountChange::Sent(letter("romeo", "juliet", "three")),
    ];
    store.append_accounts(vec![append(romeo, 1, changes)], NOW).await.unwrap();
    let base = ArchiveQuery { counts: true, ..ArchiveQuery::new(Log::Account(romeo)) };
    let id = |seq| MessageId::new(perch::chat::id::Epoch(1), Seq(seq));
    let check =
        async |query: ArchiveQuery, expected: &[&str], total: u64, index: Option<u64>, is_complete| {
            let page = store.letter_page(query.clone()).await.unwrap();
            let texts: Vec<_> =
                page.messages.iter().filter_map(|found| found.letter.content.text.as_deref()).collect();
            assert_eq!(texts, expected, "{query:?}");
            assert_eq!(
                (page.total, page.index, page.is_complete),
                (Some(total), index, is_complete),
                "{query:?}"
            );
        };
    check(base.clone(), &["one", "two", "three"], 3, Some(0), true).await;
    let last = ArchiveQuery { page: PageAt::Last, max: 2, ..base.clone() };
    check(last, &["two", "three"], 3, Some(1), false).await;
    let after = ArchiveQuery { page: PageAt::After(id(1)), max: 1, ..base.clone() };
    check(after, &["two"], 3, Some(1), false).await;
    let with = |with| ArchiveQuery { with: Some(with), ..base.clone() };
    check(with(With::Jid("juliet@localhost".into())), &["one", "three"], 2, Some(0), true).await;
    check(with(With::Resource("juliet@localhost".into(), "1".into())), &["one"], 1, Some(0), true).await;
    let between = ArchiveQuery { after: Some(id(1)), before: Some(id(5)), ..base.clone() };
    check(between, &["two"], 1, Some(0), true).await;
    let ids = ArchiveQuery { ids: vec![id(5), id(1)], ..base.clone() };
    check(ids, &["one", "three"], 2, Some(0), true).await;
    for unknown in [
        ArchiveQuery { ids: vec![id(2)], ..base.clone() },
        ArchiveQuery { page: PageAt::After(id(77)), ..base.clone() },
        ArchiveQuery { page: PageAt::Before(MessageId::new(perch::chat::id::Epoch(9), Seq(1))), ..base },
    ] {
        assert_eq!(store.letter_page(unknown.clone()).await, Err(ArchiveError::ItemNotFound), "{unknown:?}");
    }
    let ends = store.archive_ends(Log::Account(romeo)).await.unwrap().unwrap();
    assert_eq!((ends.first.0, ends.last.0), (id(1), id(5)));
}

pub(crate) async fn what_the_archive_does_not_show_goes_after_a_while(place: Place) {
    let store = place.open().await;
    let romeo = account(&store, "romeo").await;
    let changes = vec![
        AccountChange::Sent(letter("romeo", "juliet", "kept")),
        AccountChange::Blocked { jids: vec![jid("x@y")] },
    ];
    store.append_accounts(vec![append(romeo, 1, changes)], NOW).await.unwrap();
    let left = async |now, expired| {
        assert_eq!(store.expire_account_events(now).await.unwrap(), expired);
        let events = store.account_events(romeo, Seq(0), 10).await.unwrap();
        events.iter().map(|event| event.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(left(NOW, 0).await, [1, 2]);
    assert_eq!(left(NOW.plus(std::time::Duration::from_secs(30 * 24 * 60 * 60)), 1).await, [1]);
    let loaded = store.load_account(&bare("romeo")).await.unwrap().unwrap();
    assert_eq!((loaded.snapshot.seq, loaded.snapshot.blocked), (Seq(2), vec![jid("x@y")]));
}

pub(crate) async fn account(store: &Store, name: &str) -> AccountId {
    store
        .add_account(NewAccount { address: address(name), credentials: Vec::new(), digest: None })
        .await
        .unwrap()
}

fn append(account: AccountId, number: i64, changes: Vec<AccountChange>) -> AccountAppend {
    let origin = Some(Origin { session: SessionId(7), number, settled: number - 1 });
    AccountAppend { account, origin, changes, handled: None, after: None }
}

pub(crate) fn letter(from: &str, to: &str, text: &str) -> Letter {
    Letter {
        kind: MessageKind::Chat,
        from: jid(&format!("{from}@localhost/1")),
        to: bare(to).into(),
        content: Content {
            id: None,
            lang: None,
            text: Some(text.into()),
            payload: payload(&format!("<body>{text}</body>")),
            retention: Retention::Kept,
        },
        is_kept_offline: true,
        is_copied: true,
        is_archived: true,
    }
}

fn payload(text: &str) -> Payload {
    Payload::from(text.to_owned())
}

fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@localhost")).unwrap()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}
