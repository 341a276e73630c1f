//! A client's message stanza as content: what of it is passed on, and how long it is to be kept.

use perch_address::Jid;
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

fn is_forged(child: &Child<'_>, by: &str) -> bool {
    let address = |name: &str| child.element().attribute(name).and_then(|text| Jid::new(text).ok());
    match (child.name(), child.namespace()) {
        ("stanza-id", namespace::STABLE_ID) => address("by").is_none_or(|named| named.bare().as_str() == by),
        // Who brings an older conversation along says when it was (XEP-0045 §7.9), in nobody's name but people's.
        ("delay", namespace::DELAY) => {
            address("from").is_none_or(|named| named.local().is_none() || named.bare().as_str() == by)
        }
        _ => is_servers_word(child),
    }
}

/// Elements that only a server adds. From a client they are forged, and would be believed.
pub(super) fn is_servers_word(child: &Child<'_>) -> bool {
    matches!(
        (child.name(), child.namespace()),
        ("occupant-id", namespace::OCCUPANT_ID)
            | ("x", namespace::MUC_USER)
            | ("result" | "fin", namespace::ARCHIVE)
            | ("event", namespace::PUBSUB_EVENT)
            | ("sent" | "received", namespace::CARBONS)
    )
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use perch_xmpp::stanza::Kind;

    use super::*;

    fn read(payload: &str) -> Content {
        let payload = Bytes::from(payload.to_owned());
        content(&Stanza::from_payload(Kind::Message, payload).unwrap(), "tea@rooms.example")
    }

    #[test]
    fn what_has_content_is_kept_with_or_without_a_body() {
        let check = |payload: &str, expected| assert_eq!(read(payload).retention, expected, "{payload}");
        let of = |name: &str, namespace: &str| format!("<{name} xmlns='{namespace}' id='1'/>");
        check("<body>hi</body>", Retention::Kept);
        check(&format!("<body>hi</body>{}", of("replace", namespace::CORRECTION)), Retention::Kept);
        check(&format!("<body>hi</body>{}", of("reply", namespace::REPLY)), Retention::Kept);
        check(&of("reactions", namespace::REACTIONS), Retention::Kept);
        check(&of("displayed", namespace::MARKERS), Retention::Kept);
        check(&of("composing", namespace::CHAT_STATES), Retention::Ephemeral);
        check("<thread>t</thread>", Retention::Ephemeral);
        check(&format!("<body>hi</body>{}", of("no-store", namespace::HINTS)), Retention::Transient);
        check(&format!("<thread>t</thread>{}", of("store", namespace::HINTS)), Retention::Kept);
    }

    #[test]
    fn nobody_speaks_in_the_rooms_name() {
        let check = |element: &str, is_kept: bool| {
            let expected = if is_kept { element } else { "" };
            assert_eq!(read(element).payload.as_str(), expected);
        };
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='tea@rooms.example' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='Tea@Rooms.example' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>", false);
        check("<stanza-id xmlns='urn:xmpp:sid:0' by='coffee@rooms.example' id='1'/>", true);
        check("<delay xmlns='urn:xmpp:delay' from='TEA@rooms.example' stamp='2002-09-10T23:08:25Z'/>", false);
        check("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>", false);
        check("<delay xmlns='urn:xmpp:delay' from='hag@example/x' stamp='2002-09-10T23:08:25Z'/>", true);
        check("<fin xmlns='urn:xmpp:mam:2'/>", false);
        check("<event xmlns='http://jabber.org/protocol/pubsub#event'/>", false);
        check("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/>", false);
    }
}
