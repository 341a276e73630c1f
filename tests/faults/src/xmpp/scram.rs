//! The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::problem::Problem;

pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";

/// One exchange, up to and with the check that the server knew the password too.
pub(crate) struct Scram {
    first_bare: String,
    nonce: String,
    server_signature: String,
}

/// The password as the server's salt makes it: the slow part, kept from one sign-in to the next.
#[derive(Default)]
pub(crate) struct SaltedPassword {
    salt: String,
    rounds: u32,
    salted: Vec<u8>,
}

impl Scram {
    pub(crate) fn new(user: &str) -> Self {
        let mut random = [0; 18];
        rand::fill(&mut random).expect("the system has random numbers");
        let nonce = STANDARD.encode(random);
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { first_bare: format!("n={user},r={nonce}"), nonce, server_signature: String::new() }
    }

    pub(crate) fn first(&self) -> String {
        STANDARD.encode(format!("n,,{}", self.first_bare))
    }

    /// The answer to the server's challenge, base64 both ways.
    pub(crate) fn answer(
        &mut self,
        challenge: &str,
        password: &str,
        cache: &mut SaltedPassword,
    ) -> Result<String, Problem> {
        let challenge = decode(challenge)?;
        let nonce = field(&challenge, "r=")?;
        if !nonce.starts_with(&self.nonce) {
            return Err(refused("the server changed the nonce"));
        }
        let rounds = field(&challenge, "i=")?.parse().map_err(|_| refused("no number of rounds"))?;
        let salted = cache.salted(password, field(&challenge, "s=")?, rounds)?;
        let key = |purpose: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salted), purpose.as_bytes());
        let client_key = key("Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{challenge},{without_proof}", self.first_bare);
        let signature =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, stored_key.as_ref()), message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server_key = key("Server Key");
        let server_signature =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, server_key.as_ref()), message.as_bytes());
        self.server_signature = STANDARD.encode(server_signature);
        Ok(STANDARD.encode(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }

    /// Whether the server's last word shows that it knows the password.
    pub(crate) fn verify(&self, success: &str) -> Result<(), Problem> {
        let verifier = decode(success)?;
        if field(&verifier, "v=")? == self.server_signature {
            Ok(())
        } else {
            Err(refused("the server's signature is wrong"))
        }
    }
}

impl SaltedPassword {
    fn salted(&mut self, password: &str, salt: &str, rounds: u32) -> Result<&[u8], Problem> {
        if (self.salt.as_str(), self.rounds) != (salt, rounds) || self.salted.is_empty() {
            let iterations = NonZeroU32::new(rounds).ok_or_else(|| refused("no rounds"))?;
            let bytes = STANDARD.decode(salt).map_err(|_| refused("the salt is not base64"))?;
            let mut salted = vec![0; digest::SHA256_OUTPUT_LEN];
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &bytes, password.as_bytes(), &mut salted);
            *self = Self { salt: salt.to_owned(), rounds, salted };
        }
        Ok(&self.salted)
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| refused("what the server sent is not base64"))?;
    String::from_utf8(bytes).map_err(|_| refused("what the server sent is not text"))
}

fn field<'a>(message: &'a str, key: &str) -> Result<&'a str, Problem> {
    let found = message.split(',').find_map(|field| field.strip_prefix(key));
    found.ok_or_else(|| refused("a field is missing"))
}

fn refused(why: &str) -> Problem {
    Problem::Refused { what: "authentication", why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_published_example() {
        let nonce = "rOprNGfwEbeRWgbNEkqO";
        let mut scram = Scram {
            first_bare: format!("n=user,r={nonce}"),
            nonce: nonce.to_owned(),
            server_signature: String::new(),
        };
        let challenge = format!("r={nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let mut cache = SaltedPassword::default();
        let answer = scram.answer(&STANDARD.encode(challenge), "pencil", &mut cache).unwrap();
        assert!(decode(&answer).unwrap().ends_with("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        let success = STANDARD.encode("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        scram.verify(&success).unwrap();
        assert!(scram.verify(&STANDARD.encode("v=AAAA")).is_err());
    }
}
