//! A small tree for the content of one stanza: built to answer with, or read from what passed the gate.

use bytes::Bytes;
use compact_str::CompactString;

use super::read::{Attribute as ReadAttribute, ContentNamespace, Event, Name, StrictReader};
use super::text::{Text, plain_line_ends};
use super::write::{escape_attribute, escape_text};
use super::{GateError, Limits, Namespace, name};
use crate::namespace;

/// An element with its resolved name, its attributes and what is inside.
///
/// How it was spelled, prefixes above all, is not kept: two elements are equal when they mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: CompactString,
    namespace: Namespace,
    attributes: Vec<Attribute>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    name: CompactString,
    namespace: Namespace,
    value: CompactString,
}

/// What can stand inside an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A child.
    Element(Element),
    /// Text; never empty, never two in a row.
    Text(CompactString),
    /// XML that passed the gate, in the context of the default namespace `jabber:client`.
    Raw(Bytes),
}

impl Element {
    /// An empty element. `name` has no prefix and must be an XML name; it is the program's own word, never a peer's.
    pub fn new(name: &str, namespace: &str) -> Self {
        debug_assert!(name::is_ncname(name), "{name:?} is no name for an element");
        Self {
            name: name.into(),
            namespace: Namespace::new(namespace),
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// The name without prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace; empty if in none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_str()
    }

    /// Whether both name and namespace are these.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == *namespace
    }

    /// The value of an attribute in no namespace; `xml:lang` and its like go by that name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let (namespace, name) = split_attribute_name(name);
        let found = self.attributes.iter().find(|attribute| attribute.is(&namespace, name));
        found.map(|attribute| attribute.value.as_str())
    }

    /// All attributes in their order: namespace, name, value.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.attributes
            .iter()
            .map(|found| (found.namespace.as_str(), found.name.as_str(), found.value.as_str()))
    }

    /// Gives an attribute a value, in place of the one it had.
    pub fn set_attribute(&mut self, name: &str, value: impl Into<CompactString>) {
        let (namespace, name) = split_attribute_name(name);
        debug_assert!(name::is_ncname(name), "{name:?} is no name for an attribute");
        match self.attributes.iter_mut().find(|attribute| attribute.is(&namespace, name)) {
            Some(attribute) => attribute.value = value.into(),
            None => self.attributes.push(Attribute { name: name.into(), namespace, value: value.into() }),
        }
    }

    /// This element with that attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: impl Into<CompactString>) -> Self {
        self.set_attribute(name, value);
        self
    }

    /// This element with that attribute, if there is a value.
    #[must_use]
    pub fn with_optional(self, name: &str, value: Option<impl Into<CompactString>>) -> Self {
        match value {
            Some(value) => self.with_attribute(name, value),
            None => self,
        }
    }

    /// Adds a child at the end.
    pub fn push(&mut self, child: Self) {
        self.nodes.push(Node::Element(child));
    }

    /// This element with that child at the end.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.push(child);
        self
    }

    /// This element with those children at the end.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds text at the end.
    pub fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(last)) => last.push_str(text),
            _ => self.nodes.push(Node::Text(text.into())),
        }
    }

    /// This element with that text at the end.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.push_text(text);
        self
    }

    /// Adds XML that passed the gate: each of its elements means the same wherever the default namespace is
    /// `jabber:client`. It is written verbatim and not looked into.
    pub fn push_raw(&mut self, payload: Bytes) {
        if !payload.is_empty() {
            self.nodes.push(Node::Raw(payload));
        }
    }

    /// This element with that raw payload at the end.
    #[must_use]
    pub fn with_raw(mut self, payload: Bytes) -> Self {
        self.push_raw(payload);
        self
    }

    /// All that is inside, in its order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The child elements; what was pushed raw is not among them.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(child) => Some(child),
            Node::Text(_) | Node::Raw(_) => None,
        })
    }

    /// The first child of that name.
    pub fn child(&self, name: &str, namespace: &str) -> Option<&Self> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// Its own text, without that of its children.
    pub fn text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) | Node::Raw(_) => None,
        });
        texts.collect()
    }

    /// The text of the first child of that name.
    pub fn child_text(&self, name: &str, namespace: &str) -> Option<String> {
        self.child(name, namespace).map(Self::text)
    }
}

/// Reading.
impl Element {
    /// Reads one whole element by the gate's rules, where `context_namespace` is the default namespace.
    pub fn parse(bytes: &[u8], context_namespace: &str) -> Result<Self, GateError> {
        let bytes = plain_line_ends(bytes);
        let mut reader = StrictReader::new(&bytes, ContentNamespace::Client, Limits::PASSED)?;
        reader.inherit("", Namespace::new(context_namespace));
        let element = loop {
            match reader.next()? {
                Event::Open(name) => break Self::read(&name, &mut reader)?,
                Event::Text(text) if text.is_whitespace() => {}
                Event::Text(_) => return Err(GateError::StrayText),
                Event::Close | Event::End => return Err(GateError::Incomplete),
            }
        };
        loop {
            match reader.next()? {
                Event::End => return Ok(element),
                Event::Text(text) if text.is_whitespace() => {}
                Event::Text(_) => return Err(GateError::StrayText),
                Event::Open(_) | Event::Close => return Err(GateError::Trailing),
            }
        }
    }

    /// Reads on to the end of the element that the reader has just opened.
    pub(crate) fn read(name: &Name<'_>, reader: &mut StrictReader<'_>) -> Result<Self, GateError> {
        let mut ancestors = Vec::new();
        let mut current = Self::opened(name, reader.attributes());
        loop {
            match reader.next()? {
                Event::Open(name) => {
                    let child = Self::opened(&name, reader.attributes());
                    ancestors.push(std::mem::replace(&mut current, child));
                }
                Event::Text(text) => current.append(text),
                Event::Close => match ancestors.pop() {
                    Some(parent) => {
                        let child = std::mem::replace(&mut current, parent);
                        current.push(child);
                    }
                    None => return Ok(current),
                },
                Event::End => return Err(GateError::Incomplete),
            }
        }
    }

    fn opened(name: &Name<'_>, attributes: &[ReadAttribute<'_>]) -> Self {
        let attributes = attributes.iter().map(|read| Attribute {
            name: read.local.into(),
            namespace: read.namespace.clone(),
            value: read.value(),
        });
        Self {
            name: name.local.into(),
            namespace: name.namespace.clone(),
            attributes: attributes.collect(),
            nodes: Vec::new(),
        }
    }

    /// An empty CDATA section is no content, and text on both sides of a reference is one text.
    fn append(&mut self, text: Text<'_>) {
        if text.is_empty() {
            return;
        }
        match self.nodes.last_mut() {
            Some(Node::Text(last)) => text.append_to(last),
            _ => {
                let mut first = CompactString::default();
                text.append_to(&mut first);
                self.nodes.push(Node::Text(first));
            }
        }
    }
}

/// Writing.
impl Element {
    /// Appends this element as it has to stand where `context_namespace` is the default namespace.
    ///
    /// Where that is `jabber:server`, what is in `jabber:client` is written as inheriting it: on a stream between
    /// servers the one stands for the other (RFC 6120 §4.8.3).
    pub fn write(&self, context_namespace: &str, out: &mut Vec<u8>) {
        let is_between_servers = context_namespace == namespace::SERVER;
        self.write_in(Context { default: context_namespace, is_between_servers }, out);
    }

    fn write_in(&self, context: Context<'_>, out: &mut Vec<u8>) {
        out.push(b'<');
        self.write_name(out);
        let inner = if self.is_reserved() || context.gives(&self.namespace) {
            context
        } else {
            write_declaration("xmlns", self.namespace(), out);
            Context { default: self.namespace(), is_between_servers: false }
        };
        self.write_attributes(out);
        if self.nodes.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for node in &self.nodes {
            node.write_in(inner, out);
        }
        out.extend_from_slice(b"</");
        self.write_name(out);
        out.push(b'>');
    }

    /// This element as it has to stand where `context_namespace` is the default namespace.
    pub fn to_bytes(&self, context_namespace: &str) -> Bytes {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        self.write(context_namespace, &mut out);
        out.into()
    }

    /// The namespace of `xml:` cannot be a default namespace.
    fn is_reserved(&self) -> bool {
        self.namespace == Namespace::XML
    }

    fn write_name(&self, out: &mut Vec<u8>) {
        if self.is_reserved() {
            out.extend_from_slice(b"xml:");
        }
        out.extend_from_slice(self.name.as_bytes());
    }

    /// Attributes of foreign namespaces get a prefix each, declared beside them and of no meaning further in.
    fn write_attributes(&self, out: &mut Vec<u8>) {
        let mut foreign: Vec<&Namespace> = Vec::new();
        for Attribute { name, namespace, value } in &self.attributes {
            let prefix = if *namespace == Namespace::NONE {
                String::new()
            } else if *namespace == Namespace::XML {
                "xml:".to_owned()
            } else {
                let place = foreign.iter().position(|known| *known == namespace).unwrap_or_else(|| {
                    write_declaration(&format!("xmlns:ns{}", foreign.len()), namespace.as_str(), out);
                    foreign.push(namespace);
                    foreign.len() - 1
                });
                format!("ns{place}:")
            };
            out.push(b' ');
            out.extend_from_slice(prefix.as_bytes());
            write_value(name, value, out);
        }
    }
}

impl Node {
    fn write_in(&self, context: Context<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Element(child) => child.write_in(context, out),
            Self::Text(text) => escape_text(text, out),
            Self::Raw(payload) => write_raw(payload, context, out),
        }
    }
}

impl Attribute {
    fn is(&self, namespace: &Namespace, name: &str) -> bool {
        self.name == name && self.namespace == *namespace
    }
}

fn split_attribute_name(name: &str) -> (Namespace, &str) {
    match name.strip_prefix("xml:") {
        Some(name) => (Namespace::XML, name),
        None => (Namespace::NONE, name),
    }
}

/// What surrounds an element that is being written.
#[derive(Clone, Copy)]
struct Context<'a> {
    default: &'a str,
    /// The default is the content namespace of a stream between servers, not that of an element further in.
    is_between_servers: bool,
}

impl Context<'_> {
    /// Whether an element without declaration would be in that namespace.
    fn gives(self, namespace: &Namespace) -> bool {
        *namespace == *self.default || (self.is_between_servers && *namespace == Namespace::CLIENT)
    }
}

/// Raw payload knows but one context; elsewhere it is read and written anew.
fn write_raw(payload: &Bytes, context: Context<'_>, out: &mut Vec<u8>) {
    if context.gives(&Namespace::CLIENT) {
        out.extend_from_slice(payload);
        return;
    }
    match read_fragment(payload) {
        Ok(nodes) => nodes.iter().for_each(|node| node.write_in(context, out)),
        Err(error) => debug_assert!(false, "raw payload that never passed the gate: {error}"),
    }
}

fn read_fragment(payload: &[u8]) -> Result<Vec<Node>, GateError> {
    let mut reader = StrictReader::new(payload, ContentNamespace::Client, Limits::PASSED)?;
    reader.inherit("", Namespace::CLIENT);
    let mut nodes = Vec::new();
    loop {
        match reader.next()? {
            Event::Open(name) => nodes.push(Node::Element(Element::read(&name, &mut reader)?)),
            Event::Text(_) => {}
            Event::Close | Event::End => return Ok(nodes),
        }
    }
}

fn write_declaration(name: &str, namespace: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    write_value(name, namespace, out);
}

fn write_value(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attribute(value, out);
    out.push(b'\'');
}

/// Most answers fit, so that writing one allocates once.
const USUAL_BYTES: usize = 256;
