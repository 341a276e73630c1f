//! The lists of affiliations with their versions (XEP-0463).

use perch_xmpp::namespace;

use super::write::{CLOSE_X, attribute, from, open_muc_user};
use crate::chat::affiliation::Affiliation;
use crate::chat::event::AffiliationSet;
use crate::chat::snapshot::Standing;
use crate::fanout::frame::Frame;

/// From which version to which something leads. No `since`: from nothing.
#[derive(Debug, Clone)]
pub struct Span {
    pub since: Option<String>,
    pub until: String,
}

/// A part of what a joiner asked for, or all of it (§4.2.1).
pub fn part(room: &str, span: &Span, items: &[Standing]) -> Frame {
    message(room, span, |out| {
        for standing in items {
            out.extend_from_slice(b"<item");
            attribute("affiliation", standing.affiliation.as_str(), out);
            attribute("jid", standing.jid.as_str(), out);
            if let Some(nick) = &standing.nick {
                attribute("nick", nick, out);
            }
            out.extend_from_slice(b"/>");
        }
    })
}

/// The change of someone who is not in the room (XEP-0045 §10.3, XEP-0463 §4.2.2).
pub fn change(room: &str, span: &Span, set: &AffiliationSet, shown: Affiliation) -> Frame {
    message(room, span, |out| {
        out.extend_from_slice(b"<item");
        attribute("affiliation", shown.as_str(), out);
        attribute("jid", set.jid.as_str(), out);
        attribute("role", "none", out);
        out.extend_from_slice(b"/>");
    })
}

/// The joiner may see none of the lists (§4.2.3).
pub fn forbidden(room: &str) -> Frame {
    let mut out = b"<message".to_vec();
    from(room, None, &mut out);
    out.extend_from_slice(b" type='error'><error type='auth'");
    attribute("by", room, &mut out);
    out.extend_from_slice(b"><forbidden");
    attribute("xmlns", namespace::STANZA_ERROR, &mut out);
    out.extend_from_slice(b"/></error></message>");
    Frame::new(out)
}

/// `<mav/>`
pub(super) fn span(span: &Span, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<mav");
    attribute("xmlns", namespace::AFFILIATION_VERSIONING, out);
    if let Some(since) = &span.since {
        attribute("since", since, out);
    }
    attribute("until", &span.until, out);
    out.extend_from_slice(b"/>");
}

fn message(room: &str, between: &Span, items: impl FnOnce(&mut Vec<u8>)) -> Frame {
    let mut out = b"<message".to_vec();
    from(room, None, &mut out);
    out.push(b'>');
    open_muc_user(&mut out);
    span(between, &mut out);
    items(&mut out);
    out.extend_from_slice(CLOSE_X);
    out.extend_from_slice(b"</message>");
    Frame::new(out)
}
