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

use crate::store::error::{AppendError, StoreError};
use crate::store::room::{Append, Appended};
use crate::store::sqlite::append::{self, Begun, Rules};
use crate::store::sqlite::open::Place;

/// The way to the task, for all who write. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

/// What an action comes to: a failed statement, the operation's own refusal, or what was asked for. Only the last
/// leaves anything behind.
pub(super) type Outcome<T, E> = Result<Result<T, E>, StoreError>;

enum Job {
    /// The many; they share their statements.
    Append(append::Job),
    /// The few, each behind a savepoint of its own.
    Work(Box<dyn Work>),
    /// Everything before it is committed, nothing after it is taken.
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(place: Place, connection: SqliteConnection, rules: Rules) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(Task { place, connection: Some(connection), rules, jobs }.run());
        Self(sender)
    }

    pub(super) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (job, answer) = append::Job::new(append);
        // A closed channel is a store that is being closed.
        self.0.send(Job::Append(job)).await.map_err(|_| StoreError::Unavailable)?;
        answer.await.unwrap_or(Err(StoreError::Unavailable.into()))
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
    rules: Rules,
    jobs: mpsc::Receiver<Job>,
}

/// What is committed together.
#[derive(Default)]
struct Group {
    works: Vec<Box<dyn Work>>,
    appends: Vec<append::Job>,
    closing: Option<oneshot::Sender<()>>,
}

impl Task {
    async fn run(mut self) {
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        while self.jobs.recv_many(&mut jobs, GROUP_MAX).await > 0 {
            let mut group = Group::default();
            jobs.drain(..).for_each(|job| group.take(job));
            let committed = self.commit(&mut group).await;
            if let Some(done) = group.answer(committed) {
                self.jobs.close();
                self.disconnect().await;
                let _ = done.send(());
                return;
            }
        }
        self.disconnect().await;
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(fault) = connection.close().await
        {
            warn!(%fault, "the store's writing connection did not close cleanly");
        }
    }

    async fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.place.connect_writer().await?,
        };
        let result = group.write(&mut connection, self.rules).await;
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

impl Group {
    fn take(&mut self, job: Job) {
        match job {
            // Asked for after the end was: dropped, and with it the way to answer.
            Job::Append(_) | Job::Work(_) if self.closing.is_some() => {}
            Job::Append(append) => self.appends.push(append),
            Job::Work(work) => self.works.push(work),
            Job::Close(done) => self.closing = Some(done),
        }
    }

    async fn write(&mut self, connection: &mut SqliteConnection, rules: Rules) -> Result<(), StoreError> {
        if self.works.is_empty() {
            return match self.appends.as_mut_slice() {
                [] => Ok(()),
                appends => append::commit(connection, appends, rules, Begun::No).await,
            };
        }
        execute(connection, "BEGIN IMMEDIATE").await?;
        for work in &mut self.works {
            execute(connection, "SAVEPOINT job").await?;
            let end = if work.run(connection).await { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
            // Fails when the engine has rolled back the whole transaction, as it does on some errors of the disk.
            execute(connection, end).await?;
        }
        match self.appends.as_mut_slice() {
            [] => execute(connection, "COMMIT").await,
            appends => append::commit(connection, appends, rules, Begun::Yes).await,
        }
    }

    fn answer(self, committed: Result<(), StoreError>) -> Option<oneshot::Sender<()>> {
        self.works.into_iter().for_each(|work| work.answer(committed));
        self.appends.into_iter().for_each(|append| append.answer(committed));
        self.closing
    }
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
