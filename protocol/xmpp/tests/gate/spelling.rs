//! Streams for the tests: whole or in pieces into a framer, items out, and one way to spell what was read.

use perch_xmpp::stanza::Stanza;
use perch_xmpp::xml::{Element, Framer, GateError, Item, Limits, Node, StreamHeader};

pub(crate) const HEADER: &str =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
pub(crate) const SERVER_HEADER: &str =
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>";

/// All items, and the error that ended them, if one did.
pub(crate) fn read(input: &[u8], limits: Limits) -> (Vec<Item>, Option<GateError>) {
    read_pieces([input], limits)
}

/// The same, the bytes coming in pieces.
pub(crate) fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: Limits,
) -> (Vec<Item>, Option<GateError>) {
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
    }
    (items, None)
}

/// What was read, one line a fact, however it was spelled: equal spellings mean equal content.
pub(crate) fn spell(items: &[Item]) -> String {
    let mut out = String::new();
    for item in items {
        match item {
            Item::Open(header) => spell_header(header, &mut out),
            Item::Stanza(stanza) => spell_stanza(stanza, &mut out),
            Item::Element(element) => spell_element(element, &mut out),
            Item::Close => out.push_str("close\n"),
        }
    }
    out
}

fn spell_header(header: &StreamHeader, out: &mut String) {
    out.push_str("open\n");
    let values = [
        ("from", &header.from),
        ("id", &header.id),
        ("lang", &header.lang),
        ("to", &header.to),
        ("version", &header.version),
    ];
    spell_fields(values, out);
}

fn spell_stanza(stanza: &Stanza, out: &mut String) {
    out.push_str(&format!("stanza {}\n", stanza.kind.as_str()));
    let values = [
        ("from", &stanza.from),
        ("id", &stanza.id),
        ("lang", &stanza.lang),
        ("to", &stanza.to),
        ("type", &stanza.type_),
    ];
    spell_fields(values, out);
    for child in stanza.children() {
        spell_element(&child.element(), out);
    }
    out.push_str("end\n");
}

fn spell_fields<T: AsRef<str>, const N: usize>(values: [(&str, &Option<T>); N], out: &mut String) {
    for (name, value) in values {
        if let Some(value) = value {
            out.push_str(&format!("  {name}={:?}\n", value.as_ref()));
        }
    }
}

pub(crate) fn spell_element(element: &Element, out: &mut String) {
    out.push_str(&format!("element {:?} {:?}\n", element.namespace(), element.name()));
    let mut attributes: Vec<_> = element.attributes().collect();
    attributes.sort_unstable();
    for (namespace, name, value) in attributes {
        out.push_str(&format!("  {namespace:?} {name:?}={value:?}\n"));
    }
    for node in element.nodes() {
        match node {
            Node::Element(child) => spell_element(child, out),
            Node::Text(text) => out.push_str(&format!("text {text:?}\n")),
            Node::Raw(raw) => out.push_str(&format!("raw {raw:?}\n")),
        }
    }
    out.push_str("end\n");
}
