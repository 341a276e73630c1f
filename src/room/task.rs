//! One room on this member: takes requests, decides them against the state, appends, and then shows what happened.
//!
//! A batch of requests is decided one after the other against the state as the earlier ones leave it; nothing of it,
//! not even a refusal, is told before all of it is committed. When the store does not take a batch as decided, the
//! state is thrown away and read again: there is one way to recover, and it is used daily.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use crate::chat::answer::Answer;
use crate::chat::command::{Actor, Command, Join};
use crate::chat::event::{Change, Ephemeral, Event};
use crate::chat::refusal::Refusal;
use crate::fanout::audience::{Audience, Listing, Moderation, Past, Step, View, Welcome};
use crate::fanout::mailbox::Mailbox;
use crate::room::creation;
use crate::room::decided::{Decided, apply};
use crate::room::directory::Services;
use crate::room::request::{Receipt, Request, expire, refusal_of, refusal_of_append, refuse};
use crate::room::state::Room;
use crate::store::archive::{ArchivedKind, ArchivedMessage, Log};
use crate::store::error::{AppendError, StoreError};
use crate::store::room::{Append, Appended};

/// The running room. Its name may not exist in the store yet: then it is vacant, and a join creates it.
pub(super) struct RoomTask {
    name: Box<str>,
    /// The room's address, which is what `from` says.
    address: Box<str>,
    services: Arc<Services>,
    state: Option<Loaded>,
    inbox: mpsc::Receiver<Request>,
}

struct Loaded {
    room: Room,
    audience: Audience,
}

/// A request that was decided and waits for its commit.
enum Pending {
    Decided { receipt: Receipt, decided: Decided },
    Refused { receipt: Receipt, refusal: Refusal },
    Answered { reply: oneshot::Sender<Result<Answer, Refusal>>, answer: Result<Answer, Refusal> },
}

/// Requests decided together. More would only make the first of them wait longer.
const BATCH_MAX: usize = 256;
/// A room without local sessions is forgotten after this long; it is loaded again when it is needed.
const IDLE: Duration = Duration::from_secs(60);

impl RoomTask {
    pub(super) fn new(
        name: Box<str>,
        address: Box<str>,
        services: Arc<Services>,
        inbox: mpsc::Receiver<Request>,
    ) -> Self {
        Self { name, address, services, state: None, inbox }
    }

    /// Runs until the room is idle and nobody holds a way to it.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let wake = self.wake_at();
            tokio::select! {
                n = self.inbox.recv_many(&mut batch, BATCH_MAX) => {
                    if n == 0 {
                        return;
                    }
                    self.handle(&mut batch).await;
                }
                () = tokio::time::sleep_until(wake) => {
                    if self.has_deadlines() {
                        batch.push(expire());
                        self.handle(&mut batch).await;
                    } else if self.is_idle() && self.services.forget(&self.name, &self.inbox) {
                        return;
                    }
                }
            }
        }
    }

    fn has_deadlines(&self) -> bool {
        self.state.as_ref().is_some_and(|loaded| loaded.room.next_deadline().is_some())
    }

    fn is_idle(&self) -> bool {
        self.state.as_ref().is_none_or(|loaded| loaded.audience.is_empty())
    }

    fn wake_at(&self) -> Instant {
        let deadline = self.state.as_ref().and_then(|loaded| loaded.room.next_deadline());
        let wait = deadline.map_or(IDLE, |at| {
            Duration::from_millis(u64::try_from(at.0 - self.services.clock.now().0).unwrap_or(0))
        });
        Instant::now() + wait
    }

    async fn handle(&mut self, batch: &mut Vec<Request>) {
        if self.state.is_none() {
            match self.load().await {
                Ok(loaded) => self.state = loaded,
                Err(error) => {
                    let refusal = refusal_of(&error);
                    for request in batch.drain(..) {
                        refuse(request, &refusal);
                    }
                    return;
                }
            }
        }
        let mut pending = Vec::new();
        for request in batch.drain(..) {
            match request {
                Request::Shutdown { done } => {
                    self.settle(std::mem::take(&mut pending)).await;
                    self.shutdown();
                    let _ = done.send(());
                }
                Request::Command { by, command: Command::Join(join), mailbox, receipt }
                    if self.state.is_none() =>
                {
                    self.settle(std::mem::take(&mut pending)).await;
                    let outcome = self.create(&by, &join, mailbox).await;
                    receipt.give(outcome);
                }
                mut other => {
                    self.look_up_target(&mut other).await;
                    pending.push(self.decide(other));
                }
            }
            // A destroyed room ends the batch: what follows finds its name vacant.
            if self.state.as_ref().is_some_and(|loaded| loaded.room.is_destroyed()) {
                self.settle(std::mem::take(&mut pending)).await;
            }
        }
        self.settle(pending).await;
    }

    async fn load(&self) -> Result<Option<Loaded>, StoreError> {
        let snapshot = self.services.store.load_room(&self.name).await?;
        Ok(snapshot.map(|snapshot| {
            let audience = Audience::new(&self.address, &snapshot.secret, snapshot.epoch);
            Loaded { room: Room::load(snapshot), audience }
        }))
    }

    /// A retraction is judged by who wrote what it takes back: the store knows.
    async fn look_up_target(&self, request: &mut Request) {
        let Request::Command { command, .. } = request else { return };
        let (Command::Retract { target, target_author, .. }
        | Command::Moderate { target, target_author, .. }) = command
        else {
            return;
        };
        let Some(loaded) = &self.state else { return };
        let found = self.services.store.message(Log::Room(loaded.room.id()), *target).await;
        *target_author = found.ok().flatten().map(|message| message.author);
    }

    /// Decides one request against the state as the earlier ones of the batch leave it, and applies it.
    fn decide(&mut self, request: Request) -> Pending {
        let now = self.services.clock.now();
        match request {
            Request::Command { by, command, mailbox, receipt } => {
                let Some(loaded) = &mut self.state else {
                    return Pending::Refused { receipt, refusal: Refusal::NoSuchRoom };
                };
                match loaded.room.decide(&by, command, now) {
                    Ok(decision) => Pending::Decided {
                        receipt,
                        decided: apply(&mut loaded.room, &by, decision, mailbox, now),
                    },
                    Err(refusal) => Pending::Refused { receipt, refusal },
                }
            }
            Request::Query { by, query, reply } => {
                let answer = match &self.state {
                    Some(loaded) => loaded.room.answer(&by, &query),
                    None => Err(Refusal::NoSuchRoom),
                };
                Pending::Answered { reply, answer }
            }
            Request::Shutdown { .. } => unreachable!("handled before anything is decided"),
        }
    }

    /// Commits what was decided, shows it, and answers.
    async fn settle(&mut self, mut pending: Vec<Pending>) {
        let appends: Vec<Append> = pending.iter_mut().filter_map(Pending::take_append).collect();
        let store = &self.services.store;
        // Handed in one after the other, so that the log has them in this order; committed together.
        let mut results = join_all(appends.into_iter().map(|append| store.append(append))).await.into_iter();
        let mut is_as_decided = true;
        for item in pending {
            match item {
                Pending::Refused { receipt, refusal } => receipt.give(Err(refusal)),
                Pending::Answered { reply, answer } => drop(reply.send(answer)),
                Pending::Decided { receipt, decided } => {
                    let result = if decided.has_append { results.next() } else { None };
                    is_as_decided &= self.conclude(receipt, decided, result).await;
                }
            }
        }
        if !is_as_decided {
            self.reload().await;
        }
        if self.state.as_ref().is_some_and(|loaded| loaded.room.is_destroyed()) {
            self.state = None;
        }
    }

    /// One decided request after its append. `false`: the state no longer agrees with the store.
    async fn conclude(
        &mut self,
        receipt: Receipt,
        mut decided: Decided,
        result: Option<Result<Appended, AppendError>>,
    ) -> bool {
        let mut is_as_decided = true;
        match result {
            None => {}
            Some(Ok(appended)) => {
                let first = decided.steps.iter().find(|s| !s.is_quiet).map(|s| s.event.seq);
                if first.is_some_and(|first| first != appended.first) {
                    is_as_decided = false;
                    decided.renumber(&appended);
                }
            }
            Some(Err(AppendError::AlreadyDone { .. })) => {
                receipt.give(Ok(()));
                return false;
            }
            Some(Err(failure)) => {
                debug!(room = %self.name, %failure, "an append was refused");
                receipt.give(Err(refusal_of_append(&failure)));
                return false;
            }
        }
        self.show(decided).await;
        receipt.give(Ok(()));
        is_as_decided
    }

    async fn show(&mut self, mut decided: Decided) {
        self.fill_welcome(&mut decided).await;
        let Some(loaded) = &mut self.state else { return };
        if let Some((session, mailbox)) = decided.attach.take() {
            loaded.audience.attach(session, mailbox);
        }
        for step in &decided.steps {
            loaded.audience.deliver(step);
            if let Change::Detached { session, deadline: Some(_) } = &step.event.change {
                loaded.audience.detach(*session);
            }
        }
        for (ephemeral, view, is_quiet) in &decided.ephemeral {
            let about = match ephemeral {
                Ephemeral::Presence { session, .. } => loaded.room.occupants().by_session(*session),
                Ephemeral::Whisper { to, .. } => loaded.room.occupants().by_nick(to),
                Ephemeral::Message { .. } => None,
            };
            loaded.audience.deliver_ephemeral(ephemeral, about, *view, *is_quiet);
        }
        for parcel in decided.parcels {
            self.services.send(&self.address, parcel);
        }
    }

    /// Reads the history that a joiner wants. A join is not refused because history cannot be read.
    async fn fill_welcome(&self, decided: &mut Decided) {
        let Some(wanted) = decided.wants_history.take() else { return };
        let Some(loaded) = &self.state else { return };
        let Some(step) = decided.steps.iter_mut().find(|step| step.welcome.is_some()) else { return };
        let (room, until) = (loaded.room.id(), step.event.seq);
        let limit = loaded.room.settings().history_max;
        match self.services.store.history(room, until, wanted, limit).await {
            Ok(history) => {
                let welcome = step.welcome.as_mut().expect("the step was found by it");
                // The subject comes last, and once (§7.2.15).
                let is_said = |message: &ArchivedMessage| !matches!(message.kind, ArchivedKind::Subject(_));
                welcome.history = history.into_iter().filter(is_said).map(past).collect();
            }
            Err(error) => warn!(room = %self.name, %error, "history cannot be read"),
        }
    }

    /// A join of a name that does not exist creates the room (XEP-0045 §10.1).
    async fn create(&mut self, by: &Actor, join: &Join, mailbox: Option<Mailbox>) -> Result<(), Refusal> {
        let services = self.services.clone();
        let at = services.clock.now();
        let new_room = creation::new_room(&self.name, by, join, &services.policy, at)?;
        let changes = Arc::clone(&new_room.changes);
        let snapshot = match services.store.create_room(new_room).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.state = None;
                return Err(creation::refusal_of(&error));
            }
        };
        let last = snapshot.seq;
        let mut audience = Audience::new(&self.address, &snapshot.secret, snapshot.epoch);
        let room = Room::load(snapshot);
        if let Some(mailbox) = mailbox {
            audience.attach(by.session, mailbox);
        }
        let after = room.occupants().by_session(by.session).cloned();
        let since = join.affiliations_since.as_deref();
        let listing = since.map_or(Listing::Unasked, |since| room.listing(by, since));
        if let Some(joined) = changes.iter().rfind(|c| matches!(c, Change::Joined(_))) {
            audience.deliver(&Step {
                event: Event { seq: last, at, origin: by.origin, change: joined.clone() },
                before: Vec::new(),
                after: after.into_iter().collect(),
                view: View::of(room.settings(), room.standings().version()),
                welcome: Some(Welcome::empty(listing)),
                everybody: Vec::new(),
                statuses: Vec::new(),
                list_version: None,
                list_notice: None,
                is_quiet: false,
            });
        }
        self.state = Some(Loaded { room, audience });
        Ok(())
    }

    /// Reads the state again; the local sessions stay.
    async fn reload(&mut self) {
        let Some(loaded) = self.state.take() else { return };
        match self.load().await {
            Ok(Some(fresh)) => self.state = Some(Loaded { room: fresh.room, audience: loaded.audience }),
            Ok(None) => {}
            Err(error) => {
                // The next request tries again; until then the room is not known here, but its sessions are.
                error!(room = %self.name, %error, "the room cannot be read again");
                self.state = Some(loaded);
            }
        }
    }

    fn shutdown(&self) {
        if let Some(loaded) = &self.state {
            loaded.audience.shutdown(loaded.room.occupants().iter().cloned());
        }
    }
}

impl Pending {
    fn take_append(&mut self) -> Option<Append> {
        match self {
            Self::Decided { decided, .. } => decided.append.take(),
            Self::Refused { .. } | Self::Answered { .. } => None,
        }
    }
}

fn past(message: ArchivedMessage) -> Past {
    let moderation = match &message.kind {
        ArchivedKind::Retraction { target, is_moderation: true, reason } => {
            Some(Moderation { target: *target, reason: reason.clone() })
        }
        _ => None,
    };
    Past {
        id: Some(message.id),
        at: message.at,
        author: message.author,
        content: message.content,
        moderation,
    }
}
