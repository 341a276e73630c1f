//! Stream errors (RFC 6120 §4.9): unrecoverable, the stream closes after each.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use thiserror::Error;

use crate::namespace;
use crate::xml::Element;

/// Why this side ends the stream, as the peer is told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{condition}{}", text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct StreamFailure {
    condition: StreamCondition,
    text: Option<Cow<'static, str>>,
    /// A condition of the application's own, beside the defined one.
    detail: Option<Box<Element>>,
    /// Where to go instead, for [`StreamCondition::SeeOtherHost`].
    host: Option<String>,
}

impl StreamFailure {
    /// A failure of that condition, and no more to say.
    pub fn new(condition: StreamCondition) -> Self {
        Self { condition, text: None, detail: None, host: None }
    }

    /// A request to open the stream at `host` instead, `domain[:port]` (RFC 6120 §4.9.3.19).
    pub fn see_other_host(host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..Self::new(StreamCondition::SeeOtherHost) }
    }

    /// This failure, explained in English.
    #[must_use]
    pub fn with_text(self, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// This failure, with a condition of the application's own.
    #[must_use]
    pub fn with_detail(self, detail: Element) -> Self {
        Self { detail: Some(Box::new(detail)), ..self }
    }

    /// The defined condition.
    pub fn condition(&self) -> StreamCondition {
        self.condition
    }

    /// The error and the end of the stream, for a stream whose header was sent; before that, ask
    /// [`Negotiation::close`](super::Negotiation::close).
    pub fn to_bytes(&self) -> Bytes {
        let mut out = b"<stream:error>".to_vec();
        let condition = Element::new(self.condition.as_str(), namespace::STREAM_ERROR);
        condition.with_text(self.host.as_deref().unwrap_or_default()).write(namespace::CLIENT, &mut out);
        if let Some(text) = &self.text {
            let text = Element::new("text", namespace::STREAM_ERROR)
                .with_attribute("xml:lang", "en")
                .with_text(text);
            text.write(namespace::CLIENT, &mut out);
        }
        if let Some(detail) = &self.detail {
            detail.write(namespace::CLIENT, &mut out);
        }
        out.extend_from_slice(b"</stream:error></stream:stream>");
        out.into()
    }
}

impl From<StreamCondition> for StreamFailure {
    fn from(condition: StreamCondition) -> Self {
        Self::new(condition)
    }
}

/// The defined conditions of RFC 6120 §4.9.3 that a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamCondition {
    /// The entity sent XML that cannot be processed.
    BadFormat,
    /// A namespace prefix is unbound or misplaced.
    BadNamespacePrefix,
    /// Another stream took this one's place (a resource, or a resumed session).
    Conflict,
    /// The peer fell silent for too long.
    ConnectionTimeout,
    /// The domain was served here once and is no longer.
    HostGone,
    /// The domain is not served here.
    HostUnknown,
    /// A stanza between servers lacks `to` or `from`.
    ImproperAddressing,
    /// The server cannot go on for a reason of its own.
    InternalServerError,
    /// `from` does not belong to the authenticated entity.
    InvalidFrom,
    /// The stream or content namespace is not the one of this stream.
    InvalidNamespace,
    /// A stanza was sent before the stream allowed it.
    NotAuthorized,
    /// The bytes are not well-formed XML.
    NotWellFormed,
    /// A limit of this server was passed.
    PolicyViolation,
    /// A needed remote entity could not be reached.
    RemoteConnectionFailed,
    /// The server lacks the resources to go on.
    ResourceConstraint,
    /// Comments, processing instructions, DTDs, entities (RFC 6120 §11.1).
    RestrictedXml,
    /// The stream is to be opened at another address.
    SeeOtherHost,
    /// The server is shutting down.
    SystemShutdown,
    /// None of the others; an application-specific condition follows.
    UndefinedCondition,
    /// The encoding is not UTF-8.
    UnsupportedEncoding,
    /// A stream feature that cannot be had was demanded.
    UnsupportedFeature,
    /// A first-level element that is no stanza and no known nonza.
    UnsupportedStanzaType,
    /// The stream's version is not 1.x.
    UnsupportedVersion,
}

impl StreamCondition {
    /// The element name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadFormat => "bad-format",
            Self::BadNamespacePrefix => "bad-namespace-prefix",
            Self::Conflict => "conflict",
            Self::ConnectionTimeout => "connection-timeout",
            Self::HostGone => "host-gone",
            Self::HostUnknown => "host-unknown",
            Self::ImproperAddressing => "improper-addressing",
            Self::InternalServerError => "internal-server-error",
            Self::InvalidFrom => "invalid-from",
            Self::InvalidNamespace => "invalid-namespace",
            Self::NotAuthorized => "not-authorized",
            Self::NotWellFormed => "not-well-formed",
            Self::PolicyViolation => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::ResourceConstraint => "resource-constraint",
            Self::RestrictedXml => "restricted-xml",
            Self::SeeOtherHost => "see-other-host",
            Self::SystemShutdown => "system-shutdown",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnsupportedEncoding => "unsupported-encoding",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::UnsupportedStanzaType => "unsupported-stanza-type",
            Self::UnsupportedVersion => "unsupported-version",
        }
    }
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_written_by_the_letter() {
        let check = |failure: StreamFailure, expected: &str| assert_eq!(failure.to_bytes(), expected);
        check(
            StreamCondition::HostUnknown.into(),
            "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
        );
        check(
            StreamFailure::new(StreamCondition::PolicyViolation).with_text("1 < 2"),
            "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>1 &lt; 2</text>\
             </stream:error></stream:stream>",
        );
        check(
            StreamFailure::see_other_host("[2001:db8::1]:5223"),
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[2001:db8::1]:5223\
             </see-other-host></stream:error></stream:stream>",
        );
    }

    #[test]
    fn failures_read_well_in_a_log() {
        let failure = StreamFailure::new(StreamCondition::PolicyViolation);
        assert_eq!(failure.to_string(), "policy-violation");
        assert_eq!(failure.with_text("too many attempts").to_string(), "policy-violation: too many attempts");
    }
}
