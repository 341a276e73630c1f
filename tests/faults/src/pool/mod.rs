//! Three members of a pool over PostgreSQL and NATS, clients that move between them, and a schedule of everything that
//! can happen to a pool: members die and freeze, the database and the bus restart, lines are cut in one direction or both.

pub(crate) mod bus;
mod database;
pub(crate) mod line;
pub(crate) mod member;
mod nemesis;
pub(crate) mod node;
mod patroni;
mod schedule;
mod skew;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use perch_checker::{Report, percentile};
use serde::Serialize;

use crate::client::{Door, Habits, Stage};
use crate::crowd::{Crowd, Size};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::{StoredArchive, free_port};

use self::bus::Bus;
use self::database::{Database, Layout};
use self::member::Member;
use self::nemesis::Nemesis;
use self::skew::Skew;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many faults there are
    #[arg(long, default_value_t = 20)]
    faults: u32,
    /// Kinds of faults, by their names in the report [default: all]
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Commits wait for a second PostgreSQL, which takes the place of the first now and then
    #[arg(long)]
    standby: bool,
    /// Commits wait for one of two others, and Patroni decides which of the three takes writes
    #[arg(long, conflicts_with = "standby")]
    patroni: bool,
    /// The clock of one member is so many seconds behind, that of another so many ahead
    #[arg(long, default_value_t = 0)]
    skew: i64,
}

/// What the run amounted to, beside what the clients saw.
#[derive(Serialize)]
struct Figures<'r> {
    #[serde(flatten)]
    report: &'r Report,
    members: usize,
    clients: usize,
    /// From the beginning of the fault until each room takes a post and another client hears it.
    recovery_ms: BTreeMap<&'static str, Times>,
    /// From the end of the fault until everybody in each room has heard a post.
    heard_by_all_ms: BTreeMap<&'static str, Times>,
    /// Members that were taken for dead while they lived, and ended.
    deposed: u32,
    /// Sessions that could not be resumed and of which another member counted fewer stanzas than had been acknowledged.
    counts_that_fell: u32,
    /// What else was wrong.
    findings: &'r [String],
}

#[derive(Serialize)]
struct Times {
    faults: usize,
    p50: u64,
    p99: u64,
    max: u64,
}

pub(crate) async fn run(arguments: &Arguments, folder: &Path, size: Size) -> Result<Outcome, Problem> {
    let layout = match (arguments.standby, arguments.patroni) {
        (_, true) => Layout::Patroni,
        (true, false) => Layout::Pair,
        (false, false) => Layout::Alone,
    };
    let database = Database::start(folder, layout).await?;
    let bus = Bus::start(folder).await?;
    let mut members = Vec::new();
    let skew = Skew::prepare(arguments.skew, folder)?;
    for (name, place) in NAMES.into_iter().zip(0..) {
        let mut member = Member::prepare(name, folder, &database.ports(), bus.port).await?;
        skew.put_on(&mut member, place);
        member.server.start().await?;
        members.push(member);
    }
    let doors = members.iter().map(Member::door).collect::<Result<Vec<_>, _>>()?;
    let mut accounts = size.accounts();
    accounts.extend(NAMES.iter().map(|name| auditor(name)));
    members[0].server.add_accounts(&accounts)?;
    let habits = Habits {
        rooms: ROOMS_EACH.min(size.rooms),
        renames: true,
        reads: false,
        patience: CLIENT_PATIENCE,
        ..size.habits
    };
    let recorder = Recorder::create(&folder.join("history.jsonl"))?;
    let mut crowd = Crowd::gather(doors.clone(), Size { habits, ..size }, recorder).await?;
    let mut nemesis = Nemesis::new(database, bus, members);
    nemesis.torment(&crowd, arguments, size.seed).await?;

    nemesis.heal(&crowd).await?;
    crowd.until(Stage::Present, HEAL_PATIENCE).await?;
    crowd.fall_silent().await?;
    audit(&mut crowd, &doors, size, habits);
    crowd.read_and_leave().await?;
    let stored = stored_archives(|statement| nemesis.database.ask(statement))?;
    nemesis.findings.extend(skew.findings(&stored));
    nemesis.stop().await?;
    let report = crowd.judge("pool", stored)?;
    let figures = Figures {
        report: &report,
        members: NAMES.len(),
        clients: size.clients,
        recovery_ms: times(&nemesis.recovery),
        heard_by_all_ms: times(&nemesis.heard),
        deposed: nemesis.deposed,
        counts_that_fell: crowd.setbacks(),
        findings: &nemesis.findings,
    };
    Ok(Outcome::new(&figures, report.is_clean() && nemesis.findings.is_empty()))
}

/// On each member somebody who was not there before reads the archives of all rooms.
fn audit(crowd: &mut Crowd, doors: &[Door], size: Size, habits: Habits) {
    for (name, door) in NAMES.iter().zip(doors) {
        let places = (vec![door.clone()], (0..size.rooms).collect());
        let habits = Habits { reads: true, history: 0, stream_management: false, ..habits };
        crowd.add(auditor(name), places, habits, size.seed);
    }
}

fn auditor(member: &str) -> (String, String) {
    (format!("auditor-{member}"), format!("secret-of-{member}"))
}

/// What the primary has of the archives of all rooms.
pub(crate) fn stored_archives(
    ask: impl FnOnce(&str) -> Result<String, Problem>,
) -> Result<Vec<StoredArchive>, Problem> {
    let text = ask(ARCHIVES)?;
    let parse = |line| serde_json::from_str(line).map_err(|error| Problem::Setup(format!("{error}: {line}")));
    text.lines().map(parse).collect()
}

fn times(kinds: &BTreeMap<&'static str, Vec<Vec<Duration>>>) -> BTreeMap<&'static str, Times> {
    let figures = |faults: &Vec<Vec<Duration>>| {
        let mut sorted: Vec<u64> = faults.iter().flatten().map(|time| time.as_millis() as u64).collect();
        sorted.sort_unstable();
        let of = |share| percentile(&sorted, share);
        Times { faults: faults.len(), p50: of(0.50), p99: of(0.99), max: of(1.0) }
    };
    kinds.iter().map(|(kind, faults)| (*kind, figures(faults))).collect()
}

/// As `tests/support/perch_archive.py` reads an SQLite store.
const ARCHIVES: &str = "SELECT json_build_object('room', room.name, 'items', json_agg(json_build_object(
        'id', coalesce(e.stanza_id, ''), 'stanza_id', lpad(to_hex((e.epoch << 48) | e.seq), 16, '0'),
        'seq', e.ordinal, 'stamp_ms', e.at) ORDER BY e.seq))
    FROM room_event e JOIN room ON room.id = e.room WHERE e.class = 0 AND e.text IS NOT NULL GROUP BY room.name";
const NAMES: [&str; 3] = ["a", "b", "c"];
/// As many rooms as a client is in: everybody in all of them would only measure the fanout.
const ROOMS_EACH: usize = 3;
/// Who gets no answer tries another member.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);
const HEAL_PATIENCE: Duration = Duration::from_secs(60);
