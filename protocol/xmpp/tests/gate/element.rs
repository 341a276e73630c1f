//! Trees: built, written, read again.

use bytes::Bytes;
use perch_xmpp::namespace;
use perch_xmpp::xml::{Element, GateError};
use proptest::collection::vec;
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9._-]{0,5}", "[é日ñ_][a-z\u{b7}0-9]{0,3}", Just("lang".to_owned())]
}

fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(namespace::CLIENT.to_owned()),
        Just(namespace::XML.to_owned()),
        Just(String::new()),
        "urn:[a-c]",
        "[ -~é\u{1f600}\t\r\n]{1,8}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\t\r\n]{0,12}",
        "[^\0-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,6}",
        Just("]]>".to_owned())
    ]
}

fn element() -> impl Strategy<Value = Element> {
    let tag = || {
        (name(), namespace(), vec((name(), any::<bool>(), text()), 0..3)).prop_map(
            |(name, namespace, attributes)| {
                attributes.into_iter().fold(
                    Element::new(&name, &namespace),
                    |element, (name, is_xml, value)| {
                        element.with_attribute(&if is_xml { format!("xml:{name}") } else { name }, value)
                    },
                )
            },
        )
    };
    let leaf = (tag(), text()).prop_map(|(element, text)| element.with_text(&text));
    leaf.prop_recursive(4, 24, 5, move |inner| {
        (tag(), vec((inner, text()), 0..5)).prop_map(|(element, children)| {
            children
                .into_iter()
                .fold(element, |element, (child, text)| element.with_child(child).with_text(&text))
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(element in element(), context in namespace()) {
        let written = element.to_bytes(&context);
        // In the context of servers the one content namespace is written as the other.
        prop_assert_eq!(Element::parse(&written, &context), Ok(element), "{:?}", written);
    }

    #[test]
    fn any_text_can_be_written(text in any::<String>()) {
        let element = Element::new("a", "urn:a").with_attribute("b", text.as_str()).with_text(&text);
        let read = Element::parse(&element.to_bytes(""), "");
        let carried: String = text
            .chars()
            .map(|c| if matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
            .collect();
        prop_assert_eq!(read.as_ref().map(|read| read.text()), Ok(carried.clone()));
        prop_assert_eq!(read.as_ref().map(|read| read.attribute("b")), Ok(Some(carried.as_str())));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..64), tail in "[<>/a='&;#x!\\[\\]?: \"-]{0,48}") {
        let _ = Element::parse(&bytes, namespace::CLIENT);
        if let Ok(element) = Element::parse(format!("<a{tail}").as_bytes(), namespace::CLIENT) {
            prop_assert_eq!(Element::parse(&element.to_bytes(""), ""), Ok(element));
        }
    }
}

#[test]
fn namespaces_are_declared_where_they_change() {
    fn check(element: Element, context: &str, expected: &str) {
        let written = String::from_utf8(element.to_bytes(context).to_vec()).unwrap();
        assert_eq!(written, expected);
    }
    let inner = Element::new("b", "urn:a").with_child(Element::new("c", ""));
    check(
        Element::new("a", "urn:a").with_child(inner.clone()),
        "",
        "<a xmlns='urn:a'><b><c xmlns=''/></b></a>",
    );
    check(inner, "urn:a", "<b><c xmlns=''/></b>");
    check(Element::new("a", namespace::CLIENT), namespace::CLIENT, "<a/>");
    check(Element::new("a", namespace::CLIENT), namespace::SERVER, "<a/>");
    check(Element::new("a", namespace::SERVER), namespace::CLIENT, "<a xmlns='jabber:server'/>");
    check(
        Element::new("message", namespace::CLIENT).with_child(
            Element::new("forwarded", namespace::FORWARD).with_child(
                Element::new("message", namespace::CLIENT)
                    .with_child(Element::new("body", namespace::CLIENT)),
            ),
        ),
        namespace::SERVER,
        "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/></message></forwarded></message>",
    );
    check(
        Element::new("a", namespace::SERVER).with_child(Element::new("b", namespace::CLIENT)),
        namespace::CLIENT,
        "<a xmlns='jabber:server'><b xmlns='jabber:client'/></a>",
    );
    check(
        Element::new("a", "").with_attribute("xml:lang", "en").with_attribute("b", "<&'\">\t"),
        "",
        "<a xml:lang='en' b='&lt;&amp;&apos;&quot;&gt;&#9;'/>",
    );
}

#[test]
fn foreign_attributes_survive() {
    let read =
        Element::parse(b"<a xmlns:p='urn:p' xmlns:q='urn:q' p:x='1' q:x='2' p:y='3' x='4'><b/></a>", "")
            .unwrap();
    let expected = [("urn:p", "x", "1"), ("urn:q", "x", "2"), ("urn:p", "y", "3"), ("", "x", "4")];
    assert!(read.attributes().eq(expected));
    let written = read.to_bytes("");
    assert_eq!(
        written,
        "<a xmlns:ns0='urn:p' ns0:x='1' xmlns:ns1='urn:q' ns1:x='2' ns0:y='3' x='4'><b/></a>"
    );
    assert_eq!(Element::parse(&written, ""), Ok(read));
}

#[test]
fn raw_payload_keeps_its_meaning() {
    let raw = Bytes::from_static(b"<body>a</body> <x xmlns='urn:x'/>");
    let message = Element::new("message", namespace::CLIENT).with_raw(raw.clone());
    assert_eq!(message.to_bytes(namespace::CLIENT), "<message><body>a</body> <x xmlns='urn:x'/></message>");
    let other = Element::new("item", "urn:x").with_raw(raw);
    assert_eq!(
        other.to_bytes(namespace::CLIENT),
        "<item xmlns='urn:x'><body xmlns='jabber:client'>a</body><x/></item>"
    );
    assert_eq!(Element::new("a", "").with_raw(Bytes::new()), Element::new("a", ""));
}

#[test]
fn one_whole_element_is_read() {
    fn check(input: &str, expected: Result<(), GateError>) {
        assert_eq!(Element::parse(input.as_bytes(), namespace::CLIENT).map(drop), expected, "{input}");
    }
    check("<a/>", Ok(()));
    check(" \n<a></a>\t", Ok(()));
    check("", Err(GateError::Incomplete));
    check(" ", Err(GateError::Incomplete));
    check("<a>", Err(GateError::Incomplete));
    check("<a", Err(GateError::Markup));
    check("x<a/>", Err(GateError::StrayText));
    check("<a/>x", Err(GateError::StrayText));
    check("<a/><b/>", Err(GateError::Trailing));
    check("<a/></a>", Err(GateError::Mismatch));
    check("<?xml version='1.0'?><a/>", Err(GateError::ProcessingInstruction));
    check("<!DOCTYPE a><a/>", Err(GateError::DocumentType));
    check("<!-- --><a/>", Err(GateError::Comment));
    check("<a/><!--", Err(GateError::Comment));
    check("\u{feff}<a/>", Err(GateError::StrayText));
}

#[test]
fn values_are_found_and_replaced() {
    let mut element = Element::new("a", "urn:a")
        .with_optional("b", Some("1"))
        .with_optional("c", None::<&str>)
        .with_children([Element::new("d", "urn:a").with_text("x"), Element::new("d", "urn:b").with_text("y")])
        .with_text("t")
        .with_text("")
        .with_text("u");
    element.set_attribute("b", "2");
    element.set_attribute("xml:b", "3");
    assert_eq!((element.name(), element.namespace()), ("a", "urn:a"));
    assert_eq!(
        (element.attribute("b"), element.attribute("xml:b"), element.attribute("c")),
        (Some("2"), Some("3"), None)
    );
    assert_eq!(element.text(), "tu");
    assert_eq!(element.child_text("d", "urn:b").as_deref(), Some("y"));
    assert_eq!(element.child_text("d", "urn:c"), None);
    assert_eq!(element.children().count(), 2);
}
