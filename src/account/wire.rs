//! The XML that an account adds or makes itself. Everything else passes through it as it came.

use bytes::{BufMut, BytesMut};
use perch_address::{BareJid, Jid};
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};

use crate::account::roster::RosterPush;
use crate::account::session::Capabilities;
use crate::account::state::Notice;
use crate::chat::account::contact::Contact;
use crate::chat::account::node::{Item, Node};
use crate::chat::account::packet::{IqKind, MessageKind, Packet, PacketKind};
use crate::chat::id::{MessageId, Seq, Timestamp};
use crate::chat::message::Payload;

/// XEP-0359 §4.
pub(super) fn with_stanza_id(payload: &Payload, by: &BareJid, id: MessageId) -> Payload {
    let element = Element::new("stanza-id", namespace::STABLE_ID)
        .with_attribute("by", by.as_str())
        .with_attribute("id", id.to_string());
    with(payload, &element)
}

/// XEP-0203 §4.
pub(super) fn with_delay(payload: &Payload, by: &BareJid, at: Timestamp) -> Payload {
    with(payload, &delay(Some(by), at))
}

pub(crate) fn delay(by: Option<&BareJid>, at: Timestamp) -> Element {
    Element::new("delay", namespace::DELAY)
        .with_optional("from", by.map(BareJid::as_str))
        .with_attribute("stamp", datetime::format(at.0))
}

/// The photo's hash behind a presence that does not tell one yet (XEP-0398 §5).
pub(super) fn with_photo(payload: &Payload, photo: Option<&str>) -> Payload {
    match photo {
        Some(photo) => with(payload, &photo_update(photo)),
        None => payload.clone(),
    }
}

/// Another hash in place of the one that was put in; `None` where the client wants none told.
pub(super) fn replace_photo(payload: &Payload, photo: Option<&str>) -> Option<Payload> {
    let stanza = read(payload);
    if let Some(update) = stanza.child("x", namespace::VCARD_UPDATE)
        && update.element().child_text("photo", namespace::VCARD_UPDATE).is_some_and(|hash| hash.is_empty())
    {
        return None;
    }
    let bare = stanza.payload_without(|child| child.is("x", namespace::VCARD_UPDATE));
    Some(with_photo(&Payload(bare), photo))
}

/// Whether a presence may say something about a photo; cheaper than reading it.
pub(super) fn speaks_of_photo(payload: &Payload) -> bool {
    memchr::memmem::find(&payload.0, namespace::VCARD_UPDATE.as_bytes()).is_some()
}

/// The text of a presence's `<status/>`.
pub(super) fn status(payload: &Payload) -> Box<str> {
    if payload.0.is_empty() {
        return "".into();
    }
    read(payload).child("status", namespace::CLIENT).map(|status| status.text()).unwrap_or_default().into()
}

/// A copy of a message for another session (XEP-0280 §7, §8).
pub(super) fn carbon(direction: &'static str, packet: &Packet) -> Notice {
    let forwarded = Element::new("forwarded", namespace::FORWARD).with_child(element(packet));
    let copy = Element::new(direction, namespace::CARBONS).with_child(forwarded);
    Notice { kind: packet.kind, from: None, id: None, payload: payload(&copy) }
}

/// RFC 6121 §2.1.6: one item, and the version that the session has with it.
pub(super) fn roster_push(push: &RosterPush) -> Notice {
    iq_set(roster_push_id(push), &roster_push_query(push))
}

/// The same as an element, for the session that asked what changed (RFC 6121 §2.6.3).
pub(crate) fn roster_push_element(push: &RosterPush) -> Element {
    Element::new("iq", namespace::CLIENT)
        .with_attribute("type", "set")
        .with_attribute("id", roster_push_id(push))
        .with_child(roster_push_query(push))
}

fn roster_push_id(push: &RosterPush) -> String {
    format!("roster-{}", push.version)
}

fn roster_push_query(push: &RosterPush) -> Element {
    let item = match &push.item {
        Ok(contact) => roster_item(contact),
        Err(jid) => Element::new("item", namespace::ROSTER)
            .with_attribute("jid", jid.as_str())
            .with_attribute("subscription", "remove"),
    };
    Element::new("query", namespace::ROSTER).with_attribute("ver", push.version.to_string()).with_child(item)
}

/// RFC 6121 §2.1.2.
pub(crate) fn roster_item(contact: &Contact) -> Element {
    let subscription = contact.subscription;
    let groups = contact.groups.iter().map(|group| Element::new("group", namespace::ROSTER).with_text(group));
    Element::new("item", namespace::ROSTER)
        .with_attribute("jid", contact.jid.as_str())
        .with_optional("name", contact.name.as_deref())
        .with_attribute("subscription", subscription.as_str())
        .with_optional("ask", subscription.is_asking.then_some("subscribe"))
        .with_optional("approved", subscription.is_approved.then_some("true"))
        .with_children(groups)
}

/// XEP-0191 §3.3, §3.4; nobody named means everybody.
pub(super) fn block_push(name: &'static str, jids: &[Jid], seq: Seq) -> Notice {
    iq_set(format!("{name}-{}", seq.0), &block_items(name, jids))
}

pub(crate) fn block_items(name: &'static str, jids: &[Jid]) -> Element {
    let item = |jid: &Jid| Element::new("item", namespace::BLOCKING).with_attribute("jid", jid.as_str());
    Element::new(name, namespace::BLOCKING).with_children(jids.iter().map(item))
}

/// What a client that announces capabilities is asked (XEP-0115 §6.2). The id leads the answer back.
pub(super) fn capabilities_query(capabilities: &Capabilities) -> Notice {
    let query = Element::new("query", namespace::DISCO_INFO)
        .with_attribute("node", format!("{}#{}", capabilities.node, capabilities.version));
    Notice {
        kind: PacketKind::Iq(IqKind::Get),
        from: None,
        id: Some(CAPABILITIES_QUERY.into()),
        payload: payload(&query),
    }
}

/// The id of that query: a session has one of them at a time that matters.
pub(crate) const CAPABILITIES_QUERY: &str = "capabilities";

/// An event that tells one item again (XEP-0060 §6.1.7, XEP-0163 §4.3.4).
pub(super) fn item_event(owner: &BareJid, node: &Node, item: &Item) -> Notice {
    let items = items_element(node, [item_element(item, node.settings.deliver_payloads)]);
    let event = Element::new("event", namespace::PUBSUB_EVENT).with_child(items);
    let content = with(&payload(&event), &delay(Some(owner), item.at));
    Notice {
        kind: PacketKind::Message(MessageKind::Headline),
        from: Some(owner.clone().into()),
        id: None,
        payload: content,
    }
}

pub(super) fn items_element(node: &Node, items: impl IntoIterator<Item = Element>) -> Element {
    Element::new("items", namespace::PUBSUB_EVENT).with_attribute("node", &*node.name).with_children(items)
}

pub(super) fn item_element(item: &Item, has_payload: bool) -> Element {
    let element = Element::new("item", namespace::PUBSUB_EVENT).with_attribute("id", &*item.id);
    let child = has_payload.then(|| Element::parse(&item.payload.0, namespace::CLIENT).ok()).flatten();
    element.with_children(child)
}

/// A packet as an element of its own, as it is forwarded.
pub(crate) fn element(packet: &Packet) -> Element {
    Element::new(packet.kind.name(), namespace::CLIENT)
        .with_attribute("from", packet.from.as_str())
        .with_attribute("to", packet.to.as_str())
        .with_optional("id", packet.id.as_deref())
        .with_optional("type", packet.kind.type_attribute())
        .with_optional("xml:lang", packet.lang.as_deref())
        .with_raw(packet.payload.0.clone())
}

pub(crate) fn payload(element: &Element) -> Payload {
    Payload(element.to_bytes(namespace::CLIENT))
}

fn iq_set(id: String, child: &Element) -> Notice {
    Notice { kind: PacketKind::Iq(IqKind::Set), from: None, id: Some(id.into()), payload: payload(child) }
}

fn photo_update(photo: &str) -> Element {
    let photo = Element::new("photo", namespace::VCARD_UPDATE).with_text(photo);
    Element::new("x", namespace::VCARD_UPDATE).with_child(photo)
}

fn with(payload: &Payload, element: &Element) -> Payload {
    let added = element.to_bytes(namespace::CLIENT);
    let mut bytes = BytesMut::with_capacity(payload.0.len() + added.len());
    bytes.put_slice(&payload.0);
    bytes.put_slice(&added);
    Payload(bytes.freeze())
}

/// What an account holds passed the gate when it came in.
fn read(payload: &Payload) -> Stanza {
    Stanza::from_payload(Kind::Presence, payload.0.clone()).expect("what passed the gate passes again")
}
