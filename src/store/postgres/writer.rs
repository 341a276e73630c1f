//! The tasks that append. Each has a connection of its own and takes whatever waits, when it is its turn (`queue.rs`); what
//! it takes is committed in one statement, and answered only after that.
//!
//! A statement whose answer does not arrive may have been committed. Its connection is left, and its jobs are put to
//! the host that takes writes by then: under the locks of their logs, what has a key is looked for before it is
//! written. Of what has none, and of what could not be looked for, its asker is told that nobody knows.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

use crate::store::error::StoreError;
use crate::store::postgres::hosts::Hosts;
use crate::store::postgres::links::{PROBE_TIME, PROBED_AFTER};
use crate::store::postgres::queue::{Due, Logged, Queue, Waiting};
use crate::store::postgres::{commit, fault};

/// An append with the way back to who asked.
pub(super) trait Job: Logged + Send + Sized + 'static {
    /// What all appends of a store have in common.
    type Rules: Clone + Send + Sync + 'static;

    /// Writes all of them in one statement, and notes the outcome of each. An error says that nothing was written,
    /// or that it is not known.
    fn write(
        jobs: &mut [Self],
        rules: &Self::Rules,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// It may have been written. False when it could not be found, and must not be tried again.
    fn try_again(&mut self) -> bool;

    /// Whether it was tried before, with an outcome that is not known.
    fn may_be_written(&self) -> bool;

    /// Written alone, it met a rule of the schema.
    fn object(&mut self, fault: &sqlx::Error);

    /// `fault`: why there is no outcome.
    fn answer(self, fault: Option<StoreError>);
}

/// The way to the tasks. Cheap to clone; they end with the last one.
#[derive(Debug)]
pub(super) struct Writers<J: Job>(Arc<Handle<J>>);

#[derive(Debug)]
struct Handle<J: Job>(Arc<Shared<J>>);

#[derive(Debug)]
struct Shared<J: Job> {
    queue: Mutex<Queue<J>>,
    places: Semaphore,
    wake: Notify,
    tasks: TaskTracker,
}

impl<J: Job> Clone for Writers<J> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<J: Job> Writers<J> {
    pub(super) fn start(hosts: &Arc<Hosts>, rules: &J::Rules, count: u32) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()),
            places: Semaphore::new(QUEUE),
            wake: Notify::new(),
            tasks: TaskTracker::new(),
        });
        for _ in 0..count.max(1) {
            let task =
                Task { shared: shared.clone(), hosts: hosts.clone(), rules: rules.clone(), connection: None };
            shared.tasks.spawn(task.run());
        }
        shared.tasks.close();
        Self(Arc::new(Handle(shared)))
    }

    /// Takes a place in the queue, in the order of the calls.
    pub(super) async fn push(&self, job: J) -> Result<(), StoreError> {
        let shared = &self.0.0;
        let place = timeout(PATIENCE, shared.places.acquire()).await;
        let place = place.ok().and_then(Result::ok).ok_or(StoreError::Unavailable)?;
        let mut queue = shared.queue.lock();
        if queue.is_closing {
            return Err(StoreError::Unavailable);
        }
        // Given back when a writer takes the job.
        place.forget();
        if queue.push(job, Instant::now()) {
            shared.wake.notify_one();
        }
        Ok(())
    }

    /// What was handed in before is written, what comes later is refused.
    pub(super) async fn close(&self) {
        self.0.end();
        self.0.0.tasks.wait().await;
    }
}

impl<J: Job> Handle<J> {
    fn end(&self) {
        self.0.queue.lock().is_closing = true;
        self.0.wake.notify_waiters();
    }
}

impl<J: Job> Drop for Handle<J> {
    fn drop(&mut self) {
        self.end();
    }
}

struct Task<J: Job> {
    shared: Arc<Shared<J>>,
    hosts: Arc<Hosts>,
    rules: J::Rules,
    /// With the time since which it waits. None before the first job, and after a failure that may have left it in an
    /// unknown state.
    connection: Option<(Instant, PgConnection)>,
}

/// Why a group was not written.
enum Failure {
    /// The server said no, and so wrote nothing.
    Refused(sqlx::Error),
    /// It cannot be reached, or what was done could not be learnt.
    Unavailable,
}

impl<J: Job> Task<J> {
    async fn run(mut self) {
        while let Some(group) = self.next().await {
            let logs: Vec<i64> = group.iter().flat_map(|waiting| waiting.job.logs()).collect();
            self.commit(group).await;
            self.shared.queue.lock().give_back(logs.into_iter());
        }
        if let Some((_, connection)) = self.connection.take() {
            let _ = timeout(PATIENCE, connection.close()).await;
        }
    }

    /// None when the store is closed and nothing is left.
    async fn next(&self) -> Option<Vec<Waiting<J>>> {
        loop {
            let woken = self.shared.wake.notified();
            tokio::pin!(woken);
            // What comes from here on is not missed.
            woken.as_mut().enable();
            let mut until = None;
            {
                let mut queue = self.shared.queue.lock();
                match queue.due(Instant::now()) {
                    Due::Now => {
                        let group = queue.take(GROUP_MAX);
                        if !group.is_empty() {
                            self.shared.places.add_permits(group.len());
                            // Somebody has to see to the rest, should this take long.
                            if queue.needs_watch() {
                                self.shared.wake.notify_one();
                            }
                            return Some(group);
                        }
                        // What waits for a log that another writer is busy with is that writer's.
                        if queue.is_closing {
                            return None;
                        }
                    }
                    Due::At(instant) => {
                        queue.is_watched = true;
                        until = Some(instant);
                    }
                    Due::Never => {}
                }
            }
            match until {
                Some(instant) => {
                    let _ = tokio::time::timeout_at(instant.into(), woken).await;
                    self.shared.queue.lock().is_watched = false;
                }
                None => woken.await,
            }
        }
    }

    async fn commit(&mut self, group: Vec<Waiting<J>>) {
        let oldest = group.iter().map(|waiting| waiting.since).min().unwrap_or_else(Instant::now);
        let deadline = (oldest + PATIENCE).max(Instant::now() + LAST_CHANCE);
        let mut jobs: Vec<J> = group.into_iter().map(|waiting| waiting.job).collect();
        match self.write(&mut jobs, deadline).await {
            Ok(()) => jobs.into_iter().for_each(|job| job.answer(None)),
            Err(Failure::Refused(fault)) if jobs.len() > 1 && fault::is_of_one_job(&fault) => {
                debug!(%fault, "appends are written one by one");
                self.write_singly(jobs, deadline).await;
            }
            failed => jobs.into_iter().for_each(|job| conclude(job, &failed)),
        }
    }

    /// A log whose row somebody holds is waited for once.
    async fn write_singly(&mut self, jobs: Vec<J>, deadline: Instant) {
        let mut held = HashSet::new();
        for job in jobs {
            if Instant::now() > deadline || job.logs().any(|log| held.contains(&log)) {
                fail(job, StoreError::Unavailable);
                continue;
            }
            let mut alone = vec![job];
            let written = self.write(&mut alone, deadline).await;
            if matches!(&written, Err(Failure::Refused(fault)) if fault::is_of_a_lock(fault)) {
                held.extend(alone.iter().flat_map(Logged::logs));
            }
            alone.into_iter().for_each(|job| conclude(job, &written));
        }
    }

    /// What could not be tried again is answered and taken out of the jobs.
    async fn write(&mut self, jobs: &mut Vec<J>, deadline: Instant) -> Result<(), Failure> {
        loop {
            let mut connection = match self.sound().await {
                Some(connection) => connection,
                None => self.connect(deadline).await?,
            };
            let begun = Instant::now();
            match timeout(STATEMENT_TIME, J::write(jobs, &self.rules, &mut connection)).await {
                Ok(Ok(())) if commit::is_sure(&mut connection, begun).await => {
                    self.connection = Some((Instant::now(), connection));
                    return Ok(());
                }
                // As if its answer had been lost.
                Ok(Ok(())) => {}
                Ok(Err(fault)) if !fault::is_lost(&fault) => {
                    self.connection = Some((Instant::now(), connection));
                    return Err(Failure::Refused(fault));
                }
                Ok(Err(fault)) => warn!(%fault, "it is not known whether an append was written"),
                Err(_elapsed) => warn!("the store takes too long to append"),
            }
            // Without a word: a request to cancel may turn a wait for a standby into a commit that it does not have.
            let _ = connection.close_hard().await;
            for place in (0..jobs.len()).rev() {
                if !jobs[place].try_again() {
                    fail(jobs.remove(place), StoreError::Unavailable);
                }
            }
            if jobs.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::Unavailable);
            }
        }
    }

    /// The connection, where it is still good for something. One that died while it waited is found out before anything is
    /// put to it of which nobody would know what became.
    async fn sound(&mut self) -> Option<PgConnection> {
        let (since, mut connection) = self.connection.take()?;
        if since.elapsed() < PROBED_AFTER {
            return Some(connection);
        }
        let is_sound = matches!(timeout(PROBE_TIME, connection.ping()).await, Ok(Ok(())));
        is_sound.then_some(connection)
    }

    /// Tries until the deadline: a primary that has just gone has a successor soon.
    async fn connect(&self, deadline: Instant) -> Result<PgConnection, Failure> {
        loop {
            match self.hosts.connect().await {
                Ok(connection) => return Ok(connection),
                Err(reason) if Instant::now() + RECONNECT_PAUSE > deadline => {
                    error!(%reason, "no connection to the store");
                    return Err(Failure::Unavailable);
                }
                Err(_) => tokio::time::sleep(RECONNECT_PAUSE).await,
            }
        }
    }
}

fn conclude<J: Job>(mut job: J, written: &Result<(), Failure>) {
    match written {
        Ok(()) => job.answer(None),
        Err(Failure::Unavailable) => fail(job, StoreError::Unavailable),
        Err(Failure::Refused(fault)) if fault::is_of_data(fault) => {
            job.object(fault);
            job.answer(None);
        }
        Err(Failure::Refused(fault)) => fail(job, fault::meaning(fault)),
    }
}

/// Whatever kept the last attempt from being written, it says nothing of one before it whose answer was lost.
fn fail<J: Job>(job: J, fault: StoreError) {
    let fault = if job.may_be_written() { StoreError::Unknown } else { fault };
    job.answer(Some(fault));
}

/// Appends in one commit. More would keep the first of them waiting for the rows of the last.
const GROUP_MAX: usize = 256;
/// Appends that wait for those before theirs.
const QUEUE: usize = 1024;
/// From its being handed in, an append is tried for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// But at least for so long from when a writer comes to it.
const LAST_CHANCE: Duration = Duration::from_millis(500);
/// A commit that waits longer waits for something that does not come soon.
const STATEMENT_TIME: Duration = Duration::from_secs(3);
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
