//! A token of the administration as its holder has it: 256 random bits, and the number under which their hash is kept.

use std::fmt;

use ::aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::chat::administration::ActNumber;

/// As text: `perch_`, and number and secret in base64 (RFC 4648 §5). Whoever looks for lost secrets knows it by that.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText {
    pub number: ActNumber,
    secret: [u8; SECRET_BYTES],
}

impl TokenText {
    pub fn new(number: ActNumber, secret: [u8; SECRET_BYTES]) -> Self {
        Self { number, secret }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (number, secret) = bytes.split_first_chunk::<8>()?;
        Some(Self { number: ActNumber(i64::from_be_bytes(*number)), secret: secret.try_into().ok()? })
    }

    /// What is kept of a secret. It is random to begin with: to make guessing it slower would gain nothing.
    pub fn hash(secret: &[u8; SECRET_BYTES]) -> [u8; 32] {
        let digest = digest::digest(&digest::SHA256, secret);
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Whether that is the hash of this secret. How long it takes says nothing of where the two differ.
    pub fn is_of(&self, hash: &[u8; 32]) -> bool {
        Self::hash(&self.secret).ct_eq(hash).into()
    }
}

impl fmt::Display for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.number.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Secrets stay out of logs.
impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({})", self.number.0)
    }
}

const PREFIX: &str = "perch_";
const SECRET_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let token = TokenText::new(ActNumber(7), [9; 32]);
        let text = token.to_string();
        assert!(text.starts_with("perch_AAAAAAAAAAcJCQ"), "{text}");
        assert_eq!(TokenText::parse(&text), Some(token.clone()));
        assert!(token.is_of(&TokenText::hash(&[9; 32])));
        assert!(!token.is_of(&TokenText::hash(&[8; 32])));
        assert_eq!(format!("{token:?}"), "TokenText(7)");
        let cut = &text[..text.len() - 1];
        for bad in ["", "perch_", "perch_AAAA", &text[6..], cut, &format!("{text}A"), &format!("{text} ")] {
            assert_eq!(TokenText::parse(bad), None, "{bad}");
        }
    }
}
