//! What the server and its accounts say they are and can do (XEP-0030, XEP-0115).

use perch_address::{BareJid, Jid};
use perch_xmpp::extension::form::{Field, Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::account::capability;
use crate::chat::account::node::{Item, Node};

/// The server, as everybody may see it.
pub(super) fn server_info() -> Element {
    info([identity("server", "im", Some("perch"))], SERVER_FEATURES)
}

/// What a stream announces of the server (XEP-0115 §6.3), so that clients need not ask.
pub fn capabilities_feature() -> Element {
    Element::new("c", namespace::CAPS)
        .with_attribute("hash", "sha-1")
        .with_attribute("node", CAPABILITIES_NODE)
        .with_attribute("ver", server_capabilities())
}

fn server_capabilities() -> String {
    let version = capability::verification(&server_info(), "sha-1");
    version.expect("the server's own description is well-formed")
}

/// Whether a node of the server is the one that stands for what it announced.
pub(super) fn is_capabilities_node(node: &str) -> bool {
    node.split_once('#')
        .is_some_and(|(node, hash)| node == CAPABILITIES_NODE && hash == server_capabilities())
}

pub(super) fn server_items(rooms_domain: &str) -> Element {
    let rooms = Element::new("item", namespace::DISCO_ITEMS)
        .with_attribute("jid", rooms_domain)
        .with_attribute("name", "Rooms");
    Element::new("query", namespace::DISCO_ITEMS).with_child(rooms)
}

/// An account, to itself and to who receives its presence (XEP-0163 §6.1).
pub(super) fn account_info() -> Element {
    let pubsub = PUBSUB_FEATURES.iter().map(|name| feature(&format!("{}#{name}", namespace::PUBSUB)));
    info([identity("account", "registered", None), identity("pubsub", "pep", None)], ACCOUNT_FEATURES)
        .with_children(pubsub)
}

/// The nodes that the asker may read.
pub(super) fn account_items<'a>(owner: &BareJid, nodes: impl Iterator<Item = &'a Node>) -> Element {
    let item = |node: &Node| {
        Element::new("item", namespace::DISCO_ITEMS)
            .with_attribute("jid", owner.as_str())
            .with_attribute("node", &*node.name)
            .with_optional("name", Some(node.settings.title.as_str()).filter(|title| !title.is_empty()))
    };
    Element::new("query", namespace::DISCO_ITEMS).with_children(nodes.map(item))
}

/// XEP-0060 §5.3, §5.4.
pub(super) fn node_info(node: &Node) -> Element {
    let settings = &node.settings;
    let form = Form::new(FormKind::Result, &format!("{}#meta-data", namespace::PUBSUB))
        .with_field(Field::reported("pubsub#title", &settings.title))
        .with_field(Field::reported("pubsub#description", &settings.description))
        .with_field(Field::reported("pubsub#type", &settings.payload_type))
        .with_field(Field::reported("pubsub#access_model", settings.access.as_str()));
    info([identity("pubsub", "leaf", None)], &[namespace::PUBSUB, namespace::DISCO_INFO])
        .with_attribute("node", &*node.name)
        .with_child(form.to_element())
}

/// XEP-0060 §5.5.
pub(super) fn node_items(owner: &BareJid, node: &Node, items: &[Item]) -> Element {
    let item = |item: &Item| {
        Element::new("item", namespace::DISCO_ITEMS)
            .with_attribute("jid", owner.as_str())
            .with_attribute("name", &*item.id)
    };
    Element::new("query", namespace::DISCO_ITEMS)
        .with_attribute("node", &*node.name)
        .with_children(items.iter().map(item))
}

/// Nothing, which is also what a stranger sees of everybody (XEP-0030 §8).
pub(super) fn no_items() -> Element {
    Element::new("query", namespace::DISCO_ITEMS)
}

/// A software version (XEP-0092). The operating system is nobody's business.
pub(super) fn version() -> Element {
    let text = |name: &str, text: &str| Element::new(name, namespace::VERSION).with_text(text);
    Element::new("query", namespace::VERSION)
        .with_child(text("name", "perch"))
        .with_child(text("version", env!("CARGO_PKG_VERSION")))
}

/// XEP-0012: seconds since then, with what was said last.
pub(super) fn last_activity(seconds: i64, status: &str) -> Element {
    Element::new("query", namespace::LAST_ACTIVITY)
        .with_attribute("seconds", seconds.max(0).to_string())
        .with_text(status)
}

/// The jid that a request names, or the asker's own.
pub(super) fn named_jid(element: &Element, own: &Jid) -> Option<Jid> {
    match element.attribute("jid") {
        Some(jid) => Jid::new(jid).ok(),
        None => Some(own.clone()),
    }
}

fn info(identities: impl IntoIterator<Item = Element>, features: &[&str]) -> Element {
    Element::new("query", namespace::DISCO_INFO)
        .with_children(identities)
        .with_children(features.iter().map(|name| feature(name)))
}

fn identity(category: &str, kind: &str, name: Option<&str>) -> Element {
    Element::new("identity", namespace::DISCO_INFO)
        .with_attribute("category", category)
        .with_attribute("type", kind)
        .with_optional("name", name)
}

fn feature(name: &str) -> Element {
    Element::new("feature", namespace::DISCO_INFO).with_attribute("var", name)
}

const CAPABILITIES_NODE: &str = "urn:perch:server";

const SERVER_FEATURES: &[&str] = &[
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::BLOCKING,
    namespace::CARBONS,
    namespace::COMMANDS,
    "urn:xmpp:carbons:rules:0",
    namespace::LAST_ACTIVITY,
    namespace::PING,
    namespace::PRIVATE_STORAGE,
    namespace::TIME,
    namespace::VCARD,
    namespace::VERSION,
    // XEP-0160 §4: messages wait for who is away.
    "msgoffline",
];

const ACCOUNT_FEATURES: &[&str] = &[
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::ARCHIVE,
    namespace::ARCHIVE_EXTENDED,
    namespace::FULLTEXT,
    namespace::BLOCKING,
    namespace::BOOKMARKS_COMPAT,
    namespace::BOOKMARKS_COMPAT_PEP,
    namespace::CARBONS,
    namespace::PEP_CONVERSION,
    namespace::PRIVATE_STORAGE,
    namespace::PUBSUB,
    namespace::STABLE_ID,
    namespace::VCARD,
];

/// XEP-0060 §10, XEP-0163 §6.
const PUBSUB_FEATURES: &[&str] = &[
    "access-authorize",
    "access-open",
    "access-presence",
    "access-roster",
    "access-whitelist",
    "auto-create",
    "auto-subscribe",
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "filtered-notifications",
    "item-ids",
    "last-published",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-items",
    "outcast-affiliation",
    "persistent-items",
    "presence-notifications",
    "presence-subscribe",
    "publish",
    "publish-only-affiliation",
    "publish-options",
    "publisher-affiliation",
    "purge-nodes",
    "retract-items",
    "retrieve-affiliations",
    "retrieve-default",
    "retrieve-items",
    "retrieve-subscriptions",
    "subscribe",
];
