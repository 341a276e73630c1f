//! Message, presence and iq (RFC 6120 §8): the tag taken apart, the payload left as the bytes that came in.
//!
//! Invariant: each child's bytes are XML of their own wherever the default namespace is `jabber:client` and no prefix
//! is bound. They can be stored, sliced and written into another stanza without being read again.

pub mod error;
mod index;
mod reply;

use std::ops::Range;

use bytes::Bytes;
use compact_str::CompactString;
use smallvec::SmallVec;

use self::index::{Entry, Index};
pub use self::reply::{error_reply, iq_result};
use crate::namespace;
use crate::xml::read::{ContentNamespace, Event, StrictReader};
use crate::xml::{Element, GateError, Limits, Namespace, with_plain_line_ends};

/// A stanza as it passed the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Which of the three.
    pub kind: Kind,
    /// The address it is for, as written.
    pub to: Option<CompactString>,
    /// The address it claims to come from, as written.
    pub from: Option<CompactString>,
    /// What its sender knows it by.
    pub id: Option<CompactString>,
    /// The attribute `type`, as written.
    pub type_: Option<CompactString>,
    /// Its own `xml:lang`.
    pub lang: Option<CompactString>,
    payload: Bytes,
    index: Index,
}

/// The three kinds of stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One-way information.
    Message,
    /// Availability, broadcast.
    Presence,
    /// Request and answer.
    Iq,
}

/// One child of a stanza.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    payload: &'a Bytes,
    entry: &'a Entry,
}

impl Stanza {
    /// The children in their order.
    pub fn children(&self) -> impl Iterator<Item = Child<'_>> {
        self.index.entries.iter().map(|entry| Child { payload: &self.payload, entry })
    }

    /// The first child of that name.
    pub fn child(&self, name: &str, namespace: &str) -> Option<Child<'_>> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// Whether there is a child of that name.
    pub fn has(&self, name: &str, namespace: &str) -> bool {
        self.child(name, namespace).is_some()
    }

    /// All children back to back, perhaps with white space between them.
    pub fn payload(&self) -> Bytes {
        self.payload.clone()
    }

    /// The children that `drop` is false for, back to back.
    pub fn payload_without(&self, drop: impl Fn(&Child<'_>) -> bool) -> Bytes {
        let mut runs: SmallVec<[Range<usize>; 4]> = SmallVec::new();
        let mut is_run = false;
        for child in self.children() {
            let is_kept = !drop(&child);
            let range = child.entry.range();
            match runs.last_mut() {
                Some(run) if is_kept && is_run => run.end = range.end,
                _ if is_kept => runs.push(range),
                _ => {}
            }
            is_run = is_kept;
        }
        match &runs[..] {
            [] => Bytes::new(),
            [run] => self.payload.slice(run.clone()),
            _ => runs.iter().flat_map(|run| &self.payload[run.clone()]).copied().collect(),
        }
    }

    /// Takes up a payload that was kept, under an otherwise empty stanza of that kind.
    pub fn from_payload(kind: Kind, payload: Bytes) -> Result<Self, GateError> {
        let payload = with_plain_line_ends(&payload);
        let mut reader = StrictReader::new(&payload, ContentNamespace::Client, Limits::PASSED)?;
        reader.inherit("", Namespace::CLIENT);
        let (index, payload) = Index::read(&mut reader, &payload, Limits::PASSED)?;
        Ok(Self { payload, index, ..Self::empty(kind) })
    }

    /// This stanza as an element, its payload untouched within: ready to be written.
    pub fn to_element(&self) -> Element {
        Element::new(self.kind.as_str(), namespace::CLIENT)
            .with_optional("from", self.from.clone())
            .with_optional("to", self.to.clone())
            .with_optional("id", self.id.clone())
            .with_optional("type", self.type_.clone())
            .with_optional("xml:lang", self.lang.clone())
            .with_raw(self.payload())
    }

    /// Reads the stanza whose start tag the reader has just passed, to its end. Attributes beyond the five that RFC
    /// 6120 §8.1 defines are dropped: nothing is forwarded that nobody understood.
    pub(crate) fn read(
        kind: Kind,
        bytes: &Bytes,
        reader: &mut StrictReader<'_>,
        limits: Limits,
    ) -> Result<Self, GateError> {
        let mut stanza = Self::empty(kind);
        for attribute in reader.attributes() {
            let field = match (attribute.local, attribute.namespace.as_str()) {
                ("to", "") => &mut stanza.to,
                ("from", "") => &mut stanza.from,
                ("id", "") => &mut stanza.id,
                ("type", "") => &mut stanza.type_,
                ("lang", namespace::XML) => &mut stanza.lang,
                _ => continue,
            };
            *field = Some(attribute.value());
        }
        (stanza.index, stanza.payload) = Index::read(reader, bytes, limits)?;
        Ok(stanza)
    }

    fn empty(kind: Kind) -> Self {
        let index = Index::default();
        Self { kind, to: None, from: None, id: None, type_: None, lang: None, payload: Bytes::new(), index }
    }
}

impl Kind {
    /// The element's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Presence => "presence",
            Self::Iq => "iq",
        }
    }

    /// The kind of stanza that goes by this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Message, Self::Presence, Self::Iq].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl<'a> Child<'a> {
    /// The name without prefix.
    pub fn name(&self) -> &'a str {
        str::from_utf8(&self.payload[self.entry.name()]).expect("the gate lets only UTF-8 pass")
    }

    /// The namespace; that of the stanza itself is `jabber:client`, between servers too.
    pub fn namespace(&self) -> &'a str {
        self.entry.namespace.as_str()
    }

    /// Whether both name and namespace are these.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.payload[self.entry.name()] == *name.as_bytes() && self.entry.namespace == *namespace
    }

    /// Its bytes: XML of their own wherever the default namespace is `jabber:client`.
    pub fn bytes(&self) -> Bytes {
        self.payload.slice(self.entry.range())
    }

    /// The child as a tree.
    pub fn element(&self) -> Element {
        Element::parse(&self.payload[self.entry.range()], namespace::CLIENT)
            .expect("what passed the gate passes again")
    }

    /// Its own text, without that of its children.
    pub fn text(&self) -> String {
        self.direct_text().expect("what passed the gate passes again").into()
    }

    fn direct_text(&self) -> Result<CompactString, GateError> {
        let mut reader =
            StrictReader::new(&self.payload[self.entry.range()], ContentNamespace::Client, Limits::PASSED)?;
        reader.inherit("", Namespace::CLIENT);
        let mut text = CompactString::default();
        loop {
            match reader.next()? {
                Event::Text(part) if reader.depth() == 1 => part.append_to(&mut text),
                Event::End => return Ok(text),
                Event::Open(_) | Event::Close | Event::Text(_) => {}
            }
        }
    }
}
