//! quick-xml made strict: everything that XML 1.0, Namespaces in XML 1.0 and RFC 6120 §11 forbid is refused here.
//!
//! quick-xml finds the borders of tags and text and matches end tags; names, attributes, references, characters,
//! namespaces and limits are checked by this reader, since quick-xml does not.

use std::ops::Range;

use compact_str::CompactString;
use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::Event as Token;
use smallvec::SmallVec;

use super::scope::Scope;
use super::tag::{RawAttributes, Tag};
use super::text::{Text, attribute_value, resolve_reference};
use super::{GateError, Limits, Namespace};
use crate::namespace;

/// Reads one text, strictly, event by event.
pub(crate) struct StrictReader<'a> {
    text: &'a str,
    tokens: Reader<&'a [u8]>,
    limits: Limits,
    scope: Scope<'a>,
    attributes: SmallVec<[Attribute<'a>; 8]>,
    depth: usize,
    /// The tag just reported was an empty-element tag, so its end is due.
    empty: bool,
    content: ContentNamespace,
    borrowing: Borrowing<'a>,
    /// Bytes of long namespace names that were stood for so far.
    expansion: usize,
}

/// What the reader came upon.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A start tag; its attributes are those of the reader until the next event.
    Open(Name<'a>),
    /// An end tag, or the end of an empty-element tag.
    Close,
    Text(Text<'a>),
    /// The end of the text, all elements closed.
    End,
}

/// The resolved name of an element.
#[derive(Debug)]
pub(crate) struct Name<'a> {
    pub(crate) local: &'a str,
    pub(crate) namespace: Namespace,
    /// As written, prefix included.
    pub(crate) written: &'a str,
}

/// A resolved attribute; declarations of namespaces are none.
pub(crate) struct Attribute<'a> {
    pub(crate) local: &'a str,
    pub(crate) namespace: Namespace,
    raw: &'a str,
}

impl Attribute<'_> {
    pub(crate) fn value(&self) -> CompactString {
        attribute_value(self.raw).into()
    }
}

/// Under which content namespace the text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentNamespace {
    Client,
    /// Inside a stanza `jabber:server` reads as `jabber:client`: RFC 6120 §4.8.3 makes them one content, and whoever
    /// keeps a stanza shall not care where it came in.
    Server,
}

/// What the elements below some level need to stand on their own.
struct Borrowing<'a> {
    /// Declarations above this level are an ancestor's; 0 while nobody asks.
    below: usize,
    prefixes: SmallVec<[&'a str; 4]>,
    /// Where `jabber:server` was spelled out and is to be read as `jabber:client`.
    renamed: Vec<Range<usize>>,
}

impl<'a> StrictReader<'a> {
    /// Reads `bytes`, whose line ends are plain already.
    pub(crate) fn new(bytes: &'a [u8], content: ContentNamespace, limits: Limits) -> Result<Self, GateError> {
        if bytes.len() > limits.stanza_bytes_max {
            return Err(GateError::TooLong);
        }
        let text = str::from_utf8(bytes).map_err(|_| GateError::Utf8)?;
        check_characters(bytes)?;
        // quick-xml would skip it as a byte order mark; RFC 6120 §11.6 makes it a character like any other.
        if text.starts_with('\u{feff}') {
            return Err(GateError::StrayText);
        }
        Ok(Self {
            text,
            tokens: Reader::from_str(text),
            limits,
            scope: Scope::new(),
            attributes: SmallVec::new(),
            depth: 0,
            empty: false,
            content,
            borrowing: Borrowing { below: 0, prefixes: SmallVec::new(), renamed: Vec::new() },
            expansion: 0,
        })
    }

    /// Binds what an ancestor outside the text declared; the default namespace always needs it.
    pub(crate) fn inherit(&mut self, prefix: &'a str, namespace: Namespace) {
        self.scope.inherit(prefix, namespace);
    }

    /// Notes from now on which declarations above `depth` are used.
    pub(crate) fn watch_borrowing_below(&mut self, depth: usize) {
        self.borrowing.below = depth;
    }

    /// The prefixes and namespaces borrowed from ancestors since the last call.
    pub(crate) fn take_borrowed(&mut self) -> SmallVec<[(&'a str, Namespace); 4]> {
        let prefixes = std::mem::take(&mut self.borrowing.prefixes);
        prefixes
            .into_iter()
            .map(|prefix| {
                let namespace =
                    self.scope.find(prefix).map_or(Namespace::NONE, |found| found.namespace.clone());
                (prefix, self.read_as(namespace))
            })
            .collect()
    }

    /// Where namespace names stand that read as `jabber:client` and are spelled otherwise, since the last call.
    pub(crate) fn take_renamed(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.borrowing.renamed)
    }

    pub(crate) fn position(&self) -> usize {
        usize::try_from(self.tokens.buffer_position()).expect("a position within a slice")
    }

    /// The level of the innermost open element; 0 outside of all.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Where a piece of the text stands in it.
    pub(crate) fn place_of(&self, piece: &'a str) -> Range<usize> {
        let start = piece.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + piece.len()
    }

    pub(crate) fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// The declarations made so far and still in scope, outermost first.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = (&'a str, &Namespace)> {
        self.scope.iter().map(|binding| (binding.prefix, &binding.namespace))
    }

    pub(crate) fn next(&mut self) -> Result<Event<'a>, GateError> {
        if std::mem::take(&mut self.empty) {
            return Ok(self.close());
        }
        let start = self.position();
        let token = self.tokens.read_event().map_err(|error| reason(&error))?;
        let raw = &self.text[start..self.position()];
        match token {
            Token::Start(_) => self.open(&raw[1..raw.len() - 1]),
            Token::Empty(_) => {
                self.empty = true;
                self.open(&raw[1..raw.len() - 2])
            }
            Token::End(_) => Ok(self.close()),
            Token::Text(_) if memchr::memmem::find(raw.as_bytes(), b"]]>").is_some() => {
                Err(GateError::CDataEnd)
            }
            Token::Text(_) => Ok(Event::Text(Text::Literal(raw))),
            Token::CData(_) => Ok(Event::Text(Text::Literal(&raw[9..raw.len() - 3]))),
            Token::GeneralRef(_) => {
                Ok(Event::Text(Text::Reference(resolve_reference(&raw[1..raw.len() - 1])?)))
            }
            Token::Comment(_) => Err(GateError::Comment),
            Token::PI(_) | Token::Decl(_) => Err(GateError::ProcessingInstruction),
            Token::DocType(_) => Err(GateError::DocumentType),
            Token::Eof if self.depth > 0 => Err(GateError::Incomplete),
            Token::Eof => Ok(Event::End),
        }
    }

    fn close(&mut self) -> Event<'a> {
        self.scope.leave(self.depth);
        self.depth -= 1;
        Event::Close
    }

    fn open(&mut self, content: &'a str) -> Result<Event<'a>, GateError> {
        if self.depth >= self.limits.depth_max {
            return Err(GateError::TooDeep);
        }
        self.depth += 1;
        let Tag { written, name, attributes } = Tag::parse(content)?;
        let prefixes = self.collect_attributes(attributes)?;
        self.resolve_attributes(&prefixes)?;
        // Whether an element is a stanza depends on its true namespace; what is inside reads as one content.
        let namespace = match (self.resolve(name.prefix)?, self.depth) {
            (namespace, 1) => namespace,
            (namespace, _) => self.read_as(namespace),
        };
        Ok(Event::Open(Name { local: name.local, namespace, written }))
    }

    /// Declares what the tag declares and keeps the other attributes; returns their prefixes.
    fn collect_attributes(
        &mut self,
        mut raw: RawAttributes<'a>,
    ) -> Result<SmallVec<[&'a str; 8]>, GateError> {
        self.attributes.clear();
        let mut prefixes = SmallVec::new();
        let mut declarations = 0;
        while let Some((name, value)) = raw.next()? {
            if let Some(prefix) = name.declared_prefix() {
                declarations += 1;
                if declarations > self.limits.tag_namespaces_max {
                    return Err(GateError::TooManyNamespaces);
                }
                self.declare(prefix, value)?;
            } else {
                if prefixes.len() >= self.limits.attributes_max {
                    return Err(GateError::TooManyAttributes);
                }
                prefixes.push(name.prefix);
                self.attributes.push(Attribute { local: name.local, namespace: Namespace::NONE, raw: value });
            }
        }
        Ok(prefixes)
    }

    fn declare(&mut self, prefix: &'a str, value: &'a str) -> Result<(), GateError> {
        let namespace = Namespace::new(&attribute_value(value));
        if self.content == ContentNamespace::Server && namespace == *namespace::SERVER {
            self.borrowing.renamed.push(self.place_of(value));
        }
        self.scope.declare(prefix, namespace, self.depth, &self.limits)
    }

    /// Resolves the prefixes of the attributes and refuses two of one expanded name.
    fn resolve_attributes(&mut self, prefixes: &[&'a str]) -> Result<(), GateError> {
        for (place, prefix) in prefixes.iter().enumerate() {
            if !prefix.is_empty() {
                let namespace = self.resolve(prefix)?;
                self.attributes[place].namespace = self.read_as(namespace);
            }
            let (earlier, rest) = self.attributes.split_at(place);
            let same =
                |other: &Attribute<'_>| other.local == rest[0].local && other.namespace == rest[0].namespace;
            if earlier.iter().any(same) {
                return Err(GateError::DuplicateAttribute);
            }
        }
        Ok(())
    }

    fn resolve(&mut self, prefix: &'a str) -> Result<Namespace, GateError> {
        match prefix {
            "xml" => return Ok(Namespace::XML),
            "xmlns" => return Err(GateError::UnboundPrefix),
            _ => {}
        }
        let binding = self.scope.find(prefix).ok_or(GateError::UnboundPrefix)?;
        let (namespace, depth) = (binding.namespace.clone(), binding.depth);
        let length = namespace.as_str().len();
        if length > USUAL_NAMESPACE_BYTES {
            self.expansion += length;
            if self.expansion > self.limits.expansion_bytes_max {
                return Err(GateError::Expansion);
            }
        }
        if depth < self.borrowing.below {
            let is_usual = prefix.is_empty() && self.read_as(namespace.clone()) == Namespace::CLIENT;
            if !is_usual && !self.borrowing.prefixes.contains(&prefix) {
                self.borrowing.prefixes.push(prefix);
            }
        }
        Ok(namespace)
    }

    /// What the namespace is taken for inside the stream's content.
    pub(crate) fn read_as(&self, namespace: Namespace) -> Namespace {
        match self.content {
            ContentNamespace::Server if namespace == *namespace::SERVER => Namespace::CLIENT,
            _ => namespace,
        }
    }
}

/// Shorter names cannot make an item grow more than some sixteenfold when each element is written with its own.
const USUAL_NAMESPACE_BYTES: usize = 64;

/// Refuses what XML 1.0 cannot carry; the bytes are UTF-8, so surrogates are out already.
fn check_characters(bytes: &[u8]) -> Result<(), GateError> {
    let control = bytes
        .iter()
        .fold(false, |found, &byte| found | (byte < b' ' && byte != b'\t' && byte != b'\n' && byte != b'\r'));
    let noncharacter =
        || memchr::memchr_iter(0xef, bytes).any(|at| super::write::is_noncharacter(&bytes[at..]));
    if control || noncharacter() { Err(GateError::Character) } else { Ok(()) }
}

fn reason(error: &Error) -> GateError {
    match error {
        Error::Syntax(SyntaxError::UnclosedComment) => GateError::Comment,
        Error::Syntax(SyntaxError::UnclosedDoctype) => GateError::DocumentType,
        Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
            GateError::ProcessingInstruction
        }
        Error::IllFormed(IllFormedError::MissingDoctypeName) => GateError::DocumentType,
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_)) => {
            GateError::Mismatch
        }
        Error::IllFormed(IllFormedError::UnclosedReference) => GateError::Reference,
        _ => GateError::Markup,
    }
}
