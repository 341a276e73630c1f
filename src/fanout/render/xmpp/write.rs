//! The few shapes that every rendered stanza is made of. Values are escaped here and nowhere else.

use perch_xmpp::namespace;
use perch_xmpp::xml::write::{escape_attribute, escape_text};

/// ` name='value'`
pub(super) fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attribute(value, out);
    out.push(b'\'');
}

/// ` from='room/nick'`, or the room itself.
pub(super) fn from(room: &str, nick: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b" from='");
    escape_attribute(room, out);
    if let Some(nick) = nick {
        out.push(b'/');
        escape_attribute(nick, out);
    }
    out.push(b'\'');
}

/// `<name>text</name>`, or nothing for an empty text.
pub(super) fn text_element(name: &str, text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    escape_text(text, out);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Of somebody of whom it is not known, there is none.
pub(super) fn occupant_id(id: &str, out: &mut Vec<u8>) {
    if id.is_empty() {
        return;
    }
    out.extend_from_slice(b"<occupant-id xmlns='");
    out.extend_from_slice(namespace::OCCUPANT_ID.as_bytes());
    out.push(b'\'');
    attribute("id", id, out);
    out.extend_from_slice(b"/>");
}

pub(super) fn status(code: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("<status code='{code}'/>").as_bytes());
}

pub(super) fn open_muc_user(out: &mut Vec<u8>) {
    out.extend_from_slice(b"<x xmlns='http://jabber.org/protocol/muc#user'>");
}

pub(super) const CLOSE_X: &[u8] = b"</x>";
