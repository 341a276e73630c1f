//! The names of the mechanisms, strongest first, and which of them a stream may offer.

use std::fmt;

use super::channel_binding::ChannelBindings;
use super::scram::ScramHash;

/// A SASL mechanism of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// The certificate of the TLS session says who it is (RFC 4422 appendix A, XEP-0178).
    External,
    /// A salted challenge and response; `plus` ties it to the TLS session.
    Scram {
        /// The hash function.
        hash: ScramHash,
        /// Whether channel binding is part of the proof.
        plus: bool,
    },
    /// The password itself, inside TLS (RFC 4616).
    Plain,
}

impl Mechanism {
    /// Every mechanism, in the order in which a stream offers them.
    pub const ALL: [Self; 8] = [
        Self::External,
        Self::Scram { hash: ScramHash::Sha512, plus: true },
        Self::Scram { hash: ScramHash::Sha256, plus: true },
        Self::Scram { hash: ScramHash::Sha1, plus: true },
        Self::Scram { hash: ScramHash::Sha512, plus: false },
        Self::Scram { hash: ScramHash::Sha256, plus: false },
        Self::Scram { hash: ScramHash::Sha1, plus: false },
        Self::Plain,
    ];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::Scram { hash: ScramHash::Sha512, plus: true } => "SCRAM-SHA-512-PLUS",
            Self::Scram { hash: ScramHash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Self::Scram { hash: ScramHash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Self::Scram { hash: ScramHash::Sha512, plus: false } => "SCRAM-SHA-512",
            Self::Scram { hash: ScramHash::Sha256, plus: false } => "SCRAM-SHA-256",
            Self::Scram { hash: ScramHash::Sha1, plus: false } => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
        }
    }

    /// The mechanism of that registered name; names are compared exactly (RFC 4422 §3.1 has upper case only).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.as_str() == name)
    }

    /// Whether a stream may offer it: a password in clear and a binding to nothing are never offered, nor is a
    /// certificate that was not shown.
    pub fn is_possible(self, is_encrypted: bool, bindings: &ChannelBindings, has_identity: bool) -> bool {
        match self {
            Self::External => is_encrypted && has_identity,
            Self::Scram { plus, .. } => !plus || (is_encrypted && !bindings.is_empty()),
            Self::Plain => is_encrypted,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_name(mechanism.as_str()), Some(mechanism));
        }
        for unknown in ["", "plain", "SCRAM-SHA-256-plus", "DIGEST-MD5", "ANONYMOUS"] {
            assert_eq!(Mechanism::from_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_a_stream_may_offer() {
        let bound = ChannelBindings { exporter: Some([7; 32]), end_point: None };
        let check = |encrypted, bindings: &ChannelBindings, identity, expected: &[&str]| {
            let offered: Vec<_> = Mechanism::ALL
                .into_iter()
                .filter(|mechanism| mechanism.is_possible(encrypted, bindings, identity))
                .map(Mechanism::as_str)
                .collect();
            assert_eq!(offered, expected);
        };
        let unbound = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"];
        check(false, &bound, true, &unbound);
        check(true, &ChannelBindings::default(), false, &[&unbound[..], &["PLAIN"]].concat());
        check(true, &bound, true, &Mechanism::ALL.map(Mechanism::as_str));
    }
}
