//! Random commands to random rooms, compared with the rules themselves: a room loaded from the store is the room that
//! applied the same log in memory, and the log is what was applied.

use std::io::Write as _;
use std::sync::Arc;

use perch::chat::administration::configuration::{Configuration, Values};
use perch::chat::administration::level::Level;
use perch::chat::administration::policy::Policy;
use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::command::{
    Actor, AffiliationItem, Command, HistoryRequest, Invitation, Join, People, Person, RoleItem,
};
use perch::chat::event::{Change, Decision, Event};
use perch::chat::id::{Epoch, MessageId, Origin, RulesVersion, Seq, SessionId, Timestamp};
use perch::chat::message::Retention;
use perch::chat::settings::Settings;
use perch::directory::View;
use perch::room::configuration::foundation;
use perch::room::state::Room;
use perch::store::Store;
use perch::store::administration::Deed;
use perch::store::archive::{ArchiveQuery, Log, PageAt};
use perch::store::error::{AppendError, CreateRoomError};
use perch::store::room::{Append, NewRoom};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::Place;
use crate::principals::directory;
use crate::scene::{act, author, content, payload};

pub(crate) async fn a_loaded_room_is_the_room_that_applied_its_log(place: Place) {
    let view = view_of_small_rooms(&place).await;
    for seed in 0..SEEDS {
        writeln!(std::io::stderr(), "seed {seed}").expect("standard error is open");
        let now = Timestamp(seed as i64 * 1_000_000);
        let mut world = World::new(seed, place.open().await, view.clone(), now);
        for _ in 0..STEPS {
            world.step().await;
        }
        world.check().await;
        world.end().await;
    }
}

/// Everybody may use rooms, and with more than two they are crowded.
async fn view_of_small_rooms(place: &Place) -> Arc<View> {
    let store = place.open().await;
    let values = Values { participant_update_limit: 2, ..Values::default() };
    let configuration = Configuration::new(Level::Global, values).unwrap();
    let policy = Policy::new(Level::Global, true, "").unwrap();
    for deed in
        [Deed::PutConfiguration { configuration, expected: None }, Deed::PutPolicy { policy, expected: None }]
    {
        store.administer(deed, act()).await.unwrap();
    }
    let view = directory(&store).await.view();
    store.close().await;
    view
}

const SEEDS: u64 = 12;
const STEPS: usize = 150;
const ROOMS: [&str; 3] = ["tea", "coffee", "cocoa"];
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dan", "eve"];
const NICKS: [&str; 6] = ["alice", "bob", "Bob", "carol", "x y", "eve"];

struct World {
    random: StdRng,
    store: Store,
    view: Arc<View>,
    now: Timestamp,
    rooms: Vec<Known>,
    /// Stanzas so far: no two have one number.
    number: i64,
}

/// A room as it must be.
struct Known {
    room: Room,
    log: Vec<Event>,
}

impl World {
    fn new(seed: u64, store: Store, view: Arc<View>, now: Timestamp) -> Self {
        let number = seed as i64 * 1_000_000;
        Self { random: StdRng::seed_from_u64(seed), store, view, now, rooms: Vec::new(), number }
    }

    async fn step(&mut self) {
        self.now.0 += self.random.random_range(1..50);
        self.number += 1;
        let name = self.one_of(&ROOMS);
        match self.rooms.iter().position(|known| known.room.name() == name) {
            None => self.create(name).await,
            Some(place) => match self.random.random_range(0..40) {
                0 => self.append_stale(place).await,
                1 => self.refuse_name(name).await,
                _ => self.command(place).await,
            },
        }
        if self.random.random_range(0..10) == 0 {
            self.check().await;
        }
    }

    async fn create(&mut self, name: &str) {
        let owner = author(self.one_of(&PEOPLE)).jid;
        let changes = foundation(&owner, &SECRET, Settings::default(), false);
        let snapshot = self.store.create_room(self.new_room(name, changes)).await.unwrap();
        let log = self.store.events_after(snapshot.id, Seq(0), 10).await.unwrap();
        self.rooms.push(Known { room: Room::load(snapshot, &self.view), log });
    }

    async fn refuse_name(&self, name: &str) {
        let changes = foundation(&author("eve").jid, &SECRET, Settings::default(), false);
        let refused = self.store.create_room(self.new_room(name, changes)).await;
        assert_eq!(refused, Err(CreateRoomError::NameTaken));
    }

    fn new_room(&self, name: &str, changes: Vec<Change>) -> NewRoom {
        NewRoom { name: name.into(), secret: SECRET, changes: changes.into(), at: self.now, origin: None }
    }

    async fn append_stale(&self, place: usize) {
        let rules = RulesVersion(self.rooms[place].room.rules().0 - 1);
        let changes = vec![Change::Posted { author: author("eve"), content: content("no", Retention::Kept) }];
        let append = self.append(place, Decision { changes, ..Decision::default() }, None);
        let refused = self.store.append(Append { rules, ..append }).await;
        assert_eq!(refused, Err(AppendError::Stale));
    }

    async fn command(&mut self, place: usize) {
        let actor = self.actor();
        let command = self.some_command(place, &actor);
        let Ok(decision) = self.rooms[place].room.decide(&actor, command, self.now) else { return };
        if decision.changes.is_empty() && decision.quiet.is_empty() {
            return;
        }
        let append = self.append(place, decision, actor.origin);
        let appended = self.store.append(append.clone()).await.unwrap();

        let known = &mut self.rooms[place];
        assert_eq!(appended.first, known.room.seq().next());
        let mut origin = append.origin;
        for change in append.changes.iter().cloned() {
            let seq = known.room.seq().next();
            let event = Event { seq, at: appended.at, origin: origin.take(), change };
            known.room.apply(&event);
            known.log.push(event);
        }
        append.quiet.iter().for_each(|change| known.room.apply_quiet(change));
        assert_eq!(appended.rules, known.room.rules());
        if !append.changes.is_empty() {
            let again = self.store.append(append).await;
            let done = AppendError::AlreadyDone { seq: appended.first };
            let is_destroyed = self.rooms[place].room.is_destroyed();
            assert_eq!(again, Err(if is_destroyed { AppendError::Gone } else { done }));
        }
        if self.rooms[place].room.is_destroyed() {
            self.rooms.remove(place);
        }
    }

    fn append(&self, place: usize, decision: Decision, origin: Option<Origin>) -> Append {
        let room = &self.rooms[place].room;
        Append {
            room: room.id(),
            rules: room.rules(),
            changes: decision.changes.into(),
            quiet: decision.quiet.into(),
            at: self.now,
            origin,
        }
    }

    async fn check(&self) {
        for Known { room, log } in &self.rooms {
            let loaded = Room::load(self.store.load_room(room.name()).await.unwrap().unwrap(), &self.view);
            assert_eq!(
                (loaded.seq(), loaded.rules(), loaded.last_at()),
                (room.seq(), room.rules(), room.last_at())
            );
            assert_eq!((loaded.settings(), loaded.subject()), (room.settings(), room.subject()));
            assert_eq!(loaded.standings(), room.standings());
            let occupants = |room: &Room| room.occupants().iter().cloned().collect::<Vec<_>>();
            assert_eq!(occupants(&loaded), occupants(room), "{}", room.name());

            let kept = kept(log);
            let read = self.store.events_after(room.id(), Seq(0), 10_000).await.unwrap();
            assert_eq!(&read, &kept);
            let archived: Vec<_> = kept.iter().filter(|event| is_archived(&event.change)).collect();
            let history =
                self.store.history(room.id(), room.seq(), HistoryRequest::default(), 20).await.unwrap();
            assert!(history.iter().all(|message| archived.iter().any(|event| event.seq == message.id.seq())));
            let query =
                ArchiveQuery { page: PageAt::Last, counts: true, ..ArchiveQuery::new(Log::Room(room.id())) };
            let page = self.store.archive_page(query).await.unwrap();
            assert_eq!(page.total, Some(archived.len() as u64));
            let newest = archived[archived.len().saturating_sub(100)..].iter().map(|event| event.seq);
            assert!(page.messages.iter().map(|message| message.id.seq()).eq(newest));
        }
    }

    /// The rooms are destroyed, so that the next world finds their names free.
    async fn end(mut self) {
        for place in 0..self.rooms.len() {
            let destroyed =
                Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None };
            let decision = Decision { changes: vec![destroyed], ..Decision::default() };
            self.number += 1;
            self.store.append(self.append(place, decision, None)).await.unwrap();
        }
        assert_eq!(self.store.room_count().await.unwrap(), 0);
        self.store.close().await;
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.choose(&mut self.random).unwrap()
    }

    fn actor(&mut self) -> Actor {
        let person = self.random.random_range(0..PEOPLE.len());
        let device = self.random.random_range(0..2);
        // A device that has lost its connection comes back as another session.
        let session = SessionId((person * 4 + device * 2 + self.random.random_range(0..2)) as i64 + 1);
        let jid = format!("{}@localhost/{}", PEOPLE[person], ["desk", "phone"][device]).parse().unwrap();
        let origin = Some(Origin { session, number: self.number, settled: 0 });
        Actor { session, jid, is_administrator: self.random.random_bool(0.2), origin }
    }

    fn some_command(&mut self, place: usize, actor: &Actor) -> Command {
        let nick: Box<str> = self.one_of(&NICKS).into();
        let words = format!("words {}", self.number);
        let retention = self.one_of(&[Retention::Kept, Retention::Kept, Retention::Transient]);
        match self.random.random_range(0..24) {
            0..=6 => Command::Join(Join {
                nick: self.nick_of(actor).into(),
                password: None,
                history: HistoryRequest::default(),
                presence: payload(&words),
                affiliations_since: None,
                has_muc_namespace: true,
            }),
            7 => Command::Leave { presence: payload("bye") },
            8 | 9 => Command::Detach { deadline: Timestamp(self.now.0 + 100) },
            10 => Command::Attach { after: Seq(0) },
            11 => Command::Expire { sessions: (1..=4 * PEOPLE.len() as i64).map(SessionId).collect() },
            12 => Command::Rename { nick, presence: payload(&words) },
            13 | 14 => Command::Post { content: content(&words, retention) },
            15 => Command::SetSubject { subject: words.as_str().into(), content: content(&words, retention) },
            16 => Command::Whisper { to: nick, content: content(&words, retention) },
            17 => self.retraction(place),
            18 => self.configuration(),
            19 => Command::SetRoles { items: vec![self.role_item(nick)] },
            20 | 21 => Command::SetAffiliations { items: vec![self.affiliation_item(nick)] },
            22 => match self.random.random_range(0..10) {
                0 => Command::Destroy { reason: "".into(), alternate: None, password: None },
                _ => Command::Register { nick },
            },
            _ => {
                let to = author(self.one_of(&PEOPLE)).jid;
                Command::Invite { invitations: vec![Invitation { to, reason: "".into(), continues: None }] }
            }
        }
    }

    /// Mostly his own, so that his sessions meet in one seat.
    fn nick_of(&mut self, actor: &Actor) -> Box<str> {
        let own = actor.jid.local().unwrap().into();
        if self.random.random_bool(0.7) { own } else { self.one_of(&NICKS).into() }
    }

    fn retraction(&mut self, place: usize) -> Command {
        let log = &self.rooms[place].log;
        let target = log.choose(&mut self.random).map(|event| (event.seq, author_of(&event.change)));
        let (target, target_author) = target.unwrap_or_default();
        match self.random.random_range(0..4) {
            0 => return Command::Clear { below: target },
            1 if target_author.is_some() => {
                let replacement = self.random.random_bool(0.5).then(|| "gone".into());
                let targets = vec![MessageId::new(Epoch(1), target)];
                return Command::Expunge { targets, replacement, is_told: self.random.random_bool(0.5) };
            }
            _ => {}
        }
        let target = MessageId::new(Epoch(1), target);
        Command::Moderate { target, target_author: target_author.cloned(), reason: "rude".into() }
    }

    fn configuration(&mut self) -> Command {
        let settings = Settings {
            name: format!("room {}", self.number),
            moderated: self.random.random_bool(0.3),
            members_only: self.random.random_bool(0.2),
            archived: self.random.random_bool(0.8),
            public: self.random.random_bool(0.5),
            persistent: self.random.random_bool(0.9),
            ..Settings::default()
        };
        Command::Configure { settings: Box::new(settings), people: People::default() }
    }

    fn role_item(&mut self, nick: Box<str>) -> RoleItem {
        let role = self.one_of(&[Role::None, Role::Visitor, Role::Participant, Role::Moderator]);
        RoleItem { nick, role, reason: "because".into() }
    }

    fn affiliation_item(&mut self, nick: Box<str>) -> AffiliationItem {
        use Affiliation::{Admin, Member, None, Outcast, Owner};
        let who = match self.random.random_range(0..3) {
            0 => "localhost".parse().unwrap(),
            _ => author(self.one_of(&PEOPLE)).jid,
        };
        AffiliationItem {
            who: Person::Jid(who),
            affiliation: self.one_of(&[Outcast, None, Member, Admin, Owner]),
            extent: Option::None,
            nick: self.random.random_bool(0.3).then_some(nick),
            reason: "because".into(),
        }
    }
}

/// The log as it is read: what was retracted is blank, and what was whispered is not kept.
fn kept(log: &[Event]) -> Vec<Event> {
    let mut kept = log.to_vec();
    for event in log {
        if let Change::Retracted { target, .. } = &event.change {
            let blanked = kept.iter_mut().find(|event| event.seq == target.seq()).unwrap();
            blank(&mut blanked.change);
        }
    }
    for event in &mut kept {
        if let Change::Whispered { content, .. } = &mut event.change {
            content.retention = Retention::Transient;
        }
    }
    kept
}

fn blank(change: &mut Change) {
    match change {
        Change::Posted { content, .. }
        | Change::Whispered { content, .. }
        | Change::Retracted { content, .. } => {
            (content.text, content.lang, content.payload) = (None, None, payload_of_nothing());
        }
        Change::SubjectSet { content, subject, .. } => {
            (content.text, content.lang, content.payload) = (None, None, payload_of_nothing());
            *subject = "".into();
        }
        other => panic!("{other:?} is no message"),
    }
}

fn payload_of_nothing() -> perch::chat::message::Payload {
    perch::chat::message::Payload::default()
}

fn is_archived(change: &Change) -> bool {
    matches!(
        change,
        Change::Posted { content, .. } | Change::SubjectSet { content, .. } | Change::Retracted { content, .. }
            if content.retention == Retention::Kept
    )
}

fn author_of(change: &Change) -> Option<&perch::chat::message::Author> {
    match change {
        Change::Posted { author, .. }
        | Change::SubjectSet { author, .. }
        | Change::Retracted { author, .. } => Some(author),
        _ => None,
    }
}

const SECRET: [u8; 32] = [3; 32];
