//! What somebody wants to do next: mostly to say something, now and then what moves rights, nicks or settings.

use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::command::{AffiliationItem, Command, HistoryRequest, Join, People, Person, RoleItem};
use perch::chat::id::{Epoch, MessageId, Seq};
use perch::chat::message::{Content, Payload, Retention};
use perch::chat::settings::Settings;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::client::Pending;
use crate::member::DOMAIN;

/// The wishes of one person with one device.
pub(crate) struct Wishes {
    name: &'static str,
    number: usize,
    /// What he has said so far.
    said: usize,
}

pub(crate) enum Wish {
    Post(Pending),
    Command(&'static str, Command),
    /// His connection breaks.
    Lose,
    /// His session goes on on another member.
    Move,
}

impl Wishes {
    pub(crate) fn new(name: &'static str, number: usize) -> Self {
        Self { name, number, said: 0 }
    }

    pub(crate) fn rooms(&self) -> Vec<&'static str> {
        ROOMS.into_iter().filter(|room| !(*room == "coffee" && self.number.is_multiple_of(3))).collect()
    }

    pub(crate) fn join(&self, random: &mut StdRng) -> Command {
        let history = HistoryRequest {
            stanzas_max: random.random_bool(0.3).then(|| random.random_range(1..5)),
            ..HistoryRequest::default()
        };
        Command::Join(Join {
            nick: self.nick(random).into(),
            password: None,
            history,
            presence: Payload::default(),
            affiliations_since: None,
            has_muc_namespace: true,
        })
    }

    pub(crate) fn next(&mut self, random: &mut StdRng) -> Wish {
        let room = self.rooms().choose(random).copied().unwrap_or("tea");
        let somebody = PEOPLE.choose(random).copied().unwrap_or("bob");
        let command = match random.random_range(0..100) {
            0..60 => {
                let retention = if random.random_bool(0.85) { Retention::Kept } else { Retention::Transient };
                return Wish::Post(Pending { room, content: self.content("post", retention), sent: None });
            }
            60..63 => return Wish::Lose,
            63..66 => return Wish::Move,
            66..70 => Command::Leave { presence: Payload::default() },
            70..78 => self.join(random),
            78..82 => Command::Rename { nick: self.nick(random).into(), presence: Payload::default() },
            82..85 => {
                let content = self.content("subject", Retention::Kept);
                Command::SetSubject { subject: format!("{} {}", self.name, self.said).into(), content }
            }
            85..88 => {
                Command::Whisper { to: somebody.into(), content: self.content("whisper", Retention::Kept) }
            }
            88..92 => Command::SetRoles { items: vec![role(random, somebody)] },
            92..96 => Command::SetAffiliations { items: vec![affiliation(random, somebody)] },
            96..98 => self.retraction(random),
            98 => Command::Destroy { reason: "".into(), alternate: None, password: None },
            _ => Command::Configure { settings: Box::new(settings(random)), people: People::default() },
        };
        Wish::Command(room, command)
    }

    /// Mostly his own name: then his devices share a seat, and now and then somebody else's.
    fn nick(&self, random: &mut StdRng) -> String {
        if random.random_bool(0.8) {
            return self.name.to_owned();
        }
        (*NICKS.choose(random).unwrap_or(&"x")).to_owned()
    }

    /// Of his own words, or as a moderator of anybody's: wherever they are, he has something to hit.
    fn retraction(&mut self, random: &mut StdRng) -> Command {
        let target = MessageId::new(Epoch(random.random_range(1..3)), Seq(random.random_range(1..SEQS)));
        if random.random_bool(0.5) {
            let content = self.content("retraction", Retention::Kept);
            Command::Retract { target, target_author: None, content }
        } else {
            Command::Moderate { target, target_author: None, reason: "".into() }
        }
    }

    fn content(&mut self, kind: &str, retention: Retention) -> Content {
        self.said += 1;
        let id = format!("{kind}-{}-{}", self.number, self.said);
        Content {
            lang: None,
            text: Some(id.as_str().into()),
            payload: Payload::from(format!("<body>{id}</body>")),
            id: Some(id.into()),
            retention,
        }
    }
}

fn role(random: &mut StdRng, nick: &str) -> RoleItem {
    let roles = [Role::None, Role::Visitor, Role::Participant, Role::Moderator];
    let role = roles.choose(random).copied().unwrap_or_default();
    RoleItem { nick: nick.into(), role, reason: "".into() }
}

fn affiliation(random: &mut StdRng, name: &str) -> AffiliationItem {
    use Affiliation::{Admin, Member, None, Outcast};
    // A ban is lifted again sooner or later.
    let affiliations = [Outcast, None, None, Member, Admin];
    AffiliationItem {
        who: Person::Jid(format!("{name}@{DOMAIN}").parse().expect("an address")),
        affiliation: affiliations.choose(random).copied().unwrap_or_default(),
        extent: Option::None,
        nick: Option::None,
        reason: "".into(),
    }
}

fn settings(random: &mut StdRng) -> Settings {
    Settings {
        name: format!("room {}", random.random_range(0..100)),
        moderated: random.random_bool(0.3),
        members_only: random.random_bool(0.1),
        ..Settings::default()
    }
}

pub(crate) const ROOMS: [&str; 2] = ["tea", "coffee"];
/// How many events a log has, about.
const SEQS: i64 = 60;
const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dan", "eve", "frank"];
const NICKS: [&str; 4] = ["Carol", "zoe", "dan", "yan"];
