//! One session on one member, seen from both ends: what the server holds of it, and what its person sees by it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use perch::chat::command::{Actor, Command};
use perch::chat::event::Departure;
use perch::chat::id::{AccountId, Origin, Seq, SessionId};
use perch::chat::message::Payload;
use perch::chat::refusal::Refusal;
use perch::fanout::mailbox::{Ending, Inbox, Item, Mailbox, mailbox};
use perch::room::Receipt;
use perch::store::session::SessionRow;
use perch_address::FullJid;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::client::Pending;
use crate::member::Member;
use crate::sight::Sight;
use crate::world::World;

pub(crate) struct Device {
    pub(crate) world: Arc<World>,
    pub(crate) member: Arc<Member>,
    pub(crate) session: SessionId,
    jid: FullJid,
    is_administrator: bool,
    mailbox: Mailbox,
    inbox: Inbox,
    items: VecDeque<Item>,
    /// The number of the last stanza, and those that have no outcome yet.
    number: i64,
    open: BTreeSet<i64>,
    /// How many of these nobody will say anything of.
    left_open: usize,
    /// Which of them are posts.
    posts: BTreeMap<i64, Box<str>>,
    rooms: BTreeSet<&'static str>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The connection broke.
    Lost,
    /// With its member, or because that one is frozen for too long.
    Died,
    Told(Ending),
    /// The run is.
    Over,
}

impl Device {
    pub(crate) fn new(
        world: Arc<World>,
        member: Arc<Member>,
        session: SessionId,
        jid: FullJid,
        is_administrator: bool,
    ) -> Self {
        let (mailbox, inbox) = mailbox();
        Self {
            world,
            member,
            session,
            jid,
            is_administrator,
            mailbox,
            inbox,
            items: VecDeque::new(),
            number: 0,
            open: BTreeSet::new(),
            left_open: 0,
            posts: BTreeMap::new(),
            rooms: BTreeSet::new(),
        }
    }

    /// Makes the session known to the store, or its end.
    pub(crate) async fn save(&self, ends_in: Option<Duration>, former: Option<SessionId>) -> bool {
        let row = SessionRow {
            id: self.session,
            account: AccountId(1),
            resource: self.jid.resource().into(),
            deadline: ends_in.map(|time| self.member.clock.now().plus(time)),
            handled: self.settled(),
            counted_from: 0,
            acknowledged: Seq(0),
            resumption: None,
            former,
        };
        matches!(timeout(STORE_TIME, self.member.store.save_sessions(vec![row])).await, Ok(Ok(())))
    }

    /// Up to here every stanza has its outcome.
    fn settled(&self) -> i64 {
        self.open.first().map_or(self.number, |first| first - 1)
    }

    pub(crate) async fn post(&mut self, mut pending: Pending, into: &mut Vec<Pending>) -> bool {
        pending.sent = Some((self.session, self.number + 1));
        let id: Box<str> = pending.id().into();
        self.posts.insert(self.number + 1, id.clone());
        self.world.history.lock().post(&id).room = pending.room.into();
        let (room, content) = (pending.room, pending.content.clone());
        into.push(pending);
        self.command(room, Command::Post { content }, Some(&id)).await
    }

    /// Hands a command to the room. `false`: the connection did not stand it.
    pub(crate) async fn command(&mut self, room: &'static str, command: Command, id: Option<&str>) -> bool {
        if timeout(PATIENCE, self.member.line.runs()).await.is_err() {
            return false;
        }
        self.number += 1;
        let origin = Origin { session: self.session, number: self.number, settled: self.settled() };
        self.open.insert(self.number);
        let mailbox = matches!(command, Command::Join(_)).then(|| self.mailbox.clone());
        if mailbox.is_some() {
            self.rooms.insert(room);
        }
        let (session, number) = (self.session.0, self.number);
        self.world.trace.note(format_args!("{session}.{number} {room}: {} {id:?}", kind(&command)));
        let receipt = Receipt::Settle { mailbox: self.mailbox.clone(), number: number as u64 };
        let actor = self.actor(Some(origin));
        let asked = self.member.rooms.command(room, actor, command, mailbox, receipt);
        timeout(PATIENCE, asked).await.is_ok()
    }

    /// Goes on on another member, as when this one is drained: let go here, taken in there, and shown what lies between.
    pub(crate) async fn go_on_at(
        &mut self,
        member: Arc<Member>,
        pending: &mut Vec<Pending>,
    ) -> Option<Ended> {
        if let Some(ended) = self.look(PATIENCE, pending, true).await {
            return Some(ended);
        }
        if !self.open.is_empty() || member.name() == self.member.name() {
            return None;
        }
        let (session, from) = (self.session.0, self.member.clone());
        self.world.trace.note(format_args!("{session} goes from {} to {}", from.name(), member.name()));
        let deadline = from.clock.now().plus(RETURN_TIME);
        let mut places = Vec::new();
        for &room in &self.rooms {
            let released = from.rooms.release(room, self.actor(None), deadline);
            match timeout(PATIENCE, released).await {
                Ok(place) => places.push((room, place)),
                Err(_late) => return Some(Ended::Lost),
            }
        }
        // What it was shown until then.
        let _ = self.inbox.try_take(&mut self.items);
        if let Some(ended) = self.see(pending) {
            return Some(ended);
        }
        self.member = member;
        (self.mailbox, self.inbox) = mailbox();
        if !self.save(None, None).await {
            return Some(Ended::Lost);
        }
        for (room, after) in places {
            let (rooms, actor) = (self.member.rooms.clone(), self.actor(None));
            let mailbox = self.mailbox.clone();
            let attached = async move {
                let after = after.ok_or(Refusal::NotAnOccupant)?;
                rooms.attach(room, actor, after, mailbox).await
            };
            match timeout(PATIENCE, attached).await {
                Ok(Ok(())) => {}
                // Its session tells the client.
                Ok(Err(_refused)) => {
                    self.rooms.remove(room);
                    self.world.history.lock().end_stay(self.session, room);
                    let leave = Command::Remove { cause: Departure::Technical };
                    let left = self.member.rooms.execute(room, self.actor(None), leave);
                    match timeout(PATIENCE, left).await {
                        Ok(Ok(()) | Err(Refusal::NotAnOccupant | Refusal::NoSuchRoom)) => {}
                        _ => return Some(Ended::Lost),
                    }
                }
                Err(_late) => return Some(Ended::Lost),
            }
        }
        None
    }

    fn actor(&self, origin: Option<Origin>) -> Actor {
        Actor {
            session: self.session,
            jid: self.jid.clone(),
            is_administrator: self.is_administrator,
            origin,
        }
    }

    /// Reads what comes for that long, or until all that was asked has its outcome, or the session is over.
    pub(crate) async fn look(
        &mut self,
        time: Duration,
        pending: &mut Vec<Pending>,
        is_waiting: bool,
    ) -> Option<Ended> {
        let until = Instant::now() + time;
        loop {
            if let Some(ended) = self.see(pending) {
                return Some(ended);
            }
            if is_waiting && self.open.is_empty() {
                return None;
            }
            let (world, member) = (self.world.clone(), self.member.clone());
            tokio::select! {
                biased;
                () = member.ends() => return Some(self.perish(pending)),
                // Who has just asked to come in waits to see whether he is.
                () = world.over(), if !is_waiting => return Some(Ended::Over),
                () = sleep_until(until) => {
                    // Nobody waits for a frozen server for ever.
                    let wakes = timeout(PATIENCE, self.member.line.runs()).await;
                    return wakes.is_err().then_some(Ended::Lost);
                }
                taken = self.inbox.take(&mut self.items) => {
                    if taken.is_err() {
                        return Some(Ended::Told(Ending::Lost));
                    }
                    if timeout(PATIENCE, self.member.line.runs()).await.is_err() {
                        return Some(Ended::Lost);
                    }
                }
            }
        }
    }

    /// What was said before the end is heard.
    fn perish(&mut self, pending: &mut Vec<Pending>) -> Ended {
        if self.member.is_deposed() {
            let _ = self.inbox.try_take(&mut self.items);
            return self.see(pending).unwrap_or(Ended::Told(Ending::Shutdown));
        }
        Ended::Died
    }

    fn see(&mut self, pending: &mut Vec<Pending>) -> Option<Ended> {
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Frame(frame) => self.read(&Sight::of(&frame)),
                Item::Settled { number, outcome } => self.settle(number as i64, outcome, pending),
                Item::End(ending) => {
                    self.left_open += usize::from(ending == Ending::Unsure);
                    return Some(Ended::Told(ending));
                }
                Item::Mark(_) | Item::Follow => {}
            }
        }
        None
    }

    fn read(&self, sight: &Sight) {
        let session = self.session;
        let mut history = self.world.history.lock();
        match sight {
            Sight::Other => return,
            Sight::In { room } => {
                if history.stay(session, room).is_none() {
                    history.begin_stay(session, room);
                }
            }
            Sight::Out { room, statuses } => {
                if let Some(stay) = history.stay(session, room) {
                    stay.is_open = false;
                    if statuses.contains(&TECHNICAL) && self.world.database.is_current(&self.member.me) {
                        history.parted.push((session, room.clone()));
                    }
                }
            }
            Sight::Message { room, id, is_past, stanza_id } => {
                if let Some(stanza_id) = stanza_id {
                    history.stanza_ids.insert((id.clone(), stanza_id.clone()));
                }
                match history.stay(session, room) {
                    // Who joins again without having left is shown it all once more.
                    Some(stay) if *is_past && stay.heard.is_empty() => stay.past.push(id.clone()),
                    Some(_) if *is_past => {}
                    Some(stay) => stay.heard.push(id.clone()),
                    None => {
                        history.oddities.push(format!("{} hears {id} without being in {room}", session.0));
                    }
                }
            }
        }
        drop(history);
        self.world.trace.note(format_args!("{} sees {sight:?}", session.0));
    }

    fn settle(&mut self, number: i64, outcome: Result<(), Refusal>, pending: &mut Vec<Pending>) {
        self.world.trace.note(format_args!("{}.{number} is settled: {outcome:?}", self.session.0));
        self.open.remove(&number);
        let Some(id) = self.posts.remove(&number) else { return };
        pending.retain(|pending| pending.id() != &*id);
        self.note_outcome(&id, &outcome);
    }

    fn note_outcome(&self, id: &str, outcome: &Result<(), Refusal>) {
        let mut history = self.world.history.lock();
        let post = history.post(id);
        match outcome {
            Ok(()) | Err(Refusal::AlreadyDone { .. }) => post.is_acknowledged = true,
            Err(_) => post.is_refused = true,
        }
    }

    /// The member is dead, and the session with it.
    pub(crate) fn bury(mut self) {
        let _ = self.inbox.try_take(&mut self.items);
        for item in std::mem::take(&mut self.items) {
            if let Item::Settled { number, outcome } = item {
                self.settle_unseen(number as i64, &outcome);
            }
        }
        self.world.history.lock().end_stays(self.session);
    }

    /// What a server does at the end of a session: waits for what is under way, says how far it got, leaves the rooms.
    pub(crate) async fn end(mut self, ended: Ended, former: Option<SessionId>) {
        self.world.history.lock().end_stays(self.session);
        for _ in 0..SETTLE_STEPS {
            tokio::select! {
                biased;
                () = self.all_settled() => {}
                () = sleep(SETTLE_STEP) => self.member.line.runs().await,
            }
        }
        self.member.line.runs().await;
        self.save(Some(RESUMPTION_TIME), former.filter(|former| *former != self.session)).await;
        let farewell = match ended {
            Ended::Told(_) => Command::Leave { presence: Payload::default() },
            _ => Command::Remove { cause: Departure::Technical },
        };
        for room in std::mem::take(&mut self.rooms) {
            self.member.line.runs().await;
            self.member.rooms.command(room, self.actor(None), farewell.clone(), None, Receipt::None).await;
        }
    }

    async fn all_settled(&mut self) {
        loop {
            for item in std::mem::take(&mut self.items) {
                match item {
                    Item::Settled { number, outcome } => self.settle_unseen(number as i64, &outcome),
                    Item::End(Ending::Unsure) => self.left_open += 1,
                    _ => {}
                }
            }
            if self.open.len() <= self.left_open {
                return;
            }
            let _ = self.inbox.take(&mut self.items).await;
            self.member.line.runs().await;
        }
    }

    /// Nobody is told any more.
    fn settle_unseen(&mut self, number: i64, outcome: &Result<(), Refusal>) {
        self.open.remove(&number);
        if let Some(id) = self.posts.remove(&number)
            && outcome.is_err()
        {
            self.world.history.lock().post(&id).is_refused_unseen = true;
        }
    }
}

fn kind(command: &Command) -> &'static str {
    match command {
        Command::Join(_) => "join",
        Command::Leave { .. } => "leave",
        Command::Rename { .. } => "rename",
        Command::Post { .. } => "post",
        Command::SetSubject { .. } => "subject",
        Command::Whisper { .. } => "whisper",
        Command::SetRoles { .. } => "role",
        Command::SetAffiliations { .. } => "affiliation",
        Command::Configure { .. } => "configure",
        Command::Destroy { .. } => "destroy",
        Command::Retract { .. } => "retract",
        Command::Moderate { .. } => "moderate",
        _ => "other",
    }
}

const TECHNICAL: u16 = 333;
const RETURN_TIME: Duration = Duration::from_secs(3);
const STORE_TIME: Duration = Duration::from_secs(4);
/// A client that is not answered at all for this long looks for another server.
const PATIENCE: Duration = Duration::from_secs(4);
/// As the server has them.
const SETTLE_STEPS: u32 = 600;
const SETTLE_STEP: Duration = Duration::from_secs(1);
const RESUMPTION_TIME: Duration = Duration::from_secs(600);
