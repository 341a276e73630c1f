//! What must hold for every input: the bodies of the fuzz targets, run on the corpora as plain tests too.

use bytes::Bytes;
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::{Element, Framer, GateError, Item, Limits};

/// A stream in pieces. The first byte of `data` chooses how: its low bits the size of a piece, the next which start
/// tag is put in front, so that the interesting part is found soon.
pub(crate) fn framer(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let header = match choice >> 6 {
        0 => "",
        1 => {
            "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>"
        }
        _ => "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
    };
    let limits = if choice & 0x20 == 0 {
        Limits::CLIENT
    } else {
        Limits { stanza_bytes_max: 200, ..Limits::PRE_AUTH }
    };
    let input = [header.as_bytes(), data].concat();
    let whole = read(std::iter::once(&input[..]), limits);
    let pieces = read(input.chunks(usize::from(choice & 0x1f) + 1), limits);
    assert_eq!(whole, pieces, "the pieces made a difference");
    for item in whole.0 {
        match item {
            Item::Stanza(stanza) => check_stanza(&stanza),
            Item::Element(element) => check_element(&element),
            Item::Open(_) | Item::Close => {}
        }
    }
}

/// The payload of a stanza, kept and taken up again.
pub(crate) fn stanza(data: &[u8]) {
    let Ok(stanza) = Stanza::from_payload(Kind::Message, Bytes::copy_from_slice(data)) else { return };
    check_stanza(&stanza);
    let header = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    let mut input = header.to_vec();
    stanza.to_element().write(namespace::CLIENT, &mut input);
    let (items, error) =
        read(std::iter::once(&input[..]), Limits { stanza_bytes_max: 16 << 20, ..Limits::CLIENT });
    match (items.last(), error) {
        (Some(Item::Stanza(received)), None) => {
            assert_eq!(received, &stanza, "another reader reads it otherwise")
        }
        (_, Some(GateError::TooDeep | GateError::TooManyNamespaces | GateError::Expansion)) => {}
        other => panic!("{other:?} from what passed the gate"),
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: Limits) -> (Vec<Item>, Option<GateError>) {
    let mut framer = Framer::new(limits);
    let mut items = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Some(error)),
            }
        }
        let rest = framer.buffer();
        assert!(rest.len() < limits.stanza_bytes_max, "an item may not grow beyond its bound");
        assert!(!rest.is_empty() || rest.capacity() == 0, "an idle stream holds a buffer");
    }
    (items, None)
}

fn check_stanza(stanza: &Stanza) {
    let again = Stanza::from_payload(stanza.kind, stanza.payload()).expect("a payload that passed the gate");
    assert_eq!(again.payload(), stanza.payload());
    assert_eq!(facts(&again), facts(stanza), "the children of a kept payload");
    assert_eq!(stanza.payload_without(|_| false), stanza.payload());
    assert_eq!(stanza.payload_without(|_| true), Bytes::new());
    for child in stanza.children() {
        let element = child.element();
        assert!(element.is(child.name(), child.namespace()));
        assert_eq!(element.text(), child.text());
        check_element(&element);
        let alone = Stanza::from_payload(stanza.kind, child.bytes()).expect("a child that stands on its own");
        assert_eq!(facts(&alone), [(child.name(), child.namespace(), child.bytes())], "a child alone");
    }
}

fn facts(stanza: &Stanza) -> Vec<(&str, &str, Bytes)> {
    stanza.children().map(|child| (child.name(), child.namespace(), child.bytes())).collect()
}

/// What is written reads the same, wherever it is written.
fn check_element(element: &Element) {
    for context in [namespace::CLIENT, "", "urn:p", namespace::XML] {
        let written = element.to_bytes(context);
        match Element::parse(&written, context) {
            Ok(read) => assert_eq!(&read, element, "{written:?}"),
            // A tag of many prefixed attributes is written with as many declarations.
            Err(GateError::TooLong | GateError::TooManyNamespaces | GateError::Expansion) => {}
            Err(error) => panic!("{error} in {written:?}"),
        }
    }
}
