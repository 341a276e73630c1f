//! SCRAM (RFC 5802, RFC 7677): what the server keeps of a password, and how it checks a proof of it.

pub(super) mod message;

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use perch_address::nickname::PasswordError;
use perch_address::prepare_password;
use subtle::ConstantTimeEq;

use message::{ClientFinal, ClientFirst};

/// What the store keeps of an account's password: one set of keys for each hash function, and no password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// For SCRAM-SHA-1, which RFC 6120 §13.8 demands.
    pub sha1: Option<ScramKeys>,
    /// For SCRAM-SHA-256.
    pub sha256: Option<ScramKeys>,
    /// For SCRAM-SHA-512.
    pub sha512: Option<ScramKeys>,
    /// The account may not log in; the client is told so only after its proof was right.
    pub is_disabled: bool,
}

impl Credentials {
    /// Derives the keys for every hash function. It takes milliseconds of one core: not for a thread that serves
    /// others meanwhile.
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Result<Self, PasswordError> {
        let keys = |hash| ScramKeys::derive(hash, password, salt, iterations).map(Some);
        Ok(Self {
            sha1: keys(ScramHash::Sha1)?,
            sha256: keys(ScramHash::Sha256)?,
            sha512: keys(ScramHash::Sha512)?,
            is_disabled: false,
        })
    }

    /// The keys for that hash function.
    pub fn keys(&self, hash: ScramHash) -> Option<&ScramKeys> {
        match hash {
            ScramHash::Sha1 => self.sha1.as_ref(),
            ScramHash::Sha256 => self.sha256.as_ref(),
            ScramHash::Sha512 => self.sha512.as_ref(),
        }
    }

    /// The keys against which a password in clear is checked.
    fn strongest(&self) -> Option<&ScramKeys> {
        self.sha512.as_ref().or(self.sha256.as_ref()).or(self.sha1.as_ref())
    }
}

/// The hash functions of the SCRAM family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ScramHash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hash(self, data: &[u8]) -> digest::Digest {
        digest::digest(self.digest(), data)
    }

    fn sign(self, key: &[u8], data: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data)
    }

    fn salted_password(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut salted = vec![0; self.digest().output_len()];
        let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        salted
    }
}

/// What is kept of a password for one hash function (RFC 5802 §3): enough to check a proof, not to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// The hash function.
    pub hash: ScramHash,
    /// The cost of trying a password, at least one.
    pub iterations: u32,
    /// The account's own salt, [`SALT_BYTES`] long.
    pub salt: Vec<u8>,
    /// The hash of the key with which the client proves itself.
    pub stored_key: Vec<u8>,
    /// The key with which the server proves itself.
    pub server_key: Vec<u8>,
}

impl ScramKeys {
    /// Derives the keys of a password, which is prepared here.
    pub fn derive(
        hash: ScramHash,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, PasswordError> {
        let password = prepare_password(password)?;
        let salted = hash.salted_password(&password, salt, iterations);
        let client_key = hash.sign(&salted, b"Client Key");
        Ok(Self {
            hash,
            iterations,
            salt: salt.to_vec(),
            stored_key: hash.hash(client_key.as_ref()).as_ref().to_vec(),
            server_key: hash.sign(&salted, b"Server Key").as_ref().to_vec(),
        })
    }

    /// Whether that is the password. It costs what deriving costs, for a password that cannot be prepared too.
    pub fn verify_password(&self, password: &str) -> bool {
        let prepared = prepare_password(password);
        let salted =
            self.hash.salted_password(prepared.as_deref().unwrap_or(password), &self.salt, self.iterations);
        let stored_key = self.hash.hash(self.hash.sign(&salted, b"Client Key").as_ref());
        let is_equal = bool::from(stored_key.as_ref().ct_eq(&self.stored_key));
        is_equal && prepared.is_ok()
    }

    /// Whether `proof` proves knowledge of the password for that exchange of messages.
    fn verify_proof(&self, proof: &[u8], messages: &[u8]) -> bool {
        let signature = self.hash.sign(&self.stored_key, messages);
        if proof.len() != signature.as_ref().len() {
            return false;
        }
        let client_key: Vec<u8> =
            proof.iter().zip(signature.as_ref()).map(|(proof, mask)| proof ^ mask).collect();
        self.hash.hash(&client_key).as_ref().ct_eq(&self.stored_key).into()
    }
}

/// Keys stay out of logs.
impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// How the server answers for accounts that it does not have: with keys that nobody can prove, and a salt that is
/// the same whenever the name is tried, on every member that shares the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Decoy {
    /// Known to the servers of the pool only.
    pub secret: [u8; 32],
    /// What real accounts get when their password is set.
    pub iterations: u32,
}

impl Decoy {
    /// Whether a password in clear is that of the account `name`. For one that is not there, or has no password, it takes as
    /// long to say no.
    pub fn verify_password(&self, name: &str, password: &str, credentials: Option<&Credentials>) -> bool {
        match credentials.and_then(Credentials::strongest) {
            Some(keys) => keys.verify_password(password),
            None => {
                self.keys(ScramHash::Sha512, name).verify_password(password);
                false
            }
        }
    }

    pub(super) fn keys(&self, hash: ScramHash, name: &str) -> ScramKeys {
        let part = |purpose: &str| {
            let message = format!("{purpose}\0{}\0{name}", hash.digest().output_len());
            hash.sign(&self.secret, message.as_bytes()).as_ref().to_vec()
        };
        let mut salt = part("salt");
        salt.truncate(SALT_BYTES);
        ScramKeys {
            hash,
            iterations: self.iterations,
            salt,
            stored_key: part("stored"),
            server_key: part("server"),
        }
    }
}

impl fmt::Debug for Decoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoy").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// The server's half of one exchange, between its challenge and the client's proof.
pub(super) struct Challenge {
    keys: ScramKeys,
    nonce: String,
    /// What the client must send back as `c`: its own header, and the binding's data.
    binding: Vec<u8>,
    /// The messages so far, which the proof covers.
    messages: String,
}

impl Challenge {
    /// Answers the client's first message. `advertised` is what the downgrade guard covers (XEP-0474).
    pub(super) fn new(
        first: &ClientFirst,
        keys: ScramKeys,
        nonce: &str,
        bound: &[u8],
        advertised: &str,
    ) -> (Self, String) {
        let nonce = format!("{}{nonce}", first.nonce);
        let guard = BASE64.encode(keys.hash.hash(advertised.as_bytes()));
        let challenge = format!("r={nonce},s={},i={},h={guard}", BASE64.encode(&keys.salt), keys.iterations);
        let messages = format!("{},{challenge},", first.bare);
        let binding = [first.header.as_bytes(), bound].concat();
        (Self { keys, nonce, binding, messages }, challenge)
    }

    /// Checks the client's proof; the answer is the server's own. `None` is a proof that does not hold.
    pub(super) fn verify(mut self, last: &ClientFinal<'_>) -> Option<String> {
        self.messages.push_str(last.without_proof);
        let is_ours = last.nonce == self.nonce && last.binding == self.binding;
        let is_proven = self.keys.verify_proof(&last.proof, self.messages.as_bytes());
        (is_ours && is_proven).then(|| {
            let signature = self.keys.hash.sign(&self.keys.server_key, self.messages.as_bytes());
            format!("v={}", BASE64.encode(signature))
        })
    }
}

/// The length of a salt, of real accounts as of those that do not exist.
pub const SALT_BYTES: usize = 16;

#[cfg(test)]
mod tests;
