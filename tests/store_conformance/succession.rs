//! What takes the place of a database, and what it may not have. Each with servers of its own.

use std::time::{Duration, Instant};

use perch::chat::id::MessageId;
use perch::chat::snapshot::RoomSnapshot;
use perch::store::Store;
use perch::store::archive::{ArchiveQuery, Log, PageAt};
use perch::store::database;
use perch::store::error::{AppendError, ArchiveError, OpenError, StoreError};
use perch::store::room::Appended;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::timeout;

use crate::cluster::Cluster;
use crate::outages::keyed;
use crate::pool::member;
use crate::scene::make;

/// Both hosts, the standby first: the one that takes writes has to be found.
fn both(url: &str, standby: &Cluster) -> String {
    url.replace('@', &format!("@127.0.0.1:{},", standby.port()))
}

/// Commits there wait for a standby from now on; also on whatever is copied from it.
async fn wait_for_standbys(url: &str) -> PgConnection {
    let mut operator = PgConnection::connect(url).await.unwrap();
    for set in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(set).execute(&mut operator).await.unwrap();
    }
    operator
}

/// Tried until there is an answer that is not "not now".
async fn settled(
    store: &Store,
    room: &RoomSnapshot,
    number: i64,
    text: &str,
) -> Result<Appended, AppendError> {
    let since = Instant::now();
    loop {
        match keyed(store, room, number, text).await {
            Err(AppendError::Store(StoreError::Unavailable | StoreError::Unknown))
                if since.elapsed() < PATIENCE => {}
            answer => return answer,
        }
    }
}

async fn database(store: &Store) -> database::Database {
    store.database().await.unwrap().unwrap()
}

pub(crate) async fn a_standby_of_the_site_takes_over_unnoticed(_: String) {
    let primary = Cluster::start_with(SITE_A).unwrap();
    let url = primary.database();
    let operator = wait_for_standbys(&url).await;
    let standby = primary.standby();
    let store = member(&both(&url, &standby), "a").await;
    let room = make(&store, "tea").await;
    let first = keyed(&store, &room, 1, "before").await.unwrap();
    let before = database(&store).await;
    assert!(before.is_synchronous && before.host.contains(&primary.port().to_string()), "{before:?}");
    assert_eq!((before.timeline, before.site.as_deref()), (1, Some("a")));
    let [follower] = &*before.standbys else { panic!("{before:?}") };
    assert_eq!((follower.is_synchronous, follower.behind), (Some(true), Some(0)), "{before:?}");

    // Nothing that was acknowledged is lost, so nobody has to notice.
    let _ = operator.close_hard().await;
    primary.end();
    standby.promote();
    let third = standby.standby();
    let second = settled(&store, &room, 2, "after").await.unwrap();
    assert_eq!(second.first, first.first.next());
    let after = database(&store).await;
    assert_eq!((after.epoch, after.timeline, after.standbys.len()), (before.epoch, 2, 1), "{after:?}");
    assert!(after.host.contains(&standby.port().to_string()), "{after:?}");
    assert_eq!(store.load_room("tea").await.unwrap().unwrap().seq, second.first);
    drop(third);
}

pub(crate) async fn what_a_standby_never_got_is_not_given_again(_: String) {
    let primary = Cluster::start().unwrap();
    let url = primary.database();
    let standby = primary.standby();
    let both = both(&url, &standby);
    let store = member(&both, "a").await;
    let room = make(&store, "tea").await;
    keyed(&store, &room, 1, "kept").await.unwrap();
    primary.catch_up(&standby).await;
    standby.end();
    let lost = keyed(&store, &room, 2, "lost").await.unwrap();

    primary.end();
    standby.begin();
    standby.promote();
    // Whoever was at work holds what may not be there any more.
    let fenced = settled(&store, &room, 3, "of one who does not know").await;
    assert_eq!(fenced, Err(AppendError::Store(StoreError::Fenced)));
    timeout(PATIENCE, store.fenced()).await.expect("it notices");

    let again = member(&both, "a").await;
    assert!(again.incarnation() > store.incarnation());
    let loaded = again.load_room("tea").await.unwrap().unwrap();
    assert!(loaded.epoch > room.epoch, "{:?}", loaded.epoch);
    let new = keyed(&again, &loaded, 4, "new").await.unwrap();
    assert_eq!(new.first, lost.first, "the place is given again, the id is not");
    let log = Log::Room(room.id);
    let page = again.archive_page(ArchiveQuery::new(log)).await.unwrap();
    let ids: Vec<_> = page.messages.iter().map(|message| message.id).collect();
    let kept = MessageId::new(room.epoch, page.messages[0].id.seq());
    assert_eq!(ids, [kept, MessageId::new(loaded.epoch, new.first)], "what survived keeps its id");
    let after = |id| ArchiveQuery { page: PageAt::After(id), ..ArchiveQuery::new(log) };
    let behind_lost = after(MessageId::new(room.epoch, lost.first));
    assert_eq!(again.archive_page(behind_lost).await, Err(ArchiveError::ItemNotFound));
    assert_eq!(again.archive_page(after(kept)).await.unwrap().messages.len(), 1);

    // It is settled once.
    again.close().await;
    let later = member(&both, "a").await;
    assert_eq!(database(&later).await.epoch, loaded.epoch);
    assert!(later.incarnation() > again.incarnation());
}

pub(crate) async fn a_host_of_a_site_that_is_alone_writes_nothing(_: String) {
    let host = Cluster::start_with(SITE_A).unwrap();
    let url = host.database();
    let mut operator = wait_for_standbys(&url).await;
    let standby = host.standby();
    let store = member(&url, "a").await;
    let room = make(&store, "tea").await;
    keyed(&store, &room, 1, "waited for").await.unwrap();
    for set in ["ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(set).execute(&mut operator).await.unwrap();
    }
    let since = Instant::now();
    let mut number = 2;
    while keyed(&store, &room, number, "perhaps before it was told").await.is_ok() {
        number += 1;
        assert!(since.elapsed() < PATIENCE, "it commits alone");
    }
    let alone = keyed(&store, &room, number + 1, "alone").await;
    assert_eq!(alone, Err(AppendError::Store(StoreError::Unavailable)));
    assert!(!database(&store).await.is_synchronous);
    assert!(store.load_room("tea").await.is_ok(), "who only reads is served");
    drop(standby);
}

pub(crate) async fn a_site_that_every_copy_would_claim_says_nothing(url: String) {
    let name = url.rsplit('/').next().unwrap();
    let mut operator = PgConnection::connect(&url).await.unwrap();
    let set = format!("ALTER DATABASE {name} SET perch.site = 'a'");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut operator).await.unwrap();
    assert_eq!(database(&member(&url, "a").await).await.site, None);
}

pub(crate) async fn who_was_left_behind_is_not_followed(_: String) {
    let former = Cluster::start().unwrap();
    let url = former.database();
    let standby = former.standby();
    let ports = format!(":{},127.0.0.1:{}/", former.port(), standby.port());
    let both = url.replace(&format!(":{}/", former.port()), &ports);
    let store = member(&both, "a").await;
    make(&store, "tea").await;
    former.catch_up(&standby).await;
    store.close().await;
    standby.promote();
    // Both take writes now, and the one that was left behind is asked first.
    let store = member(&both, "a").await;
    assert_eq!(database(&store).await.timeline, 2);
    standby.end();
    let refused = store.load_room("tea").await;
    assert_eq!(refused, Err(StoreError::Unavailable));
    let refused = store.primary().await;
    assert!(matches!(refused, Err(OpenError::LeftBehind(_) | OpenError::Unreachable { .. })), "{refused:?}");
}

const SITE_A: &[&str] = &["perch.site=a"];
const PATIENCE: Duration = Duration::from_secs(30);
