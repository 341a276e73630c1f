//! The JSON of the administration. Both ends use these types; the domain's own types are not `Serialize`.

pub mod messages;
pub mod principals;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perch_xmpp::sasl::{ScramHash, ScramKeys};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An account to be added.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The whole address, or the name alone.
    pub address: String,
    pub secret: Secret,
}

/// A password, or keys that were derived from one elsewhere, each as [`Keys`] reads it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secret {
    Password(String),
    Keys(Vec<String>),
}

/// An account in a list or an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub address: String,
    pub disabled: bool,
}

/// The account that something was done to, by its whole address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub address: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    pub users: Vec<User>,
    /// What to hand in as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page is asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    pub after: Option<String>,
    pub limit: Option<u32>,
}

/// What is to change about an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    pub disabled: bool,
}

/// A pool: who is in it, and what it works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    pub members: Vec<PoolMember>,
    /// Absent where the store is embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// The database of a pool, by the host that takes writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    pub host: String,
    /// Which ids are given: another one after a database that may lack something took over.
    pub epoch: u16,
    /// Counts the promotions.
    pub timeline: i64,
    /// Of which site the host says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Does a commit wait for a standby?
    pub synchronous: bool,
    pub standbys: Vec<Standby>,
}

/// A host that follows. What the database does not show to the server's user is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standby {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Do commits wait for it?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronous: Option<bool>,
    /// What it does not have yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<u64>,
}

/// A member of the pool in the list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolMember {
    pub name: String,
    /// How often it was started, or taken for dead.
    pub incarnation: i64,
    /// What it shows.
    pub state: MemberState,
    /// What the operator wants of it.
    pub wanted: MemberState,
    /// Has its lease in the store not expired?
    pub alive: bool,
    /// What is left of its lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
    /// How long ago the member that is asked heard it on the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// Where clients reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Is it the one that is asked?
    pub asked: bool,
}

/// What a member is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    Active,
    Standby,
    Draining,
    Gone,
}

/// What a member is to be: anything but gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberWish {
    pub state: MemberState,
}

/// Why something was refused: `error` for programs, `text` for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{text}")]
pub struct Problem {
    pub error: String,
    pub text: String,
}

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

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Gone => "gone",
        })
    }
}

/// Passwords and keys stay out of logs.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Keys(_) => "Keys",
        })
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
