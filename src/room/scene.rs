//! A room with people in it, for tests: everybody is `<name>@<name>.test/x`, his nick is his name, his session follows
//! from it. What happens is told in short sentences, so that expectations read like a log.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::{Actor, AffiliationItem, Command, HistoryRequest, Join, Person, RoleItem};
use crate::chat::event::{Change, Decision, Departure, Ephemeral, Event, Parcel, ParcelKind};
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::occupant::Occupant;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::chat::snapshot::RoomSnapshot;
use crate::room::configuration::foundation;
use crate::room::state::{Room, occupant_id};

pub(super) const SECRET: [u8; 32] = [7; 32];

#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) room: Room,
    pub(super) now: Timestamp,
    /// Everything that was logged.
    pub(super) log: Vec<Event>,
}

impl Scene {
    /// An open room with default settings, owned by `owner`, with nobody in it.
    pub(super) fn open() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let mut scene = Self { room: empty_room(), now: Timestamp(1_000), log: Vec::new() };
        for change in foundation(&jid("owner"), &SECRET, settings, false) {
            scene.record(change);
        }
        scene
    }

    /// As its creator sees it before he configured it.
    pub(super) fn locked() -> Self {
        let mut scene = Self { room: empty_room(), now: Timestamp(1_000), log: Vec::new() };
        let decision =
            Room::creation(&actor("owner"), &wish("owner"), Settings::default(), true, &SECRET).unwrap();
        scene.take(&decision);
        scene
    }

    /// With `owner`, `admin` and `member` of these affiliations and `bob` of none in it, and `outcast` banned.
    pub(super) fn full(mut self) -> Self {
        let affiliations = [
            ("admin", Affiliation::Admin),
            ("member", Affiliation::Member),
            ("outcast", Affiliation::Outcast),
        ];
        self.act("owner", affiliate(&affiliations)).unwrap();
        for who in ["owner", "admin", "member", "bob"] {
            let is_shut_out = self.room.settings().members_only && who == "bob";
            if !is_shut_out {
                let password = self.room.settings().password.as_deref().map(Into::into);
                self.act(who, Command::Join(Join { password, ..wish(who) })).unwrap();
            }
        }
        self
    }

    /// Decides and applies.
    pub(super) fn act(&mut self, who: &str, command: Command) -> Result<Decision, Refusal> {
        self.act_as(&actor(who), command)
    }

    pub(super) fn act_as(&mut self, by: &Actor, command: Command) -> Result<Decision, Refusal> {
        let decision = self.room.decide(by, command, self.now)?;
        self.take(&decision);
        Ok(decision)
    }

    #[track_caller]
    pub(super) fn check(&mut self, who: &str, command: Command, expected: Result<&[&str], Refusal>) {
        self.check_as(&actor(who), command, expected);
    }

    #[track_caller]
    pub(super) fn check_as(&mut self, by: &Actor, command: Command, expected: Result<&[&str], Refusal>) {
        let told = self.act_as(by, command.clone()).map(|decision| tell(&decision));
        let expected = expected.map(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(told, expected, "{} asks {command:?}", by.jid);
    }

    pub(super) fn role_of(&self, nick: &str) -> Option<Role> {
        self.room.occupants().by_nick_key(nick).map(|occupant| occupant.role)
    }

    pub(super) fn nicks(&self) -> Vec<&str> {
        self.room.occupants().iter().map(|occupant| &*occupant.nick).collect()
    }

    /// The room as it is read from the store.
    pub(super) fn read_again(&mut self) {
        let room = &self.room;
        let as_stored = |occupant: &Arc<Occupant>| Occupant {
            affiliation: Affiliation::None,
            presents: false,
            ..Occupant::clone(occupant)
        };
        let snapshot = RoomSnapshot {
            seq: room.seq(),
            rules: room.rules(),
            settings: Settings::clone(room.settings()),
            affiliations: room.standings().listed().cloned().collect(),
            affiliations_version: room.standings().version(),
            occupants: room.occupants().iter().map(as_stored).collect(),
            ..empty_snapshot()
        };
        self.room = Room::load(snapshot, room.standings().view());
    }

    fn take(&mut self, decision: &Decision) {
        for change in &decision.quiet {
            self.room.apply_quiet(change);
        }
        for change in &decision.changes {
            self.record(change.clone());
        }
        for ephemeral in &decision.ephemeral {
            self.room.apply_ephemeral(ephemeral);
        }
    }

    fn record(&mut self, change: Change) {
        let event = Event { seq: self.room.seq().next(), at: self.now, origin: None, change };
        self.room.apply(&event);
        self.log.push(event);
    }
}

pub(super) fn empty_room() -> Room {
    Room::load(empty_snapshot(), &Arc::default())
}

fn empty_snapshot() -> RoomSnapshot {
    RoomSnapshot {
        id: RoomId(1),
        guid: RoomGuid(1),
        name: "tea".into(),
        epoch: Epoch(0),
        seq: Seq(0),
        first_seq: Seq(1),
        rules: RulesVersion(0),
        last_at: Timestamp(0),
        quiet: 0,
        secret: SECRET,
        is_locked: false,
        settings: Settings::default(),
        subject: None,
        affiliations: Vec::new(),
        affiliations_version: 0,
        occupants: Vec::new(),
    }
}

pub(super) fn jid(who: &str) -> BareJid {
    BareJid::new(&format!("{who}@{who}.test")).unwrap()
}

pub(super) fn actor(who: &str) -> Actor {
    device(who, "x")
}

/// One of several sessions of a person.
pub(super) fn device(who: &str, resource: &str) -> Actor {
    let jid = jid(who).with_resource(resource).unwrap();
    let mut hasher = DefaultHasher::new();
    jid.as_str().hash(&mut hasher);
    Actor { session: SessionId(hasher.finish() as i64), jid, is_administrator: false, origin: None }
}

pub(super) fn administrator() -> Actor {
    Actor { is_administrator: true, ..actor("root") }
}

pub(super) fn wish(nick: &str) -> Join {
    Join {
        nick: nick.into(),
        password: None,
        history: HistoryRequest::default(),
        presence: Payload::default(),
        affiliations_since: None,
        has_muc_namespace: true,
    }
}

pub(super) fn join(nick: &str) -> Command {
    Command::Join(wish(nick))
}

pub(super) fn affiliate(people: &[(&str, Affiliation)]) -> Command {
    let item = |&(who, affiliation): &(&str, Affiliation)| AffiliationItem {
        who: Person::Jid(if who.contains('.') { who.parse().unwrap() } else { jid(who) }),
        affiliation,
        extent: None,
        nick: None,
        reason: "".into(),
    };
    Command::SetAffiliations { items: people.iter().map(item).collect() }
}

pub(super) fn set_roles(people: &[(&str, Role)]) -> Command {
    let item = |&(nick, role): &(&str, Role)| RoleItem { nick: nick.into(), role, reason: "".into() };
    Command::SetRoles { items: people.iter().map(item).collect() }
}

pub(super) fn content(retention: Retention) -> Content {
    let text = Some("hello".into());
    Content { id: Some("m1".into()), lang: None, text, payload: Payload::default(), retention }
}

pub(super) fn author(who: &str) -> Author {
    let jid = jid(who);
    let occupant_id = occupant_id(&SECRET, &jid);
    Author { nick: who.into(), jid, resource: None, occupant_id }
}

/// A decision in short sentences, in the order in which it is told.
pub(super) fn tell(decision: &Decision) -> Vec<String> {
    let mut told: Vec<String> =
        decision.quiet.iter().map(|change| format!("quiet: {}", sentence(change))).collect();
    told.extend(decision.changes.iter().map(sentence));
    told.extend(decision.ephemeral.iter().map(|ephemeral| match ephemeral {
        Ephemeral::Presence { .. } => "ephemeral: presence".into(),
        Ephemeral::Message { author, .. } => format!("ephemeral: {} says", author.nick),
        Ephemeral::Whisper { author, to, .. } => format!("ephemeral: {} whispers to {to}", author.nick),
    }));
    told.extend(decision.parcels.iter().map(|Parcel { to, kind }| {
        let to = name(to);
        match kind {
            ParcelKind::Invitation { .. } => format!("to {to}: invitation"),
            ParcelKind::Decline { by, .. } => format!("to {to}: decline of {}", name(by)),
            ParcelKind::AffiliationNotice { affiliation } => {
                format!("to {to}: now {}", affiliation.as_str())
            }
        }
    }));
    told.extend(decision.welcome.as_ref().map(|_| "welcome".into()));
    told
}

fn sentence(change: &Change) -> String {
    match change {
        Change::Created { locked, .. } => format!("created{}", if *locked { " locked" } else { "" }),
        Change::Configured { .. } => "configured".into(),
        Change::Destroyed { .. } => "destroyed".into(),
        Change::Joined(joined) => {
            let assigned = if joined.nick_assigned { " (assigned)" } else { "" };
            let (affiliation, role) = (joined.affiliation.as_str(), joined.role.as_str());
            format!("{} joins as {affiliation}, {role}{assigned}", joined.nick)
        }
        Change::Left(left) => format!("{} leaves ({})", left.nick, cause(&left.cause)),
        Change::Detached { deadline: Some(deadline), .. } => format!("detached until {}", deadline.0),
        Change::Detached { deadline: None, .. } => "attached".into(),
        Change::TakenOver { jid, .. } => format!("{jid} takes over"),
        Change::Renamed { nick, new_nick, .. } => format!("{nick} is now {new_nick}"),
        Change::RoleSet { nick, role, .. } => format!("{nick} is now {}", role.as_str()),
        Change::Regraded { nick, affiliation, role, .. } => {
            format!("{nick} counts as {}, now {}", affiliation.as_str(), role.as_str())
        }
        Change::AffiliationSet(set) => {
            let nick = set.nick.as_ref().map_or_else(String::new, |nick| format!(" as {nick}"));
            let roles: String =
                set.roles.iter().map(|(key, role)| format!(", {key}: {}", role.as_str())).collect();
            format!("{} is {}{nick}{roles}", name(&set.jid), set.affiliation.as_str())
        }
        Change::SubjectSet { author, subject, .. } => format!("{} sets subject {subject:?}", author.nick),
        Change::Posted { author, content } => {
            format!("{} says ({})", author.nick, format!("{:?}", content.retention).to_lowercase())
        }
        Change::Whispered { author, to, content, .. } => {
            let retention = format!("{:?}", content.retention).to_lowercase();
            format!("{} whispers to {to} ({retention})", author.nick)
        }
        Change::Invited { by, to, .. } => format!("{} invites {}", by.nick, name(to)),
        Change::VoiceRequested { author, .. } => format!("{} requests voice", author.nick),
        Change::Retracted { target, author, is_moderation, is_replacement, content, .. } => {
            let verb = match (is_moderation, is_replacement, content.retention) {
                (false, ..) => "retracts",
                (true, false, Retention::Kept) => "moderates",
                (true, true, Retention::Kept) => "replaces",
                (true, ..) => "silently removes",
            };
            format!("{} {verb} {}", author.nick, target.seq().0)
        }
        Change::Cleared { below, by } => format!("{} clears below {}", by.nick, below.0),
    }
}

fn cause(cause: &Departure) -> &'static str {
    match cause {
        Departure::Own => "own",
        Departure::Kicked { .. } => "kicked",
        Departure::Banned { .. } => "banned",
        Departure::AffiliationLost { .. } => "affiliation lost",
        Departure::MembersOnly => "members only",
        Departure::Shutdown => "shutdown",
        Departure::Technical => "technical",
        Departure::Lapsed => "lapsed",
    }
}

fn name(jid: &BareJid) -> &str {
    jid.local().unwrap_or(jid.as_str())
}
