//! Archived messages as results (XEP-0313 §4.2), and what stands in place of a retracted one (XEP-0424 §5, XEP-0425 §5).

use perch_address::BareJid;
use perch_xmpp::xml::Element;
use perch_xmpp::xml::write::escape_attribute;
use perch_xmpp::{datetime, namespace};

use crate::fanout::audience::Moderation;
use crate::fanout::frame::Frame;
use crate::fanout::render::xmpp::message::retract;
use crate::store::archive::{ArchivedKind, ArchivedMessage, Tombstone};

/// One result of a room's archive. Real addresses are shown to who may see them (§7.1.2).
pub(super) fn room_result(
    room: &BareJid,
    message: &ArchivedMessage,
    query_id: Option<&str>,
    sees_addresses: bool,
) -> Frame {
    let mut out = Vec::with_capacity(message.content.payload.0.len() + 640);
    out.extend_from_slice(b"<message");
    attribute("from", room.as_str(), &mut out);
    out.extend_from_slice(b"><result xmlns='urn:xmpp:mam:2'");
    if let Some(query_id) = query_id {
        attribute("queryid", query_id, &mut out);
    }
    attribute("id", &message.id.to_string(), &mut out);
    out.extend_from_slice(b"><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'");
    attribute("stamp", &datetime::format(message.at.0), &mut out);
    out.extend_from_slice(b"/><message xmlns='jabber:client'");
    let is_of_room = matches!(message.kind, ArchivedKind::Retraction { is_moderation: true, .. });
    let author = &message.author;
    out.extend_from_slice(b" from='");
    escape_attribute(room.as_str(), &mut out);
    if !is_of_room {
        out.push(b'/');
        escape_attribute(&author.nick, &mut out);
    }
    out.push(b'\'');
    attribute("type", "groupchat", &mut out);
    if let Some(id) = &message.content.id {
        attribute("id", id, &mut out);
    }
    if let Some(lang) = &message.content.lang {
        attribute("xml:lang", lang, &mut out);
    }
    out.push(b'>');
    out.extend_from_slice(&message.content.payload.0);
    if let ArchivedKind::Retraction { target, is_moderation: true, reason } = &message.kind {
        let moderation = Moderation { target: *target, reason: reason.clone() };
        retract(room.as_str(), &moderation, author, &mut out);
    }
    if let Some(tombstone) = &message.tombstone {
        retracted(room, tombstone).write(namespace::CLIENT, &mut out);
    }
    if !is_of_room {
        if sees_addresses {
            out.extend_from_slice(b"<x xmlns='http://jabber.org/protocol/muc#user'><item");
            attribute("jid", author.jid.as_str(), &mut out);
            out.extend_from_slice(b"/></x>");
        }
        out.extend_from_slice(b"<occupant-id xmlns='urn:xmpp:occupant-id:0'");
        attribute("id", &author.occupant_id, &mut out);
        out.extend_from_slice(b"/>");
    }
    out.extend_from_slice(b"</message></forwarded></result></message>");
    Frame::new(out)
}

/// The tombstone: that something was said here, who took it away, and why.
fn retracted(room: &BareJid, tombstone: &Tombstone) -> Element {
    let retracted = Element::new("retracted", namespace::RETRACT)
        .with_attribute("id", tombstone.by.to_string())
        .with_attribute("stamp", datetime::format(tombstone.at.0));
    if !tombstone.is_moderation {
        return retracted;
    }
    let by = match tombstone.author.nick.is_empty() {
        true => room.to_string(),
        false => format!("{room}/{}", tombstone.author.nick),
    };
    let moderated = Element::new("moderated", namespace::MODERATE).with_attribute("by", by).with_child(
        Element::new("occupant-id", namespace::OCCUPANT_ID)
            .with_attribute("id", &*tombstone.author.occupant_id),
    );
    let reason = (!tombstone.reason.is_empty())
        .then(|| Element::new("reason", namespace::RETRACT).with_text(&tombstone.reason));
    retracted.with_child(moderated).with_children(reason)
}

fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attribute(value, out);
    out.push(b'\'');
}
