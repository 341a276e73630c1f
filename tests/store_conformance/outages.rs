//! What a store does when its database is not as it should be, not there, or gone in the middle of a commit.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use perch::auth::{Accounts, ChangeError, GuessLimits, Policy, Registration};
use perch::chat::account::entry::{AccountAppend, AccountChange};
use perch::chat::account::node::{Item, Node};
use perch::chat::administration::ActNumber;
use perch::chat::id::{Origin, Seq, SessionId, Timestamp};
use perch::chat::message::Payload;
use perch::chat::principal::{Change, Kind};
use perch::chat::snapshot::RoomSnapshot;
use perch::clock::Clock;
use perch::store::account_log::AccountAppendError;
use perch::store::administration::Deed;
use perch::store::administration::act::LoggedAct;
use perch::store::error::{AppendError, OpenError, PrincipalError, StoreError};
use perch::store::room::{Append, Appended};
use perch::store::{Options, Store};
use perch_address::BareJid;
use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::account_logs::{account, letter};
use crate::administration::log;
use crate::cluster::Cluster;
use crate::journal::journal;
use crate::pool::{at_port, member, port_of};
use crate::proxy::{Cut, Proxy};
use crate::scene::{self, act, address, append, decision, make, post};

async fn refusal(url: &str) -> OpenError {
    Store::open(url, &Options::new([7; 32])).await.unwrap_err()
}

pub(crate) async fn a_newer_store_is_left_alone(url: String) {
    member(&url, "a").await.close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("UPDATE meta SET schema = 999").execute(&mut connection).await.unwrap();
    let refused = refusal(&url).await;
    assert!(matches!(refused, OpenError::TooNew { found: 999, .. }), "{refused:?}");
    assert!(refused.to_string().contains("newer"), "{refused}");
    let members: i64 =
        sqlx::query_scalar("SELECT count(*) FROM member").fetch_one(&mut connection).await.unwrap();
    assert_eq!(members, 1, "who was refused left nothing");
}

pub(crate) async fn a_database_of_others_is_left_alone(url: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (a int)").execute(&mut connection).await.unwrap();
    let refused = refusal(&url).await;
    assert!(matches!(refused, OpenError::NotOurs(_)), "{refused:?}");
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

pub(crate) async fn what_keeps_a_store_from_opening_is_said(url: String) {
    let refused = refusal(&format!("{url}_nowhere")).await;
    assert!(matches!(refused, OpenError::NoDatabase(_)), "{refused:?}");
    let refused = refusal(&url.replace("perch@", "stranger:secret@")).await;
    assert!(matches!(refused, OpenError::Credentials(_)), "{refused:?}");
    assert!(!refused.to_string().contains("secret"), "{refused}");
    let refused = refusal(&at_port(&url, 1)).await;
    assert!(matches!(refused, OpenError::Unreachable { .. }), "{refused:?}");
    let refused = refusal("postgres:perch").await;
    assert!(matches!(refused, OpenError::BadAddress(_)), "{refused:?}");
    // A host of which everything is to be read only, as a standby is.
    let refused = refusal(&format!("{url}?options=-c%20default_transaction_read_only%3Don")).await;
    assert!(matches!(refused, OpenError::NoPrimary(_)), "{refused:?}");
    let silent = Proxy::start(port_of(&url)).await;
    silent.silence();
    let since = Instant::now();
    let refused = refusal(&at_port(&url, silent.port)).await;
    assert!(matches!(refused, OpenError::Unreachable { .. }), "{refused:?}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

pub(crate) async fn members_that_start_together_do_not_collide(url: String) {
    let names = ["a", "b", "c", "d"];
    let stores = join_all(names.map(|name| member(&url, name))).await;
    assert!(stores.iter().all(|store| store.secret() == stores[0].secret()));
    let found = stores[0].members().await.unwrap();
    assert_eq!(found.iter().map(|member| &*member.name).collect::<Vec<_>>(), names);
}

pub(crate) async fn a_lost_answer_does_not_write_twice(url: String) {
    let proxy = Proxy::start(port_of(&url)).await;
    let store = member(&at_port(&url, proxy.port), "a").await;
    let room = make(&store, "tea").await;
    let mut last = room.seq;
    for (round, cut) in [Cut::Before, Cut::During, Cut::After].into_iter().cycle().take(60).enumerate() {
        let text = format!("cut here {round}");
        proxy.cut_next(cut);
        // Several that wait together meet the same cut.
        let together = (0..1 + round % 3).map(|n| keyed(&store, &room, (round * 10 + n) as i64, &text));
        for appended in join_all(together).await {
            let appended = appended.unwrap_or_else(|fault| panic!("{cut:?}: {fault}"));
            assert!(appended.first > last, "{cut:?}");
            assert_eq!((appended.rules, appended.at), (room.rules, room.last_at));
            last = last.max(appended.first);
        }
        // Whoever sends it once more is told.
        let again = keyed(&store, &room, (round * 10) as i64, "again").await;
        assert!(matches!(again, Err(AppendError::AlreadyDone { .. })), "{again:?}");
    }
    assert_eq!(proxy.cuts(), 60);
    let log = store.events_after(room.id, room.seq, 1_000).await.unwrap();
    assert_eq!(log.len(), 120, "each once");
    assert_eq!(log.last().unwrap().seq, last);

    // What has no key is not tried again, nor said to be done.
    proxy.cut_next(Cut::After);
    let unknown = append(&store, &room, [post("alice", "cut here too")]).await;
    assert_eq!(unknown, Err(AppendError::Store(StoreError::Unknown)));
    letters_are_written_once(&store, &proxy).await;
}

pub(crate) async fn a_deed_whose_answer_is_lost_may_be_done(url: String) {
    let proxy = Proxy::start(port_of(&url)).await;
    let store = member(&at_port(&url, proxy.port), "a").await;
    let bob = store.add_account(scene::account("bob")).await.unwrap();
    let policy = Policy {
        registration: Registration::Off,
        admins: Vec::new(),
        guesses: GuessLimits { per_account_and_minute: 10, per_address_and_minute: 10 },
        takes_md5: false,
    };
    let domain = BareJid::new("localhost").unwrap();
    let accounts = Accounts::new(store.clone(), domain, policy, Clock::system());
    let mut revocations = accounts.revocations();

    proxy.cut_next_at(b"COMMIT", Cut::After);
    let removed = accounts.remove(&address("bob"), act()).await;
    assert_eq!(removed, Err(ChangeError::Store(StoreError::Unknown)));
    assert_eq!(revocations.try_recv().unwrap().account, bob, "nobody stays signed in by what may be gone");
    assert_eq!(store.account("bob").await.unwrap(), None, "it was done");

    let staff = BareJid::new("staff@groups.localhost").unwrap();
    let make = Change::Make { address: staff.clone(), kind: Kind::Group, name: "Staff".into(), entry: None };
    proxy.cut_next_at(b"COMMIT", Cut::After);
    let made = store.change_principals(&[make], None).await;
    assert_eq!(made, Err(PrincipalError::Store(StoreError::Unknown)));
    assert!(store.principal(&staff).await.unwrap().is_some());
    assert_eq!(proxy.cuts(), 2);
}

async fn letters_are_written_once(store: &Store, proxy: &Proxy) {
    let (romeo, juliet) = (account(store, "romeo").await, account(store, "juliet").await);
    for (number, cut) in
        [Cut::Before, Cut::During, Cut::After].into_iter().cycle().take(15).zip(1..).map(|(c, n)| (n, c))
    {
        let letter = || letter("romeo", "juliet", "cut here");
        let origin = Some(Origin { session: SessionId(7), number, settled: 0 });
        let part = |account, change| AccountAppend {
            account,
            origin,
            changes: vec![change],
            handled: None,
            after: None,
        };
        let parts = || {
            vec![part(romeo, AccountChange::Sent(letter())), part(juliet, AccountChange::Received(letter()))]
        };
        proxy.cut_next(cut);
        let places = store.append_accounts(parts(), Timestamp(1_000)).await.unwrap();
        assert_eq!(places.iter().map(|place| place.first).collect::<Vec<_>>(), [Seq(number), Seq(number)]);
    }
    for account in [romeo, juliet] {
        assert_eq!(store.account_events(account, Seq(0), 99).await.unwrap().len(), 15);
    }
}

pub(crate) async fn keyed(
    store: &Store,
    room: &RoomSnapshot,
    number: i64,
    text: &str,
) -> Result<Appended, AppendError> {
    let origin = Some(Origin { session: SessionId(1), number, settled: 0 });
    store.append(Append { origin, ..decision(room, vec![post("alice", text)]) }).await
}

/// With a server of its own, which it stops.
pub(crate) async fn a_store_that_is_away_is_so_in_time_and_comes_back(_: String) {
    let cluster = Cluster::start().unwrap();
    let url = cluster.database();
    let proxy = Proxy::start(cluster.port()).await;
    let store = member(&at_port(&url, proxy.port), "a").await;
    let room = make(&store, "tea").await;
    let romeo = account(&store, "romeo").await;
    append(&store, &room, [post("alice", "hi")]).await.unwrap();

    // Once it refuses, once it does not answer at all.
    for is_silent in [false, true] {
        if is_silent {
            proxy.silence()
        } else {
            cluster.end()
        }
        let change = AccountChange::Sent(letter("romeo", "juliet", "hi"));
        let part =
            AccountAppend { account: romeo, origin: None, changes: vec![change], handled: None, after: None };
        let since = Instant::now();
        let (appended, sent, loaded, events, created) = tokio::join!(
            keyed(&store, &room, i64::from(is_silent) + 5, "away"),
            store.append_accounts(vec![part], Timestamp(1_000)),
            store.load_room("tea"),
            store.events_after(room.id, Seq(0), 9),
            store.create_room(scene::new_room("coffee")),
        );
        assert!(
            matches!(appended, Err(AppendError::Store(StoreError::Unavailable | StoreError::Unknown))),
            "{appended:?}"
        );
        assert!(sent.is_err() && created.is_err());
        assert_eq!(loaded.map(drop), Err(StoreError::Unavailable));
        assert_eq!(events.map(drop), Err(StoreError::Unavailable));
        assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());

        if is_silent {
            proxy.heal()
        } else {
            cluster.begin()
        }
        let since = Instant::now();
        while let Err(fault) = store.load_room("tea").await {
            assert!(since.elapsed() < Duration::from_secs(10), "{fault}");
        }
        let before = store.load_room("tea").await.unwrap().unwrap().seq;
        let appended = keyed(&store, &room, i64::from(is_silent) + 5, "away").await;
        match appended {
            // The attempt that nobody heard of may have arrived.
            Err(AppendError::AlreadyDone { seq }) => assert!(seq <= before),
            appended => assert_eq!(appended.unwrap().first, before.next()),
        }
    }
}

pub(crate) async fn the_journal_passes_over_no_slow_transaction(url: String) {
    let options = Options { has_journal: true, ..Options::new([7; 32]) };
    let store = Store::open(&url, &options).await.unwrap();
    let room = make(&store, "tea").await;
    let before = journal(&store, 1).await;
    let place = before.last().unwrap().place;

    let mut slow = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut slow).await.unwrap();
    let row = sqlx::query(
        "INSERT INTO journal (at, room, seq, change)
         SELECT at, room, 99, change FROM journal LIMIT 1 RETURNING xid::text::bigint",
    )
    .fetch_one(&mut slow)
    .await
    .unwrap();
    let slow_one: i64 = row.get(0);
    append(&store, &room, [post("alice", "quick")]).await.unwrap();
    assert_eq!(store.journal(place, 9).await.unwrap(), [], "the quick one waits for the slow one");
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let all = journal(&store, before.len() + 2).await;
    let behind: Vec<_> = all.iter().filter(|entry| entry.place > place).collect();
    assert_eq!(behind[0].place.transaction, slow_one);
    assert_eq!(behind.iter().map(|entry| entry.seq.unwrap().0).collect::<Vec<_>>(), [99, room.seq.0 + 1]);
    // In the order of what the engine calls a transaction, not of the rows' numbers.
    assert!(behind[0].place < behind[1].place);
}

pub(crate) async fn the_audit_log_passes_over_no_slow_transaction(url: String) {
    let store = member(&url, "a").await;
    let first = store.administer(Deed::Elsewhere, act()).await.unwrap();
    log(&store, None, 1).await;

    let mut slow = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut slow).await.unwrap();
    // As a member logs that knows nothing of the order.
    let row = sqlx::query(
        "INSERT INTO audit (at, who, origin, operation, object, outcome)
         SELECT at, who, origin, operation, object, outcome FROM audit LIMIT 1 RETURNING number",
    )
    .fetch_one(&mut slow)
    .await
    .unwrap();
    let slow_one = ActNumber(row.get(0));
    let quick_one = store.administer(Deed::Elsewhere, act()).await.unwrap();
    assert_eq!(log(&store, Some(first), 0).await, [], "the quick one waits for the slow one");
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let numbers = |lines: Vec<LoggedAct>| lines.iter().map(|line| line.number).collect::<Vec<_>>();
    assert_eq!(numbers(log(&store, Some(first), 2).await), [slow_one, quick_one]);
    assert_eq!(numbers(log(&store, Some(slow_one), 1).await), [quick_one]);

    // Who has begun first comes first, whatever the numbers of the lines.
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut slow).await.unwrap();
    let third = store.administer(Deed::Elsewhere, act()).await.unwrap();
    let line = "INSERT INTO audit (at, who, origin, operation, object, outcome)
         SELECT at, who, origin, operation, object, outcome FROM audit LIMIT 1; COMMIT";
    sqlx::raw_sql(line).execute(&mut slow).await.unwrap();
    let last = numbers(log(&store, Some(quick_one), 2).await);
    assert_eq!(last[1], third);
    assert_eq!(numbers(log(&store, Some(last[0]), 1).await), [third], "a page begins behind any of them");
}

/// With a server of its own, which waits for a standby that there is none of.
pub(crate) async fn a_commit_that_waits_for_a_standby_is_not_acknowledged(_: String) {
    let cluster = Cluster::start().unwrap();
    let url = cluster.database();
    let store = member(&url, "a").await;
    let room = make(&store, "tea").await;
    let mut operator = PgConnection::connect(&url).await.unwrap();
    for standbys in ["nobody", ""] {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{standbys}'");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut operator).await.unwrap();
        sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut operator).await.unwrap();
        if standbys.is_empty() {
            break;
        }
        let since = Instant::now();
        let mut told: String = String::new();
        while told != standbys {
            told =
                sqlx::query_scalar("SHOW synchronous_standby_names").fetch_one(&mut operator).await.unwrap();
        }
        let unknown = keyed(&store, &room, 1, "alone").await;
        assert_eq!(unknown, Err(AppendError::Store(StoreError::Unknown)));
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    }
    // It was written all the same, and once.
    let since = Instant::now();
    let again = loop {
        match keyed(&store, &room, 1, "alone").await {
            Err(AppendError::Store(StoreError::Unavailable | StoreError::Unknown))
                if since.elapsed().as_secs() < 30 => {}
            again => break again,
        }
    };
    assert_eq!(again, Err(AppendError::AlreadyDone { seq: room.seq.next() }));
    assert_eq!(store.load_room("tea").await.unwrap().unwrap().seq, room.seq.next());
}

/// The same, and an operator who loses patience: the server then says that all is well.
pub(crate) async fn a_commit_whose_wait_was_cancelled_is_not_acknowledged(_: String) {
    let cluster = Cluster::start().unwrap();
    let url = cluster.database();
    let store = member(&url, "a").await;
    let room = make(&store, "tea").await;
    let mut operator = PgConnection::connect(&url).await.unwrap();
    for set in ["ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(set).execute(&mut operator).await.unwrap();
    }
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let impatient = tokio::spawn(async move {
        let mut cancelled = 0;
        while stopped.try_recv().is_err() {
            let done: i64 = sqlx::query_scalar(CANCEL_WAITS).fetch_one(&mut operator).await.unwrap();
            cancelled += done;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancelled
    });
    let unknown = keyed(&store, &room, 1, "alone").await;
    stop.send(()).unwrap();
    assert_eq!(unknown, Err(AppendError::Store(StoreError::Unknown)));
    assert!(impatient.await.unwrap() > 0, "nothing was cancelled");
}

const CANCEL_WAITS: &str = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND query_start < clock_timestamp() - interval '1200 ms'";

/// An index takes no more than a third of a page.
pub(crate) async fn what_one_may_not_write_keeps_nobody_else_from_writing(url: String) {
    let store = member(&url, "a").await;
    let (romeo, juliet) = (account(&store, "romeo").await, account(&store, "juliet").await);
    let part = |account, number, changes| {
        let origin = Some(Origin { session: SessionId(7), number, settled: 0 });
        vec![AccountAppend { account, origin, changes, handled: None, after: None }]
    };
    let mut random = StdRng::seed_from_u64(1);
    let id: String = (0..20_000).map(|_| char::from(random.sample(Alphanumeric))).collect();
    let item = Item {
        id: id.into(),
        payload: Payload::default(),
        publisher: "romeo@localhost/1".parse().unwrap(),
        at: Timestamp(1),
    };
    let published = AccountChange::ItemPublished { node: "n".into(), item };
    let node = AccountChange::NodeSet(Node { name: "n".into(), ..Node::default() });
    for round in 0..10 {
        let letters = (0..5).map(|n| {
            let sent = AccountChange::Sent(letter("juliet", "romeo", "hi"));
            store.append_accounts(part(juliet, round * 10 + n, vec![sent]), Timestamp(1))
        });
        let huge = part(romeo, round, vec![node.clone(), published.clone()]);
        let (refused, letters) = tokio::join!(store.append_accounts(huge, Timestamp(1)), join_all(letters));
        assert!(
            matches!(refused, Err(AccountAppendError::Store(StoreError::Inconsistent { .. }))),
            "{refused:?}"
        );
        assert!(letters.iter().all(Result::is_ok), "{letters:?}");
    }
    assert_eq!(store.account_events(juliet, Seq(0), 99).await.unwrap().len(), 50);
    assert_eq!(store.account_events(romeo, Seq(0), 99).await.unwrap().len(), 0);
}
