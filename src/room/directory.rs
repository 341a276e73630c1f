//! From a room's name to its running task: started once, on first need, and forgotten when idle.

mod activity;
pub(super) mod letters;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;
use parking_lot::Mutex;
use perch_address::BareJid;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug_span};

use crate::bus::Bus;
use crate::chat::answer::Answer;
use crate::chat::category::{Category, CategoryId};
use crate::chat::command::{Actor, Command, Query};
use crate::chat::event::Parcel;
use crate::chat::id::{RoomId, Seq, SessionId, Timestamp};
use crate::chat::note::{Note, RoomName};
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::clock::Clock;
use crate::directory::{Directory, View};
use crate::fanout::mailbox::Mailbox;
use crate::room::creation;
use crate::room::decided::Decided;
use crate::room::directory::activity::{Activity, is_news};
use crate::room::directory::letters::Letters;
use crate::room::request::{Receipt, Request, expire, refusal_of};
use crate::room::rights::{Comer, Door, may_read};
use crate::room::standings::Place;
use crate::room::state::Room;
use crate::room::task::RoomTask;
use crate::store::Store;
use crate::store::error::{CreateRoomError, StoreError};
use crate::store::member::DueSeat;
use crate::store::room::{Appended, RoomPlace};
use crate::store::room_search::{KnownRoom, Seer};

/// All rooms of one rooms domain on this member. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Services>);

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("domain", &self.0.domain).finish_non_exhaustive()
    }
}

/// What every room's task needs.
pub(super) struct Services {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) policy: Policy,
    pub(super) directory: Directory,
    domain: Box<str>,
    letters: Letters,
    activity: Activity,
    bus: Bus,
    running: DashMap<Box<str>, Running>,
    tasks: TaskTracker,
}

/// A room's task as others reach it.
#[derive(Clone)]
struct Running {
    /// Boxed, as a queue holds room for dozens of requests however few come.
    requests: mpsc::Sender<Box<Request>>,
    mark: Arc<Mark>,
}

/// How far a running room is, readable without asking its task.
#[derive(Default)]
pub(super) struct Mark {
    place: Mutex<Option<RoomPlace>>,
    is_behind: AtomicBool,
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
    /// Who is let in everywhere.
    pub administrators: Vec<BareJid>,
}

/// Requests that may wait for one room. A full queue holds up the sessions that send to it, and nobody else.
const QUEUE: usize = 1024;

/// Departures that are claimed at a time.
const CLAIMS_MAX: u32 = 256;

/// Events in one hint take so many bytes at most; who hears of more reads them from the log.
const HINT_BYTES_MAX: usize = 32 << 10;

impl Mark {
    pub(super) fn set(&self, place: Option<(RoomId, Seq, i64)>) {
        *self.place.lock() = place.map(|(room, seq, quiet)| RoomPlace { room, seq, quiet });
    }

    /// What the room knows is no longer all that there is.
    pub(super) fn fall_behind(&self) {
        self.is_behind.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Whether that was said since it was last asked.
    pub(super) fn take_behind(&self) -> bool {
        self.is_behind.swap(false, Ordering::Relaxed)
    }
}

impl Rooms {
    pub fn new(
        store: Store,
        bus: Bus,
        clock: Clock,
        domain: &str,
        policy: Policy,
        directory: Directory,
        letters: Letters,
    ) -> Self {
        Self(Arc::new(Services {
            store,
            bus,
            clock,
            policy,
            directory,
            domain: domain.into(),
            letters,
            activity: Activity::default(),
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

    /// By what somebody knows of rooms: what he belongs to, and what is for him. Who may use none knows of none.
    pub fn seer(&self, who: &BareJid) -> Result<Seer, Refusal> {
        let view = self.0.directory.view();
        if view.is_enabled(who) { Ok(seer(&view, who)) } else { Err(Refusal::NotEnabled) }
    }

    /// Where people make and manage rooms, where it is not in their clients.
    pub fn management_url(&self) -> Option<Box<str>> {
        self.0.directory.view().values().room_management_url.clone()
    }

    /// The rooms that somebody may read, of those that he may know of: what [`Query::ArchiveAccess`] says of one room that he
    /// names, for all of them at once and by the same rule.
    pub async fn readable_by(&self, who: &BareJid) -> Result<Vec<RoomId>, StoreError> {
        let view = self.0.directory.view();
        let known = self.0.store.known_rooms(&seer(&view, who).belongs).await?;
        let is_readable = |room: &KnownRoom| {
            let door = Door {
                is_locked: room.is_locked,
                is_members_only: room.is_members_only,
                has_password: room.has_password,
                is_disabled: room.is_disabled,
            };
            let place = Place::by(&view, room.category, who, |principal| {
                let entry = room.entries.iter().find(|(jid, ..)| jid.as_str() == principal)?;
                Some((entry.1, entry.2))
            });
            may_read(door, Comer { place, is_administrator: false, is_inside: room.is_inside }).is_ok()
        };
        Ok(known.iter().filter(|room| is_readable(room)).map(|room| room.id).collect())
    }

    /// The categories in which somebody may make rooms, in the order in which they were made.
    pub fn homes_for(&self, by: &Actor) -> Vec<CategoryId> {
        creation::homes_for(by, &self.0)
    }

    /// Makes a room that nobody enters by it.
    pub async fn found(
        &self,
        name: &str,
        by: &Actor,
        owner: Option<BareJid>,
        settings: Settings,
    ) -> Result<(), Refusal> {
        let new_room = creation::founded(name, by, owner, settings, &self.0, self.0.clock.now())?;
        match self.0.store.create_room(new_room).await {
            Ok(_) => {
                // A task may have looked for it already.
                self.command(
                    name,
                    Actor::service(),
                    Command::Expire { sessions: Vec::new() },
                    None,
                    Receipt::None,
                )
                .await;
                Ok(())
            }
            Err(CreateRoomError::NameTaken) => Err(Refusal::NameTaken),
            Err(CreateRoomError::Store(error)) => Err(refusal_of(&error)),
        }
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
        if command.makes_letters() {
            self.0.letters.eased().await;
        }
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

    /// Lets a session go on on another member: nothing more is shown to it here, and its seat waits until `deadline`.
    /// Says up to which event it was shown the room; `None`: it is in no such room.
    pub async fn release(&self, room: &str, by: Actor, deadline: Timestamp) -> Option<Seq> {
        let (reply, place) = oneshot::channel();
        self.send(room, Request::Release { by, deadline, reply }).await;
        place.await.ok().flatten()
    }

    /// Takes a session in again that was shown the room up to `after`, on this member or another.
    pub async fn attach(&self, room: &str, by: Actor, after: Seq, mailbox: Mailbox) -> Result<(), Refusal> {
        let (reply, outcome) = oneshot::channel();
        self.command(room, by, Command::Attach { after }, Some(mailbox), Receipt::Reply(reply)).await;
        outcome.await.unwrap_or(Err(Refusal::TemporarilyUnavailable))
    }

    /// After a start, everybody who was inside has lost his connection: he has until `deadline` to come back, and the
    /// rooms he is in are started, so that he leaves them if he does not.
    pub async fn recover(&self, deadline: Timestamp) -> Result<(), StoreError> {
        if self.0.store.detach_seats(deadline).await? == 0 {
            return Ok(());
        }
        for room in self.0.store.rooms_with_detached_seats().await? {
            let nobody = Command::Expire { sessions: Vec::new() };
            self.command(&room.name, Actor::service(), nobody, None, Receipt::None).await;
        }
        Ok(())
    }

    /// Lets those leave whose time to come back is over, also where no room is running that would.
    pub async fn expire(&self) -> Result<(), StoreError> {
        let due = self.0.store.claim_due_seats(self.0.clock.now(), CLAIMS_MAX).await?;
        self.0.expire(by_room(due));
        Ok(())
    }

    /// Looks at everybody inside again, each time that the rights outside of rooms have changed.
    pub async fn follow_rights(self, stop: CancellationToken) {
        let mut views = self.0.directory.views();
        while let Some(Ok(())) = stop.run_until_cancelled(views.changed()).await {
            for running in &self.0.running {
                // A full queue: whatever is in it is preceded by that.
                let _ = running.requests.try_send(Box::new(Request::Review));
            }
        }
    }

    /// What another member tells of a room. Never waits: what does not fit will be read from the log.
    pub fn hear(&self, note: Note) {
        let (Note::RoomGrew { room, .. }
        | Note::RoomQuiet { room, .. }
        | Note::RoomPassing { room, .. }
        | Note::RoomStale { room }) = &note
        else {
            return;
        };
        // What was too large for a hint is most likely a message.
        if let Note::RoomGrew { room, events, .. } = &note
            && self.0.activity.is_watched(&room.name)
            && (events.is_empty() || events.iter().any(|event| is_news(&event.change)))
        {
            self.0.activity.stir(&room.name);
        }
        let Some(running) = self.0.running.get(&*room.name).map(|running| running.clone()) else { return };
        if running.requests.try_send(Box::new(Request::Heard(note))).is_err() {
            running.mark.fall_behind();
        }
    }

    /// Hints were lost: every room here is compared with the store, and reads what it has missed.
    pub async fn compare(&self) -> Result<(), StoreError> {
        if planted!(LastHintLost) {
            return Ok(());
        }
        self.0.activity.stir_all();
        let running: Vec<(Box<str>, Running)> =
            self.0.running.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect();
        let places: HashMap<RoomId, (RoomPlace, Box<str>, Running)> = running
            .into_iter()
            .filter_map(|(name, running)| {
                let place = (*running.mark.place.lock())?;
                Some((place.room, (place, name, running)))
            })
            .collect();
        let known: Vec<RoomPlace> = places.values().map(|(place, ..)| *place).collect();
        for ahead in self.0.store.rooms_ahead(&known).await? {
            if let Some((_, name, running)) = places.get(&ahead) {
                running.mark.fall_behind();
                let room = RoomName { name: name.clone(), id: ahead };
                // A full queue: whatever is handled next finds that the room is behind.
                let _ = running.requests.try_send(Box::new(Request::Heard(Note::RoomStale { room })));
            }
        }
        Ok(())
    }

    /// Tells all local sessions in rooms that the service goes down; returns when all is pushed and committed.
    pub async fn shutdown(&self) {
        let running: Vec<_> = self.0.running.iter().map(|entry| entry.value().requests.clone()).collect();
        for room in running {
            let (done, told) = oneshot::channel();
            if room.send(Box::new(Request::Shutdown { done })).await.is_ok() {
                drop(told.await);
            }
        }
    }

    async fn send(&self, name: &str, request: Request) {
        if let Err(mpsc::error::SendError(request)) = self.running(name).send(Box::new(request)).await {
            // The task is gone without having taken itself out: a bug there ended it. The room is started anew.
            self.0.running.remove_if(name, |_, running| running.requests.is_closed());
            drop(self.running(name).send(request).await);
        }
    }

    fn running(&self, name: &str) -> mpsc::Sender<Box<Request>> {
        if let Some(found) = self.0.running.get(name) {
            return found.requests.clone();
        }
        self.0.running.entry(name.into()).or_insert_with(|| self.start(name)).requests.clone()
    }

    fn start(&self, name: &str) -> Running {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let address = format!("{name}@{}", self.0.domain).into_boxed_str();
        let span = debug_span!("room", room = %name);
        let mark = Arc::new(Mark::default());
        let task = RoomTask::new(name.into(), address, self.0.clone(), inbox, mark.clone());
        self.0.tasks.spawn(task.run().instrument(span));
        Running { requests, mark }
    }
}

fn seer(view: &View, who: &BareJid) -> Seer {
    let belonging = view.belongs(who);
    let is_for_him = |category: &&Category| view.is_in_scope(Some(category.id), belonging);
    Seer {
        belongs: belonging.addresses().filter_map(|address| BareJid::new(address).ok()).collect(),
        categories: view.categories().filter(is_for_him).map(|category| category.id).collect(),
    }
}

/// Who has to leave which room.
pub(super) type Departures = BTreeMap<Box<str>, Vec<SessionId>>;

pub(super) fn by_room(due: Vec<DueSeat>) -> Departures {
    let mut rooms = Departures::new();
    for seat in due {
        rooms.entry(seat.name).or_default().push(seat.session);
    }
    rooms
}

impl Services {
    /// Lets these leave, as they have been claimed. Never waits: what does not fit is claimed again later.
    pub(super) fn expire(self: &Arc<Self>, departures: Departures) {
        for (room, sessions) in departures {
            let _ = Rooms(self.clone()).running(&room).try_send(Box::new(expire(sessions)));
        }
    }

    /// Takes a room's task out of the directory, unless somebody is about to send to it: a sender is cloned under
    /// the directory's lock only, so when this one is the last and the queue is empty, nothing can be on its way.
    pub(super) fn forget(&self, name: &str, inbox: &mpsc::Receiver<Box<Request>>) -> bool {
        let is_alone = |running: &Running| running.requests.strong_count() == 1 && inbox.is_empty();
        self.running.remove_if(name, |_, running| is_alone(running)).is_some()
    }

    /// Tells followers and the other members what came true here, before anybody inside is shown it.
    pub(super) fn tell_of(&self, room: &Room, decided: &Decided, appended: Option<&Appended>) {
        if appended.is_some()
            && self.activity.is_watched(room.name())
            && decided.changes().iter().any(is_news)
        {
            self.activity.stir(room.name());
        }
        if self.bus.is_local() {
            return;
        }
        let name = || RoomName { name: room.name().into(), id: room.id() };
        let mut after = room.seq();
        if let Some(appended) = appended {
            let mut events = decided.events(appended);
            if let Some(last) = events.last().map(|event| event.seq) {
                after = last;
                if events.iter().map(|event| event.change.size()).sum::<usize>() > HINT_BYTES_MAX {
                    events = Vec::new();
                }
                self.bus.publish(Note::RoomGrew { room: name(), last, events });
            }
            if !decided.quiet().is_empty() {
                let (count, changes) = (appended.quiet, decided.quiet().to_vec());
                let after = Seq(appended.first.0 - 1 + decided.events(appended).len() as i64);
                self.bus.publish(Note::RoomQuiet { room: name(), count, after, changes });
            }
        }
        for ephemeral in decided.ephemeral() {
            let ephemeral = ephemeral.clone();
            self.bus.publish(Note::RoomPassing { room: name(), after, ephemeral });
        }
    }

    pub(super) fn send(&self, room: &str, parcel: Parcel) {
        self.letters.send(room, parcel);
    }
}

#[cfg(test)]
mod tests;
