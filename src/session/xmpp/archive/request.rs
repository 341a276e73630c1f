//! A question to an archive (XEP-0313 §4, with its `#extended` part, and XEP-0059), read into the store's words.

use perch_address::{BareJid, Jid};
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::extension::paging::{PageRequest, Place};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};

use crate::chat::id::{MessageId, Seq, Timestamp};
use crate::store::archive::{ArchiveQuery, Log, PageAt, With};

/// What is asked, and how the answer is to look.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub query: ArchiveQuery,
    /// What the client wants each result to bear.
    pub query_id: Option<Box<str>>,
    /// Newest first (`<flip-page/>`).
    pub is_flipped: bool,
}

/// Whose archive it is, and what of it the asker may see.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub log: Log,
    pub owner: BareJid,
    pub floor: Seq,
    /// May he look for real addresses? In an account's own archive always.
    pub sees_addresses: bool,
}

/// Messages in a page where the client names no number.
const PAGE_DEFAULT: u32 = 50;

/// Reads `<query/>` of an iq of type `set`.
pub(super) fn read(element: &Element, scope: &Scope) -> Result<Request, StanzaCondition> {
    let mut query = ArchiveQuery { floor: scope.floor, ..ArchiveQuery::new(scope.log) };
    if let Some(x) = element.child("x", namespace::DATA_FORM) {
        let form = Form::read(x).map_err(|_malformed| StanzaCondition::BadRequest)?;
        filter(&mut query, &form, scope)?;
    }
    let page = PageRequest::of(element).map_err(|_malformed| StanzaCondition::BadRequest)?;
    query.max = PAGE_DEFAULT;
    if let Some(page) = page {
        if let Some(max) = page.max {
            query.max = u32::try_from(max).unwrap_or(u32::MAX).min(ArchiveQuery::MAX);
        }
        query.page = place(&page.place)?;
        query.counts = true;
    }
    Ok(Request {
        query,
        query_id: element.attribute("queryid").map(Into::into),
        is_flipped: element.child("flip-page", namespace::ARCHIVE).is_some(),
    })
}

/// §4.1.5: the fields that may be asked for.
pub(super) fn form() -> Element {
    let optional = |kind, var| Field::new(kind, var, "");
    Form::new(FormKind::Form, namespace::ARCHIVE)
        .with_field(optional(FieldKind::JidSingle, "with"))
        .with_field(optional(FieldKind::TextSingle, "start"))
        .with_field(optional(FieldKind::TextSingle, "end"))
        .with_field(optional(FieldKind::TextSingle, "before-id"))
        .with_field(optional(FieldKind::TextSingle, "after-id"))
        .with_field(optional(FieldKind::ListMulti, "ids"))
        .to_element()
}

fn filter(query: &mut ArchiveQuery, form: &Form, scope: &Scope) -> Result<(), StanzaCondition> {
    if form.form_type() != Some(namespace::ARCHIVE) {
        return Err(StanzaCondition::BadRequest);
    }
    query.start = time(form, "start")?;
    query.end = time(form, "end")?;
    query.after = form.value("after-id").map(id).transpose()?;
    query.before = form.value("before-id").map(id).transpose()?;
    if let Some(ids) = form.values("ids") {
        if ids.len() > ArchiveQuery::MAX as usize {
            return Err(StanzaCondition::PolicyViolation);
        }
        query.ids = ids.iter().map(|text| id(text)).collect::<Result<_, _>>()?;
    }
    query.with = form.value("with").map(|text| with(text, scope)).transpose()?;
    Ok(())
}

/// In a room, `room/nick` is who had that nick; a real address may be looked for by who may see it (§6.1).
fn with(text: &str, scope: &Scope) -> Result<With, StanzaCondition> {
    let jid = Jid::new(text).map_err(|_malformed| StanzaCondition::JidMalformed)?;
    match jid.resource() {
        Some(nick) if jid.bare() == scope.owner => Ok(With::Nick(nick.into())),
        _ if scope.sees_addresses => Ok(With::Jid(jid.bare().as_str().into())),
        _ => Err(StanzaCondition::Forbidden),
    }
}

fn place(place: &Place) -> Result<PageAt, StanzaCondition> {
    Ok(match place {
        Place::First => PageAt::First,
        Place::Last => PageAt::Last,
        Place::After(text) => PageAt::After(id(text)?),
        Place::Before(text) => PageAt::Before(id(text)?),
        // XEP-0059 §2.4 leaves jumping by number to the server.
        Place::Index(_) => return Err(StanzaCondition::FeatureNotImplemented),
    })
}

/// An id that is none of ours names no message.
fn id(text: &str) -> Result<MessageId, StanzaCondition> {
    MessageId::parse(text).ok_or(StanzaCondition::ItemNotFound)
}

fn time(form: &Form, var: &str) -> Result<Option<Timestamp>, StanzaCondition> {
    let parsed = form.value(var).map(|text| datetime::parse(text).ok_or(StanzaCondition::BadRequest));
    Ok(parsed.transpose()?.map(Timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{Epoch, RoomId};

    fn scope() -> Scope {
        Scope {
            log: Log::Room(RoomId(1)),
            owner: "garden@rooms.localhost".parse().unwrap(),
            floor: Seq(3),
            sees_addresses: false,
        }
    }

    fn check(inner: &str, expected: Result<ArchiveQuery, StanzaCondition>) {
        let xml = format!("<query xmlns='urn:xmpp:mam:2' queryid='q'>{inner}</query>");
        let element = Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap();
        assert_eq!(read(&element, &scope()).map(|request| request.query), expected, "{inner}");
    }

    fn fields(fields: &[(&str, &str)]) -> String {
        let field =
            |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
        let all: String = [("FORM_TYPE", "urn:xmpp:mam:2")].iter().chain(fields).map(field).collect();
        format!("<x xmlns='jabber:x:data' type='submit'>{all}</x>")
    }

    fn plain() -> ArchiveQuery {
        ArchiveQuery { floor: Seq(3), max: PAGE_DEFAULT, ..ArchiveQuery::new(Log::Room(RoomId(1))) }
    }

    #[test]
    fn filters_are_read_from_the_form() {
        let seven = MessageId::new(Epoch(1), Seq(7));
        check("", Ok(plain()));
        check(
            &fields(&[("start", "1970-01-01T00:00:01Z")]),
            Ok(ArchiveQuery { start: Some(Timestamp(1000)), ..plain() }),
        );
        check(
            &fields(&[("after-id", &seven.to_string())]),
            Ok(ArchiveQuery { after: Some(seven), ..plain() }),
        );
        check(
            &fields(&[("before-id", &seven.to_string())]),
            Ok(ArchiveQuery { before: Some(seven), ..plain() }),
        );
        check(&fields(&[("ids", &seven.to_string())]), Ok(ArchiveQuery { ids: vec![seven], ..plain() }));
        let with = Some(With::Nick("Romeo".into()));
        check(&fields(&[("with", "garden@rooms.localhost/Romeo")]), Ok(ArchiveQuery { with, ..plain() }));
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        check(&fields(&[("with", "romeo@localhost")]), Err(StanzaCondition::Forbidden));
        check(&fields(&[("start", "yesterday")]), Err(StanzaCondition::BadRequest));
        check(&fields(&[("ids", "tea")]), Err(StanzaCondition::ItemNotFound));
        let set = |inner: &str| format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
        check(&set("<max>ten</max>"), Err(StanzaCondition::BadRequest));
        check(&set("<before>tea</before>"), Err(StanzaCondition::ItemNotFound));
        check(&set("<index>3</index>"), Err(StanzaCondition::FeatureNotImplemented));
    }

    #[test]
    fn pages_are_bounded() {
        let set = |inner: &str| format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
        let page = |max, page| Ok(ArchiveQuery { max, page, counts: true, ..plain() });
        check(&set("<max>10</max><before/>"), page(10, PageAt::Last));
        check(&set("<max>100000</max>"), page(ArchiveQuery::MAX, PageAt::First));
    }
}
