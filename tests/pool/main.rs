//! Members of a pool on a real PostgreSQL: who is found dead, what becomes of what it held, what an operator can want.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stderr, reason = "what is not tried is said aloud")]

#[path = "../support/cluster.rs"]
#[expect(dead_code, reason = "what the tests of the store need beside it")]
mod cluster;
mod complaints;
mod member;
mod moving;
#[path = "../support/nats_server.rs"]
#[expect(dead_code, reason = "what the tests of the bus need beside it")]
mod nats_server;
#[path = "../support/plain.rs"]
mod plain;
mod processes;
mod races;
#[path = "../store_conformance/scene.rs"]
#[expect(dead_code, reason = "what the tests of the store need beside it")]
mod scene;

use std::time::{Duration, Instant};

use perch::bus::{Bus, Heard};
use perch::chat::administration::level::Here;
use perch::chat::note;
use perch::chat::principal::{Change, Kind};
use perch::clock::Clock;
use perch::directory::Directory;
use perch::pool::{Alarm, Pool, PoolError, ReturnTimes};
use perch::store::member::MemberState;
use perch::store::{Options, Store};
use perch_address::BareJid;
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cluster::cluster;

/// One member, without rooms and sessions.
struct Seat {
    store: Store,
    pool: Pool,
    alarms: mpsc::Receiver<Alarm>,
    /// What the bus brought, beside signs of life.
    notes: mpsc::Receiver<note::Note>,
    stop: CancellationToken,
}

impl Seat {
    async fn take(url: &str, name: &str) -> Self {
        let address = Some(format!("{name}.example.org").into());
        let options = Options { member: name.into(), address, lease: LEASE, ..Options::new([7; 32]) };
        let store = Store::open(url, &options).await.unwrap();
        let me = note::Member { name: name.into(), incarnation: store.incarnation() };
        let (bus, mut heard) = Bus::postgres(store.clone(), "test", me.clone());
        let times = ReturnTimes { sessions: Duration::from_secs(60), seats: GRACE };
        let pool = Pool::join(store.clone(), bus, Clock::system(), me, times).await.unwrap();
        let (raise, alarms) = mpsc::channel(64);
        let stop = CancellationToken::new();
        tokio::spawn(pool.clone().run(raise, stop.clone()));
        let (tell, notes) = mpsc::channel(64);
        let hearing = pool.clone();
        tokio::spawn(async move {
            while let Some(heard) = heard.recv().await {
                hearing.hears(&heard);
                if let Heard::Note { note, .. } = heard
                    && !matches!(note, note::Note::Heartbeat { .. })
                    && tell.send(note).await.is_err()
                {
                    return;
                }
            }
        });
        Self { store, pool, alarms, notes, stop }
    }

    /// Waits for an alarm like that, past those that are not.
    async fn alarm<T>(&mut self, is_it: impl Fn(Alarm) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = is_it(self.alarms.recv().await.unwrap()) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, looking).await.expect("the alarm is raised")
    }

    /// Waits until the death of that life of a member is told; gives the rooms that it was in.
    async fn is_gone(&mut self, name: &str, incarnation: i64) -> Vec<Box<str>> {
        self.alarm(|alarm| match alarm {
            Alarm::MemberGone { member, rooms }
                if *member.name == *name && member.incarnation == incarnation =>
            {
                Some(rooms.into_iter().map(|room| room.name).collect())
            }
            _ => None,
        })
        .await
    }
}

async fn database() -> Option<String> {
    let Some(cluster) = cluster() else {
        eprintln!("SKIPPED: there is no PostgreSQL; apt-get install postgresql");
        return None;
    };
    Some(cluster.database())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} never holds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_dead_member_held_is_found_told_and_let_go() {
    let Some(url) = database().await else { return };
    // On threads of its own, which can be taken away as a process can.
    let process = tokio::runtime::Runtime::new().unwrap();
    let place = url.clone();
    let a = process.spawn(async move {
        let a = Seat::take(&place, "a").await;
        let room = scene::make(&a.store, "tea").await;
        (a, room)
    });
    let (a, room) = a.await.unwrap();
    let (mut b, mut c) = (Seat::take(&url, "b").await, Seat::take(&url, "c").await);
    let incarnation = a.store.incarnation();
    let died = Instant::now();
    process.shutdown_background();

    let (by_b, by_c) = tokio::join!(b.is_gone("a", incarnation), c.is_gone("a", incarnation));
    eprintln!("death to alarm: {:?} with a lease of {LEASE:?}", died.elapsed());
    let mut rooms = [by_b, by_c].concat();
    rooms.dedup();
    assert_eq!(rooms, ["tea".into()], "whoever detached it says where");

    // It is given to one of the two.
    let seats = loop {
        let due = |alarm| (alarm == Alarm::Due).then_some(());
        let store = tokio::select! {
            () = b.alarm(due) => &b.store,
            () = c.alarm(due) => &c.store,
        };
        let seats = store.claim_due_seats(Clock::system().now(), 10).await.unwrap();
        if !seats.is_empty() {
            break seats;
        }
    };
    eprintln!("death to departure: {:?} with {GRACE:?} to come back", died.elapsed());
    assert_eq!(seats.iter().map(|seat| (seat.room, seat.session.0)).collect::<Vec<_>>(), [(room.id, 1)]);
    // And the other was told that the room has changed.
    let stale = note::Note::RoomStale { room: note::RoomName { name: "tea".into(), id: room.id } };
    let told = timeout(PATIENCE, async {
        tokio::select! {
            note = b.notes.recv() => note,
            note = c.notes.recv() => note,
        }
    });
    assert_eq!(told.await.unwrap(), Some(stale));
}

#[tokio::test]
async fn a_member_that_was_taken_for_dead_steps_down() {
    let Some(url) = database().await else { return };
    let (mut a, mut b) = (Seat::take(&url, "a").await, Seat::take(&url, "b").await);
    let incarnation = a.store.incarnation();
    let mut operator = PgConnection::connect(&url).await.unwrap();
    let fence = "UPDATE member SET incarnation = incarnation + 1, state = 'gone', lease_until = '-infinity'
        WHERE name = 'a'";
    sqlx::raw_sql(fence).execute(&mut operator).await.unwrap();
    timeout(PATIENCE, a.pool.deposed().cancelled()).await.expect("it is deposed");
    a.alarm(|alarm| (alarm == Alarm::Deposed).then_some(())).await;
    b.is_gone("a", incarnation).await;
    assert!(!b.pool.deposed().is_cancelled());
}

#[tokio::test]
async fn who_ends_by_itself_is_gone_without_having_been_fenced() {
    let Some(url) = database().await else { return };
    let (a, mut b) = (Seat::take(&url, "a").await, Seat::take(&url, "b").await);
    let incarnation = a.store.incarnation();
    scene::make(&a.store, "tea").await;
    a.stop.cancel();
    let ended = Instant::now();
    a.store.close().await;
    assert_eq!(b.is_gone("a", incarnation).await, ["tea".into()]);
    assert!(ended.elapsed() < LEASE, "nobody waited for its lease: {:?}", ended.elapsed());
    // It may be started at once.
    let again = Seat::take(&url, "a").await;
    assert!(again.store.incarnation() > incarnation);
}

#[tokio::test]
async fn what_an_operator_wants_is_followed() {
    let Some(url) = database().await else { return };
    let (mut a, b) = (Seat::take(&url, "a").await, Seat::take(&url, "b").await);
    let contacts = |seat: &Seat| {
        seat.pool.contacts().into_iter().map(|contact| contact.address.to_string()).collect::<Vec<_>>()
    };
    until("a is a contact", || contacts(&b) == ["a.example.org"]).await;

    b.pool.want("a", MemberState::Draining).await.unwrap();
    let state = a.alarm(|alarm| match alarm {
        Alarm::StateChanged(state) => Some(state),
        _ => None,
    });
    assert_eq!(state.await, MemberState::Draining);
    assert_eq!(a.pool.state(), MemberState::Draining);
    until("a is no contact", || contacts(&b).is_empty()).await;
    assert_eq!(a.pool.want("b", MemberState::Standby).await, Err(PoolError::LastActive));
    assert_eq!(a.pool.want("z", MemberState::Standby).await, Err(PoolError::NoSuchMember));

    let status = b.pool.status().await.unwrap();
    let shown: Vec<_> = status
        .iter()
        .map(|status| {
            (&*status.member.name, status.member.showing.state, status.is_me, status.heard.is_some())
        })
        .collect();
    assert_eq!(shown, [("a", MemberState::Draining, false, true), ("b", MemberState::Active, true, false)]);

    // Drained to be stopped, it is active when it is started; put aside, it stays so.
    for (wanted, then) in
        [(MemberState::Draining, MemberState::Active), (MemberState::Standby, MemberState::Standby)]
    {
        b.pool.want("a", wanted).await.unwrap();
        until("it follows", || a.pool.state() == wanted).await;
        a.stop.cancel();
        a.store.close().await;
        a = Seat::take(&url, "a").await;
        assert_eq!(a.pool.state(), then);
    }
}

#[tokio::test]
async fn logs_are_compared_while_a_member_is_not_heard() {
    let Some(url) = database().await else { return };
    let (mut a, b) = (Seat::take(&url, "a").await, Seat::take(&url, "b").await);
    // Alive in the store, silent on the bus: as if the bus were cut.
    let options = Options { member: "c".into(), lease: LEASE, ..Options::new([7; 32]) };
    let _silent = Store::open(&url, &options).await.unwrap();
    let compare = |alarm| (alarm == Alarm::Compare).then_some(());
    a.alarm(compare).await;
    let begun = Instant::now();
    for _ in 0..3 {
        a.alarm(compare).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "not as seldom as else: {:?}", begun.elapsed());
    assert!(!b.pool.deposed().is_cancelled());
    let members = a.store.members().await.unwrap();
    assert!(members.iter().all(|member| member.lease.is_some()), "silence kills nobody: {members:?}");
}

#[tokio::test]
async fn rights_are_not_in_effect_before_whoever_does_not_follow_is_fenced() {
    let Some(url) = database().await else { return };
    let options = Options { member: "a".into(), lease: LEASE, ..Options::new([7; 32]) };
    let store = Store::open(&url, &options).await.unwrap();
    let domain = BareJid::new("example.org").unwrap();
    let here = Here { pool: "perch".into(), site: None };
    let directory = Directory::open(store.clone(), Bus::Local, domain, here).await.unwrap();
    let mut operator = PgConnection::connect(&url).await.unwrap();
    let silent = "INSERT INTO member (name, incarnation, state, lease_until, rights)
        VALUES ('b', 1, 'active', '-infinity', 0)";
    sqlx::raw_sql(silent).execute(&mut operator).await.unwrap();

    let address = BareJid::new("staff@groups.example.org").unwrap();
    let made = [Change::Make { address, kind: Kind::Group, name: "Staff".into(), entry: None }];
    let changed = directory.change(&made);
    tokio::pin!(changed);
    assert!(timeout(LEASE, &mut changed).await.is_err(), "its lease is over, and it may still write");
    assert!(store.fence_member("b", 1).await.unwrap());
    timeout(PATIENCE, changed).await.unwrap().unwrap();
}

const LEASE: Duration = Duration::from_secs(2);

const GRACE: Duration = Duration::from_secs(1);

const PATIENCE: Duration = Duration::from_secs(20);
