//! What must hold when everything is over: of the logs, of what people were told, and of what each member says.

use std::collections::BTreeMap;

use perch::chat::answer::{Answer, RoleEntry};
use perch::chat::command::{Actor, Query};
use perch::chat::event::{Change, Departure, Event};
use perch::chat::id::{MessageId, RulesVersion, Seq, SessionId};
use perch::chat::message::{Content, Retention};
use perch::chat::snapshot::RoomSnapshot;
use perch::directory::view::view_of_everybody;
use perch::room::state::Room;
use perch::store::model::Process;

use crate::history::{History, Stay};
use crate::member::Member;
use crate::replay;
use crate::run::Figures;
use crate::wish::ROOMS;
use crate::world::World;

/// The rooms that had one name, one after the other.
struct Named {
    lives: Vec<(RoomSnapshot, Vec<Event>)>,
    /// Their logs as one, counted through.
    log: Vec<Event>,
    /// What each event of it is called.
    ids: Vec<MessageId>,
}

impl Named {
    fn of(world: &World, name: &str) -> Self {
        let mut named = Self { lives: Vec::new(), log: Vec::new(), ids: Vec::new() };
        for (snapshot, log) in world.database.look(name) {
            let (ids, log): (Vec<MessageId>, Vec<Event>) = log.into_iter().unzip();
            named.ids.extend(ids);
            named.log.extend(log.iter().cloned());
            named.lives.push((snapshot, log));
        }
        for (event, place) in named.log.iter_mut().zip(1..) {
            event.seq = Seq(place);
        }
        named
    }

    /// The one that is there now.
    fn open(&self) -> Option<&RoomSnapshot> {
        let (snapshot, log) = self.lives.last()?;
        let is_over = matches!(log.last()?.change, Change::Destroyed { .. });
        (!is_over).then_some(snapshot)
    }

    /// Whether everybody's coming and going is in the log.
    fn is_whole(&self) -> bool {
        self.lives.iter().all(|(snapshot, _)| snapshot.quiet == 0)
    }
}

/// The message of an event that is shown to all.
struct Said<'e> {
    seq: Seq,
    content: &'e Content,
    is_post: bool,
}

pub(crate) async fn check(world: &World) -> (Vec<String>, Figures) {
    let mut faults = std::mem::take(&mut world.history.lock().oddities);
    let mut figures = Figures::default();
    if world.database.trespasses() > 0 {
        faults.push(format!("{} appends of members that were fenced", world.database.trespasses()));
    }
    let rooms: BTreeMap<&str, Named> = ROOMS.into_iter().map(|name| (name, Named::of(world, name))).collect();
    for (name, named) in &rooms {
        for event in &named.log {
            world.trace.note(format_args!("{name} {}: {}", event.seq.0, summary(&event.change)));
        }
        for (snapshot, log) in &named.lives {
            faults.extend(replay::faults(snapshot, log).into_iter().map(|fault| format!("{name}: {fault}")));
        }
        for member in world.members() {
            if let Some(snapshot) = named.open()
                && member.line.process() == Process::Running
                && !member.is_deposed()
            {
                faults.extend(member_differs(&member, snapshot).await);
            }
        }
        figures.events += named.log.len();
    }
    let history = world.history.lock();
    faults.extend(lost_or_doubled(&history, &rooms));
    for stay in &history.stays {
        let Some(named) = rooms.get(&*stay.room) else { continue };
        let entry = named.is_whole().then(|| entry_of(&history, stay, &named.log)).flatten();
        faults.extend(misheard(&history, stay, &named.log, entry));
    }
    faults.extend(misnamed(&history, &rooms));
    faults.extend(ghosts(&history, &rooms));
    for (session, room) in &history.parted {
        let Some(named) = rooms.get(&**room) else { continue };
        if named.is_whole() && !is_replaced(*session, &named.log) {
            faults.push(format!("{} was put out of {room}, though he was there", session.0));
        }
    }
    figures.posts = history.posts.len();
    figures.stays = history.stays.len();
    figures.heard = history.stays.iter().map(|stay| stay.heard.len()).sum();
    (faults, figures)
}

/// What was acknowledged is there, once; what was refused is not.
fn lost_or_doubled(history: &History, rooms: &BTreeMap<&str, Named>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut written: BTreeMap<&str, usize> = BTreeMap::new();
    for said in rooms.values().flat_map(|named| &named.log).filter_map(said) {
        *written.entry(said.content.id.as_deref().unwrap_or_default()).or_default() += 1;
    }
    for (id, post) in &history.posts {
        let times = written.get(&**id).copied().unwrap_or_default();
        let is_refused = post.is_refused || post.is_refused_unseen;
        match times {
            0 if post.is_acknowledged => faults.push(format!("{id} was acknowledged and is lost")),
            0 if post.is_handled && !is_refused => faults.push(format!("{id} counts as handled and is lost")),
            1 if post.is_refused => faults.push(format!("{id} was refused and is written")),
            0 | 1 => {}
            times => faults.push(format!("{id} is written {times} times")),
        }
    }
    faults
}

/// A message has one id, however and by whomever it is shown.
fn misnamed(history: &History, rooms: &BTreeMap<&str, Named>) -> Vec<String> {
    let of_one = |named: &Named| {
        let named = named.log.iter().zip(&named.ids);
        let ids = named.filter_map(|(event, id)| Some((said(event)?.content.id.clone()?, id.to_string())));
        ids.collect::<Vec<_>>()
    };
    let right: BTreeMap<Box<str>, String> = rooms.values().flat_map(of_one).collect();
    let is_wrong = |(id, shown): &&(Box<str>, Box<str>)| right.get(id).is_none_or(|right| **right != **shown);
    let wrong = history.stanza_ids.iter().filter(is_wrong);
    wrong.map(|(id, shown)| format!("{id} was called {shown}, not {:?}", right.get(id))).collect()
}

/// Who is in a room sees what is said there in the order of its log, and all of it.
///
/// `entry`: where he comes in, if the log says that.
fn misheard(history: &History, stay: &Stay, log: &[Event], entry: Option<Seq>) -> Option<String> {
    let fault = |what: String| Some(format!("{} in {}: {what}", stay.session.0, stay.room));
    let place = |id: &str| log.iter().filter_map(said).find(|said| said.content.id.as_deref() == Some(id));
    let past = stay.past.iter().rfind(|id| id.starts_with("post-"));
    let past = past.and_then(|id| place(id)).map(|said| said.seq);
    // Whose room was made, and the word of it lost, is welcomed when he may have been in for a while.
    let creates = |entry: Seq| log[..entry.0 as usize].iter().rev().take(CREATION).any(is_creation);
    let entry = entry.filter(|entry| !creates(*entry) && past.is_none_or(|past| past <= *entry));
    let from = entry.or(past);
    let mut expected =
        log.iter().filter_map(said).filter(|said| from.is_none_or(|from| said.seq > from)).peekable();
    let mut is_first = true;
    for id in &stay.heard {
        loop {
            let Some(next) = expected.next() else {
                return fault(format!("hears {id} out of order, twice or wrongly"));
            };
            if next.content.id.as_deref() == Some(&**id) {
                break;
            }
            // Before the first there may be what was said before he came and is not shown to who comes.
            let may_be_missed = is_first && (from.is_none() || entry.is_none() && !next.is_kept_post());
            if !may_be_missed && !next.is_blank() {
                let missed = next.content.id.as_deref().unwrap_or_default();
                return fault(format!("misses {missed} ({}) before {id}", next.seq.0));
            }
        }
        is_first = false;
    }
    let missed = expected.find(|said| !said.is_blank() && (entry.is_some() || !is_first))?;
    let is_to_be_heard = stay.is_open && history.present.contains(&stay.session);
    if is_to_be_heard {
        return fault(format!("never hears {:?} ({})", missed.content.id, missed.seq.0));
    }
    None
}

fn is_creation(event: &Event) -> bool {
    matches!(event.change, Change::Created { .. })
}

/// The events that a log begins with, up to its creator's coming in.
const CREATION: usize = 3;

/// Where the log says that the stay begins, if it says so of one stay only.
fn entry_of(history: &History, stay: &Stay, log: &[Event]) -> Option<Seq> {
    let is_of_it = |other: &&Stay| other.session == stay.session && other.room == stay.room;
    let is_entry = |event: &&Event| match &event.change {
        Change::Joined(joined) => joined.session == stay.session,
        Change::TakenOver { by, .. } => *by == stay.session,
        _ => false,
    };
    let mut entries = log.iter().filter(is_entry);
    let first = entries.next()?.seq;
    (entries.next().is_none() && history.stays.iter().filter(is_of_it).count() == 1).then_some(first)
}

/// Whether he went because another session of the same address came in, under his nick or another.
fn is_replaced(session: SessionId, log: &[Event]) -> bool {
    if log
        .iter()
        .any(|event| matches!(&event.change, Change::TakenOver { session: of, .. } if *of == session))
    {
        return true;
    }
    // He may have been in more than once.
    log.iter().enumerate().any(|(place, event)| {
        let Change::Left(gone) = &event.change else { return false };
        let mut after = log[place..].iter().skip_while(|event| matches!(event.change, Change::Left(_)));
        let is_by_himself = |event: &Event| match &event.change {
            Change::Joined(joined) => joined.occupant_id == gone.occupant_id,
            _ => false,
        };
        gone.session == session
            && gone.cause == Departure::Technical
            && after.next().is_some_and(is_by_himself)
    })
}

/// Whoever believes to be in a room is, and nobody else.
fn ghosts(history: &History, rooms: &BTreeMap<&str, Named>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, named) in rooms {
        let occupants = named.open().map_or(&[][..], |snapshot| &snapshot.occupants);
        let seats = occupants.iter().flat_map(|occupant| &occupant.seats);
        let seated: Vec<SessionId> = seats.map(|seat| seat.session).collect();
        let believes = |session: SessionId| {
            history.stays.iter().any(|stay| stay.is_open && stay.session == session && *stay.room == **name)
        };
        for session in &seated {
            if !history.present.contains(session) {
                faults.push(format!("{name}: the seat of {}, which is gone, is still there", session.0));
            } else if !believes(*session) {
                faults.push(format!("{name}: {} has a seat and does not know", session.0));
            }
        }
        for session in history.present.iter().filter(|session| believes(**session)) {
            if !seated.contains(session) {
                faults.push(format!("{name}: {} believes to be in, and is not", session.0));
            }
        }
    }
    faults
}

/// What a member says of a room is what its rows say.
async fn member_differs(member: &Member, snapshot: &RoomSnapshot) -> Vec<String> {
    let room = Room::load(snapshot.clone(), &view_of_everybody());
    let administrator = Actor::service();
    let mut faults = Vec::new();
    for query in questions() {
        let said = member.rooms.query(room.name(), administrator.clone(), query.clone()).await;
        let true_answer = room.answer(&administrator, &query);
        if said.as_ref().map(comparable) != true_answer.as_ref().map(comparable) {
            let (name, room) = (member.name(), room.name());
            let (said, right) = (said.as_ref().map(comparable), true_answer.as_ref().map(comparable));
            faults.push(format!("{room}: {name} differs in {query:?}: {said:?}, not {right:?}"));
        }
    }
    faults
}

fn questions() -> Vec<Query> {
    use perch::chat::affiliation::{Affiliation, Role};
    let affiliations = [Affiliation::Owner, Affiliation::Admin, Affiliation::Member, Affiliation::Outcast];
    let roles = [Role::Moderator, Role::Participant, Role::Visitor];
    [Query::Overview, Query::Configuration]
        .into_iter()
        .chain(affiliations.map(Query::Affiliations))
        .chain(roles.map(Query::Roles))
        .collect()
}

/// Which of somebody's devices is shown first is not the log's affair.
fn comparable(answer: &Answer) -> String {
    match answer {
        Answer::Roles(entries) => {
            let entry = |entry: &RoleEntry| {
                format!("{} {:?} {}", entry.nick.to_lowercase(), entry.role, entry.jid.bare())
            };
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        other => format!("{other:?}"),
    }
}

fn said(event: &Event) -> Option<Said<'_>> {
    match &event.change {
        Change::Posted { content, .. } => Some(Said { seq: event.seq, content, is_post: true }),
        Change::SubjectSet { content, .. } => Some(Said { seq: event.seq, content, is_post: false }),
        _ => None,
    }
}

impl Said<'_> {
    fn is_kept_post(&self) -> bool {
        self.is_post && self.content.retention == Retention::Kept
    }

    /// Taken out of the log before everybody has read it.
    fn is_blank(&self) -> bool {
        self.content.payload.0.is_empty()
    }
}

/// Without what is secret in it, which is not of the seed.
fn summary(change: &Change) -> String {
    match change {
        Change::Posted { author, content } => format!("{} posts {:?}", author.nick, content.id),
        Change::Joined(joined) => format!("{} joins as {}", joined.session.0, joined.nick),
        Change::Left(left) => format!("{} leaves, {}", left.session.0, cause(&left.cause)),
        Change::TakenOver { session, by, .. } => format!("{} takes the seat of {}", by.0, session.0),
        Change::Detached { session, deadline: Some(_) } => format!("{} is away", session.0),
        Change::Detached { session, deadline: None } => format!("{} is back", session.0),
        Change::Renamed { nick, new_nick, .. } => format!("{nick} is {new_nick} now"),
        Change::RoleSet { nick, role, .. } => format!("{nick} is {role:?} now"),
        Change::AffiliationSet(set) => format!("{} is {:?} now", set.jid, set.affiliation),
        Change::Configured { settings, .. } => format!("configured, {}", settings.name),
        Change::SubjectSet { subject, .. } => format!("the subject is {subject}"),
        Change::Whispered { to, .. } => format!("a whisper to {to}"),
        Change::Created { .. } => "made".to_owned(),
        Change::Destroyed { .. } => "destroyed".to_owned(),
        Change::Retracted { target, .. } => format!("{} is taken back", target.seq().0),
        _ => "something else".to_owned(),
    }
}

fn cause(cause: &Departure) -> &'static str {
    match cause {
        Departure::Own => "of its own",
        Departure::Technical => "for its connection is gone",
        Departure::Lapsed => "for nobody came back",
        _ => "put out",
    }
}

/// How often the rules have moved in a log.
pub(crate) fn moves(log: &[Event]) -> RulesVersion {
    RulesVersion(log.iter().filter(|event| event.change.moves_rules()).count() as i64)
}
