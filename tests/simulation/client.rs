//! Somebody with a device: signs in wherever he is let in, joins rooms, does what he likes, and when his connection is
//! gone comes back and sends again what he does not know to be done.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use perch::chat::id::SessionId;
use perch::chat::message::Content;
use perch::store::error::StoreError;
use perch::store::model::Process;
use perch::store::session::SavedSession;
use perch_address::FullJid;
use rand::Rng;
use rand::rngs::StdRng;
use tokio::time::{sleep, timeout};

use crate::device::{Device, Ended};
use crate::member::{ADMINISTRATOR, DOMAIN, Member};
use crate::wish::{Wish, Wishes};
use crate::world::{Phase, World};

pub(crate) struct Client {
    world: Arc<World>,
    pub(crate) name: &'static str,
    pub(crate) jid: FullJid,
    random: StdRng,
    wishes: Wishes,
    /// What he said and does not know to be done, in the order of his saying it.
    pending: Vec<Pending>,
    former: Option<SessionId>,
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) room: &'static str,
    pub(crate) content: Content,
    /// The stanza that it was last sent as.
    pub(crate) sent: Option<(SessionId, i64)>,
}

impl Pending {
    pub(crate) fn id(&self) -> &str {
        self.content.id.as_deref().unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(world: Arc<World>, number: usize) -> Self {
        let (name, resource) = PEOPLE[number % PEOPLE.len()];
        let jid = format!("{name}@{DOMAIN}/{resource}").parse().expect("an address");
        let random = world.chance(100 + number as u64);
        let wishes = Wishes::new(name, number);
        Self { world, name, jid, random, wishes, pending: Vec::new(), former: None }
    }

    /// One connection after the other, until all is over.
    pub(crate) async fn live(mut self) {
        while self.world.phase() != Phase::Over {
            match self.world.contact(&mut self.random) {
                Some(member) => self.connect(member).await,
                None => sleep(PAUSE).await,
            }
            let pause = Duration::from_millis(self.random.random_range(0..400));
            sleep(pause).await;
        }
    }

    async fn connect(&mut self, member: Arc<Member>) {
        let session = self.world.next_session();
        let mut device =
            Device::new(self.world.clone(), member, session, self.jid.clone(), self.name == ADMINISTRATOR);
        if !device.save(None, self.former).await {
            return;
        }
        self.world.trace.note(format_args!(
            "{} signs in at {} as {}",
            self.jid,
            device.member.name(),
            session.0
        ));
        if !self.settle_pending(&device.member).await {
            return self.finish(device, Ended::Lost).await;
        }
        self.former = Some(session);
        let ended = self.use_device(&mut device).await;
        self.world.trace.note(format_args!("{} is signed out: {ended:?}", self.jid));
        self.finish(device, ended).await;
    }

    async fn use_device(&mut self, device: &mut Device) -> Ended {
        for room in self.wishes.rooms() {
            let join = self.wishes.join(&mut self.random);
            if !device.command(room, join, None).await {
                return Ended::Lost;
            }
            // He says nothing in there before he is in, or knows that he is not.
            if let Some(ended) = device.look(JOIN_TIME, &mut self.pending, true).await {
                return ended;
            }
        }
        for pending in std::mem::take(&mut self.pending) {
            if !device.post(pending, &mut self.pending).await {
                return Ended::Lost;
            }
        }
        loop {
            let pause = Duration::from_millis(self.random.random_range(1..900));
            if let Some(ended) = device.look(pause, &mut self.pending, false).await {
                return ended;
            }
            if self.world.phase() == Phase::Storm {
                match self.wishes.next(&mut self.random) {
                    Wish::Post(pending) => {
                        if !device.post(pending, &mut self.pending).await {
                            return Ended::Lost;
                        }
                    }
                    Wish::Command(room, command) => {
                        if !device.command(room, command, None).await {
                            return Ended::Lost;
                        }
                    }
                    Wish::Lose => return Ended::Lost,
                    Wish::Move => {
                        if let Some(member) = self.world.contact(&mut self.random)
                            && let Some(ended) = device.go_on_at(member, &mut self.pending).await
                        {
                            return ended;
                        }
                    }
                }
            }
        }
    }

    /// The member's side of the end of a session: a dead one has none.
    async fn finish(&self, device: Device, ended: Ended) {
        match ended {
            Ended::Died => device.bury(),
            // The client is gone at once, and comes back while its member still cleans up.
            Ended::Lost => drop(tokio::spawn(device.end(ended, self.former))),
            // He sees his stream closed when the member is through with it, and does not wait for that for ever.
            Ended::Told(_) => {
                let end = tokio::spawn(device.end(ended, self.former));
                drop(timeout(GOODBYE_TIME, end).await);
            }
            Ended::Over => drop(self.world.history.lock().present.insert(device.session)),
        }
    }

    /// Finds out what became of what was sent in sessions that are over. What is known to be written is not sent again,
    /// nor is what counts as handled. `false`: it could not be found out.
    async fn settle_pending(&mut self, member: &Member) -> bool {
        let mut rest = Vec::new();
        let mut known = BTreeMap::new();
        for pending in std::mem::take(&mut self.pending) {
            let Some((session, number)) = pending.sent else {
                rest.push(pending);
                continue;
            };
            if let Entry::Vacant(unknown) = known.entry(session) {
                unknown.insert(self.former_session(member, session).await);
            }
            match &known[&session] {
                Former::Over(saved) => {
                    let mut history = self.world.history.lock();
                    if saved.written.iter().any(|written| written.id.as_deref() == Some(pending.id())) {
                        history.post(pending.id()).is_acknowledged = true;
                    } else if number <= handled(saved) {
                        history.post(pending.id()).is_handled = true;
                    } else {
                        rest.push(pending);
                    }
                }
                // He gives it up: sent again, it might be there twice.
                Former::Unclear => {}
                Former::Unasked => self.pending.push(pending),
            }
        }
        let is_settled = self.pending.is_empty();
        self.pending.extend(rest);
        is_settled
    }

    /// As soon as it is over, for then its count is final.
    async fn former_session(&self, member: &Member, session: SessionId) -> Former {
        for _ in 0..ATTEMPTS_MAX {
            if member.line.process() != Process::Running || self.world.phase() == Phase::Over {
                return Former::Unasked;
            }
            let found = timeout(STORE_TIME, member.store.session(session)).await;
            match found.unwrap_or(Err(StoreError::Unavailable)) {
                Ok(Some(saved)) if saved.row.deadline.is_some() => return Former::Over(saved),
                Ok(_) | Err(_) => sleep(LOOK_AGAIN).await,
            }
        }
        Former::Unclear
    }
}

/// What the store knows of a session that was left.
enum Former {
    Over(SavedSession),
    /// It does not end: nobody could write down that it did.
    Unclear,
    /// The member that was asked has gone.
    Unasked,
}

/// What is sure, continued by what the logs have up to the first gap: what `<failed h=…/>` says.
fn handled(saved: &SavedSession) -> i64 {
    let mut settled = saved.settled;
    for written in &saved.written {
        if written.number == settled + 1 {
            settled += 1;
        }
    }
    settled
}

/// Some have two devices.
const PEOPLE: [(&str, &str); 8] = [
    ("alice", "desk"),
    ("bob", "desk"),
    ("carol", "desk"),
    ("dan", "desk"),
    ("bob", "phone"),
    ("eve", "desk"),
    ("carol", "phone"),
    ("frank", "desk"),
];
const PAUSE: Duration = Duration::from_millis(200);
const JOIN_TIME: Duration = Duration::from_secs(4);
const GOODBYE_TIME: Duration = Duration::from_secs(6);
const STORE_TIME: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const ATTEMPTS_MAX: u32 = 25;
