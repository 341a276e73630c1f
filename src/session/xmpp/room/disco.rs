//! What rooms and their service say of themselves (XEP-0045 §6, §7.12, with XEP-0030 and XEP-0128).

use perch_address::BareJid;
use perch_xmpp::extension::form::{Field, FieldKind, Form, FormKind};
use perch_xmpp::extension::paging::Page;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use crate::chat::answer::Overview;
use crate::chat::settings::{Settings, Whois};

/// What a disco#info to a room is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Room,
    /// The nick reserved for the asker (§7.12).
    ReservedNick,
}

/// A room in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    pub jid: BareJid,
    /// Its name for people; empty if it has none.
    pub name: Box<str>,
}

/// What is asked for, by the query's node.
pub fn topic(query: &Element) -> Result<Topic, StanzaCondition> {
    match query.attribute("node") {
        None | Some("") => Ok(Topic::Room),
        Some(RESERVED_NICK) => Ok(Topic::ReservedNick),
        // §17.1.1: a service that lets every namespace pass says so in this way.
        Some(TRAFFIC) => Err(StanzaCondition::ServiceUnavailable),
        Some(_) => Err(StanzaCondition::ItemNotFound),
    }
}

pub fn room_info(room: &BareJid, overview: &Overview) -> Element {
    let settings = &*overview.settings;
    let name = Some(settings.name.as_str()).filter(|name| !name.is_empty()).unwrap_or(&overview.name);
    Element::new("query", namespace::DISCO_INFO)
        .with_child(identity(name))
        .with_children(ROOM_FEATURES.iter().map(|var| feature(var)))
        .with_children((!settings.members_only).then(|| feature(namespace::REGISTER)))
        .with_children(room_type(settings).iter().map(|var| feature(var)))
        .with_child(room_form(room.domain(), overview).to_element())
}

/// §7.12: the nick as the name of an identity, or nothing.
pub fn reserved_nick(overview: &Overview) -> Element {
    Element::new("query", namespace::DISCO_INFO)
        .with_attribute("node", RESERVED_NICK)
        .with_children(overview.reserved_nick.as_deref().map(identity))
}

/// §6.5: the occupants, to occupants.
pub fn room_items(room: &BareJid, overview: &Overview) -> Element {
    let nicks = overview.nicks.iter().flatten();
    let item = |nick: &str| {
        Element::new("item", namespace::DISCO_ITEMS).with_attribute("jid", format!("{room}/{nick}"))
    };
    Element::new("query", namespace::DISCO_ITEMS).with_children(nicks.map(|nick| item(nick)))
}

/// `management_url`: where people make and manage rooms, where it is not in their clients.
pub fn service_info(name: &str, management_url: Option<&str>) -> Element {
    let form = |url| {
        let field = Field::text(MANAGEMENT_URL, MANAGEMENT_LABEL, url);
        Form::new(FormKind::Result, SERVER_INFO).with_field(field).to_element()
    };
    Element::new("query", namespace::DISCO_INFO)
        .with_child(identity(name))
        .with_children(SERVICE_FEATURES.iter().map(|var| feature(var)))
        .with_children(management_url.map(form))
}

/// §6.3: the public rooms, in pages where one was asked for.
pub fn service_items(rooms: &[ListedRoom], page: Option<&Page>) -> Element {
    let item = |room: &ListedRoom| {
        Element::new("item", namespace::DISCO_ITEMS)
            .with_attribute("jid", room.jid.as_str())
            .with_optional("name", Some(&*room.name).filter(|name| !name.is_empty()))
    };
    Element::new("query", namespace::DISCO_ITEMS)
        .with_children(rooms.iter().map(item))
        .with_children(page.map(Page::to_element))
}

fn identity(name: &str) -> Element {
    Element::new("identity", namespace::DISCO_INFO)
        .with_attribute("category", "conference")
        .with_attribute("name", name)
        .with_attribute("type", "text")
}

fn feature(var: &str) -> Element {
    Element::new("feature", namespace::DISCO_INFO).with_attribute("var", var)
}

/// Each of the six questions about a room has two answers (§15.3 of the registry of features).
fn room_type(settings: &Settings) -> [&'static str; 6] {
    let either = |is: bool, one, other| if is { one } else { other };
    [
        either(settings.password.is_some(), "muc_passwordprotected", "muc_unsecured"),
        either(settings.public, "muc_public", "muc_hidden"),
        either(settings.persistent, "muc_persistent", "muc_temporary"),
        either(settings.members_only, "muc_membersonly", "muc_open"),
        either(settings.moderated || settings.is_auditorium(), "muc_moderated", "muc_unmoderated"),
        either(settings.whois == Whois::Anyone, "muc_nonanonymous", "muc_semianonymous"),
    ]
}

/// `domain`: of the rooms.
fn room_form(domain: &str, overview: &Overview) -> Form {
    let settings = &*overview.settings;
    let labelled = |kind, var, label| Field::new(kind, var, label);
    let count = overview.occupant_count.to_string();
    let history_max = settings.history_max.to_string();
    let text = |var, label, value: &str| labelled(FieldKind::TextSingle, var, label).with_value(value);
    let optional = |var, label, value: &str| (!value.is_empty()).then(|| text(var, label, value));
    let contacts = labelled(FieldKind::JidMulti, "muc#roominfo_contactjid", "Contact addresses");
    let flag = Field::boolean;
    let fields = [
        Some(text("muc#roomconfig_roomname", "Name of the room", &settings.name)),
        Some(text("muc#roominfo_description", "Description", &settings.description)),
        optional("muc#roominfo_lang", "Language of the conversation", &settings.lang),
        optional("muc#roominfo_subject", "Current subject", overview.subject.as_deref().unwrap_or_default()),
        Some(flag(
            "muc#roominfo_subjectmod",
            "May participants change the subject?",
            settings.subject_by_participants,
        )),
        Some(flag(
            "muc#roomconfig_changesubject",
            "May participants change the subject?",
            settings.subject_by_participants,
        )),
        Some(flag(
            "muc#roomconfig_allowinvites",
            "May occupants who are not admins invite?",
            settings.invitations,
        )),
        Some(text("muc#roominfo_occupants", "Number of occupants", &count)),
        Some(text("muc#maxhistoryfetch", "Messages shown at most to who joins", &history_max)),
        Some(text("x-perch_guid", "What the room is called for good", &overview.guid.to_string())),
        Some(text("x-perch_uri", "The room in the scheme of Persistent Chat", &overview.guid.uri(domain))),
        optional(MANAGEMENT_URL, MANAGEMENT_LABEL, overview.management_url.as_deref().unwrap_or_default()),
        optional("x-perch_category", "Category", overview.category.as_deref().unwrap_or_default()),
        settings.is_auditorium().then(|| text("x-perch_type", "What the room is for", "auditorium")),
        (!settings.contacts.is_empty()).then(|| contacts.with_values(&settings.contacts)),
    ];
    let form = Form::new(FormKind::Result, namespace::MUC_ROOM_INFO);
    fields.into_iter().flatten().fold(form, Form::with_field)
}

/// What every room can do.
const ROOM_FEATURES: [&str; 18] = [
    namespace::COMMANDS,
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::MUC,
    namespace::MUC_STABLE_ID,
    namespace::MUC_SELF_PING_OPTIMIZATION,
    namespace::MUC_REQUEST,
    namespace::AFFILIATION_VERSIONING,
    namespace::OCCUPANT_ID,
    namespace::STABLE_ID,
    namespace::ARCHIVE,
    namespace::ARCHIVE_EXTENDED,
    namespace::FULLTEXT,
    namespace::RETRACT,
    "urn:xmpp:message-retract:1#tombstone",
    namespace::MODERATE,
    namespace::MODERATE_FASTENED,
    namespace::PING,
];

const SERVICE_FEATURES: [&str; 10] = [
    namespace::ACTIVITY_INDICATORS,
    namespace::COMMANDS,
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::MUC,
    namespace::MUC_STABLE_ID,
    namespace::OCCUPANT_ID,
    namespace::RSM,
    namespace::CHANNEL_SEARCH,
    namespace::PING,
];

/// The field with the address of the pages where people make and manage rooms, and what it is called.
pub(super) const MANAGEMENT_URL: &str = "x-perch_room_management_url";
pub(super) const MANAGEMENT_LABEL: &str = "Where rooms are managed";

/// The form in which a service says more of itself (XEP-0157).
const SERVER_INFO: &str = "http://jabber.org/network/serverinfo";

/// Well-known nodes (§7.12, §17.1.1).
const RESERVED_NICK: &str = "x-roomuser-item";
const TRAFFIC: &str = "http://jabber.org/protocol/muc#traffic";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::affiliation::Affiliation;
    use crate::chat::id::RoomGuid;

    fn overview(settings: Settings) -> Overview {
        Overview {
            name: "tea".into(),
            guid: RoomGuid(1),
            management_url: Some("https://rooms.example/".into()),
            settings: Arc::new(settings),
            category: None,
            occupant_count: 3,
            subject: Some("Spells".into()),
            nicks: None,
            affiliation: Affiliation::None,
            nick: None,
            reserved_nick: None,
        }
    }

    fn told(settings: Settings) -> Element {
        room_info(&"tea@rooms.x".parse().unwrap(), &overview(settings))
    }

    fn features(info: &Element) -> Vec<&str> {
        let features = info.children().filter(|child| child.is("feature", namespace::DISCO_INFO));
        features.filter_map(|feature| feature.attribute("var")).collect()
    }

    #[test]
    fn the_node_says_what_is_asked() {
        let check = |node: Option<&str>, expected| {
            let query = Element::new("query", namespace::DISCO_INFO).with_optional("node", node);
            assert_eq!(topic(&query), expected, "{node:?}");
        };
        check(None, Ok(Topic::Room));
        check(Some(""), Ok(Topic::Room));
        check(Some("x-roomuser-item"), Ok(Topic::ReservedNick));
        check(Some("http://jabber.org/protocol/muc#traffic"), Err(StanzaCondition::ServiceUnavailable));
        check(Some("elsewhere"), Err(StanzaCondition::ItemNotFound));
    }

    #[test]
    fn the_type_of_a_room_shows_in_its_features() {
        let plain = Settings::default;
        let check = |settings: Settings, expected: &str| {
            let info = told(settings);
            let types: Vec<_> = features(&info).into_iter().filter(|var| var.starts_with("muc_")).collect();
            let expected: Vec<_> = expected.split_whitespace().map(|word| format!("muc_{word}")).collect();
            assert_eq!(types, expected);
        };
        check(plain(), "unsecured public persistent open unmoderated semianonymous");
        check(
            Settings {
                password: Some("p".into()),
                public: false,
                persistent: false,
                members_only: true,
                moderated: true,
                whois: Whois::Anyone,
                ..plain()
            },
            "passwordprotected hidden temporary membersonly moderated nonanonymous",
        );
    }

    #[test]
    fn registration_is_offered_where_it_is_open() {
        let check = |members_only, expected| {
            let info = told(Settings { members_only, ..Settings::default() });
            assert_eq!(features(&info).contains(&namespace::REGISTER), expected);
        };
        check(false, true);
        check(true, false);
    }

    #[test]
    fn the_name_is_the_configured_one_or_that_of_the_address() {
        let check = |name: &str, expected: &str| {
            let info = told(Settings { name: name.into(), ..Settings::default() });
            let identity = info.child("identity", namespace::DISCO_INFO).unwrap();
            assert_eq!(identity.attribute("name"), Some(expected));
        };
        check("A Dark Cave", "A Dark Cave");
        check("", "tea");
    }

    #[test]
    fn the_form_tells_more() {
        let settings = Settings {
            description: "The place for all good witches!".into(),
            contacts: vec!["crone1@x".into()],
            ..Settings::default()
        };
        let info = told(settings);
        let form = Form::read(info.child("x", namespace::DATA_FORM).unwrap()).unwrap();
        let check = |var: &str, expected: Option<&str>| assert_eq!(form.value(var), expected, "{var}");
        assert_eq!((form.kind, form.form_type()), (FormKind::Result, Some(namespace::MUC_ROOM_INFO)));
        check("muc#roominfo_description", Some("The place for all good witches!"));
        check("muc#roominfo_subject", Some("Spells"));
        check("muc#roominfo_occupants", Some("3"));
        check("muc#roominfo_contactjid", Some("crone1@x"));
        check("muc#roominfo_subjectmod", Some("0"));
        check("muc#roominfo_lang", None);
        check("muc#maxhistoryfetch", Some("50"));
        check("x-perch_guid", Some("00000000-0000-0000-0000-000000000001"));
        check("x-perch_uri", Some("ma-chan://rooms.x/00000000-0000-0000-0000-000000000001"));
        check("x-perch_room_management_url", Some("https://rooms.example/"));
    }

    #[test]
    fn lists_are_told_item_by_item() {
        let check = |element: Element, expected: &str| {
            let bytes = element.to_bytes(element.namespace());
            assert_eq!(str::from_utf8(&bytes).unwrap(), expected);
        };
        let room: BareJid = "tea@rooms.x".parse().unwrap();
        let seen_from_outside = overview(Settings::default());
        check(room_items(&room, &seen_from_outside), "<query/>");
        let nicks = Some(vec!["a".into(), "b & c".into()]);
        let inside = Overview { nicks, reserved_nick: Some("Hecate".into()), ..seen_from_outside.clone() };
        check(
            room_items(&room, &inside),
            "<query><item jid='tea@rooms.x/a'/><item jid='tea@rooms.x/b &amp; c'/></query>",
        );
        check(
            reserved_nick(&inside),
            "<query node='x-roomuser-item'><identity category='conference' name='Hecate' type='text'/></query>",
        );
        check(reserved_nick(&seen_from_outside), "<query node='x-roomuser-item'/>");
        let rooms = [ListedRoom { jid: room, name: "Tea".into() }];
        check(service_items(&rooms, None), "<query><item jid='tea@rooms.x' name='Tea'/></query>");
        let page = Page { count: Some(7), ..Page::default() };
        check(
            service_items(&[], Some(&page)),
            "<query><set xmlns='http://jabber.org/protocol/rsm'><count>7</count></set></query>",
        );
    }

    #[test]
    fn the_service_is_a_conference_service() {
        let info = service_info("Rooms", None);
        assert!(info.child("x", namespace::DATA_FORM).is_none());
        assert!(features(&info).contains(&namespace::MUC));
        let identity = info.child("identity", namespace::DISCO_INFO).unwrap();
        assert_eq!(identity.attribute("category"), Some("conference"));
        let info = service_info("Rooms", Some("https://rooms.example/"));
        let form = Form::read(info.child("x", namespace::DATA_FORM).unwrap()).unwrap();
        assert_eq!(form.value("x-perch_room_management_url"), Some("https://rooms.example/"));
    }
}
