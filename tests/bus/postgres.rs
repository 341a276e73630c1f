//! Over LISTEN/NOTIFY.

use bytes::Bytes;
use perch::bus::Bus;
use perch::chat::event::{Change, Event};
use perch::chat::id::{RoomId, Seq, Timestamp};
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::note::{Note, RoomName};
use perch::store::{Options, Store};
use perch_address::BareJid;
use sqlx::{Connection, PgConnection};

use crate::cluster::Cluster;
use crate::{Station, Word, check_no_silent_loss, check_order, member, note};

/// A cluster of the test's own, with an empty database.
async fn start() -> Option<(Cluster, String)> {
    let Some(cluster) = Cluster::start() else {
        eprintln!("SKIPPED: there is no PostgreSQL; apt-get install postgresql");
        return None;
    };
    let url = cluster.database();
    Some((cluster, url))
}

async fn join(url: &str, name: &str) -> Station {
    let options = Options { member: name.into(), ..Options::new([7; 32]) };
    let store = Store::open(url, &options).await.unwrap();
    Station::new(Bus::postgres(store, "test", member(name)))
}

#[tokio::test]
async fn everything_is_heard_once_and_in_order() {
    let Some((_cluster, url)) = start().await else { return };
    let (mut one, mut two) = (join(&url, "one").await, join(&url, "two").await);
    check_order(&mut one, &mut two).await;
}

#[tokio::test]
async fn what_is_too_long_comes_without_its_events() {
    let Some((_cluster, url)) = start().await else { return };
    let (mut one, mut two) = (join(&url, "one").await, join(&url, "two").await);
    one.meet(1).await;
    two.meet(1).await;
    for bytes in [100, 10_000] {
        one.bus.publish(grown(bytes));
        let heard = loop {
            match two.heard.recv().await.unwrap() {
                perch::bus::Heard::Note { note: Note::Heartbeat { .. }, .. } => {}
                perch::bus::Heard::Note { note, .. } => break note,
                gap @ perch::bus::Heard::Gap { .. } => panic!("{gap:?}"),
            }
        };
        let Note::RoomGrew { last: Seq(7), events, .. } = heard else { panic!("{heard:?}") };
        assert_eq!(events.len(), usize::from(bytes == 100));
    }
}

fn grown(bytes: usize) -> Note {
    let jid = BareJid::new("ann@example.org").unwrap();
    let author = Author { nick: "ann".into(), jid, resource: None, occupant_id: "".into() };
    let payload = Payload(Bytes::from("x".repeat(bytes)));
    let content = Content { id: None, lang: None, text: None, payload, retention: Retention::Kept };
    let change = Change::Posted { author, content };
    let event = Event { seq: Seq(7), at: Timestamp(0), origin: None, change };
    Note::RoomGrew {
        room: RoomName { name: "lobby".into(), id: RoomId(1) },
        last: Seq(7),
        events: vec![event],
    }
}

#[tokio::test]
async fn a_database_that_restarts_is_a_gap_and_then_all_goes_on() {
    let Some((cluster, url)) = start().await else { return };
    let (mut one, mut two) = (join(&url, "one").await, join(&url, "two").await);
    one.meet(1).await;
    two.meet(1).await;
    for round in 0..2 {
        let first = round * 1000 + 1;
        for id in first..first + 200 {
            one.bus.publish(note(id));
            if id % 20 == 0 {
                one.bus.flush().await;
            }
            if id == first + 100 {
                cluster.end();
            }
        }
        cluster.begin();
        two.until_gap().await;
        one.until_gap().await;
        one.meet(1).await;
        two.meet(1).await;
        one.bus.publish(note(first + 500));
        two.until(first + 500).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_missed() {
    let Some((_cluster, url)) = start().await else { return };
    let (mut one, mut two) = (join(&url, "one").await, join(&url, "two").await);
    one.meet(1).await;
    two.meet(1).await;
    let mut operator = PgConnection::connect(&url).await.unwrap();
    for id in 1..=300 {
        one.bus.publish(note(id));
        if id % 60 == 0 {
            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                AND backend_type = 'client backend' AND application_name LIKE 'perch%'";
            sqlx::query(cut).execute(&mut operator).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    one.bus.publish(note(1000));
    let words = two.until(1000).await;
    check_no_silent_loss(&words, 1, 300);
    assert!(words.iter().filter(|word| **word != Word::Gap).count() > 30);
}
