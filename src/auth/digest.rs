//! What of a password Digest needs (RFC 7616): a hash of it with the user's name and the realm, one for each algorithm.
//!
//! SCRAM's keys, which are salted, do not do: both are made when a password is set.

use aws_lc_rs::digest::{self, Algorithm, Context};

use crate::store::account::DigestKeys;

/// How a proof is hashed (RFC 8760 §2.1), by its name there. MD5 is left out: clients of that age have to be brought up to
/// date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    Sha256,
    Sha512Truncated256,
}

impl DigestAlgorithm {
    pub fn function(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512Truncated256 => &digest::SHA512_256,
        }
    }

    /// The account's key for this algorithm.
    pub fn key(self, keys: &DigestKeys) -> &[u8; 32] {
        match self {
            Self::Sha256 => &keys.sha256,
            Self::Sha512Truncated256 => &keys.sha512_256,
        }
    }
}

/// The keys of a prepared password.
pub(super) fn derive(user: &str, realm: &str, password: &str) -> DigestKeys {
    let key = |algorithm: DigestAlgorithm| {
        let mut context = Context::new(algorithm.function());
        context.update(format!("{user}:{realm}:{password}").as_bytes());
        context.finish().as_ref().try_into().expect("both have 256 bits")
    };
    DigestKeys { sha256: key(DigestAlgorithm::Sha256), sha512_256: key(DigestAlgorithm::Sha512Truncated256) }
}
