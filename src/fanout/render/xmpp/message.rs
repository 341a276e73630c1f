//! Room messages, live and from the past.

use perch_xmpp::{datetime, namespace};

use perch_xmpp::xml::write::escape_attribute;

use super::write::{CLOSE_X, attribute, from, occupant_id, open_muc_user, text_element};
use crate::chat::id::{MessageId, Timestamp};
use crate::chat::message::{Author, Content};
use crate::fanout::audience::Moderation;
use crate::fanout::frame::Frame;

/// A message to all (XEP-0045 §7.4) with its archive id (XEP-0359) and its author's occupant id (XEP-0421).
/// `delayed` marks history (XEP-0203). What is not in the log has no id.
pub fn groupchat(
    room: &str,
    author: &Author,
    content: &Content,
    id: Option<MessageId>,
    delayed: Option<Timestamp>,
) -> Frame {
    let mut out = Vec::with_capacity(content.payload.0.len() + 320);
    out.extend_from_slice(b"<message");
    from(room, Some(&author.nick), &mut out);
    head("groupchat", content, &mut out);
    out.extend_from_slice(&content.payload.0);
    tail(room, Some(author), id, delayed, &mut out);
    Frame::new(out)
}

/// A moderator took a message out, says the room (XEP-0425 §4).
pub fn moderation(
    room: &str,
    moderation: &Moderation,
    by: &Author,
    id: Option<MessageId>,
    delayed: Option<Timestamp>,
) -> Frame {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"<message");
    from(room, None, &mut out);
    out.extend_from_slice(b" type='groupchat'");
    if let Some(id) = id {
        attribute("id", &id.to_string(), &mut out);
    }
    out.push(b'>');
    retract(room, moderation, by, &mut out);
    tail(room, None, id, delayed, &mut out);
    Frame::new(out)
}

/// `<retract/>` with who did it and why, in the form of today and in that of before.
pub fn retract(room: &str, moderation: &Moderation, by: &Author, out: &mut Vec<u8>) {
    let target = moderation.target.to_string();
    out.extend_from_slice(b"<retract");
    attribute("xmlns", namespace::RETRACT, out);
    attribute("id", &target, out);
    out.push(b'>');
    open_moderated(room, by, namespace::MODERATE, out);
    occupant_id(&by.occupant_id, out);
    out.extend_from_slice(b"</moderated>");
    text_element("reason", &moderation.reason, out);
    out.extend_from_slice(b"</retract>");
    // COMPAT: Gajim 1.7 and slixmpp read what XEP-0425 had before its version 0.3.
    out.extend_from_slice(b"<apply-to");
    attribute("xmlns", namespace::FASTEN, out);
    attribute("id", &target, out);
    out.push(b'>');
    open_moderated(room, by, namespace::MODERATE_FASTENED, out);
    out.extend_from_slice(b"<retract");
    attribute("xmlns", namespace::RETRACT_FASTENED, out);
    out.extend_from_slice(b"/>");
    text_element("reason", &moderation.reason, out);
    out.extend_from_slice(b"</moderated></apply-to>");
}

fn open_moderated(room: &str, by: &Author, namespace: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<moderated");
    attribute("xmlns", namespace, out);
    out.extend_from_slice(b" by='");
    escape_attribute(room, out);
    if !by.nick.is_empty() {
        out.push(b'/');
        escape_attribute(&by.nick, out);
    }
    out.extend_from_slice(b"'>");
}

/// A private message through the room (XEP-0045 §7.5).
pub fn whisper(room: &str, author: &Author, content: &Content) -> Frame {
    let mut out = Vec::with_capacity(content.payload.0.len() + 320);
    out.extend_from_slice(b"<message");
    from(room, Some(&author.nick), &mut out);
    head("chat", content, &mut out);
    out.extend_from_slice(&content.payload.0);
    open_muc_user(&mut out);
    out.extend_from_slice(CLOSE_X);
    occupant_id(&author.occupant_id, &mut out);
    out.extend_from_slice(b"</message>");
    Frame::new(out)
}

/// The subject, which every joiner gets last (XEP-0045 §7.2.15); an empty one where none was set.
pub fn no_subject(room: &str) -> Frame {
    let mut out = b"<message".to_vec();
    from(room, None, &mut out);
    out.extend_from_slice(b" type='groupchat'><subject/></message>");
    Frame::new(out)
}

fn head(type_: &str, content: &Content, out: &mut Vec<u8>) {
    attribute("type", type_, out);
    if let Some(id) = &content.id {
        attribute("id", id, out);
    }
    if let Some(lang) = &content.lang {
        attribute("xml:lang", lang, out);
    }
    out.push(b'>');
}

fn tail(
    room: &str,
    author: Option<&Author>,
    id: Option<MessageId>,
    delayed: Option<Timestamp>,
    out: &mut Vec<u8>,
) {
    if let Some(id) = id {
        out.extend_from_slice(b"<stanza-id xmlns='");
        out.extend_from_slice(namespace::STABLE_ID.as_bytes());
        out.push(b'\'');
        attribute("by", room, out);
        attribute("id", &id.to_string(), out);
        out.extend_from_slice(b"/>");
    }
    if let Some(author) = author {
        occupant_id(&author.occupant_id, out);
    }
    if let Some(at) = delayed {
        out.extend_from_slice(b"<delay xmlns='");
        out.extend_from_slice(namespace::DELAY.as_bytes());
        out.push(b'\'');
        from(room, None, out);
        attribute("stamp", &datetime::format(at.0), out);
        out.extend_from_slice(b"/>");
    }
    out.extend_from_slice(b"</message>");
}
