//! What each first-level item of a stream means, once the framer has cut it out.
//!
//! The gate reads every item from its first byte to its last by the strict rules and keeps nothing that a second
//! reader could read otherwise: names are resolved, the stanza's own tag is taken apart, its payload made
//! self-contained.

use bytes::Bytes;
use compact_str::CompactString;

use super::read::{Attribute, ContentNamespace, Event, Name, StrictReader};
use super::tag::RawAttributes;
use super::text::{is_whitespace, plain_line_ends};
use super::{Element, GateError, Limits, Namespace, with_plain_line_ends};
use crate::namespace;
use crate::stanza::{Kind, Stanza};

/// A first-level item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The start tag of the stream itself.
    Open(StreamHeader),
    /// A message, presence or iq in the stream's content namespace.
    Stanza(Stanza),
    /// Every other element: negotiation, stream management, stream errors.
    Element(Element),
    /// The end tag of the stream.
    Close,
}

impl Item {
    /// Reads an item that comes framed, one in each WebSocket message (RFC 7395 §3.3.3): it declares every namespace
    /// itself, the stanzas `jabber:client`, and nothing stands around it.
    pub fn parse(frame: &Bytes, limits: Limits) -> Result<Self, GateError> {
        item(frame, &StreamContext::framed(), limits)
    }
}

/// The start tag of a stream (RFC 6120 §4.7), its values as they stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHeader {
    /// The content namespace; empty if none was declared.
    pub namespace: CompactString,
    /// The domain that the stream is for.
    pub to: Option<CompactString>,
    /// Who opens it.
    pub from: Option<CompactString>,
    /// The stream's identifier, given by the receiving side.
    pub id: Option<CompactString>,
    /// The version of XMPP.
    pub version: Option<CompactString>,
    /// The language of what carries none.
    pub lang: Option<CompactString>,
}

/// What the stream's start tag means for everything inside it.
#[derive(Debug, Clone)]
pub(super) struct StreamContext {
    /// The name of the root as written: its end tag must repeat it.
    pub(super) root: CompactString,
    content: Namespace,
    bindings: Box<[(CompactString, Namespace)]>,
}

/// Reads the stream's start tag.
pub(super) fn header(bytes: &[u8], limits: Limits) -> Result<(StreamHeader, StreamContext), GateError> {
    let bytes = plain_line_ends(bytes);
    let mut reader = StrictReader::new(&bytes, ContentNamespace::Client, limits)?;
    reader.inherit("", Namespace::NONE);
    let Event::Open(name) = reader.next()? else { return Err(GateError::Markup) };
    if name.namespace != *namespace::STREAM {
        return Err(GateError::StreamNamespace);
    }
    if name.local != "stream" || bytes.ends_with(b"/>") {
        return Err(GateError::StreamName);
    }
    let content = content_namespace(&reader);
    let value = |namespace, local| find(reader.attributes(), namespace, local);
    let header = StreamHeader {
        namespace: content.as_str().into(),
        to: value(Namespace::NONE, "to"),
        from: value(Namespace::NONE, "from"),
        id: value(Namespace::NONE, "id"),
        version: value(Namespace::NONE, "version"),
        lang: value(Namespace::XML, "lang"),
    };
    let bindings = reader.bindings().map(|(prefix, namespace)| (prefix.into(), namespace.clone())).collect();
    Ok((header, StreamContext { root: name.written.into(), content, bindings }))
}

/// RFC 6120 §4.8.2 lets the content namespace be the default, or be declared on each stanza, the streams namespace
/// being the default; then it is the one that a prefix is bound to, and a client's if none is.
fn content_namespace(reader: &StrictReader<'_>) -> Namespace {
    let default = reader.bindings().filter(|(prefix, _)| prefix.is_empty()).last();
    match default {
        Some((_, default)) if *default != *namespace::STREAM => default.clone(),
        _ => {
            let content = |name: &Namespace| *name == *namespace::CLIENT || *name == *namespace::SERVER;
            let bound = reader.bindings().find(|(_, namespace)| content(namespace));
            bound.map_or(Namespace::CLIENT, |(_, namespace)| namespace.clone())
        }
    }
}

/// Reads an element of the first level.
pub(super) fn item(bytes: &Bytes, stream: &StreamContext, limits: Limits) -> Result<Item, GateError> {
    let content = if stream.content == *namespace::SERVER {
        ContentNamespace::Server
    } else {
        ContentNamespace::Client
    };
    let bytes = with_plain_line_ends(bytes);
    let mut reader = StrictReader::new(&bytes, content, limits)?;
    for (prefix, namespace) in &stream.bindings {
        reader.inherit(prefix, namespace.clone());
    }
    let Event::Open(mut name) = reader.next()? else { return Err(GateError::Markup) };
    let item = match stream.kind(&name)? {
        Some(kind) => Item::Stanza(Stanza::read(kind, &bytes, &mut reader, limits)?),
        None => {
            name.namespace = reader.read_as(name.namespace);
            Item::Element(Element::read(&name, &mut reader)?)
        }
    };
    match reader.next()? {
        Event::End => Ok(item),
        Event::Open(_) | Event::Close | Event::Text(_) => Err(GateError::Trailing),
    }
}

/// Checks that the stream's end tag repeats the name of its start tag.
pub(super) fn stream_end(bytes: &[u8], stream: &StreamContext) -> Result<(), GateError> {
    let name = bytes.strip_prefix(b"</").and_then(|tag| tag.strip_suffix(b">"));
    let rest = name.and_then(|name| name.strip_prefix(stream.root.as_bytes()));
    if rest.is_some_and(|rest| rest.iter().all(|byte| is_whitespace(*byte))) {
        Ok(())
    } else {
        Err(GateError::Mismatch)
    }
}

/// Checks an XML declaration (XML 1.0 §2.8).
pub(super) fn declaration(bytes: &[u8]) -> Result<(), GateError> {
    let text = str::from_utf8(bytes).map_err(|_| GateError::Utf8)?;
    let inside = text.strip_prefix("<?xml").and_then(|text| text.strip_suffix("?>"));
    let inside = inside.filter(|inside| inside.starts_with([' ', '\t', '\r', '\n']));
    let mut attributes = RawAttributes::new(inside.ok_or(GateError::ProcessingInstruction)?);
    let mut next = || {
        let attribute = attributes.next().map_err(|_| GateError::Declaration)?;
        Ok(attribute.map(|(name, value)| (name.prefix, name.local, value)))
    };
    let Some(("", "version", "1.0")) = next()? else { return Err(GateError::Declaration) };
    let mut rest = next()?;
    if let Some(("", "encoding", encoding)) = rest {
        if !encoding.eq_ignore_ascii_case("utf-8") {
            return Err(GateError::Encoding);
        }
        rest = next()?;
    }
    if let Some(("", "standalone", "yes" | "no")) = rest {
        rest = next()?;
    }
    if rest.is_none() { Ok(()) } else { Err(GateError::Declaration) }
}

impl StreamContext {
    fn framed() -> Self {
        let bindings = Box::new([(CompactString::default(), Namespace::NONE)]);
        Self { root: CompactString::default(), content: Namespace::CLIENT, bindings }
    }

    /// Which stanza an element of that name is, if it is one.
    fn kind(&self, name: &Name<'_>) -> Result<Option<Kind>, GateError> {
        let Some(kind) = Kind::from_name(name.local) else { return Ok(None) };
        if name.namespace == self.content {
            return Ok(Some(kind));
        }
        if name.namespace == *namespace::CLIENT || name.namespace == *namespace::SERVER {
            return Err(GateError::ContentNamespace);
        }
        Ok(None)
    }
}

fn find(attributes: &[Attribute<'_>], namespace: Namespace, local: &str) -> Option<CompactString> {
    let mut found = attributes.iter().filter(|found| found.local == local && found.namespace == namespace);
    found.next().map(Attribute::value)
}
