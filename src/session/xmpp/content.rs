//! A client's message stanza as content: what of it is passed on, and how long it is to be kept.

use perch_xmpp::namespace;
use perch_xmpp::stanza::{Child, Stanza};

use crate::chat::message::{Content, Payload, Retention};

/// What others would take for the server's own word is taken out (`by` is whose archive ids are meant).
pub fn content(stanza: &Stanza, by: &str) -> Content {
    Content {
        id: stanza.id.as_deref().map(Into::into),
        lang: stanza.lang.as_deref().map(Into::into),
        text: stanza.child("body", namespace::CLIENT).map(|body| body.text().into()),
        payload: Payload(stanza.payload_without(|child| is_forged(child, by))),
        retention: retention(stanza),
    }
}

/// Elements that only a server may add; from a client they are forged (RFC 6120 does not know them, each XEP says so).
fn is_forged(child: &Child<'_>, by: &str) -> bool {
    match (child.name(), child.namespace()) {
        ("stanza-id", namespace::STABLE_ID) => child.element().attribute("by") == Some(by),
        // Who brings an older conversation along says when it was (XEP-0045 §7.9), in nobody's name but people's.
        ("delay", namespace::DELAY) => {
            child.element().attribute("from").is_none_or(|from| from == by || !from.contains('@'))
        }
        ("occupant-id", namespace::OCCUPANT_ID)
        | ("x", namespace::MUC_USER)
        | ("result", namespace::ARCHIVE)
        | ("sent" | "received", namespace::CARBONS) => true,
        _ => false,
    }
}

/// The class of a message: a typing notice never costs a commit, and what has content is never lost.
pub(super) fn retention(stanza: &Stanza) -> Retention {
    let has_hint = |name: &str| stanza.has(name, namespace::HINTS);
    if has_hint("store") {
        return Retention::Kept;
    }
    if stanza.children().all(|child| is_fleeting(&child)) {
        return Retention::Ephemeral;
    }
    if has_hint("no-store") || has_hint("no-permanent-store") {
        return Retention::Transient;
    }
    Retention::Kept
}

/// Children that carry no content of their own: chat states, hints, ids.
fn is_fleeting(child: &Child<'_>) -> bool {
    matches!(
        (child.name(), child.namespace()),
        (_, namespace::CHAT_STATES | namespace::HINTS | namespace::STABLE_ID) | ("thread", namespace::CLIENT)
    )
}
