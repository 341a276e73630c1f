//! SCRAM keys as they are handed over between servers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perch_xmpp::sasl::{ScramHash, ScramKeys};
use thiserror::Error;

/// SCRAM keys as text (RFC 5803): `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`, in base64.
#[derive(Debug)]
pub struct Keys(pub ScramKeys);

/// Why text is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "SCRAM keys look like SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY, with 1 to 1000000 iterations"
)]
pub struct KeysError;

impl Keys {
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        Self::read(text).ok_or(KeysError)
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once('$')?;
        let (info, value) = rest.split_once('$')?;
        let (iterations, salt) = info.split_once(':')?;
        let (stored_key, server_key) = value.split_once(':')?;
        let (hash, bytes) = match scheme.to_ascii_uppercase().as_str() {
            "SCRAM-SHA-1" => (ScramHash::Sha1, 20),
            "SCRAM-SHA-256" => (ScramHash::Sha256, 32),
            "SCRAM-SHA-512" => (ScramHash::Sha512, 64),
            _ => return None,
        };
        let key = |text| BASE64.decode(text).ok().filter(|key| key.len() == bytes);
        let keys = ScramKeys {
            hash,
            iterations: iterations.parse().ok().filter(|count| (1..=ITERATIONS_MAX).contains(count))?,
            salt: BASE64.decode(salt).ok().filter(|salt| (1..=SALT_BYTES_MAX).contains(&salt.len()))?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        };
        Some(Self(keys))
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.0.hash {
            ScramHash::Sha1 => "SCRAM-SHA-1",
            ScramHash::Sha256 => "SCRAM-SHA-256",
            ScramHash::Sha512 => "SCRAM-SHA-512",
        };
        let [salt, stored, server] =
            [&self.0.salt, &self.0.stored_key, &self.0.server_key].map(|bytes| BASE64.encode(bytes));
        write!(f, "{scheme}${}:{salt}${stored}:{server}", self.0.iterations)
    }
}

/// A client computes as many for each sign-in: more would keep a telephone from ever getting in.
const ITERATIONS_MAX: u32 = 1_000_000;

const SALT_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use perch_xmpp::sasl::Credentials;

    use super::*;

    #[test]
    fn keys_survive_their_text() {
        let derived = Credentials::derive("a pass:word$", b"salt of 16 bytes", 1).unwrap();
        for keys in [derived.sha1, derived.sha256, derived.sha512].into_iter().flatten() {
            assert_eq!(Keys::parse(&Keys(keys.clone()).to_string()).unwrap().0, keys);
        }
    }

    #[test]
    fn what_others_wrote_is_read() {
        // RFC 5803 §4 has no example of keys; these belong to the exchange of RFC 5802 §5, password "pencil".
        let text =
            "scram-sha-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=";
        let keys = Keys::parse(text).unwrap().0;
        assert_eq!((keys.hash, keys.iterations), (ScramHash::Sha1, 4096));
        assert!(keys.verify_password("pencil"));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for text in [
            "",
            "pencil",
            "MD5$1:AA==$AA==:AA==",
            "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=",
            "SCRAM-SHA-1$0:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
            "SCRAM-SHA-1$4096:$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
            "SCRAM-SHA-256$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
        ] {
            assert_eq!(Keys::parse(text).err(), Some(KeysError), "{text}");
        }
    }
}
