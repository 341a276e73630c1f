//! Searching for rooms by keywords (XEP-0433). Hidden rooms are found by those who belong to them.

use std::collections::HashMap;

use perch_address::BareJid;
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::extension::paging::{Page, PageRequest, page_of};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::{ErrorType, StanzaCondition};
use perch_xmpp::stanza::{Stanza, error_reply, iq_result};
use perch_xmpp::xml::Element;

use crate::chat::id::RoomId;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Whois;
use crate::chat::words::words;
use crate::session::Session;
use crate::store::error::StoreError;
use crate::store::room_search::{FoundRoom, RoomMatch, RoomSearch, Seer};

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    search: RoomSearch,
    key: SortKey,
    users_min: u64,
    /// Are rooms of this kind wanted at all?
    wants_rooms: bool,
    page: PageRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortKey {
    Address,
    Users,
}

/// Why there is no result (§4.2.2).
#[derive(Debug, Clone, PartialEq)]
enum Fault {
    Condition(StanzaCondition),
    /// With a condition of this protocol's own, and a text.
    Own(StanzaCondition, &'static str, &'static str),
    Refused(Refusal),
}

impl Session {
    /// A request for the form, or the form filled in.
    pub(super) async fn search_rooms(&mut self, number: u64, stanza: &Stanza, query: &Element) {
        let answer = match query.child("x", namespace::DATA_FORM) {
            None => Ok(form()),
            Some(_) => self.find_rooms(query).await,
        };
        let (condition, own, text) = match answer {
            Ok(payload) => {
                self.reply(&iq_result(stanza, Some(payload)));
                return self.done(number);
            }
            Err(Fault::Refused(refusal)) => return self.refuse_with(number, stanza, &refusal),
            Err(Fault::Condition(condition)) => return self.refuse(number, stanza, condition),
            Err(Fault::Own(condition, own, text)) => (condition, own, text),
        };
        let own = Element::new(own, ERROR);
        if let Some(error) = error_reply(stanza, ErrorType::Modify, condition, Some(text), Some(own)) {
            self.reply(&error);
        }
        self.done(number);
    }

    async fn find_rooms(&self, query: &Element) -> Result<Element, Fault> {
        let seer = self.services.rooms.seer(&self.jid.bare()).map_err(Fault::Refused)?;
        let request = read(query, &self.jid.bare(), seer)?;
        let store = self.services.rooms.store();
        let mut found = Vec::new();
        if request.wants_rooms {
            found = store.find_rooms(&request.search, None, FOUND_MAX).await?;
        }
        let mut counts = HashMap::new();
        if request.key == SortKey::Users || request.users_min > 0 {
            counts = self.counts(&found).await?;
            let count = |room: &RoomMatch| counts.get(&room.id).copied().unwrap_or_default();
            found.retain(|room| count(room) >= request.users_min);
            if request.key == SortKey::Users {
                found.sort_by_key(|room| std::cmp::Reverse(count(room)));
            }
        }
        let (shown, page) =
            page_of(&found, |room| &*room.name, &request.page).ok_or(StanzaCondition::ItemNotFound)?;
        if counts.is_empty() {
            counts = self.counts(shown).await?;
        }
        let ids: Vec<RoomId> = shown.iter().map(|room| room.id).collect();
        let mut rooms: HashMap<RoomId, FoundRoom> =
            store.found_rooms(&ids).await?.into_iter().map(|room| (room.id, room)).collect();
        let domain = self.services.rooms.domain();
        let items = ids.iter().filter_map(|id| {
            let room = rooms.remove(id)?;
            item(domain, &room, counts.get(id).copied().unwrap_or_default())
        });
        Ok(result(items.collect(), &page))
    }

    async fn counts(&self, rooms: &[RoomMatch]) -> Result<HashMap<RoomId, u64>, Fault> {
        let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
        Ok(self.services.rooms.store().occupant_counts(&ids).await?.into_iter().collect())
    }
}

impl From<StanzaCondition> for Fault {
    fn from(condition: StanzaCondition) -> Self {
        Self::Condition(condition)
    }
}

impl From<StoreError> for Fault {
    fn from(_error: StoreError) -> Self {
        Self::Refused(Refusal::TemporarilyUnavailable)
    }
}

/// Reads a form. Fields that are not known are ignored (§5).
fn read(query: &Element, asker: &BareJid, seen_by: Seer) -> Result<Request, Fault> {
    use StanzaCondition as Condition;
    let bad = || Fault::Condition(Condition::BadRequest);
    let x = query.child("x", namespace::DATA_FORM).ok_or_else(bad)?;
    let form = Form::read(x).map_err(|_| bad())?;
    if form.form_type() != Some(PARAMS) {
        return Err(bad());
    }
    let boolean = |var: &str, default| {
        form.boolean(var).map(|value| value.unwrap_or(default)).map_err(|_not_a_boolean| bad())
    };
    let text = form.value("q").map(str::trim).filter(|text| !text.is_empty());
    match (text, boolean("all", false)?) {
        (Some(_), true) => {
            let text = "The rooms that have certain words and all rooms cannot be asked for together";
            return Err(Fault::Own(Condition::BadRequest, "conflicting-fields", text));
        }
        (None, false) => {
            let text = "Neither words nor all rooms are asked for";
            return Err(Fault::Own(Condition::BadRequest, "no-search-conditions", text));
        }
        (Some(text), false) if words(text).is_empty() => {
            let text = "A word has letters or digits";
            return Err(Fault::Own(Condition::BadRequest, "invalid-search-terms", text));
        }
        _ => {}
    }
    let key = match form.value("key") {
        None | Some(BY_ADDRESS) => SortKey::Address,
        Some(BY_USERS) => SortKey::Users,
        Some(_) => {
            let text = "Rooms can be sorted by address or by number of users";
            return Err(Fault::Own(Condition::FeatureNotImplemented, "invalid-sort-key", text));
        }
    };
    let only_own = |var: &str| boolean(var, false).map(|is_wanted| is_wanted.then(|| asker.clone()));
    let users_min = form.value("min_users").filter(|number| !number.is_empty());
    let page = PageRequest::of(query).map_err(|_| bad())?.unwrap_or_default();
    Ok(Request {
        search: RoomSearch {
            text: text.unwrap_or_default().into(),
            in_address: boolean("sinaddress", true)?,
            in_title: boolean("sinname", true)?,
            in_description: boolean("sindescription", true)?,
            member: only_own(LISTED)?,
            manager: only_own(MANAGED)?,
            seen_by: Some(seen_by),
            ..RoomSearch::default()
        },
        key,
        users_min: users_min.map_or(Ok(0), str::parse).map_err(|_| bad())?,
        wants_rooms: form.values("types").is_none_or(|types| types.iter().any(|kind| kind == KIND)),
        page: PageRequest { max: Some(page.max.unwrap_or(PAGE).min(PAGE_MAX)), ..page },
    })
}

fn form() -> Element {
    let boolean = |var, label| Field::boolean(var, label, true);
    let form = Form::new(FormKind::Form, PARAMS)
        .with_field(Field::new(FieldKind::TextSingle, "q", "Words to search for"))
        .with_field(Field::boolean("all", "All rooms, whatever the words", false))
        .with_field(boolean("sinname", "Search in the name"))
        .with_field(boolean("sindescription", "Search in the description"))
        .with_field(boolean("sinaddress", "Search in the address"))
        .with_field(Field::boolean(LISTED, "Only rooms whose member you are", false))
        .with_field(Field::boolean(MANAGED, "Only rooms that you manage", false))
        .with_field(Field::text("min_users", "Users at least", "0"))
        .with_field(
            Field::new(FieldKind::ListMulti, "types", "Kinds of rooms")
                .with_value(KIND)
                .with_option("Multi-user chat", KIND),
        )
        .with_field(
            Field::new(FieldKind::ListSingle, "key", "Sorted by")
                .with_value(BY_ADDRESS)
                .with_option("Address", BY_ADDRESS)
                .with_option("Number of users", BY_USERS),
        );
    Element::new("search", namespace::CHANNEL_SEARCH).with_child(form.to_element())
}

fn result(items: Vec<Element>, page: &Page) -> Element {
    Element::new("result", namespace::CHANNEL_SEARCH).with_children(items).with_child(page.to_element())
}

fn item(domain: &str, room: &FoundRoom, users: u64) -> Option<Element> {
    let settings = &room.settings;
    let text = |name: &str, text: &str| Element::new(name, namespace::CHANNEL_SEARCH).with_text(text);
    let optional = |name: &str, value: &str| (!value.is_empty()).then(|| text(name, value));
    let name = if settings.name.is_empty() { &*room.name } else { &settings.name };
    let is_open = !settings.members_only && settings.password.is_none() && !room.is_locked;
    let anonymity = match settings.whois {
        Whois::Anyone => "{urn:xmpp:channel-search:0:anonymity}none",
        Whois::Moderators => "muc_semianonymous",
    };
    let address = BareJid::from_parts(Some(&room.name), domain).ok()?;
    Some(
        Element::new("item", namespace::CHANNEL_SEARCH)
            .with_attribute("address", address.as_str())
            .with_child(text("name", name))
            .with_children(optional("description", &settings.description))
            .with_children(optional("language", &settings.lang))
            .with_child(text("nusers", &users.to_string()))
            .with_child(text("service-type", KIND))
            .with_children(is_open.then(|| text("is-open", "true")))
            .with_child(text("anonymity-mode", anonymity)),
    )
}

const PARAMS: &str = "urn:xmpp:channel-search:0:search-params";
const ERROR: &str = "urn:xmpp:channel-search:0:error";
/// Fields that the XEP does not have: the asker stands in the room's lists, or is an owner of it.
const LISTED: &str = "x-perch_listed";
const MANAGED: &str = "x-perch_managed";
const BY_ADDRESS: &str = "{urn:xmpp:channel-search:0:order}address";
const BY_USERS: &str = "{urn:xmpp:channel-search:0:order}nusers";
/// What all rooms here are.
const KIND: &str = "xep-0045";
/// Rooms that one search finds.
const FOUND_MAX: u32 = 50_000;
/// Rooms of a page, unless fewer are asked for, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[(&str, &str)]) -> Result<Request, Fault> {
        let field =
            |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
        let fields: String = fields.iter().map(field).collect();
        let xml = format!(
            "<search xmlns='urn:xmpp:channel-search:0:search'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>{PARAMS}</value></field>{fields}</x></search>"
        );
        let asker = "a@x".parse().unwrap();
        read(&Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap(), &asker, Seer::default())
    }

    #[test]
    fn a_form_is_read_with_its_defaults() {
        let request = parse(&[("q", "tea"), ("sinname", "false"), ("later", "x")]).unwrap();
        let RoomSearch { text, in_address, in_title, in_description, .. } = request.search;
        assert_eq!((&*text, in_address, in_title, in_description), ("tea", true, false, true));
        assert_eq!((request.key, request.users_min, request.wants_rooms), (SortKey::Address, 0, true));
        assert_eq!(request.page.max, Some(PAGE));
        let by_users = parse(&[("all", "1"), ("key", BY_USERS), ("min_users", "2")]).unwrap();
        assert_eq!((by_users.key, by_users.users_min), (SortKey::Users, 2));
        let own = parse(&[("all", "1"), ("x-perch_listed", "1")]).unwrap().search;
        assert_eq!((own.member.as_ref().map(BareJid::as_str), own.manager), (Some("a@x"), None));
        let managed = parse(&[("all", "1"), ("x-perch_managed", "true")]).unwrap().search;
        assert_eq!((managed.member, managed.manager.as_ref().map(BareJid::as_str)), (None, Some("a@x")));
        assert!(!parse(&[("q", "tea"), ("types", "xep-0369")]).unwrap().wants_rooms);
    }

    #[test]
    fn what_cannot_be_searched_is_refused_by_its_reason() {
        let check = |fields: &[(&str, &str)], expected: &str| match parse(fields) {
            Err(Fault::Own(_, own, _)) => assert_eq!(own, expected, "{fields:?}"),
            other => panic!("{fields:?}: {other:?}"),
        };
        check(&[], "no-search-conditions");
        check(&[("q", " ")], "no-search-conditions");
        check(&[("q", "tea"), ("all", "true")], "conflicting-fields");
        check(&[("q", "…")], "invalid-search-terms");
        check(&[("q", "tea"), ("key", "age")], "invalid-sort-key");
        assert_eq!(
            parse(&[("q", "tea"), ("min_users", "many")]),
            Err(Fault::Condition(StanzaCondition::BadRequest))
        );
    }
}
