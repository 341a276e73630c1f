//! Stream errors (RFC 6120 §4.9): unrecoverable, the stream closes after each.

use std::fmt;

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
