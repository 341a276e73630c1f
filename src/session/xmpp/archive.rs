//! Reading archives (XEP-0313 with `#extended`, XEP-0059): one's own, and those of rooms. Whether the asker may is
//! asked anew with each query.

use std::borrow::Cow;

use perch_address::{BareJid, Jid};
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::extension::paging::{Page as PageElement, PageRequest, Place};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Stanza, iq_result};
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};

use crate::account::{self, Command};
use crate::chat::answer::{Answer, ArchiveAccess};
use crate::chat::command::Query;
use crate::chat::id::{MessageId, Seq, Timestamp};
use crate::chat::message::{Content, Payload};
use crate::chat::refusal::Refusal;
use crate::chat::words::Wording;
use crate::fanout::audience::Moderation;
use crate::fanout::frame::Frame;
use crate::fanout::render::xmpp::archive::{self as render, Finding, Tombstone};
use crate::fanout::render::xmpp::message::retract;
use crate::session::Session;
use crate::store::archive::{
    ArchiveQuery, ArchivedKind, ArchivedLetter, ArchivedMessage, Log, Page, PageAt, With,
};
use crate::store::error::{ArchiveError, StoreError};

/// Whose archive is asked.
#[derive(Debug, Clone)]
enum Source {
    Own,
    Room { address: BareJid, access: ArchiveAccess },
}

/// Why a query gets no further.
#[derive(Debug, Clone, PartialEq)]
enum Fault {
    Condition(StanzaCondition),
    Refused(Refusal),
}

/// What a query for messages says.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    query: ArchiveQuery,
    query_id: Option<String>,
    /// The newest of the page comes first.
    is_flipped: bool,
}

/// A page that was read, ready to be sent.
struct Found {
    frames: Vec<Frame>,
    fin: Element,
}

/// Messages of a page, unless fewer are asked for.
const PAGE: u32 = 50;

impl Session {
    /// A request to the archive of the session's own account.
    pub(in crate::session) async fn query_own_archive(
        &mut self,
        number: u64,
        stanza: &Stanza,
        payload: &Element,
        is_set: bool,
    ) {
        // What the session said before is in the archive that it reads (RFC 6120 §10.1).
        if let Err(refusal) = self.account.ask(Command::Settle).await {
            return self.refuse(number, stanza, account::condition(refusal));
        }
        self.query_archive(number, stanza, payload, is_set, &Source::Own).await;
    }

    /// A request to the archive of a room: whoever may read it is known by the room alone.
    pub(in crate::session) async fn query_room_archive(
        &mut self,
        number: u64,
        stanza: &Stanza,
        room: &BareJid,
        payload: &Element,
        is_set: bool,
    ) {
        let name = room.local().unwrap_or_default();
        let actor = self.actor(Some(number));
        match self.services.rooms.query(name, actor, Query::ArchiveAccess).await {
            Ok(Answer::Archive(access)) => {
                let source = Source::Room { address: room.clone(), access };
                self.query_archive(number, stanza, payload, is_set, &source).await;
            }
            Ok(_) => self.refuse(number, stanza, StanzaCondition::InternalServerError),
            Err(refusal) => self.refuse_with(number, stanza, &refusal),
        }
    }

    async fn query_archive(
        &mut self,
        number: u64,
        stanza: &Stanza,
        payload: &Element,
        is_set: bool,
        source: &Source,
    ) {
        let answer = match (payload.name(), is_set) {
            ("query", false) => Ok(Found { frames: Vec::new(), fin: form() }),
            ("query", true) => self.read_page(source, payload).await,
            ("metadata", false) => self.read_ends(source).await,
            _ => Err(Fault::Condition(StanzaCondition::ServiceUnavailable)),
        };
        match answer {
            Ok(found) => {
                for frame in &found.frames {
                    // A full queue of unacknowledged stanzas is found by the next frame from the mailbox.
                    let _ = self.send(frame);
                }
                self.reply(&iq_result(stanza, Some(found.fin)));
                self.done(number);
            }
            Err(Fault::Condition(condition)) => self.refuse(number, stanza, condition),
            Err(Fault::Refused(refusal)) => self.refuse_with(number, stanza, &refusal),
        }
    }

    async fn read_page(&self, source: &Source, payload: &Element) -> Result<Found, Fault> {
        let reading = read(payload, self.log(source), source)?;
        let store = self.services.accounts.store();
        match source {
            Source::Own => {
                let own = self.jid.bare();
                let page = store.letter_page(reading.query.clone()).await?;
                Ok(found(
                    &reading,
                    page,
                    |item: &ArchivedLetter| item.id,
                    |item| render::letter(finding(own.as_str(), &reading, item.id, item.at), &item.letter),
                ))
            }
            Source::Room { address, access } => {
                let page = store.archive_page(reading.query.clone()).await?;
                Ok(found(
                    &reading,
                    page,
                    |item: &ArchivedMessage| item.id,
                    |item| {
                        let finding = finding(address.as_str(), &reading, item.id, item.at);
                        let tombstone = item.tombstone.as_ref().map(|tombstone| Tombstone {
                            at: tombstone.at,
                            by: tombstone.by,
                            id: tombstone.id.as_deref(),
                            moderation: tombstone
                                .is_moderation
                                .then_some((&tombstone.author, &*tombstone.reason)),
                            replacement: tombstone.is_replacement.then_some(&*tombstone.reason),
                        });
                        // A moderation is the room's own word (XEP-0425 §4).
                        let is_rooms =
                            matches!(item.kind, ArchivedKind::Retraction { is_moderation: true, .. });
                        let author = (!is_rooms).then_some(&item.author);
                        let content = said(address.as_str(), item);
                        render::groupchat(finding, author, &content, tombstone, access.sees_addresses)
                    },
                ))
            }
        }
    }

    /// XEP-0313 §4.4: where the archive begins and ends.
    async fn read_ends(&self, source: &Source) -> Result<Found, Fault> {
        let ends = self.services.accounts.store().archive_ends(self.log(source)).await?;
        let end = |name: &str, (id, at): (MessageId, Timestamp)| {
            Element::new(name, namespace::ARCHIVE)
                .with_attribute("id", id.to_string())
                .with_attribute("timestamp", datetime::format(at.0))
        };
        let fin = Element::new("metadata", namespace::ARCHIVE)
            .with_children(ends.map(|ends| end("start", ends.first)))
            .with_children(ends.map(|ends| end("end", ends.last)));
        Ok(Found { frames: Vec::new(), fin })
    }

    fn log(&self, source: &Source) -> Log {
        match source {
            Source::Own => Log::Account(self.account.account()),
            Source::Room { access, .. } => Log::Room(access.room),
        }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::ItemNotFound => Self::Condition(StanzaCondition::ItemNotFound),
            ArchiveError::BeingIndexed => Self::Refused(Refusal::TemporarilyUnavailable),
            ArchiveError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(match error {
            StoreError::NoSpace => Refusal::NoSpace,
            _ => Refusal::TemporarilyUnavailable,
        })
    }
}

/// The page as it goes out; flipping turns the order of sending alone (XEP-0313 §4.3.4).
fn found<M>(
    reading: &Reading,
    page: Page<M>,
    id: impl Fn(&M) -> MessageId,
    frame: impl Fn(&M) -> Frame,
) -> Found {
    let Page { messages, is_complete, total, index } = page;
    let ends = messages.first().zip(messages.last());
    let set = PageElement {
        ends: ends.map(|(first, last)| (id(first).to_string(), id(last).to_string())),
        first_index: index.and_then(|index| usize::try_from(index).ok()),
        count: total.and_then(|total| usize::try_from(total).ok()),
    };
    let mut frames: Vec<Frame> = messages.iter().map(frame).collect();
    if reading.is_flipped {
        frames.reverse();
    }
    let fin = Element::new("fin", namespace::ARCHIVE)
        .with_optional("complete", (is_complete && reading.query.max > 0).then_some("true"))
        .with_child(set.to_element());
    Found { frames, fin }
}

fn finding<'a>(archive: &'a str, reading: &'a Reading, id: MessageId, at: Timestamp) -> Finding<'a> {
    Finding { archive, query_id: reading.query_id.as_deref(), id, at }
}

/// Reads a query. A field that is not known is refused, since what it would have left out must not be sent (§4.1.4).
fn read(payload: &Element, log: Log, source: &Source) -> Result<Reading, Fault> {
    let bad = || Fault::Condition(StanzaCondition::BadRequest);
    if payload.attribute("node").is_some_and(|node| !node.is_empty()) {
        return Err(Fault::Condition(StanzaCondition::ItemNotFound));
    }
    let mut query = ArchiveQuery { max: PAGE, floor: floor(source), ..ArchiveQuery::new(log) };
    if let Some(x) = payload.child("x", namespace::DATA_FORM) {
        let form = Form::read(x).map_err(|_| bad())?;
        for field in &form.fields {
            read_field(field, &mut query, source)?;
        }
    }
    if let Some(request) = PageRequest::of(payload).map_err(|_| bad())? {
        query.max =
            request.max.map_or(PAGE, |max| u32::try_from(max).unwrap_or(u32::MAX)).min(ArchiveQuery::MAX);
        query.page = match &request.place {
            Place::First => PageAt::First,
            Place::After(id) => PageAt::After(message_id(id)?),
            Place::Before(id) => PageAt::Before(message_id(id)?),
            Place::Last => PageAt::Last,
            Place::Index(_) => return Err(Fault::Condition(StanzaCondition::FeatureNotImplemented)),
        };
    }
    // Counting what a filter leaves costs a walk; without one it is a subtraction.
    query.counts = (query.with.is_none() && query.wording.is_none()) || query.max == 0;
    Ok(Reading {
        query,
        query_id: payload.attribute("queryid").map(Into::into),
        is_flipped: payload.child("flip-page", namespace::ARCHIVE).is_some(),
    })
}

fn read_field(field: &Field, query: &mut ArchiveQuery, source: &Source) -> Result<(), Fault> {
    let bad = || Fault::Condition(StanzaCondition::BadRequest);
    let value = field.values.first().map_or("", String::as_str);
    let time = || datetime::parse(value).map(Timestamp).ok_or_else(bad);
    match field.var.as_str() {
        "FORM_TYPE" if value == namespace::ARCHIVE => {}
        "FORM_TYPE" => return Err(bad()),
        "with" => query.with = with(&Jid::new(value).map_err(|_| bad())?, source)?,
        "start" => query.start = Some(time()?),
        "end" => query.end = Some(time()?),
        "after-id" => query.after = Some(message_id(value)?),
        "before-id" => query.before = Some(message_id(value)?),
        // XEP-0431: empty is as good as absent.
        FULLTEXT => {
            query.wording = Some(value).filter(|value| !value.trim().is_empty()).map(Wording::typed);
        }
        "ids" => {
            if field.values.len() > ArchiveQuery::MAX as usize {
                return Err(Fault::Condition(StanzaCondition::PolicyViolation));
            }
            query.ids = field.values.iter().map(|id| message_id(id)).collect::<Result<_, _>>()?;
        }
        _ => return Err(Fault::Condition(StanzaCondition::FeatureNotImplemented)),
    }
    Ok(())
}

/// In a room, an occupant's address stands for a nick; a real one is for who may see it.
fn with(jid: &Jid, source: &Source) -> Result<Option<With>, Fault> {
    Ok(match (source, jid.resource()) {
        (Source::Own, None) => Some(With::Jid(jid.as_str().into())),
        (Source::Own, Some(resource)) => Some(With::Resource(jid.bare().as_str().into(), resource.into())),
        (Source::Room { address, .. }, resource) if jid.bare() == *address => {
            resource.map(|nick| With::Nick(nick.into()))
        }
        (Source::Room { access, .. }, _) if access.sees_addresses => {
            Some(With::Jid(jid.bare().as_str().into()))
        }
        (Source::Room { .. }, _) => return Err(Fault::Condition(StanzaCondition::Forbidden)),
    })
}

fn floor(source: &Source) -> Seq {
    match source {
        Source::Own => Seq(0),
        Source::Room { access, .. } => access.from,
    }
}

/// What is no id of ours was never in the archive.
fn message_id(text: &str) -> Result<MessageId, Fault> {
    MessageId::parse(text).ok_or(Fault::Condition(StanzaCondition::ItemNotFound))
}

/// The fields that a query may have (XEP-0313 §4.1.5).
fn form() -> Element {
    let field = |kind, var: &str| Field { var: var.into(), kind: Some(kind), ..Field::default() };
    let form = Form::new(FormKind::Form, namespace::ARCHIVE)
        .with_field(field(FieldKind::JidSingle, "with"))
        .with_field(field(FieldKind::TextSingle, "start"))
        .with_field(field(FieldKind::TextSingle, "end"))
        .with_field(field(FieldKind::TextSingle, "before-id"))
        .with_field(field(FieldKind::TextSingle, "after-id"))
        .with_field(field(FieldKind::TextSingle, FULLTEXT));
    // Any id may be asked for, so that the list of choices is open (XEP-0122 §3.2).
    let validate = Element::new("validate", VALIDATE)
        .with_attribute("datatype", "xs:string")
        .with_child(Element::new("open", VALIDATE));
    let ids = Element::new("field", namespace::DATA_FORM)
        .with_attribute("type", FieldKind::ListMulti.as_str())
        .with_attribute("var", "ids")
        .with_child(validate);
    Element::new("query", namespace::ARCHIVE).with_child(form.to_element().with_child(ids))
}

/// The field of XEP-0431, in Clark notation (XEP-0068 §3.4).
const FULLTEXT: &str = "{urn:xmpp:fulltext:0}fulltext";
const VALIDATE: &str = "http://jabber.org/protocol/xdata-validate";

/// What a message says. The room's own words are not stored as they are sent: they are written anew.
fn said<'a>(room: &str, item: &'a ArchivedMessage) -> Cow<'a, Content> {
    let ArchivedKind::Retraction { target, is_moderation: true, reason } = &item.kind else {
        return Cow::Borrowed(&item.content);
    };
    let mut payload = Vec::new();
    retract(room, &Moderation { target: *target, reason: reason.clone() }, &item.author, &mut payload);
    Cow::Owned(Content { payload: Payload(payload.into()), ..item.content.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{AccountId, Epoch, RoomId};

    fn parse(content: &str, source: &Source) -> Result<Reading, Fault> {
        let text = format!("<query xmlns='urn:xmpp:mam:2' queryid='q'>{content}</query>");
        read(&Element::parse(text.as_bytes(), namespace::CLIENT).unwrap(), Log::Account(AccountId(1)), source)
    }

    fn filter(var: &str, value: &str) -> String {
        format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='{var}'><value>{value}</value></field></x>"
        )
    }

    fn paged(set: &str) -> String {
        format!("<set xmlns='http://jabber.org/protocol/rsm'>{set}</set>")
    }

    fn room(sees_addresses: bool) -> Source {
        let access = ArchiveAccess { room: RoomId(1), from: Seq(5), sees_addresses };
        Source::Room { address: BareJid::new("coven@chat.example").unwrap(), access }
    }

    #[test]
    fn filters_and_pages_are_read() {
        let id = MessageId::new(Epoch(1), Seq(7));
        let base = ArchiveQuery { max: PAGE, counts: true, ..ArchiveQuery::new(Log::Account(AccountId(1))) };
        let check = |content: String, expected: ArchiveQuery| {
            assert_eq!(parse(&content, &Source::Own).map(|reading| reading.query), Ok(expected), "{content}");
        };
        check(String::new(), base.clone());
        let at = Timestamp(1_031_699_305_000);
        check(filter("start", "2002-09-10T23:08:25Z"), ArchiveQuery { start: Some(at), ..base.clone() });
        check(filter("end", "2002-09-10T23:08:25Z"), ArchiveQuery { end: Some(at), ..base.clone() });
        check(filter("after-id", &id.to_string()), ArchiveQuery { after: Some(id), ..base.clone() });
        check(filter("before-id", &id.to_string()), ArchiveQuery { before: Some(id), ..base.clone() });
        check(filter("ids", &id.to_string()), ArchiveQuery { ids: vec![id], ..base.clone() });
        let with = |with| ArchiveQuery { with: Some(with), counts: false, ..base.clone() };
        check(filter("with", "A@x"), with(With::Jid("a@x".into())));
        let found =
            |words| ArchiveQuery { wording: Some(Wording::typed(words)), counts: false, ..base.clone() };
        check(filter(FULLTEXT, "tea for two"), found("tea for two"));
        check(filter(FULLTEXT, " "), base.clone());
        check(filter("with", "a@x/R"), with(With::Resource("a@x".into(), "R".into())));
        check(paged("<max>10</max>"), ArchiveQuery { max: 10, ..base.clone() });
        check(paged("<max>100000</max>"), ArchiveQuery { max: ArchiveQuery::MAX, ..base.clone() });
        check(paged("<before/>"), ArchiveQuery { page: PageAt::Last, ..base.clone() });
        check(
            paged(&format!("<after>{id}</after>")),
            ArchiveQuery { page: PageAt::After(id), ..base.clone() },
        );
        check(paged(&format!("<before>{id}</before>")), ArchiveQuery { page: PageAt::Before(id), ..base });
    }

    #[test]
    fn what_cannot_be_answered_is_refused_by_its_reason() {
        use StanzaCondition as C;
        let check = |content: String, source: &Source, condition| {
            assert_eq!(parse(&content, source), Err(Fault::Condition(condition)), "{content}");
        };
        check(filter("start", "yesterday"), &Source::Own, C::BadRequest);
        check(filter("with", "@"), &Source::Own, C::BadRequest);
        check(filter("FORM_TYPE", "urn:something"), &Source::Own, C::BadRequest);
        check(filter("{http://example.com/}free-text-search", "x"), &Source::Own, C::FeatureNotImplemented);
        check(filter("after-id", "nonsense"), &Source::Own, C::ItemNotFound);
        check(paged("<after>nonsense</after>"), &Source::Own, C::ItemNotFound);
        check(paged("<max>ten</max>"), &Source::Own, C::BadRequest);
        check(paged("<index>3</index>"), &Source::Own, C::FeatureNotImplemented);
        check(filter("with", "hag@shakespeare.example"), &room(false), C::Forbidden);
    }

    #[test]
    fn in_a_room_a_nick_or_a_known_person_is_looked_for() {
        let check = |value: &str, source: &Source, expected: Option<With>| {
            let query = parse(&filter("with", value), source).unwrap().query;
            assert_eq!((query.with, query.floor), (expected, Seq(5)), "{value}");
        };
        check("coven@chat.example/Hag", &room(false), Some(With::Nick("Hag".into())));
        check("coven@chat.example", &room(false), None);
        check("hag@shakespeare.example/pda", &room(true), Some(With::Jid("hag@shakespeare.example".into())));
    }
}
