//! The way of an append: it waits for its turn and for locks, its answer can be lost, and then it is put to the database
//! again, which looks for its key. As the PostgreSQL engine's writers do it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::chat::id::RoomId;
use crate::chat::snapshot::RoomSnapshot;
use crate::store::error::{AppendError, CreateRoomError, StoreError};
use crate::store::model::tables::Tables;
use crate::store::model::{Database, Model, Own};
use crate::store::room::{Append, Appended, NewRoom};

/// What became of one attempt.
pub(super) enum Attempt<T> {
    Answered(T),
    /// It certainly did nothing.
    Unreached,
    /// It may have been done, or may still be.
    Unanswered,
}

impl Model {
    pub(in crate::store) async fn create_room(&self, room: NewRoom) -> Result<RoomSnapshot, CreateRoomError> {
        let (name, secret, own) = (room.name.clone(), room.secret, self.own.clone());
        let statement = move |tables: &mut Tables| tables.create_room(&own, room);
        match self.attempt(self.database.clone().execute(self.own.clone(), None, statement)).await {
            Attempt::Answered(answer) => answer?,
            Attempt::Unreached => Err(StoreError::Unavailable.into()),
            // Perhaps it was made, and only the word of it was lost: its secret is nobody else's.
            Attempt::Unanswered => {
                match self.load_room(&name).await.map_err(|_unread| StoreError::Unknown)? {
                    Some(made) if made.secret == secret => Ok(made),
                    Some(_) => Err(CreateRoomError::NameTaken),
                    None => Err(StoreError::Unavailable.into()),
                }
            }
        }
    }

    pub(in crate::store) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let deadline = Instant::now() + PATIENCE;
        let turn = self.turns.lock().entry(append.room).or_default().clone();
        let _turn = turn.lock().await;
        let mut is_repeated = false;
        loop {
            let (own, again) = (self.own.clone(), append.clone());
            let statement = move |tables: &mut Tables| tables.append(&own, &again, is_repeated);
            let work = self.database.clone().execute(self.own.clone(), Some(append.room), statement);
            match self.attempt(work).await {
                Attempt::Answered(Ok(outcome)) => return outcome,
                Attempt::Answered(Err(fault)) => return Err(open(fault, is_repeated).into()),
                Attempt::Unreached => sleep(RECONNECT_PAUSE).await,
                Attempt::Unanswered => {
                    let has_key = append.origin.is_some() && !append.changes.is_empty();
                    is_repeated = true;
                    if !has_key {
                        return Err(StoreError::Unknown.into());
                    }
                }
            }
            if Instant::now() > deadline {
                return Err(open(StoreError::Unavailable, is_repeated).into());
            }
        }
    }

    /// Has the database do something that takes its time.
    pub(super) async fn attempt<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Attempt<T> {
        let faults = self.database.faults();
        self.line.runs().await;
        if self.line.is_cut() {
            self.give_up().await;
            return Attempt::Unreached;
        }
        if self.database.happens(faults.lost_requests) {
            self.give_up().await;
            return Attempt::Unanswered;
        }
        let (reply, answer) = oneshot::channel();
        let database = self.database.clone();
        // It goes on whatever becomes of who asked.
        tokio::spawn(async move {
            database.pass().await;
            let outcome = work.await;
            database.pass().await;
            let _ = reply.send(outcome);
        });
        let answer = timeout(STATEMENT_TIME, answer).await;
        self.line.runs().await;
        if self.line.is_cut() || self.database.happens(faults.lost_answers) {
            self.give_up().await;
            return Attempt::Unanswered;
        }
        answer.ok().and_then(Result::ok).map_or(Attempt::Unanswered, Attempt::Answered)
    }
}

impl Database {
    /// Holds the caller's own row until the commit: whoever raises its incarnation waits for that.
    async fn execute<T>(
        self,
        own: Own,
        log: Option<RoomId>,
        statement: impl FnOnce(&mut Tables) -> T,
    ) -> Result<T, StoreError> {
        let member = self.member_lock(&own.member);
        let mut standing = Some(lock(member.read()).await?);
        if !planted!(NoFence) && !self.0.tables.lock().stands(&own) {
            return Err(StoreError::Fenced);
        }
        if planted!(FenceWithoutLock) {
            standing = None;
            // As when it waits for a log that others are busy with.
            self.idle(0, LOCK_TIME.as_millis() as u64).await;
        }
        let log = log.map(|log| self.log_lock(log));
        let held = match &log {
            Some(log) => Some(lock(log.lock()).await?),
            None => None,
        };
        self.pass().await;
        let outcome = statement(&mut self.0.tables.lock());
        drop((held, standing));
        Ok(outcome)
    }

    pub(super) fn member_lock(&self, name: &str) -> Arc<tokio::sync::RwLock<()>> {
        self.0.members.lock().entry(name.into()).or_default().clone()
    }

    fn log_lock(&self, room: RoomId) -> Arc<tokio::sync::Mutex<()>> {
        self.0.logs.lock().entry(room).or_default().clone()
    }
}

/// Waits for a lock as long as a statement may.
pub(super) async fn lock<G>(lock: impl Future<Output = G>) -> Result<G, StoreError> {
    timeout(LOCK_TIME, lock).await.map_err(|_elapsed| StoreError::Unavailable)
}

/// Whatever kept the last attempt from being written, it says nothing of one before it whose answer was lost.
fn open(fault: StoreError, is_repeated: bool) -> StoreError {
    if is_repeated { StoreError::Unknown } else { fault }
}

const LOCK_TIME: Duration = Duration::from_secs(1);
const STATEMENT_TIME: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(5);
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
