//! All clients of a run, and the steps they take together.

use std::sync::Arc;
use std::time::Duration;

use perch_checker::{Event, History, Report, Source, check};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::{Client, Door, Habits, Order, Progress, Stage, World};
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::server::{ROOMS, Server, StoredArchive};

/// How many clients there are, in how many rooms, and how they behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) clients: usize,
    pub(crate) rooms: usize,
    pub(crate) habits: Habits,
    pub(crate) seed: u64,
}

struct Member {
    name: String,
    progress: watch::Receiver<Progress>,
    scissors: watch::Sender<u32>,
}

impl Size {
    /// Names and passwords, which the server has to know before the crowd gathers.
    pub(crate) fn accounts(self) -> Vec<(String, String)> {
        (0..self.clients).map(|n| (format!("u{n}"), format!("secret-of-u{n}"))).collect()
    }
}

/// Clients that talk, each in a task of its own.
pub(crate) struct Crowd {
    world: Arc<World>,
    doors: Vec<Door>,
    orders: watch::Sender<Order>,
    members: Vec<Member>,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Has everybody join, each by whichever door; the first makes the rooms.
    pub(crate) async fn gather(doors: Vec<Door>, size: Size, recorder: Recorder) -> Result<Self, Problem> {
        let world = Arc::new(World {
            recorder,
            rooms_domain: ROOMS.to_owned(),
            rooms: (0..size.rooms).map(|n| format!("r{n}")).collect(),
        });
        let (orders, _) = watch::channel(Order::Talk);
        let mut crowd = Self { world, doors, orders, members: Vec::new(), tasks: JoinSet::new() };
        for (n, account) in size.accounts().into_iter().enumerate() {
            // Half of them manage their streams, half of them want history: all four ways are common.
            let stream_management = size.habits.stream_management && n % 2 == 0;
            let history = if n % 4 < 2 { size.habits.history } else { 0 };
            let habits =
                Habits { stream_management, history, reads: size.habits.reads && n < READERS, ..size.habits };
            let rooms = (0..size.rooms).map(|k| (n * habits.rooms + k) % size.rooms);
            let rooms = rooms.take(if n == 0 { size.rooms } else { habits.rooms }).collect();
            crowd.add(account, (crowd.doors.clone(), rooms), habits, size.seed.wrapping_add(n as u64));
            if n == 0 {
                crowd.until(Stage::Present, GATHER_PATIENCE).await?;
            }
        }
        crowd.until(Stage::Present, GATHER_PATIENCE).await?;
        Ok(crowd)
    }

    /// One more client, with the doors that it may come by and the rooms, by number, that it goes to.
    pub(crate) fn add(
        &mut self,
        account: (String, String),
        places: (Vec<Door>, Vec<usize>),
        habits: Habits,
        seed: u64,
    ) {
        let name = account.0.clone();
        let (scissors, blades) = watch::channel(0);
        let orders = (self.orders.subscribe(), blades);
        let (client, progress) = Client::new(account, self.world.clone(), places, habits, seed, orders);
        self.members.push(Member { name, progress, scissors });
        self.tasks.spawn(client.run());
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.world.recorder
    }

    pub(crate) fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    /// Streams that broke since the start, of all clients.
    pub(crate) fn cuts(&self) -> u32 {
        self.members.iter().map(|member| member.progress.borrow().cuts).sum()
    }

    /// Counts that fell, of all clients.
    pub(crate) fn setbacks(&self) -> u32 {
        self.members.iter().map(|member| member.progress.borrow().setbacks).sum()
    }

    /// Who is away, and what troubled him last.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let away = self.members.iter().filter_map(|Member { name, progress, .. }| {
            let now = progress.borrow();
            let trouble = now.trouble.as_deref().unwrap_or("nothing yet");
            (now.stage == Stage::Away).then(|| format!("{name}: {trouble}"))
        });
        away.collect()
    }

    /// Cuts the connection of one client, in the midst of whatever is on its way.
    pub(crate) fn cut(&self, n: usize) {
        self.members[n].scissors.send_modify(|cuts| *cuts += 1);
    }

    /// Waits until everybody is at least so far.
    pub(crate) async fn until(&mut self, stage: Stage, patience: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + patience;
        for Member { name, progress, .. } in &mut self.members {
            let arrival = timeout_at(deadline, progress.wait_for(|now| now.stage >= stage));
            let has_arrived = matches!(arrival.await, Ok(Ok(_)));
            if !has_arrived {
                let now = progress.borrow();
                return Err(Problem::Setup(format!(
                    "{name} is not {stage:?} after {} s but {:?}; its last trouble: {}",
                    patience.as_secs(),
                    now.stage,
                    now.trouble.as_deref().unwrap_or("none")
                )));
            }
        }
        Ok(())
    }

    /// Has everybody fall silent, settle, and read all archives; then stops the server and judges the history of the whole
    /// run.
    pub(crate) async fn verdict(mut self, name: &str, server: &mut Server) -> Result<Report, Problem> {
        if server.has_ended() {
            return Err(Problem::Setup(format!("the server ended by itself: {}", server.tail())));
        }
        self.fall_silent().await?;
        self.read_and_leave().await?;
        server.stop()?;
        self.judge(name, server.stored_archives()?)
    }

    /// Until nothing is on its way any more.
    pub(crate) async fn fall_silent(&mut self) -> Result<(), Problem> {
        self.order(Order::Hush);
        self.until(Stage::Settled, SETTLE_PATIENCE).await?;
        while self.recorder().silence() < SILENCE {
            sleep(SILENCE / 10).await;
        }
        self.recorder().note(Event::Quiet);
        Ok(())
    }

    /// Has those who read read all archives, and everybody go.
    pub(crate) async fn read_and_leave(&mut self) -> Result<(), Problem> {
        self.order(Order::Read);
        self.until(Stage::Read, SETTLE_PATIENCE).await?;
        self.order(Order::Stop);
        self.until(Stage::Gone, GATHER_PATIENCE).await?;
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Judges the history of the whole run, beside what the store itself has.
    pub(crate) fn judge(&self, name: &str, stored: Vec<StoredArchive>) -> Result<Report, Problem> {
        for StoredArchive { room, items } in stored {
            let (source, read, complete) = (Source::Store, "store".into(), true);
            self.recorder().note(Event::MamPage { source, read, room: room.into(), items, complete });
        }
        let path = self.recorder().finish()?;
        let mut history = History::default();
        let file = std::io::BufReader::new(std::fs::File::open(path)?);
        history.read(file).map_err(|error| Problem::Setup(format!("{}: {error}", path.display())))?;
        Ok(check(name, &history.arrange()))
    }
}

/// Several, because what one is told need not be what another is told; not all, because it takes long.
const READERS: usize = 3;
const GATHER_PATIENCE: Duration = Duration::from_secs(60);
const SETTLE_PATIENCE: Duration = Duration::from_secs(120);
/// When nobody has heard anything for so long, nothing is on its way any more.
const SILENCE: Duration = Duration::from_secs(2);
