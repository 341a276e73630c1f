//! What of a password Digest needs (RFC 7616): a hash of it with the user's name and the realm, one for each algorithm.
//!
//! SCRAM's keys, which are salted, do not do: both are made when a password is set.

use aws_lc_rs::digest;
use md5::{Digest, Md5};

use crate::store::account::{DigestKeys, Md5Keys};

/// How a proof is hashed (RFC 8760 §2.1), by its name there. MD5 is for clients of its age, and taken where the operator says
/// so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    Sha256,
    Sha512Truncated256,
    Md5,
}

impl DigestAlgorithm {
    /// The hash of a text.
    pub fn hash(self, text: &str) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec(),
            Self::Sha512Truncated256 => {
                digest::digest(&digest::SHA512_256, text.as_bytes()).as_ref().to_vec()
            }
            Self::Md5 => Md5::digest(text).to_vec(),
        }
    }

    /// The account's key for this algorithm, as somebody uses it who gives that for his name.
    pub fn key<'a>(self, keys: &'a DigestKeys, name: &str) -> Option<&'a [u8]> {
        match self {
            Self::Sha256 => Some(&keys.sha256),
            Self::Sha512Truncated256 => Some(&keys.sha512_256),
            Self::Md5 if name.contains('@') => keys.md5.as_ref().map(|md5| &md5.of_address[..]),
            Self::Md5 => keys.md5.as_ref().map(|md5| &md5.of_name[..]),
        }
    }
}

/// The keys of a prepared password; of MD5 too, if it is taken.
pub(super) fn derive(user: &str, realm: &str, password: &str, takes_md5: bool) -> DigestKeys {
    let text = format!("{user}:{realm}:{password}");
    let md5 = |text: String| Md5::digest(text).into();
    DigestKeys {
        sha256: whole(&DigestAlgorithm::Sha256.hash(&text)),
        sha512_256: whole(&DigestAlgorithm::Sha512Truncated256.hash(&text)),
        md5: takes_md5.then(|| Md5Keys {
            of_name: md5(text),
            of_address: md5(format!("{user}@{realm}:{realm}:{password}")),
        }),
    }
}

fn whole(hash: &[u8]) -> [u8; 32] {
    hash.try_into().expect("both have 256 bits")
}
