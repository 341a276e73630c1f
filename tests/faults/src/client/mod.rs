//! A user at a client that never gives up: signs in, joins its rooms, talks, and after each cut comes back, finds out
//! what became of its messages and sends again what was lost. All it does and sees goes into the history.

mod archive;
mod management;
mod room;
mod session;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use perch_checker::{Acknowledgement, Event};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::xmpp::{Connector, SaltedPassword};
use management::Management;

/// What all clients are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Join, listen and post.
    Talk,
    /// Post nothing new, but settle what is open.
    Hush,
    /// Read the whole archive of every room.
    Read,
    /// Leave the rooms and close the stream.
    Stop,
}

/// How far a client is; each stage includes the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    #[default]
    Away,
    /// In all its rooms.
    Present,
    /// Hushed, and the outcome of everything it sent is known.
    Settled,
    Read,
    Gone,
}

/// A client's stage, and what troubled it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) stage: Stage,
    pub(crate) cuts: u32,
    /// How often a count of stanzas that the server had told fell.
    pub(crate) setbacks: u32,
    pub(crate) trouble: Option<String>,
}

/// How a client behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// The mean pause between two posts.
    pub(crate) pause: Duration,
    /// How many posts may be without an outcome at a time.
    pub(crate) window: usize,
    pub(crate) body_bytes: usize,
    /// How much history it asks for at joining.
    pub(crate) history: u32,
    pub(crate) stream_management: bool,
    /// Whether it looks up what became of its posts; if not, what is unknown stays so.
    pub(crate) asks_archive: bool,
    /// Whether it reads the whole archives at the end.
    pub(crate) reads: bool,
    /// In how many rooms it is.
    pub(crate) rooms: usize,
    /// Whether a post whose outcome an ended session did not learn, and which is not in the archive, is sent again under
    /// a new id. Needed where what that session sent may still be on its way.
    pub(crate) renames: bool,
    /// How long an outcome is waited for, and a sign-in.
    pub(crate) patience: Duration,
}

/// Where a client may sign in.
#[derive(Clone)]
pub(crate) struct Door {
    /// Ends the names of the sessions that come by it.
    pub(crate) mark: String,
    pub(crate) connector: Connector,
}

/// What all clients of a run share.
pub(crate) struct World {
    pub(crate) recorder: Recorder,
    pub(crate) rooms_domain: String,
    pub(crate) rooms: Vec<String>,
}

pub(crate) struct Client {
    name: String,
    password: String,
    world: Arc<World>,
    doors: Vec<Door>,
    /// The door it came by last.
    door: usize,
    habits: Habits,
    random: StdRng,
    salted_password: SaltedPassword,
    orders: watch::Receiver<Order>,
    /// Each change cuts the connection.
    scissors: watch::Receiver<u32>,
    progress: watch::Sender<Progress>,
    rooms: Vec<Room>,
    /// The present session's name, and how many there were.
    session: String,
    sessions: u32,
    requests: u32,
    management: Option<Management>,
    posts: u64,
    /// Posts without an outcome: of the present session, and of ended ones.
    outstanding: BTreeMap<u64, Post>,
    unsettled: BTreeMap<u64, Post>,
    next_post_at: Instant,
}

/// A room as this client sees it.
struct Room {
    name: String,
    address: String,
    /// Entry was asked for in this session, so that an answer will come, if need be after a resumption.
    is_asked: bool,
    is_present: bool,
    /// The stanza id of the last message that the client knows of.
    cursor: Option<String>,
}

/// A message that was sent and whose outcome is not known.
#[derive(Clone)]
struct Post {
    room: usize,
    id: String,
    sent_at: Instant,
    /// Stream management says that the server has taken it over.
    is_acknowledged: bool,
}

impl Client {
    pub(crate) fn new(
        (name, password): (String, String),
        world: Arc<World>,
        (doors, rooms): (Vec<Door>, Vec<usize>),
        habits: Habits,
        seed: u64,
        (orders, scissors): (watch::Receiver<Order>, watch::Receiver<u32>),
    ) -> (Self, watch::Receiver<Progress>) {
        let (progress, watcher) = watch::channel(Progress::default());
        let room = |name: &String| Room {
            name: name.clone(),
            address: format!("{name}@{}", world.rooms_domain),
            is_asked: false,
            is_present: false,
            cursor: None,
        };
        let client = Self {
            rooms: rooms.iter().map(|number| room(&world.rooms[*number])).collect(),
            name,
            password,
            world,
            doors,
            door: 0,
            habits,
            random: StdRng::seed_from_u64(seed),
            salted_password: SaltedPassword::default(),
            orders,
            scissors,
            progress,
            session: String::new(),
            sessions: 0,
            requests: 0,
            management: None,
            posts: 0,
            outstanding: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            next_post_at: Instant::now(),
        };
        (client, watcher)
    }

    /// Goes on, through any number of cuts, until it is told to stop.
    pub(crate) async fn run(mut self) {
        let mut pause = RETRY_PAUSE;
        while let Err(problem) = self.connection().await {
            let was_in = self.cut(&problem);
            if *self.orders.borrow() == Order::Stop {
                break;
            }
            pause = if was_in { RETRY_PAUSE } else { (pause * 2).min(RETRY_PAUSE_MAX) };
            sleep(self.random.random_range(pause / 2..=pause)).await;
        }
        self.end_session("stopped");
        self.reach(Stage::Gone);
    }

    /// Whether it had been in.
    fn cut(&mut self, problem: &Problem) -> bool {
        let was_in = self.progress.borrow().stage != Stage::Away;
        self.progress.send_modify(|progress| {
            progress.cuts += u32::from(was_in);
            progress.stage = Stage::Away;
            progress.trouble = Some(problem.to_string());
        });
        // A session that may be resumed goes on, for all that the client can tell.
        if self.management.is_none() {
            self.end_session("cut");
        }
        was_in
    }

    /// Notes that the session is in that room no more.
    fn be_out(&mut self, index: usize, reason: &'static str) {
        self.rooms[index].is_asked = false;
        if std::mem::take(&mut self.rooms[index].is_present) {
            self.note(|client, session| Event::Leave {
                client,
                session,
                room: self.rooms[index].name.as_str().into(),
                reason: reason.into(),
            });
        }
    }

    /// Notes that the session is over, its occupancies with it, and what became of its posts.
    fn end_session(&mut self, reason: &'static str) {
        self.management = None;
        for index in 0..self.rooms.len() {
            self.be_out(index, reason);
        }
        for (number, post) in std::mem::take(&mut self.outstanding) {
            if post.is_acknowledged {
                self.note_ok(&post, None, Acknowledgement::StreamManagement);
            } else {
                self.note(|client, session| Event::Info {
                    client,
                    session,
                    room: self.rooms[post.room].name.as_str().into(),
                    id: post.id.as_str().into(),
                    reason: reason.into(),
                });
                self.unsettled.insert(number, post);
            }
        }
    }

    fn reach(&self, stage: Stage) {
        self.progress.send_if_modified(|progress| {
            let changes = progress.stage != stage;
            progress.stage = stage;
            changes
        });
    }

    fn note<'a>(&'a self, event: impl FnOnce(Text<'a>, Text<'a>) -> Event<'a>) {
        self.world.recorder.note(event(self.name.as_str().into(), self.session.as_str().into()));
    }

    fn note_ok(&self, post: &Post, stanza_id: Option<&str>, by: Acknowledgement) {
        self.note(|client, session| Event::Ok {
            client,
            session,
            room: self.rooms[post.room].name.as_str().into(),
            id: post.id.as_str().into(),
            stanza_id: stanza_id.map(|id| id.to_owned().into()),
            by,
        });
    }
}

type Text<'a> = std::borrow::Cow<'a, str>;

/// Before the first attempt to sign in again: short, so that the server is used the moment that it is back.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Before later ones. Clients that all come back at once, over and over, keep each other out (RFC 6120 §3.3).
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);
