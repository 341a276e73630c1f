//! What searching costs: the index over a hundred thousand messages, searches in it, and what posters feel of it.
//!
//! `cargo bench --bench search`; `-- sqlite` or `-- postgres` asks one engine only. CPU is that of this process, the embedded
//! engine's threads included and PostgreSQL's not.

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
use perch::chat::event::Change;
use perch::chat::id::Timestamp;
use perch::chat::message::{Content, Payload, Retention};
use perch::chat::settings::Settings;
use perch::chat::snapshot::RoomSnapshot;
use perch::chat::words::Wording;
use perch::store::archive::{ArchiveQuery, Log, PageAt};
use perch::store::room::{Append, NewRoom};
use perch::store::room_search::RoomSearch;
use perch::store::search::{Scope, Search};
use perch::store::{Options, Store};
use sqlx::{Connection, PgConnection};

use measure::{Meter, author, on_each_engine};

const MESSAGES: u64 = 100_000;
const ROOMS: u64 = 20;
const SEARCHES: u64 = 500;

fn main() {
    on_each_engine(measure_store);
}

async fn measure_store(url: &str) {
    let store = Store::open(url, &Options::new([1; 32])).await.unwrap();
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(store.create_room(new_room(number)).await.unwrap());
    }
    println!("{MESSAGES} messages of twelve words in {ROOMS} rooms");
    let meter = Meter::start("a message appended, 100 together");
    for hundred in 0..MESSAGES / 100 {
        let posts = (0..100).map(|n| post(hundred * 100 + n)).collect::<Vec<_>>();
        store.append(append(&rooms[(hundred % ROOMS) as usize], posts, hundred)).await.unwrap();
    }
    meter.report(MESSAGES as usize);
    let meter = Meter::start("a message taken into the index");
    store.index_all().await.unwrap();
    meter.report(MESSAGES as usize);
    if url.starts_with("postgres:") {
        // As it does by itself within a minute: before that it takes every word for equally common.
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql("ANALYZE search_entry").execute(&mut connection).await.unwrap();
    }

    for (what, words) in [("rare", "w900"), ("common", "w1"), ("two", "w3 w40"), ("phrase", "\"w1 w2\"")] {
        searches(&store, &format!("page of 50, everywhere, {what}"), |_| search(Scope::Everywhere, words))
            .await;
        let one = |n| search(Scope::Rooms(vec![rooms[(n % ROOMS) as usize].id]), words);
        searches(&store, &format!("page of 50, one room, {what}"), one).await;
    }
    archive_pages(&store, &rooms).await;
    posters(&store, &rooms).await;
    found_rooms(&store).await;
    store.close().await;
}

fn search(scope: Scope, words: &str) -> Search {
    Search { wording: Some(Wording::typed(words)), max: 50, ..Search::new(scope) }
}

async fn searches(store: &Store, what: &str, search: impl Fn(u64) -> Search) {
    let mut times = Vec::new();
    let mut hits = 0;
    for n in 0..SEARCHES {
        let begun = Instant::now();
        hits += store.search(search(n)).await.unwrap().hits.len();
        times.push(begun.elapsed());
    }
    percentiles(&format!("{what} ({} found)", hits as u64 / SEARCHES), times);
}

/// As clients ask (XEP-0431): the last page of a room's archive that has a word.
async fn archive_pages(store: &Store, rooms: &[RoomSnapshot]) {
    let mut times = Vec::new();
    for n in 0..SEARCHES {
        let log = Log::Room(rooms[(n % ROOMS) as usize].id);
        let wording = Some(Wording::typed("w1"));
        let query = ArchiveQuery { wording, page: PageAt::Last, max: 50, ..ArchiveQuery::new(log) };
        let begun = Instant::now();
        store.archive_page(query).await.unwrap();
        times.push(begun.elapsed());
    }
    percentiles("page of 50 of an archive, common", times);
}

/// One post after the other, alone and while the index follows every second.
async fn posters(store: &Store, rooms: &[RoomSnapshot]) {
    for is_followed in [false, true, false, true] {
        let mut times = Vec::new();
        let what = if is_followed { "post, the index follows" } else { "post, the index waits" };
        let meter = Meter::start(what);
        let mut followed = Instant::now();
        let mut number = 0;
        while meter.since.elapsed() < Duration::from_secs(8) {
            if is_followed && followed.elapsed() > Duration::from_secs(1) {
                followed = Instant::now();
                let store = store.clone();
                tokio::spawn(async move { store.index_new().await.unwrap() });
            }
            number += 1;
            let sent = Instant::now();
            let room = &rooms[(number % ROOMS) as usize];
            store.append(append(room, vec![post(MESSAGES + number)], MESSAGES + number)).await.unwrap();
            times.push(sent.elapsed());
        }
        meter.report(times.len());
        percentiles(what, times);
    }
}

async fn found_rooms(store: &Store) {
    let numbers: Vec<u64> = (ROOMS..33_000).collect();
    for numbers in numbers.chunks(64) {
        let made = join_all(numbers.iter().map(|number| store.create_room(new_room(*number)))).await;
        assert!(made.iter().all(Result::is_ok));
    }
    let mut times = Vec::new();
    for n in 0..50 {
        let search =
            RoomSearch { text: format!("salon {n}").into(), in_title: true, ..RoomSearch::default() };
        let begun = Instant::now();
        store.find_rooms(&search, None, 50).await.unwrap();
        times.push(begun.elapsed());
    }
    percentiles("50 of 33,000 rooms by words of their names", times);
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{what:55} p50 {:7.2} ms, p99 {:7.2} ms", at(0.5), at(0.99));
}

fn append(room: &RoomSnapshot, changes: Vec<Change>, number: u64) -> Append {
    Append {
        room: room.id,
        rules: room.rules,
        changes: changes.into(),
        quiet: [].into(),
        at: Timestamp(1_700_000_000_000 + number as i64),
        origin: None,
    }
}

/// Words as people use them: few of them often, most seldom.
fn post(number: u64) -> Change {
    let word = |place: u64| {
        let chance = (number * 12 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let seldom = 1.0 / (1.0 - chance as f64 / (1_u64 << 24) as f64);
        format!("w{}", (seldom as u64).min(2_000))
    };
    let text: Vec<String> = (0..12).map(word).collect();
    let text = text.join(" ");
    let content = Content {
        id: Some(format!("{number:0>36}").into()),
        lang: None,
        payload: Payload::from(format!("<body>{text}</body>")),
        text: Some(text.into()),
        retention: Retention::Kept,
    };
    Change::Posted { author: author(number % 50), content }
}

fn new_room(number: u64) -> NewRoom {
    let settings = Settings { name: format!("Salon {number}"), ..Settings::default() };
    let changes = [Change::Created { by: author(0).jid, settings: Box::new(settings), locked: false }];
    NewRoom {
        name: format!("room{number}").into(),
        secret: [2; 32],
        changes: Arc::new(changes),
        at: Timestamp(1_700_000_000_000),
        origin: None,
    }
}
