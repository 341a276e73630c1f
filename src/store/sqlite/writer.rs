//! The one task that writes. Whatever waits together is committed together, and is answered only after the commit:
//! a sync of the disk costs milliseconds, a statement microseconds.
//!
//! Each job stands behind a savepoint of its own, so that a refused one does not spoil its group. When the commit
//! itself fails, every job of the group fails and nothing is acknowledged; the next group starts anew.

use futures_util::future::BoxFuture;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::store::error::StoreError;
use crate::store::sqlite::open::Place;

/// The way to the task, for all who write. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

/// What an action comes to: a failed statement, the operation's own refusal, or what was asked for. Only the last
/// leaves anything behind.
pub(super) type Outcome<T, E> = Result<Result<T, E>, StoreError>;

enum Job {
    Work(Box<dyn Work>),
    /// Everything before it is committed, nothing after it is taken.
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(place: Place, connection: SqliteConnection) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(Task { place, connection: Some(connection), jobs }.run());
        Self(sender)
    }

    /// Runs `action` inside the next group, and answers when the group is committed.
    pub(super) async fn transact<T, E>(
        &self,
        action: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Outcome<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Transaction { action: Some(action), outcome: None, reply };
        // A closed channel is a store that is being closed.
        self.0.send(Job::Work(Box::new(work))).await.map_err(|_| StoreError::Unavailable)?;
        answer.await.unwrap_or(Err(StoreError::Unavailable.into()))
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Job::Close(done)).await.is_ok() {
            // An error says that the task is gone already.
            let _ = closed.await;
        }
    }
}

struct Task {
    place: Place,
    /// None after a failure that may have left it in an unknown state.
    connection: Option<SqliteConnection>,
    jobs: mpsc::Receiver<Job>,
}

impl Task {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut closing = None;
        while closing.is_none() && self.jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
            let mut works = Vec::with_capacity(group.len());
            for job in group.drain(..) {
                match job {
                    Job::Work(work) if closing.is_none() => works.push(work),
                    Job::Work(work) => work.answer(Err(StoreError::Unavailable)),
                    Job::Close(done) => closing = Some(done),
                }
            }
            let committed = self.commit(&mut works).await;
            for work in works {
                work.answer(committed);
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(fault) = connection.close().await
        {
            warn!(%fault, "the store's writing connection did not close cleanly");
        }
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    async fn commit(&mut self, works: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
        if works.is_empty() {
            return Ok(());
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.place.connect_writer().await?,
        };
        let result = group(&mut connection, works).await;
        // What was begun and not committed is gone. Where even that cannot be said, the connection goes as well.
        let is_clean = result.is_ok() || roll_back(&mut connection).await;
        if is_clean && result != Err(StoreError::Unavailable) {
            self.connection = Some(connection);
        } else {
            error!("the store's writing connection is opened anew");
            let _ = connection.close_hard().await;
        }
        result
    }
}

async fn group(connection: &mut SqliteConnection, works: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    for work in works {
        execute(connection, "SAVEPOINT job").await?;
        let end = if work.run(connection).await { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        // Fails when the engine has rolled back the whole transaction, as it does on some errors of the disk.
        execute(connection, end).await?;
    }
    execute(connection, "COMMIT").await
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}

/// False when the connection is not known to be outside of any transaction.
async fn roll_back(connection: &mut SqliteConnection) -> bool {
    // The engine may have done it by itself: then this says that there is no transaction.
    match sqlx::query("ROLLBACK").execute(connection).await {
        Ok(_) => true,
        Err(fault) => {
            fault.as_database_error().is_some_and(|fault| fault.message().contains("no transaction"))
        }
    }
}

/// A job as the task sees it.
trait Work: Send {
    /// Whether what it did is to stay.
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool>;

    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Transaction<A, T, E> {
    action: Option<A>,
    outcome: Option<Outcome<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<A, T, E> Work for Transaction<A, T, E>
where
    A: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Outcome<T, E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(action) = self.action.take() else { return false };
            let outcome = action(connection).await;
            let stays = matches!(outcome, Ok(Ok(_)));
            self.outcome = Some(outcome);
            stays
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            // A refusal does not depend on whether the others were committed.
            (_, Some(Ok(Err(refusal)))) => Err(refusal),
            (Ok(()), Some(Ok(Ok(value)))) => Ok(value),
            (Ok(()), Some(Err(fault))) | (Err(fault), _) => Err(fault.into()),
            (Ok(()), None) => Err(StoreError::Unavailable.into()),
        };
        // Who asked may have gone; what was committed stays committed.
        let _ = self.reply.send(answer);
    }
}

/// Jobs in one commit. More would keep the first of them waiting for the statements of the last.
const GROUP_MAX: usize = 256;
/// Jobs that wait for the commit before theirs.
const QUEUE: usize = 1024;
