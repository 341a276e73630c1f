//! Why the gate refused: one reason each, for the log; the peer is told the stream condition.

use thiserror::Error;

use crate::stream::error::StreamCondition;

/// What the gate found wrong. Each is fatal to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum GateError {
    /// `<!--` anywhere.
    #[error("a comment")]
    Comment,
    /// `<?`, other than an XML declaration that is the first thing of all.
    #[error("a processing instruction")]
    ProcessingInstruction,
    /// `<!DOCTYPE` and its kin.
    #[error("a document type declaration")]
    DocumentType,
    /// A reference to an entity that is not one of the predefined five.
    #[error("a reference to an entity that XML does not predefine")]
    Entity,
    /// The declared encoding is not UTF-8.
    #[error("an encoding other than UTF-8 is declared")]
    Encoding,
    /// The bytes are not UTF-8: overlong, surrogate, cut short, out of range.
    #[error("the bytes are not UTF-8")]
    Utf8,
    /// A character that XML 1.0 does not allow, literally or by reference.
    #[error("a character that XML does not allow")]
    Character,
    /// A reference that is no reference: `&`, `&;`, `&#x;`.
    #[error("a malformed reference")]
    Reference,
    /// A character reference padded with more zeros than any writer needs; some readers refuse those.
    #[error("an overlong character reference")]
    LongReference,
    /// `]]>` outside a CDATA section.
    #[error("]]> in text")]
    CDataEnd,
    /// Neither a start tag, an end tag nor a CDATA section; or one of them cut short.
    #[error("malformed markup")]
    Markup,
    /// An XML declaration that is not of XML 1.0's form.
    #[error("a malformed XML declaration")]
    Declaration,
    /// An element or attribute name that is no qualified name.
    #[error("a malformed name")]
    Name,
    /// Attributes without value, quotes, or white space between them; `<` inside a value.
    #[error("a malformed attribute")]
    Attribute,
    /// The same attribute twice, perhaps by two prefixes.
    #[error("an attribute given twice")]
    DuplicateAttribute,
    /// An end tag that does not match its start tag.
    #[error("mismatched tags")]
    Mismatch,
    /// Text between stanzas, or before or after the stream.
    #[error("text outside of any stanza")]
    StrayText,
    /// Anything after the end of the stream, or a second element where one is allowed.
    #[error("content after the end")]
    Trailing,
    /// The end came inside an element.
    #[error("the end came inside an element")]
    Incomplete,
    /// A prefix that no declaration in scope binds.
    #[error("an unbound namespace prefix")]
    UnboundPrefix,
    /// A declaration that Namespaces in XML 1.0 forbids: `xmlns:p=''`, `xml` or `xmlns` bound anew.
    #[error("a forbidden namespace declaration")]
    NamespaceDeclaration,
    /// The stream's root is not in the streams namespace.
    #[error("the root is not in the streams namespace")]
    StreamNamespace,
    /// A stanza of `jabber:client` on a stream of `jabber:server`, or the reverse.
    #[error("a stanza in the content namespace of another kind of stream")]
    ContentNamespace,
    /// The stream's root is not called `stream`, or is empty.
    #[error("the root is not a stream")]
    StreamName,
    /// Text directly inside a stanza: RFC 6120 §8.4 gives it only child elements.
    #[error("text directly inside a stanza")]
    StanzaText,
    /// More bytes than one item may have.
    #[error("too many bytes")]
    TooLong,
    /// More levels of elements than allowed.
    #[error("nested too deep")]
    TooDeep,
    /// More attributes in one tag than allowed.
    #[error("too many attributes")]
    TooManyAttributes,
    /// More namespace declarations, in one tag or in scope, than allowed.
    #[error("too many namespace declarations")]
    TooManyNamespaces,
    /// More white space between two stanzas than a keepalive needs.
    #[error("too much white space between stanzas")]
    TooMuchWhitespace,
    /// Long namespace names used so often that the content would grow far beyond its size on the wire.
    #[error("namespace names that would grow beyond bounds")]
    Expansion,
}

impl GateError {
    /// The stream error that the peer is sent (RFC 6120 §4.9.3).
    pub fn condition(self) -> StreamCondition {
        match self {
            Self::Comment | Self::ProcessingInstruction | Self::DocumentType | Self::Entity => {
                StreamCondition::RestrictedXml
            }
            Self::Encoding | Self::Utf8 => StreamCondition::UnsupportedEncoding,
            Self::Character
            | Self::Reference
            | Self::CDataEnd
            | Self::Markup
            | Self::Declaration
            | Self::Name
            | Self::Attribute
            | Self::DuplicateAttribute
            | Self::Mismatch
            | Self::StrayText
            | Self::Trailing
            | Self::Incomplete => StreamCondition::NotWellFormed,
            Self::UnboundPrefix | Self::NamespaceDeclaration => StreamCondition::BadNamespacePrefix,
            Self::StreamNamespace | Self::ContentNamespace => StreamCondition::InvalidNamespace,
            Self::StreamName | Self::StanzaText => StreamCondition::BadFormat,
            Self::TooLong
            | Self::TooDeep
            | Self::TooManyAttributes
            | Self::TooManyNamespaces
            | Self::TooMuchWhitespace
            | Self::LongReference
            | Self::Expansion => StreamCondition::PolicyViolation,
        }
    }
}
