//! A pool's database as a simulation has it: tables in memory that several members share, whose statements interleave,
//! wait for each other's locks, and whose requests and answers can be late or lost. It keeps to what the PostgreSQL
//! engine promises and to nothing more.
//!
//! | module | what |
//! |---|---|
//! | `line` | a member's process and its line to the database, for a simulation to break |
//! | `tables` | rooms, sessions and members as rows, and what is read from them |
//! | `project` | what follows from a change beside its place in the log |
//! | `append` | a decision made true, all or nothing |
//! | `writing` | the way of an append: locks, lost answers, the second attempt |
//! | `members` | leases, fences, and what a dead member held |
//!
//! All chance comes from one seed, all time from the runtime: on a runtime of one thread, whose clock is paused, the same
//! seed gives the same run.

mod append;
mod line;
mod members;
mod project;
mod tables;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use perch_address::BareJid;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::RwLock;
use tokio::time::{Instant, sleep};

use crate::chat::administration::configuration::{Configuration, Values};
use crate::chat::administration::level::Level;
use crate::chat::administration::policy::Policy;
use crate::chat::administration::{ActNumber, Versioned};
use crate::chat::category::{Category, CategoryId, CategoryText, Rules};
use crate::chat::command::HistoryRequest;
use crate::chat::event::Event;
use crate::chat::id::{MessageId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::note;
use crate::chat::snapshot::RoomSnapshot;
use crate::store::archive::{ArchivedMessage, Log};
use crate::store::error::StoreError;
use crate::store::member::may_read;
use crate::store::model::members::Keeper;
use crate::store::model::tables::{RoomRows, Tables};
use crate::store::room::{DetachedRoom, RoomPlace};
use crate::store::session::{SavedSession, SessionRow};

pub use line::{Line, Process};

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tables: Mutex<Tables>,
    /// The rows of logs and of members, as far as statements wait for each other on them.
    logs: Mutex<BTreeMap<RoomId, Arc<tokio::sync::Mutex<()>>>>,
    members: Mutex<BTreeMap<Box<str>, Arc<RwLock<()>>>>,
    chance: Mutex<StdRng>,
    faults: Mutex<Faults>,
    /// As an operator configured it.
    participant_update_limit: u32,
    began: Instant,
}

/// How bad the lines are: each the share of statements that it happens to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// It never arrives.
    pub lost_requests: f64,
    /// It is done, and nobody hears of it.
    pub lost_answers: f64,
    /// It takes its time.
    pub delays: f64,
}

/// A member's handle. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    database: Database,
    own: Own,
    line: Line,
    /// Appends of one room go one after the other.
    turns: Arc<Mutex<BTreeMap<RoomId, Arc<tokio::sync::Mutex<()>>>>>,
    keeper: Arc<Keeper>,
}

/// Whose handle it is.
#[derive(Debug, Clone)]
struct Own {
    member: Box<str>,
    incarnation: i64,
}

impl Database {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Shared {
            tables: Mutex::default(),
            logs: Mutex::default(),
            members: Mutex::default(),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            faults: Mutex::default(),
            participant_update_limit: if seed.is_multiple_of(3) { FEW } else { MANY },
            began: Instant::now(),
        }))
    }

    pub fn set_faults(&self, faults: Faults) {
        *self.0.faults.lock() = faults;
    }

    /// Whether nobody has taken that life of a member for dead.
    pub fn is_current(&self, member: &note::Member) -> bool {
        let own = Own { member: member.name.clone(), incarnation: member.incarnation };
        self.0.tables.lock().stands(&own)
    }

    /// The rooms that have had a name, one after the other, each as its rows have it, and its log with the events' ids. All
    /// but the last were destroyed.
    pub fn look(&self, name: &str) -> Vec<(RoomSnapshot, Vec<(MessageId, Event)>)> {
        let tables = self.0.tables.lock();
        let had_it = |room: &&RoomRows| *room.projected.head.name == *name;
        tables
            .rooms
            .values()
            .filter(had_it)
            .map(|room| {
                let log = room.log.iter().map(|event| (room.id_of(event.seq), event.clone()));
                (room.projected.snapshot(), log.collect())
            })
            .collect()
    }

    /// How often something was written by an incarnation that was over: a fence that holds lets nothing through.
    pub fn trespasses(&self) -> u64 {
        self.0.tables.lock().trespasses
    }

    /// The time since it began, which leases are counted by.
    fn now(&self) -> Duration {
        self.0.began.elapsed()
    }

    fn faults(&self) -> Faults {
        *self.0.faults.lock()
    }

    fn happens(&self, share: f64) -> bool {
        share > 0.0 && self.0.chance.lock().random_bool(share)
    }

    /// One way of a line, or the work on one statement.
    async fn pass(&self) {
        let delays = self.faults().delays;
        let long = if self.happens(delays) { SLOW_MS } else { QUICK_MS };
        self.idle(0, long).await;
    }

    async fn idle(&self, least: u64, most: u64) {
        let ms = self.0.chance.lock().random_range(least..=most);
        sleep(Duration::from_millis(ms)).await;
    }
}

impl Model {
    pub(super) fn incarnation(&self) -> i64 {
        self.own.incarnation
    }

    #[expect(clippy::unused_self, reason = "every engine is asked so")]
    pub(super) fn secret(&self) -> &[u8; 32] {
        &SECRET
    }

    /// Puts a statement to the database and waits for its answer. One that fails may have been done.
    async fn ask<T>(&self, statement: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let Faults { lost_requests, lost_answers, .. } = self.database.faults();
        self.line.runs().await;
        if self.line.is_cut() || self.database.happens(lost_requests) {
            return Err(self.give_up().await);
        }
        // From here on it is the database's affair, whatever becomes of who asked.
        self.database.pass().await;
        let answer = statement(&mut self.database.0.tables.lock());
        self.database.pass().await;
        self.line.runs().await;
        if self.line.is_cut() || self.database.happens(lost_answers) {
            return Err(self.give_up().await);
        }
        Ok(answer)
    }

    async fn give_up(&self) -> StoreError {
        self.database.idle(1, GIVE_UP_MS).await;
        self.line.runs().await;
        StoreError::Unavailable
    }

    pub(super) async fn load_room(&self, name: &str) -> Result<Option<RoomSnapshot>, StoreError> {
        let loaded = self.ask(|tables| tables.load_room(name)).await?;
        if let Some(snapshot) = &loaded {
            may_read(self.own.incarnation, snapshot.epoch)?;
        }
        Ok(loaded)
    }

    pub(super) async fn rooms_ahead(&self, known: &[RoomPlace]) -> Result<Vec<RoomId>, StoreError> {
        self.ask(|tables| tables.rooms_ahead(known)).await
    }

    pub(super) async fn room_count(&self) -> Result<u64, StoreError> {
        self.ask(|tables| tables.room_count()).await
    }

    pub(super) async fn detach_seats(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        self.ask(|tables| tables.detach_seats(&self.own.member, None, deadline).len() as u64).await
    }

    pub(super) async fn rooms_with_detached_seats(&self) -> Result<Vec<DetachedRoom>, StoreError> {
        self.ask(|tables| tables.rooms_with_detached_seats()).await
    }

    pub(super) async fn events_after(
        &self,
        room: RoomId,
        seq: Seq,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let events = self.ask(|tables| tables.events_after(room, seq, limit)).await?;
        if let Some((last, _)) = events.last() {
            may_read(self.own.incarnation, last.epoch())?;
        }
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }

    pub(super) async fn history(
        &self,
        room: RoomId,
        until: Seq,
        request: HistoryRequest,
        limit: u32,
    ) -> Result<Vec<ArchivedMessage>, StoreError> {
        self.ask(|tables| tables.history(room, until, request, limit)).await
    }

    pub(super) async fn message(&self, log: Log, seq: Seq) -> Result<Option<ArchivedMessage>, StoreError> {
        let Log::Room(room) = log else { return Err(StoreError::Unavailable) };
        self.ask(|tables| tables.message(room, seq)).await
    }

    pub(super) async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        let saved = self.ask(|tables| {
            let stands = tables.stands(&self.own);
            stands.then(|| tables.save_sessions(&self.own, sessions)).ok_or(StoreError::Fenced)
        });
        saved.await?
    }

    pub(super) async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        self.ask(|tables| tables.forget_sessions(sessions)).await
    }

    pub(super) async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        self.ask(|tables| tables.session(id)).await?
    }

    /// What holds for all rooms: some simulations have crowded ones.
    pub(super) fn configuration(&self) -> Versioned<Configuration> {
        let participant_update_limit = self.database.0.participant_update_limit;
        let values = Values { participant_update_limit, ..Values::default() };
        Versioned { version: ActNumber(1), value: Configuration { level: Level::Global, values } }
    }

    pub(super) async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        self.ask(|tables| tables.detach_earlier_sessions(&self.own, deadline)).await
    }
}

/// Occupants that a room of a simulation has more than, or never.
const FEW: u32 = 3;
const MANY: u32 = 75;
/// Nothing here is secret.
const SECRET: [u8; 32] = [7; 32];
/// How long a way takes at most, and how long one that is delayed.
const QUICK_MS: u64 = 4;
const SLOW_MS: u64 = 900;
/// After this long it is clear that no answer comes.
const GIVE_UP_MS: u64 = 2_000;

/// Where the accounts of a simulation are.
pub const DOMAIN: &str = "perch.test";

/// As an operator opens a pool.
pub(crate) fn open_policy() -> Versioned<Policy> {
    let value = Policy { level: Level::Global, is_enabled: true, description: "".into() };
    Versioned { version: ActNumber(1), value }
}

/// The only category.
pub(crate) fn everybody() -> Category {
    let everybody = vec![BareJid::new(DOMAIN).expect("a domain")];
    let rules = Rules { invitations: true, managers_destroy: true, ..Rules::default() };
    let text = CategoryText {
        name: "General".into(),
        description: "".into(),
        allowed: everybody.clone(),
        denied: Vec::new(),
        creators: everybody,
        rules,
    };
    text.with(CategoryId(1), 1)
}
