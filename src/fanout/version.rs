//! The versions of a room's lists of affiliations, as clients keep them (XEP-0463): opaque, and of use in the room that
//! gave them alone.
//!
//! A version names what its holder has been shown: the lists as they were then, and which of them. Who may see other
//! lists by now is not helped by what has changed since. It is signed with the room's secret: a room of the same name
//! that is made later does not know it, and nobody can name a version that he was not given.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::chat::affiliation::Lists;
use crate::chat::id::Epoch;

/// Makes and reads the versions of one room.
pub struct Versions {
    /// Of which the key is made anew each time: it would be two thirds of the memory of a small room.
    secret: [u8; 32],
    epoch: Epoch,
}

impl Versions {
    pub fn new(secret: &[u8; 32], epoch: Epoch) -> Self {
        Self { secret: *secret, epoch }
    }

    /// The version of someone who was shown these lists.
    pub fn write(&self, version: i64, lists: Lists) -> String {
        let mut bytes = PURPOSE.to_vec();
        bytes.extend_from_slice(&self.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.push(lists.bits());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let signature = hmac::sign(&key, &bytes);
        bytes.extend_from_slice(&signature.as_ref()[..SIGNATURE_BYTES]);
        BASE64_URL_SAFE_NO_PAD.encode(&bytes[PURPOSE.len()..])
    }

    /// Reads a version of ours that was given to someone who was shown these very lists.
    pub fn read(&self, text: &str, lists: Lists) -> Option<i64> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let version = i64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
        (self.write(version, lists) == text).then_some(version)
    }
}

/// The room's secret has other uses (XEP-0421); what is signed for one is of no use for another.
const PURPOSE: &[u8] = b"affiliations\0";
/// What cannot be found by trying: every try is a join.
const SIGNATURE_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::affiliation::Affiliation;

    #[test]
    fn a_version_is_known_where_it_was_given_and_for_what_was_shown() {
        let members = [Affiliation::Member].into_iter().collect();
        let all = Lists::ALL.into_iter().collect();
        let versions = |secret: u8, epoch| Versions::new(&[secret; 32], Epoch(epoch));
        let given = versions(7, 1).write(42, members);
        let check = |versions: Versions, lists, text: &str, expected| {
            assert_eq!(versions.read(text, lists), expected, "{text}");
        };
        check(versions(7, 1), members, &given, Some(42));
        check(versions(7, 1), all, &given, None);
        check(versions(8, 1), members, &given, None);
        check(versions(7, 2), members, &given, None);
        for wrong in ["", "42", &given[1..], &format!("{given}="), &given.to_lowercase()] {
            check(versions(7, 1), members, wrong, None);
        }
    }
}
