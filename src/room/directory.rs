//! From a room's name to its running task: started once, on first need, and forgotten when idle.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug_span, warn};

use crate::chat::answer::Answer;
use crate::chat::command::{Actor, Command, Query};
use crate::chat::event::Parcel;
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::clock::Clock;
use crate::fanout::mailbox::Mailbox;
use crate::room::request::{Receipt, Request};
use crate::room::task::RoomTask;
use crate::store::Store;
use crate::store::error::StoreError;

/// All rooms of one rooms domain on this member. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Services>);

/// What every room's task needs.
pub(super) struct Services {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) policy: Policy,
    domain: Box<str>,
    letters: mpsc::Sender<Letter>,
    running: DashMap<Box<str>, mpsc::Sender<Request>>,
    tasks: TaskTracker,
}

/// What the configuration says of all rooms.
#[derive(Debug, Clone)]
pub struct Policy {
    /// May everybody create a room by joining it, or administrators only?
    pub is_creation_open: bool,
    /// Is a new room closed to all but its creator until he has configured it?
    pub locks_new_rooms: bool,
    /// What a new room starts with.
    pub defaults: Settings,
}

/// Something that a room sends to a person outside it. Whoever builds the rooms takes these to the accounts.
#[derive(Debug)]
pub struct Letter {
    pub room: Box<str>,
    pub parcel: Parcel,
}

/// Requests that may wait for one room. A full queue holds up the sessions that send to it, and nobody else.
const QUEUE: usize = 1024;

impl Rooms {
    pub fn new(
        store: Store,
        clock: Clock,
        domain: &str,
        policy: Policy,
        letters: mpsc::Sender<Letter>,
    ) -> Self {
        Self(Arc::new(Services {
            store,
            clock,
            policy,
            domain: domain.into(),
            letters,
            running: DashMap::new(),
            tasks: TaskTracker::new(),
        }))
    }

    pub fn domain(&self) -> &str {
        &self.0.domain
    }

    /// What a new room starts with.
    pub fn defaults(&self) -> Settings {
        self.0.policy.defaults.clone()
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Asks for a change. The outcome goes to the receipt, after the commit.
    pub async fn command(
        &self,
        room: &str,
        by: Actor,
        command: Command,
        mailbox: Option<Mailbox>,
        receipt: Receipt,
    ) {
        self.send(room, Request::Command { by, command, mailbox, receipt }).await;
    }

    /// Asks for a change and waits for its outcome.
    pub async fn execute(&self, room: &str, by: Actor, command: Command) -> Result<(), Refusal> {
        let (reply, outcome) = oneshot::channel();
        self.command(room, by, command, None, Receipt::Reply(reply)).await;
        outcome.await.unwrap_or(Err(Refusal::TemporarilyUnavailable))
    }

    pub async fn query(&self, room: &str, by: Actor, query: Query) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(room, Request::Query { by, query, reply }).await;
        answer.await.unwrap_or(Err(Refusal::TemporarilyUnavailable))
    }

    /// After a start, everybody who was inside has lost his connection: he has until `deadline` to come back, and the
    /// rooms he is in are started, so that he leaves them if he does not.
    pub async fn recover(&self, deadline: Timestamp) -> Result<(), StoreError> {
        if self.0.store.detach_seats(deadline).await? == 0 {
            return Ok(());
        }
        for room in self.0.store.rooms_with_detached_seats().await? {
            self.command(&room.name, Actor::service(), Command::Expire, None, Receipt::None).await;
        }
        Ok(())
    }

    /// Tells all local sessions in rooms that the service goes down; returns when all is pushed and committed.
    pub async fn shutdown(&self) {
        let running: Vec<_> = self.0.running.iter().map(|entry| entry.value().clone()).collect();
        for room in running {
            let (done, told) = oneshot::channel();
            if room.send(Request::Shutdown { done }).await.is_ok() {
                drop(told.await);
            }
        }
    }

    async fn send(&self, name: &str, request: Request) {
        if let Err(mpsc::error::SendError(request)) = self.running(name).send(request).await {
            // The task is gone without having taken itself out: a bug there ended it. The room is started anew.
            self.0.running.remove_if(name, |_, sender| sender.is_closed());
            drop(self.running(name).send(request).await);
        }
    }

    fn running(&self, name: &str) -> mpsc::Sender<Request> {
        if let Some(found) = self.0.running.get(name) {
            return found.clone();
        }
        self.0.running.entry(name.into()).or_insert_with(|| self.start(name)).clone()
    }

    fn start(&self, name: &str) -> mpsc::Sender<Request> {
        let (sender, inbox) = mpsc::channel(QUEUE);
        let address = format!("{name}@{}", self.0.domain).into_boxed_str();
        let span = debug_span!("room", room = %name);
        let task = RoomTask::new(name.into(), address, self.0.clone(), inbox);
        self.0.tasks.spawn(task.run().instrument(span));
        sender
    }
}

impl Services {
    /// Takes a room's task out of the directory, unless somebody is about to send to it: a sender is cloned under
    /// the directory's lock only, so when this one is the last and the queue is empty, nothing can be on its way.
    pub(super) fn forget(&self, name: &str, inbox: &mpsc::Receiver<Request>) -> bool {
        self.running.remove_if(name, |_, sender| sender.strong_count() == 1 && inbox.is_empty()).is_some()
    }

    /// Never waits: a room does not stand still because a letter cannot be taken.
    pub(super) fn send(&self, room: &str, parcel: Parcel) {
        if self.letters.try_send(Letter { room: room.into(), parcel }).is_err() {
            warn!(room, "a letter from the room was dropped: too many are waiting");
        }
    }
}
