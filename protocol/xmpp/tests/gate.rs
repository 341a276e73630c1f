//! The gate from outside: whole streams in, items or a stream error out.

use perch_xmpp::namespace;
use perch_xmpp::xml::{Framer, GateError, Item, Limits};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>";

fn read(input: &[u8]) -> Result<Vec<Item>, GateError> {
    let mut framer = Framer::new(Limits::CLIENT);
    framer.buffer().extend_from_slice(input);
    let mut items = Vec::new();
    while let Some(item) = framer.next()? {
        items.push(item);
    }
    Ok(items)
}

#[test]
fn smoke() {
    let items = read(format!("<?xml version='1.0'?>{HEADER}<message to='b' type='groupchat' id='1'><body>Hi &amp; <![CDATA[<]]></body><x xmlns='urn:x'><p:y xmlns:p='urn:p' p:a='1'/></x></message> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AA==</auth></stream:stream>").as_bytes()).unwrap();
    let [Item::Open(header), Item::Stanza(message), Item::Element(auth), Item::Close] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!(header.namespace, namespace::CLIENT);
    assert_eq!(message.child("body", namespace::CLIENT).unwrap().text(), "Hi & <");
    assert_eq!(
        message.payload(),
        "<body>Hi &amp; <![CDATA[<]]></body><x xmlns='urn:x'><p:y xmlns:p='urn:p' p:a='1'/></x>"
    );
    assert_eq!(
        message.child("x", "urn:x").unwrap().element().to_bytes(namespace::CLIENT),
        "<x xmlns='urn:x'><y xmlns='urn:p' xmlns:ns0='urn:p' ns0:a='1'/></x>"
    );
    assert!(auth.is("auth", namespace::SASL));
    assert_eq!(auth.text(), "AA==");
}
