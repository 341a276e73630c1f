//! What can be done with a stanza that passed.

use bytes::Bytes;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::{ErrorType, StanzaCondition};
use perch_xmpp::stanza::{Kind, Stanza, error_reply, iq_result};
use perch_xmpp::xml::{Element, GateError, Item, Limits};

use super::spelling::{HEADER, read};

fn stanza(written: &str) -> Stanza {
    let (items, error) = read(format!("{HEADER}{written}").as_bytes(), Limits::CLIENT);
    match items.into_iter().nth(1) {
        Some(Item::Stanza(stanza)) => stanza,
        other => panic!("{written}: {other:?} {error:?}"),
    }
}

#[test]
fn the_tag_is_taken_apart() {
    let iq = stanza(
        "<iq type='get' id='&#65;1' from='a@b/c' to='d' xml:lang='en'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert_eq!(iq.kind, Kind::Iq);
    assert_eq!(iq.type_.as_deref(), Some("get"));
    assert_eq!(iq.id.as_deref(), Some("A1"));
    assert_eq!(iq.from.as_deref(), Some("a@b/c"));
    assert_eq!(iq.to.as_deref(), Some("d"));
    assert_eq!(iq.lang.as_deref(), Some("en"));
    let written = iq.to_element().to_bytes(namespace::CLIENT);
    assert_eq!(
        written,
        "<iq from='a@b/c' to='d' id='A1' type='get' xml:lang='en'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    assert_eq!(iq.to_element().to_bytes(namespace::SERVER), written);
}

#[test]
fn children_are_found_by_name_and_namespace() {
    let message = stanza(
        "<message><body>one</body><x xmlns='urn:x'>t<y>no</y>&gt;</x><body xml:lang='de'>zwei</body>\
        <p:x xmlns:p='urn:p'/></message>",
    );
    let names: Vec<_> = message.children().map(|child| (child.name(), child.namespace())).collect();
    let expected = [("body", namespace::CLIENT), ("x", "urn:x"), ("body", namespace::CLIENT), ("x", "urn:p")];
    assert_eq!(names, expected);
    assert_eq!(message.child("body", namespace::CLIENT).map(|body| body.text()).as_deref(), Some("one"));
    assert_eq!(message.child("x", "urn:x").map(|x| x.text()).as_deref(), Some("t>"));
    assert!(message.has("x", "urn:p"));
    assert!(
        !message.has("x", namespace::CLIENT) && !message.has("y", "urn:x") && !message.has("p:x", "urn:p")
    );
    assert_eq!(message.child("x", "urn:p").map(|x| x.bytes()), Some(Bytes::from("<p:x xmlns:p='urn:p'/>")));
}

#[test]
fn payload_without_some_children() {
    fn check(drop: &[&str], expected: &str) {
        let message = stanza("<message> <a/><b>1</b> <c/><d/> </message>");
        let payload = message.payload_without(|child| drop.contains(&child.name()));
        assert_eq!(payload, expected.as_bytes(), "{drop:?}");
        let is_slice = message.payload().as_ptr_range().contains(&payload.as_ptr());
        let is_one_run = !matches!(drop, ["b"] | ["c"] | ["b", "c"] | ["b", "d"]);
        assert_eq!(is_slice, is_one_run && !payload.is_empty(), "{drop:?}");
    }
    check(&[], "<a/><b>1</b> <c/><d/>");
    check(&["a"], "<b>1</b> <c/><d/>");
    check(&["d"], "<a/><b>1</b> <c/>");
    check(&["a", "d"], "<b>1</b> <c/>");
    check(&["b"], "<a/><c/><d/>");
    check(&["c"], "<a/><b>1</b><d/>");
    check(&["b", "c"], "<a/><d/>");
    check(&["b", "d"], "<a/><c/>");
    check(&["a", "b", "c", "d"], "");
}

#[test]
fn payloads_are_taken_up_again() {
    fn check(payload: &'static str, expected: Result<&[&str], GateError>) {
        let taken = Stanza::from_payload(Kind::Message, Bytes::from_static(payload.as_bytes()));
        let names = taken.as_ref().map(|stanza| stanza.children().map(|child| child.name()).collect());
        assert_eq!(names, expected.as_ref().map(|names| names.to_vec()), "{payload}");
    }
    check("", Ok(&[]));
    check(" <a/>\n<b><c/></b> ", Ok(&["a", "b"]));
    check("<a/>x", Err(GateError::StanzaText));
    check("<a></b>", Err(GateError::Mismatch));
    check("<a>", Err(GateError::Incomplete));
    check("</a>", Err(GateError::Mismatch));
    check("<p:a/>", Err(GateError::UnboundPrefix));
    check("<!-- --><a/>", Err(GateError::Comment));
    check("<!DOCTYPE a><a/>", Err(GateError::DocumentType));
    check("<?xml version='1.0'?><a/>", Err(GateError::ProcessingInstruction));
    check("\u{feff}<a/>", Err(GateError::StrayText));
    check("<a/><![CDATA[x", Err(GateError::Markup));
}

#[test]
fn answers_go_back_to_the_sender() {
    let request = stanza("<iq type='get' id='1' from='a@b/c' to='d'><ping xmlns='urn:xmpp:ping'/></iq>");
    let result = iq_result(&request, Some(Element::new("query", "urn:q")));
    assert_eq!(
        result.to_bytes(namespace::CLIENT),
        "<iq from='d' to='a@b/c' id='1' type='result'><query xmlns='urn:q'/></iq>"
    );
    let error = error_reply(
        &request,
        ErrorType::Modify,
        StanzaCondition::BadRequest,
        Some("a < b"),
        Some(Element::new("why", "urn:why")),
    );
    assert_eq!(
        error.expect("a request is answered").to_bytes(namespace::CLIENT),
        "<iq from='d' to='a@b/c' id='1' type='error'><error type='modify'>\
        <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>a &lt; b</text><why xmlns='urn:why'/></error></iq>"
    );
}

#[test]
fn errors_are_not_answered() {
    fn check(written: &str, expected: bool) {
        let reply =
            error_reply(&stanza(written), ErrorType::Cancel, StanzaCondition::ServiceUnavailable, None, None);
        assert_eq!(reply.is_some(), expected, "{written}");
    }
    check("<message/>", true);
    check("<message type='groupchat'/>", true);
    check("<message type='error'/>", false);
    check("<presence/>", true);
    check("<presence type='error'/>", false);
    check("<iq type='set' id='1'/>", true);
    check("<iq type='result' id='1'/>", false);
    check("<iq type='error' id='1'/>", false);
}
