//! The conditions by which an attempt to authenticate fails (RFC 6120 §6.5).

use std::fmt;

/// Why an attempt failed, as the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SaslFailure {
    /// The client sent `<abort/>`.
    Aborted,
    /// The account exists, the proof was right, and the account is disabled.
    AccountDisabled,
    /// The credentials were right once.
    CredentialsExpired,
    /// The mechanism needs TLS first.
    EncryptionRequired,
    /// What the client sent is not base64.
    IncorrectEncoding,
    /// The client may not act as the identity that it asked for.
    InvalidAuthzid,
    /// The mechanism was not offered.
    InvalidMechanism,
    /// The message does not follow the mechanism's grammar.
    MalformedRequest,
    /// The mechanism is weaker than this account allows.
    MechanismTooWeak,
    /// The proof is wrong, or there is no such account: the two are never told apart.
    NotAuthorized,
    /// The server cannot check now.
    TemporaryAuthFailure,
}

impl SaslFailure {
    /// The element name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

impl fmt::Display for SaslFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
