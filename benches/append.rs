//! What the store costs in CPU time: an append by how many wait together, a join, a row of a page of archive.
//!
//! `cargo bench --bench append`. CPU of the whole process is counted, the embedded engine's threads included; the time
//! that the disk takes is shown beside it. Then how much is committed in a second, by posters that each wait for their
//! last post. `-- sqlite` or `-- postgres` asks one engine only; PostgreSQL is a server of the measurement's own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it fails"
)]

#[path = "support/measure.rs"]
mod measure;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::event::{Change, Joined};
use perch::chat::id::{Origin, SessionId, Timestamp};
use perch::chat::message::{Content, Payload, Retention};
use perch::chat::snapshot::RoomSnapshot;
use perch::store::account::{NewAccount, ScramHash, ScramRow};
use perch::store::archive::{ArchiveQuery, Log, PageAt};
use perch::store::room::{Append, NewRoom};
use perch::store::{Options, Store};
use perch_address::BareJid;

use measure::{ENGINES, Meter, author, on_each_engine};

fn main() {
    on_each_engine(measure_store);
}

async fn measure_store(url: &str) {
    let store = Store::open(url, &Options::new([1; 32])).await.unwrap();
    let mut rooms = Vec::new();
    for number in 0..200 {
        rooms.push(store.create_room(new_room(number)).await.unwrap());
    }
    let mut number = 0;
    for (together, rounds) in [(1, 500), (5, 500), (20, 300), (200, 150)] {
        posts(&store, &rooms[..together], rounds, &mut number, "rooms").await;
    }
    let hot = vec![rooms[0].clone(); 200];
    posts(&store, &hot, 150, &mut number, "in one room").await;
    joins(&store, &rooms, 100).await;
    pages(&store, &rooms[0]).await;
    loads(&store, &rooms).await;
    accounts(&store).await;
    number += 1_000_000;
    for (count, posters) in [(1, 4), (1, 64), (20, 20), (20, 80)] {
        for batch in [1, 10, 50] {
            rate(&store, &rooms[..count], posters, batch, &mut number).await;
        }
    }
    store.close().await;
}

/// Appends and events in a second, from so many that each wait for their last append.
async fn rate(store: &Store, rooms: &[RoomSnapshot], posters: i64, batch: i64, number: &mut i64) {
    let what = format!("{posters} posters in {} rooms, {batch} at once", rooms.len());
    let Some(meter) = start_if_wanted(&what) else { return };
    let until = Instant::now() + Duration::from_secs(4);
    let posters = (0..posters).map(|poster| {
        let (store, room) = (store.clone(), rooms[poster as usize % rooms.len()].clone());
        let first = *number + poster * 1_000_000;
        tokio::spawn(async move {
            let mut count = 0;
            while Instant::now() < until {
                let changes: Vec<_> = (0..batch).map(|n| post(first + count * batch + n)).collect();
                let append = append(&room, post(0), first + count);
                store.append(Append { changes: changes.into(), ..append }).await.unwrap();
                count += 1;
            }
            count
        })
    });
    let posters: Vec<_> = posters.collect();
    *number += posters.len() as i64 * 1_000_000;
    let mut appends = 0;
    for poster in posters {
        appends += poster.await.unwrap();
    }
    let seconds = meter.since.elapsed().as_secs_f64();
    let per_second = |count: i64| count as f64 / seconds;
    println!(
        "{what:45} {:8.0} appends/s, {:8.0} events/s, {:5.1} µs CPU an event here",
        per_second(appends),
        per_second(appends * batch),
        meter.cpu_each((appends * batch) as usize)
    );
}

async fn posts(store: &Store, rooms: &[RoomSnapshot], rounds: usize, number: &mut i64, what: &str) {
    let Some(meter) = start_if_wanted(&format!("append of one post, {} {what}", rooms.len())) else {
        return;
    };
    for _ in 0..rounds {
        let round = rooms.iter().map(|room| {
            *number += 1;
            store.append(append(room, post(*number), *number))
        });
        assert!(join_all(round).await.iter().all(Result::is_ok));
    }
    meter.report(rounds * rooms.len());
}

async fn joins(store: &Store, rooms: &[RoomSnapshot], rounds: i64) {
    let Some(meter) = start_if_wanted("join, 200 rooms together") else { return };
    for round in 0..rounds {
        let joins = rooms.iter().map(|room| {
            let mut append = append(room, join(round), round);
            append.origin = None;
            store.append(append)
        });
        assert!(join_all(joins).await.iter().all(Result::is_ok));
    }
    meter.report(rooms.len() * rounds as usize);
}

async fn pages(store: &Store, room: &RoomSnapshot) {
    let Some(meter) = start_if_wanted("row of an archive page of 50") else { return };
    let mut rows = 0;
    while meter.since.elapsed() < Duration::from_secs(3) {
        let mut page = PageAt::First;
        for _ in 0..200 {
            let query = ArchiveQuery { page, max: 50, ..ArchiveQuery::new(Log::Room(room.id)) };
            let read = store.archive_page(query).await.unwrap();
            rows += read.messages.len();
            let Some(last) = read.messages.last() else { break };
            page = PageAt::After(last.id);
        }
    }
    meter.report(rows);
}

async fn loads(store: &Store, rooms: &[RoomSnapshot]) {
    let Some(meter) = start_if_wanted("load of a room with 100 occupants") else { return };
    let mut loaded = 0;
    while meter.since.elapsed() < Duration::from_secs(1) {
        store.load_room(&rooms[loaded % rooms.len()].name).await.unwrap().unwrap();
        loaded += 1;
    }
    meter.report(loaded);
}

async fn accounts(store: &Store) {
    let Some(meter) = start_if_wanted("account, 1000 together") else { return };
    let keys = [(ScramHash::Sha1, 20), (ScramHash::Sha256, 32), (ScramHash::Sha512, 64)];
    let keys = keys.map(|(hash, size)| ScramRow {
        hash,
        iterations: 4096,
        salt: vec![3; 16].into(),
        stored_key: vec![4; size].into(),
        server_key: vec![5; size].into(),
    });
    for round in 0..10 {
        let name = |number| BareJid::new(&format!("account-{round}-{number}@perch.test")).unwrap();
        let account = |number| NewAccount { address: name(number), credentials: keys.to_vec(), digest: None };
        store.add_accounts((0..1000).map(account).collect(), None).await.unwrap();
    }
    meter.report(10_000);
}

/// None when another measurement was asked for by name.
fn start_if_wanted(what: &str) -> Option<Meter> {
    let named = |argument: &String| !argument.starts_with('-') && !ENGINES.contains(&argument.as_str());
    let mut wanted = std::env::args().skip(1).filter(named).peekable();
    let is_wanted = wanted.peek().is_none() || wanted.any(|wanted| what.contains(&wanted));
    is_wanted.then(|| Meter::start(what))
}

fn append(room: &RoomSnapshot, change: Change, number: i64) -> Append {
    Append {
        room: room.id,
        rules: room.rules,
        changes: Arc::new([change]),
        quiet: [].into(),
        at: Timestamp(1_700_000_000_000 + number),
        origin: Some(Origin {
            session: SessionId(number % 1000 * 7_919_000_000),
            number,
            settled: number - 1,
        }),
    }
}

/// As clients send them: a hundred bytes of text, an id, markers.
fn post(number: i64) -> Change {
    let text = format!("{number:0>100}");
    let payload = format!(
        "<body>{text}</body><origin-id xmlns='urn:xmpp:sid:0' id='f81d4fae-7dec-11d0-{number:0>16}'/>\
         <markable xmlns='urn:xmpp:chat-markers:0'/>"
    );
    let content = Content {
        id: Some(format!("f81d4fae-7dec-11d0-{number:0>16}").into()),
        lang: None,
        text: Some(text.into()),
        payload: Payload::from(payload),
        retention: Retention::Kept,
    };
    Change::Posted { author: author(number as u64 % 20), content }
}

fn join(number: i64) -> Change {
    let presence = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org' \
                    ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/><show>away</show><status>somewhere else</status>";
    Change::Joined(Joined {
        nick: format!("user {number}").into(),
        nick_key: format!("user {number}").into(),
        session: SessionId(number * 7_919_000_000),
        jid: format!("user{number}@localhost/phone").parse().unwrap(),
        occupant_id: format!("{number:0>43}").into(),
        affiliation: Affiliation::None,
        presents: false,
        role: Role::Participant,
        presence: Payload::from(presence.to_owned()),
        has_created: false,
        nick_assigned: false,
    })
}

fn new_room(number: i64) -> NewRoom {
    let by = author(0).jid;
    NewRoom {
        name: format!("room{number}").into(),
        secret: [2; 32],
        changes: Arc::new([Change::Created { by, settings: Box::default(), locked: false }]),
        at: Timestamp(1_700_000_000_000),
        origin: None,
    }
}
