//! What an INFO asks for, as stanzas of the session.

use std::collections::HashMap;

use perch_address::BareJid;
use perch_sip::Status;
use perch_sip::header::Name;
use perch_sip::message::{Answer, Request};
use perch_sip::transaction::ServerKey;
use perch_xccos::command::{Preference, Unfit};
use perch_xccos::reply::Outcome;
use perch_xccos::{
    Asked, Command, Envelope, Item, MESSAGE_CHARACTERS_MAX, Post, RoomAddress, STORY_CHARACTERS_MAX, block,
};
use perch_xmpp::datetime;
use perch_xmpp::extension::form::{Field, Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;
use tracing::warn;

use super::Conversation;
use super::found::stored;
use super::job::{Entry, Failure, Purpose, Step, id};
use crate::chat::id::RoomGuid;
use crate::sip::check::{TEXT, answer, explained};
use crate::sip::command::stanza;
use crate::sip::diagnostics::Diagnostic;
use crate::sip::flow::unavailable;
use crate::store::error::StoreError;

impl Conversation {
    /// An INFO (RFC 6086): one document of XCCOS. Commands are taken when it is answered, and replied to later; a post is
    /// in the log when it is answered.
    pub(super) async fn inform(&mut self, key: ServerKey, request: Request) {
        match self.read(&request) {
            Ok(mut envelope) => match self.name_rooms(&mut envelope).await {
                Ok(()) => self.process(key, request, envelope),
                Err(error) => {
                    warn!(%error, "rooms cannot be found by their GUIDs");
                    self.answers.push((key, unavailable(&request)));
                }
            },
            Err(refusal) => self.answers.push((key, refusal)),
        }
    }

    /// Rooms may be named by their GUIDs, as the administration does; from here on each goes by its localpart.
    async fn name_rooms(&self, envelope: &mut Envelope) -> Result<(), StoreError> {
        let guids: Vec<RoomGuid> =
            envelope.rooms_mut().filter_map(|room| RoomGuid::parse(&room.id)).collect();
        let found: HashMap<_, _> = match guids.is_empty() {
            true => HashMap::new(),
            false => self.services.store.rooms_of_guids(&guids).await?.into_iter().collect(),
        };
        for room in envelope.rooms_mut() {
            let Ok(jid) = self.room(room) else { continue };
            let guid = RoomGuid::parse(&room.id);
            let name = guid.and_then(|guid| found.get(&guid).map(|name| &**name)).or(jid.local());
            if let Some(name) = name.filter(|name| **name != *room.id) {
                room.named = Some(std::mem::replace(&mut room.id, name.into()));
            }
        }
        Ok(())
    }

    /// The document; or the answer to an INFO that has none, or none that can be taken now.
    fn read(&self, request: &Request) -> Result<Envelope, Answer> {
        let domain = &self.services.domain;
        if request.headers.extension("Info-Package").next().is_some() {
            let refusal = answer(request, Status::BAD_INFO_PACKAGE);
            return Err(refusal.extension("Recv-Info", "").finish());
        }
        if request.body.is_empty() {
            return Err(answer(request, Status::OK).finish());
        }
        let media = request.headers.content_type().ok().flatten();
        if !media.is_some_and(|media| media.is(TEXT)) {
            let refusal = answer(request, Status::UNSUPPORTED_MEDIA_TYPE).header(Name::Accept, TEXT);
            return Err(refusal.finish());
        }
        let envelope = Envelope::parse(&request.body).map_err(|error| {
            let refusal = explained(request, Status::BAD_REQUEST, &error.to_string());
            Diagnostic::NotUnderstood.write(refusal, domain).finish()
        })?;
        if self.jobs.is_full() || self.session.is_saturated() {
            return Err(Diagnostic::QueueFull.refuse(request, domain));
        }
        Ok(envelope)
    }

    fn process(&mut self, key: ServerKey, request: Request, envelope: Envelope) {
        let mut posts = Vec::new();
        for item in envelope.items {
            match item {
                Item::Command(asked) => self.carry_out(asked),
                Item::Post(post) => posts.push(post),
            }
        }
        if posts.is_empty() {
            return self.answers.push((key, answer(&request, Status::OK).finish()));
        }
        let job = self.jobs.begin(Purpose::Post { key, request });
        for post in posts {
            let jid = post.as_ref().map_err(|unfit| failure(*unfit)).and_then(|post| self.room(&post.room));
            match (post, jid) {
                (Ok(post), Ok(jid)) => {
                    self.jobs.add(job, Some(jid.as_jid()), said(&post), Step::Speak);
                }
                (_, Err(failure)) => self.spoil(job, failure),
                (Err(unfit), Ok(_)) => self.spoil(job, failure(unfit)),
            }
        }
        self.end_errand(job);
    }

    fn carry_out(&mut self, asked: Asked) {
        let command = match &asked.command {
            Ok(command) => command.clone(),
            Err(Unfit::Unknown) => {
                return self.reply(&asked, Outcome::MsgNotSupported, "there is no such command", Vec::new());
            }
            Err(Unfit::Malformed(reason)) => {
                return self.reply(&asked, Outcome::InvalidArgument, reason, Vec::new());
            }
            Err(Unfit::TooMuch(reason)) => {
                return self.reply(&asked, Outcome::LimitExceeded, reason, Vec::new());
            }
        };
        let told = match &command {
            Command::RequestUri => vec![block::person(&self.services.pool_uri())],
            Command::ServerInfo { kind } => vec![self.server_info(kind)],
            // Invitations come to the user's devices, as letters; rooms are made elsewhere.
            Command::Invitations | Command::MayCreateIn => Vec::new(),
            Command::FileToken => {
                let reason = "files are not taken";
                return self.reply(&asked, Outcome::MsgNotSupported, reason, Vec::new());
            }
            _ => {
                let job = self.jobs.begin(Purpose::Reply(asked));
                self.begin(job, command);
                return self.end_errand(job);
            }
        };
        self.reply(&asked, Outcome::Success, "", told);
    }

    /// Begins what takes a while.
    fn begin(&mut self, job: u64, command: Command) {
        match command {
            Command::Join(rooms) => rooms.into_iter().for_each(|room| self.enter(job, room)),
            Command::Part(room) => {
                self.quieten(&room);
                self.ask_room(job, &room, |room, _| {
                    (stanza(Kind::Presence, "unavailable", &[]), Step::Leave { room })
                });
            }
            Command::Context { room, count } => self.ask_room(job, &room, |room, id| {
                (last_of_archive(id, count), Step::Remember { room, found: Vec::new() })
            }),
            Command::Search { criteria, is_extended } => {
                self.search(job, &[("q", &*criteria)], is_extended, None);
            }
            Command::Associations => {
                self.search(job, &[("x-perch_listed", "true")], false, Some(false));
                self.search(job, &[("x-perch_managed", "true")], false, Some(true));
            }
            Command::Preference(preference) => {
                let query = Element::new("query", namespace::PRIVATE_STORAGE);
                let query =
                    query.with_child(stored(&Preference { content: "".into(), ..preference.clone() }));
                self.jobs.add(job, None, stanza(Kind::Iq, "get", &[query]), Step::Fetch(preference));
            }
            Command::SetPreference(preference) => {
                let query = Element::new("query", namespace::PRIVATE_STORAGE).with_child(stored(&preference));
                self.jobs.add(job, None, stanza(Kind::Iq, "set", &[query]), Step::Put(preference));
            }
            Command::RequestUri
            | Command::ServerInfo { .. }
            | Command::Invitations
            | Command::MayCreateIn
            | Command::FileToken => {}
        }
    }

    /// Enters a room, if there is one.
    fn enter(&mut self, job: u64, room: RoomAddress) {
        match self.room(&room) {
            Ok(jid) => {
                let query = Element::new("query", namespace::DISCO_INFO);
                let to = jid.as_jid().clone();
                let step = Step::Describe { room, jid };
                self.jobs.add(job, Some(&to), stanza(Kind::Iq, "get", &[query]), step);
            }
            Err(failure) => self.tell_failed(job, &room, failure),
        }
    }

    /// Enters as the client calls its user, or under his address, where somebody else is called so.
    pub(super) fn enter_as(&mut self, job: u64, entry: Entry, is_second: bool) {
        let nick = if is_second { self.account.as_str() } else { &self.nick };
        let Ok(occupant) = entry.jid.with_resource(nick) else {
            let failure = Failure::new(StanzaCondition::JidMalformed, "This nick cannot be used");
            return self.tell_failed(job, &entry.room, failure);
        };
        let past = Element::new("history", namespace::MUC).with_attribute("maxstanzas", "0");
        let wish = Element::new("x", namespace::MUC).with_child(past);
        self.take_seat(&entry.jid);
        let step = Step::Enter { entry, is_second };
        self.jobs.add(job, Some(occupant.as_jid()), stanza(Kind::Presence, "", &[wish]), step);
    }

    /// Asks something of a room, if the address is one. The stanza's id is made before it.
    fn ask_room(
        &mut self,
        job: u64,
        room: &RoomAddress,
        ask: impl FnOnce(RoomAddress, &str) -> (Stanza, Step),
    ) {
        match self.room(room) {
            Ok(jid) => {
                let id = id();
                let (mut stanza, step) = ask(room.clone(), &id);
                stanza.id = Some((*id).into());
                self.jobs.add(job, Some(jid.as_jid()), stanza, step);
            }
            Err(failure) => self.spoil(job, failure),
        }
    }

    /// Looks for rooms (XEP-0433).
    fn search(&mut self, job: u64, fields: &[(&str, &str)], in_description: bool, is_managed: Option<bool>) {
        let mut form = Form::new(FormKind::Submit, "urn:xmpp:channel-search:0:search-params")
            .with_field(Field::submitted("sindescription", &[if in_description { "true" } else { "false" }]));
        let has_words = fields.iter().any(|(name, value)| *name == "q" && !value.trim().is_empty());
        if !has_words {
            form = form.with_field(Field::submitted("all", &["true"]));
        }
        for (name, value) in fields.iter().filter(|(_, value)| !value.trim().is_empty()) {
            form = form.with_field(Field::submitted(name, &[value]));
        }
        let query = Element::new("search", namespace::CHANNEL_SEARCH)
            .with_child(page(SEARCH_MAX))
            .with_child(form.to_element());
        let rooms = self.services.rooms_domain.as_jid().clone();
        self.jobs.add(job, Some(&rooms), stanza(Kind::Iq, "get", &[query]), Step::Find { is_managed });
    }

    fn server_info(&self, kind: &str) -> Element {
        let rooms = &self.services.rooms_domain;
        block::element("sib")
            .with_attribute("infoType", kind)
            .with_attribute("serverTime", datetime::format(self.services.clock.now().0))
            .with_attribute("searchLimit", SEARCH_MAX.to_string())
            .with_attribute("messageSizeLimit", MESSAGE_CHARACTERS_MAX.to_string())
            .with_attribute("storySizeLimit", STORY_CHARACTERS_MAX.to_string())
            .with_attribute("rootUri", format!("ma-cat://{rooms}/"))
            .with_attribute("displayName", rooms.as_str())
            .with_attribute("pool", self.services.domain.as_str())
    }

    /// The room that an address stands for.
    pub(super) fn room(&self, address: &RoomAddress) -> Result<BareJid, Failure> {
        let rooms = self.services.rooms_domain.domain();
        let is_ours = address.domain.eq_ignore_ascii_case(rooms);
        let jid = BareJid::from_parts(Some(&address.id), rooms).ok().filter(|_| is_ours);
        jid.ok_or_else(|| Failure::new(StanzaCondition::ItemNotFound, "There is no such room"))
    }
}

/// A post as a stanza. A story has a subject beside its text; an alert is urgent (XEP-0131).
fn said(post: &Post) -> Stanza {
    let text = |name: &str, text: &str| Element::new(name, namespace::CLIENT).with_text(text);
    let mut children: Vec<Element> = post.title.iter().map(|title| text("subject", title)).collect();
    children.push(text("body", &post.text));
    if post.is_alert {
        let urgent =
            Element::new("header", namespace::HEADERS).with_attribute("name", "Urgency").with_text("high");
        children.push(Element::new("headers", namespace::HEADERS).with_child(urgent));
    }
    stanza(Kind::Message, "groupchat", &children)
}

/// The last messages of a room's archive (XEP-0313 §4.3.2).
fn last_of_archive(id: &str, count: u32) -> Stanza {
    let before = Element::new("before", namespace::RSM);
    let query = Element::new("query", namespace::ARCHIVE)
        .with_attribute("queryid", id)
        .with_child(page(count).with_child(before));
    stanza(Kind::Iq, "set", &[query])
}

/// At most so many of what is asked for (XEP-0059).
fn page(max: u32) -> Element {
    let max = Element::new("max", namespace::RSM).with_text(&max.to_string());
    Element::new("set", namespace::RSM).with_child(max)
}

fn failure(unfit: Unfit) -> Failure {
    match unfit {
        Unfit::Unknown => Failure::new(StanzaCondition::FeatureNotImplemented, ""),
        Unfit::Malformed(reason) => Failure::new(StanzaCondition::BadRequest, reason),
        Unfit::TooMuch(reason) => Failure::new(StanzaCondition::PolicyViolation, reason),
    }
}

/// Rooms that a search finds.
const SEARCH_MAX: u32 = 200;
