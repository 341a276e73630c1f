//! A member of the pool in one of its lives: wired as a server is, but for sockets and accounts.

use std::sync::Arc;
use std::time::Duration;

use perch::bus::{Bus, Heard};
use perch::chat::administration::level::Here;
use perch::chat::id::Timestamp;
use perch::chat::note::{self, Note, RoomName};
use perch::chat::settings::Settings;
use perch::clock::Clock;
use perch::directory::Directory;
use perch::pool::{Alarm, Pool, ReturnTimes};
use perch::room::{Policy, Rooms};
use perch::store::error::StoreError;
use perch::store::member::HeldRoom;
use perch::store::model::{Line, Process};
use perch::store::{Options, Store};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::world::{Phase, World};

pub(crate) struct Member {
    pub(crate) me: note::Member,
    pub(crate) line: Line,
    pub(crate) store: Store,
    pub(crate) rooms: Rooms,
    pub(crate) clock: Clock,
    pool: Pool,
}

impl Member {
    pub(crate) fn name(&self) -> &str {
        &self.me.name
    }

    pub(crate) fn is_deposed(&self) -> bool {
        self.pool.deposed().is_cancelled()
    }

    /// Returns when it is dead, or was taken for dead and knows.
    pub(crate) async fn ends(&self) {
        let deposed = self.pool.deposed();
        tokio::select! {
            biased;
            () = self.line.dies() => {}
            () = deposed.cancelled() => {}
        }
    }

    /// Begins a life. An error says that it did not come to it.
    async fn start(world: &World, name: &str, skew: i64) -> Result<Self, StoreError> {
        let line = Line::default();
        let options = Options { member: name.into(), lease: LEASE, ..Options::new([7; 32]) };
        let store = world.database.open(&options, line.clone()).await;
        let me = note::Member { name: name.into(), incarnation: store.incarnation() };
        let clock = Clock::of_runtime(Timestamp(START.0 + skew));
        let begun = Self::begin(world, &store, &line, &clock, me).await;
        if begun.is_err() {
            line.kill();
        }
        begun
    }

    async fn begin(
        world: &World,
        store: &Store,
        line: &Line,
        clock: &Clock,
        me: note::Member,
    ) -> Result<Self, StoreError> {
        let (bus, heard) = Bus::model(&world.network, line, &me);
        let pool = Pool::join(store.clone(), bus.clone(), clock.clone(), me.clone(), RETURN_TIMES).await?;
        // Nobody here takes letters.
        let (letters, _bag) = perch::room::letters();
        let policy = Policy {
            is_creation_open: true,
            locks_new_rooms: false,
            defaults: Settings::default(),
            administrators: vec![format!("{ADMINISTRATOR}@{DOMAIN}").parse().expect("an address")],
        };
        let domain = DOMAIN.parse().expect("a domain");
        let here = Here { pool: "perch".into(), site: None };
        let directory = Directory::open(store.clone(), bus.clone(), domain, here).await?;
        let rooms =
            Rooms::new(store.clone(), bus.clone(), clock.clone(), ROOMS_DOMAIN, policy, directory, letters);
        rooms.recover(clock.now().plus(RETURN_TIME)).await?;
        store.detach_sessions(clock.now().plus(RETURN_TIMES.sessions)).await?;
        let (alarms, raised) = mpsc::channel(ALARMS);
        tokio::spawn(hear(heard, pool.clone(), rooms.clone()));
        // What is stopped is dead, and then nobody hears of it.
        tokio::spawn(pool.clone().run(alarms, CancellationToken::new()));
        tokio::spawn(heed(raised, rooms.clone()));
        Ok(Self { me, line: line.clone(), store: store.clone(), rooms, clock: clock.clone(), pool })
    }
}

/// One life after the other, as a supervisor of processes keeps a server running. Each lasts until it is killed, or is
/// taken for dead by the others.
pub(crate) async fn keep_running(world: Arc<World>, name: Box<str>, skew: i64, pause: Duration) {
    while world.phase() != Phase::Over {
        match Member::start(&world, &name, skew).await {
            Ok(member) => {
                let member = Arc::new(member);
                world.trace.note(format_args!("{name} lives, incarnation {}", member.me.incarnation));
                world.add(member.clone());
                member.ends().await;
                world.trace.note(format_args!("{name} ends, incarnation {}", member.me.incarnation));
                if member.line.process() != Process::Dead {
                    // Its clients are told first.
                    sleep(FAREWELL).await;
                    member.line.kill();
                }
            }
            Err(error) => world.trace.note(format_args!("{name} does not start: {error}")),
        }
        sleep(pause).await;
    }
}

/// As the server does, for rooms alone.
async fn hear(mut heard: mpsc::Receiver<Heard>, pool: Pool, rooms: Rooms) {
    while let Some(heard) = heard.recv().await {
        pool.hears(&heard);
        if let Heard::Note { note, .. } = heard {
            rooms.hear(note);
        }
    }
}

/// As the server does, for rooms alone. What could not be done is due again.
async fn heed(mut alarms: mpsc::Receiver<Alarm>, rooms: Rooms) {
    while let Some(alarm) = alarms.recv().await {
        match alarm {
            Alarm::Compare => drop(rooms.compare().await),
            Alarm::Due => drop(rooms.expire().await),
            Alarm::MemberGone { rooms: held, .. } => {
                for HeldRoom { id, name } in held {
                    rooms.hear(Note::RoomStale { room: RoomName { name, id } });
                }
            }
            Alarm::Deposed | Alarm::StateChanged(_) => {}
        }
    }
}

pub(crate) use perch::store::model::DOMAIN;
/// Who administers the service, before the `@`.
pub(crate) const ADMINISTRATOR: &str = "alice";
const ROOMS_DOMAIN: &str = "rooms.perch.test";
const START: Timestamp = Timestamp(1_700_000_000_000);
const ALARMS: usize = 64;
/// As the server has them.
const LEASE: Duration = Duration::from_secs(5);
const RETURN_TIME: Duration = Duration::from_secs(10);
const RETURN_TIMES: ReturnTimes =
    ReturnTimes { sessions: Duration::from_secs(600), seats: Duration::from_secs(3) };
const FAREWELL: Duration = Duration::from_secs(2);
