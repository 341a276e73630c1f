//! Stanza errors (RFC 6120 §8.3): what went wrong, and what the sender may do about it.

use std::fmt;

/// What the sender of the refused stanza may do (RFC 6120 §8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// Try again after providing credentials.
    Auth,
    /// Do not try again.
    Cancel,
    /// Go on: it was only a warning.
    Continue,
    /// Try again after changing what was sent.
    Modify,
    /// Try again later.
    Wait,
}

impl ErrorType {
    /// The attribute value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }
}

/// The defined conditions of RFC 6120 §8.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StanzaCondition {
    /// The stanza is malformed in a way that XML is not.
    BadRequest,
    /// Access cannot be granted because something with that name exists.
    Conflict,
    /// The feature is not implemented here.
    FeatureNotImplemented,
    /// The sender lacks the rights.
    Forbidden,
    /// The entity can no longer be reached at this address.
    Gone,
    /// The server failed.
    InternalServerError,
    /// The addressed item does not exist.
    ItemNotFound,
    /// An address is no JID.
    JidMalformed,
    /// The request does not meet the criteria of the recipient.
    NotAcceptable,
    /// Nobody is allowed to do this.
    NotAllowed,
    /// Credentials are needed first.
    NotAuthorized,
    /// A local policy was violated.
    PolicyViolation,
    /// The recipient is away for now.
    RecipientUnavailable,
    /// Use another address.
    Redirect,
    /// Registration is needed first.
    RegistrationRequired,
    /// The remote server does not exist.
    RemoteServerNotFound,
    /// The remote server did not answer in time.
    RemoteServerTimeout,
    /// The server is busy or full.
    ResourceConstraint,
    /// The service is not offered here.
    ServiceUnavailable,
    /// A subscription is needed first.
    SubscriptionRequired,
    /// None of the others.
    UndefinedCondition,
    /// The request came out of turn.
    UnexpectedRequest,
}

impl StanzaCondition {
    /// The element name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Conflict => "conflict",
            Self::FeatureNotImplemented => "feature-not-implemented",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::JidMalformed => "jid-malformed",
            Self::NotAcceptable => "not-acceptable",
            Self::NotAllowed => "not-allowed",
            Self::NotAuthorized => "not-authorized",
            Self::PolicyViolation => "policy-violation",
            Self::RecipientUnavailable => "recipient-unavailable",
            Self::Redirect => "redirect",
            Self::RegistrationRequired => "registration-required",
            Self::RemoteServerNotFound => "remote-server-not-found",
            Self::RemoteServerTimeout => "remote-server-timeout",
            Self::ResourceConstraint => "resource-constraint",
            Self::ServiceUnavailable => "service-unavailable",
            Self::SubscriptionRequired => "subscription-required",
            Self::UndefinedCondition => "undefined-condition",
            Self::UnexpectedRequest => "unexpected-request",
        }
    }

    /// The type that RFC 6120 §8.3.3 recommends beside the condition.
    pub fn usual_type(self) -> ErrorType {
        match self {
            Self::BadRequest
            | Self::JidMalformed
            | Self::NotAcceptable
            | Self::PolicyViolation
            | Self::Redirect => ErrorType::Modify,
            Self::Forbidden
            | Self::NotAuthorized
            | Self::RegistrationRequired
            | Self::SubscriptionRequired => ErrorType::Auth,
            Self::RecipientUnavailable
            | Self::RemoteServerTimeout
            | Self::ResourceConstraint
            | Self::UnexpectedRequest => ErrorType::Wait,
            Self::Conflict
            | Self::FeatureNotImplemented
            | Self::Gone
            | Self::InternalServerError
            | Self::ItemNotFound
            | Self::NotAllowed
            | Self::RemoteServerNotFound
            | Self::ServiceUnavailable
            | Self::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

impl fmt::Display for StanzaCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
