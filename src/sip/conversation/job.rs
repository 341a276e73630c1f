//! What the client asked and was not answered. A *job* is one command, or one post; an *errand* is one of the stanzas that
//! were made of it. When the last of its errands has ended, the job is answered.

use std::collections::{HashMap, VecDeque};

use perch_address::{BareJid, Jid};
use perch_sip::Status;
use perch_sip::message::Request;
use perch_sip::transaction::ServerKey;
use perch_xccos::block::Room;
use perch_xccos::command::Preference;
use perch_xccos::reply::{self, Outcome};
use perch_xccos::{Asked, RoomAddress, block};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition as Condition;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use super::{Conversation, End};
use crate::sip::check::{answer, explained, tag};
use crate::sip::condition::{named, to_status};
use crate::sip::device::own_words;
use crate::sip::flow::unavailable;
use crate::sip::letter;

#[derive(Default)]
pub(super) struct Jobs {
    jobs: HashMap<u64, Job>,
    begun: u64,
    /// Errands by the ids of their stanzas.
    errands: HashMap<Box<str>, Errand>,
    /// Stanzas that the session has not been handed.
    waiting: VecDeque<Stanza>,
}

/// What is answered in the end.
pub(super) enum Purpose {
    /// A command, by a reply.
    Reply(Asked),
    /// A post, by the response to the INFO that brought it.
    Post { key: ServerKey, request: Request },
}

struct Job {
    purpose: Purpose,
    /// Errands that have not ended, and whoever still gives it some.
    left: usize,
    /// What the reply tells.
    blocks: Vec<Element>,
    /// People whom the reply names, in the order of their ids.
    people: Vec<String>,
    failure: Option<Failure>,
}

struct Errand {
    job: u64,
    /// By which number the session knows the stanza; none before it was handed in.
    number: Option<u64>,
    is_request: bool,
    step: Step,
}

/// What an errand is for.
pub(super) enum Step {
    /// Before a room is entered: entering would make one that is not there.
    Describe {
        room: RoomAddress,
        jid: BareJid,
    },
    Enter {
        entry: Entry,
        is_second: bool,
    },
    Leave {
        room: RoomAddress,
    },
    Speak,
    Remember {
        room: RoomAddress,
        found: Vec<Element>,
    },
    Find {
        is_managed: Option<bool>,
    },
    Fetch(Preference),
    Put(Preference),
}

/// A room that is being entered.
pub(super) struct Entry {
    pub(super) room: RoomAddress,
    pub(super) jid: BareJid,
    pub(super) about: Box<Room>,
}

/// Why an errand failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) condition: Condition,
    text: String,
}

impl Failure {
    pub(super) fn new(condition: Condition, text: impl Into<String>) -> Self {
        Self { condition, text: text.into() }
    }

    /// What an error stanza says.
    fn read(element: &Element) -> Self {
        let error = element.child("error", namespace::CLIENT);
        let is_condition =
            |child: &&Element| child.namespace() == namespace::STANZA_ERROR && child.name() != "text";
        let condition = error.and_then(|error| error.children().find(is_condition)).map_or("", Element::name);
        let text = error.and_then(|error| error.child_text("text", namespace::STANZA_ERROR));
        Self::new(named(condition), text.unwrap_or_default())
    }

    fn outcome(&self) -> Outcome {
        match self.condition {
            Condition::BadRequest | Condition::JidMalformed => Outcome::InvalidArgument,
            Condition::Forbidden
            | Condition::NotAllowed
            | Condition::NotAuthorized
            | Condition::RegistrationRequired => Outcome::ErrorPermission,
            Condition::ItemNotFound => Outcome::NoSuchNode,
            Condition::NotAcceptable => Outcome::UserNotJoined,
            Condition::Conflict => Outcome::DataCollision,
            Condition::Gone => Outcome::NodeDisabled,
            Condition::PolicyViolation => Outcome::LimitExceeded,
            Condition::FeatureNotImplemented | Condition::ServiceUnavailable => Outcome::MsgNotSupported,
            Condition::ResourceConstraint => Outcome::DatabaseConnection,
            _ => Outcome::ServiceError,
        }
    }
}

impl Jobs {
    /// Whether no more are taken.
    pub(super) fn is_full(&self) -> bool {
        self.jobs.len() >= JOBS_MAX
    }

    pub(super) fn begin(&mut self, purpose: Purpose) -> u64 {
        self.begun += 1;
        let job = Job { purpose, left: 1, blocks: Vec::new(), people: Vec::new(), failure: None };
        self.jobs.insert(self.begun, job);
        self.begun
    }

    /// Adds an errand to a job.
    pub(super) fn add(&mut self, job: u64, to: Option<&Jid>, mut stanza: Stanza, step: Step) {
        let id: Box<str> = stanza.id.as_deref().map_or_else(id, Into::into);
        stanza.to = to.map(|to| to.as_str().into());
        stanza.id = Some((*id).into());
        let is_request = stanza.kind == Kind::Iq;
        if let Some(of) = self.jobs.get_mut(&job) {
            of.left += 1;
            self.errands.insert(id, Errand { job, number: None, is_request, step });
            self.waiting.push_back(stanza);
        }
    }

    pub(super) fn has_requests(&self) -> bool {
        self.jobs.values().any(|job| matches!(job.purpose, Purpose::Post { .. }))
    }

    /// The requests that are not answered, which nothing will come of.
    pub(super) fn take_requests(&mut self) -> Vec<(ServerKey, Request)> {
        let posts = self.jobs.drain().filter_map(|(_, job)| match job.purpose {
            Purpose::Post { key, request } => Some((key, request)),
            Purpose::Reply(_) => None,
        });
        posts.collect()
    }

    /// What others ask of the client in XML it cannot answer.
    pub(super) fn refuse(&mut self, request: &Element) {
        self.waiting.extend(letter::refuse_request(request));
    }

    /// A letter to this session is for no one who reads it here.
    pub(super) fn send_back(&mut self, message: &Element) {
        let error = Element::new("error", namespace::CLIENT)
            .with_attribute("type", Condition::RecipientUnavailable.usual_type().as_str())
            .with_child(Element::new(Condition::RecipientUnavailable.as_str(), namespace::STANZA_ERROR));
        if let Ok(mut stanza) = Stanza::from_payload(Kind::Message, error.to_bytes(namespace::CLIENT)) {
            stanza.type_ = Some("error".into());
            stanza.to = message.attribute("from").map(Into::into);
            stanza.id = message.attribute("id").map(Into::into);
            self.waiting.push_back(stanza);
        }
    }

    /// Whether some of it may fail and the rest be told.
    pub(super) fn is_batch(&self, job: u64) -> bool {
        let purpose = self.jobs.get(&job).map(|job| &job.purpose);
        matches!(purpose, Some(Purpose::Reply(asked)) if asked.name.eq_ignore_ascii_case("bjoin"))
    }

    pub(super) fn tell(&mut self, job: u64, block: Element) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.blocks.push(block);
        }
    }

    /// The id of somebody among the people whom a reply names.
    pub(super) fn id_of(&mut self, job: u64, uri: &str) -> usize {
        let Some(job) = self.jobs.get_mut(&job) else { return 0 };
        let known = job.people.iter().position(|person| person == uri);
        known.unwrap_or_else(|| {
            job.people.push(uri.to_owned());
            job.people.len() - 1
        })
    }

    /// A message of a room's past, for whoever asked by a stanza of that id.
    pub(super) fn remember(&mut self, query: &str, read: impl FnOnce(&RoomAddress) -> Option<Element>) {
        if let Some(Errand { step: Step::Remember { room, found }, .. }) = self.errands.get_mut(query) {
            found.extend(read(room));
        }
    }

    fn take(&mut self, id: &str) -> Option<(u64, Step)> {
        self.errands.remove(id).map(|errand| (errand.job, errand.step))
    }

    /// The errand whose stanza has that number, unless it is a request, of which the result is waited for.
    fn take_settled(&mut self, number: u64) -> Option<(u64, Step)> {
        let is_it = |errand: &Errand| errand.number == Some(number) && !errand.is_request;
        let id = self.errands.iter().find(|(_, errand)| is_it(errand))?.0.clone();
        self.take(&id)
    }
}

impl Conversation {
    /// Hands in what waits, as far as the session takes it.
    pub(super) async fn hand_in_waiting(&mut self) -> Result<(), End> {
        while !self.session.is_saturated()
            && let Some(stanza) = self.jobs.waiting.pop_front()
        {
            let number = self.session.received() + 1;
            if let Some(errand) = stanza.id.as_deref().and_then(|id| self.jobs.errands.get_mut(id)) {
                errand.number = Some(number);
            }
            self.session.handle(stanza).await?;
            for element in own_words(&mut self.session) {
                self.hear(&element);
            }
        }
        Ok(())
    }

    /// A stanza of that number is committed.
    pub(super) fn succeed(&mut self, number: u64) {
        if let Some((job, step)) = self.jobs.take_settled(number) {
            self.find(job, step, None);
            self.end_errand(job);
        }
    }

    /// A result has come.
    pub(super) fn conclude(&mut self, element: &Element) {
        if let Some((job, step)) = element.attribute("id").and_then(|id| self.jobs.take(id)) {
            self.find(job, step, Some(element));
            self.end_errand(job);
        }
    }

    /// An error has come.
    pub(super) fn fail(&mut self, element: &Element) {
        if let Some((job, step)) = element.attribute("id").and_then(|id| self.jobs.take(id)) {
            self.find_failure(job, step, Failure::read(element));
            self.end_errand(job);
        }
    }

    /// What has gone wrong is the answer of the whole job.
    pub(super) fn spoil(&mut self, job: u64, failure: Failure) {
        if let Some(job) = self.jobs.jobs.get_mut(&job) {
            job.failure.get_or_insert(failure);
        }
    }

    /// One errand less; or nobody gives the job any more.
    pub(super) fn end_errand(&mut self, number: u64) {
        let Some(job) = self.jobs.jobs.get_mut(&number) else { return };
        job.left -= 1;
        if job.left == 0
            && let Some(job) = self.jobs.jobs.remove(&number)
        {
            self.answer_job(job);
        }
    }

    fn answer_job(&mut self, job: Job) {
        let Job { purpose, mut blocks, people, failure, .. } = job;
        match purpose {
            Purpose::Reply(asked) => {
                let outcome = failure.as_ref().map_or(Outcome::Success, Failure::outcome);
                let named = people
                    .iter()
                    .enumerate()
                    .map(|(id, uri)| block::person(uri).with_attribute("id", id.to_string()));
                blocks.extend(named);
                let said = failure.map(|failure| failure.text).unwrap_or_default();
                self.reply(&asked, outcome, &said, blocks);
            }
            Purpose::Post { key, request } => {
                let answer = match failure {
                    None => answer(&request, Status::OK).finish(),
                    // The client tries again.
                    Some(failure) if failure.condition == Condition::ResourceConstraint => {
                        unavailable(&request)
                    }
                    Some(failure) => {
                        explained(&request, to_status(failure.condition, false), &failure.text).finish()
                    }
                };
                self.answers.push((key, answer));
            }
        }
    }

    /// Replies to a command, in as many parts as it takes.
    pub(super) fn reply(&mut self, asked: &Asked, outcome: Outcome, said: &str, blocks: Vec<Element>) {
        let parts = reply::chunks(blocks).into_iter();
        self.outbox.extend(parts.map(|part| reply::reply(asked, outcome, said, part)));
    }
}

/// An id for a stanza.
pub(super) fn id() -> Box<str> {
    format!("sip-{}", tag()).into()
}

/// Commands and posts of one conversation that are under way.
const JOBS_MAX: usize = 64;
