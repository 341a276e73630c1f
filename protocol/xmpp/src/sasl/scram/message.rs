//! The client's two messages (RFC 5802 §7), read by the letter of the grammar.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::sasl::failure::SaslFailure;

/// `client-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst {
    /// What the client says about channel binding.
    pub(crate) binding: BindingFlag,
    /// As whom it wants to act, where that is another than `username`.
    pub(crate) authzid: Option<String>,
    /// `gs2-header`, as sent: the client repeats it under its proof.
    pub(crate) header: String,
    /// The message without that header, as sent: the proof covers it.
    pub(crate) bare: String,
    /// As whom it authenticates.
    pub(crate) username: String,
    /// Its part of the nonce.
    pub(crate) nonce: String,
}

/// `gs2-cbind-flag`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BindingFlag {
    /// `n`: the client knows no channel binding.
    Unsupported,
    /// `y`: the client knows channel binding, and thinks that the server does not.
    Unoffered,
    /// `p=`: the client binds by that type.
    Type(String),
}

impl ClientFirst {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, SaslFailure> {
        let text = str::from_utf8(data).map_err(|_| SaslFailure::MalformedRequest)?;
        Self::parse_text(text).ok_or(SaslFailure::MalformedRequest)
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (flag, rest) = text.split_once(',')?;
        let binding = match flag {
            "n" => BindingFlag::Unsupported,
            "y" => BindingFlag::Unoffered,
            _ => BindingFlag::Type(flag.strip_prefix("p=").filter(|name| is_binding_name(name))?.to_owned()),
        };
        let (authzid, bare) = rest.split_once(',')?;
        let authzid = match authzid {
            "" => None,
            _ => Some(decode_name(authzid.strip_prefix("a=")?)?),
        };
        // A mandatory extension (`m=`) would stand before the name: none is known, so the message is refused.
        let mut attributes = bare.split(',');
        let username = decode_name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?.to_owned();
        let header = text[..text.len() - bare.len()].to_owned();
        attributes.all(is_extension).then(|| Self {
            binding,
            authzid,
            header,
            bare: bare.to_owned(),
            username,
            nonce,
        })
    }
}

/// `client-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFinal<'a> {
    /// Decoded: header and data of the channel binding.
    pub(crate) binding: Vec<u8>,
    /// Both parts of the nonce.
    pub(crate) nonce: &'a str,
    /// The message without its proof, as sent: the proof covers it.
    pub(crate) without_proof: &'a str,
    /// Decoded: the proof.
    pub(crate) proof: Vec<u8>,
}

impl<'a> ClientFinal<'a> {
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self, SaslFailure> {
        let text = str::from_utf8(data).map_err(|_| SaslFailure::MalformedRequest)?;
        Self::parse_text(text).ok_or(SaslFailure::MalformedRequest)
    }

    fn parse_text(text: &'a str) -> Option<Self> {
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let binding = BASE64.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let proof = BASE64.decode(proof).ok()?;
        attributes.all(is_extension).then_some(Self { binding, nonce, without_proof, proof })
    }
}

/// `saslname`: comma and equals sign are escaped, and nothing else is.
fn decode_name(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        decoded.push(character);
        decoded.push_str(rest);
    }
    (!decoded.is_empty() && !decoded.contains('\0')).then_some(decoded)
}

fn is_nonce(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e))
}

fn is_binding_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// `attr-val` of an extension, which may be ignored.
fn is_extension(attribute: &str) -> bool {
    matches!(attribute.as_bytes(), [name, b'=', _, ..] if name.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message() {
        let check = |text: &str, binding, authzid: Option<&str>, header: &str, username: &str| {
            let first = ClientFirst::parse(text.as_bytes()).unwrap();
            assert_eq!(first.binding, binding, "{text}");
            assert_eq!(first.authzid.as_deref(), authzid, "{text}");
            assert_eq!((first.header.as_str(), first.username.as_str()), (header, username), "{text}");
            assert_eq!(format!("{}{}", first.header, first.bare), text);
        };
        check("n,,n=user,r=abc", BindingFlag::Unsupported, None, "n,,", "user");
        check("y,,n=us=2Cer=3D,r=abc,x=ignored", BindingFlag::Unoffered, None, "y,,", "us,er=");
        let exporter = BindingFlag::Type("tls-exporter".to_owned());
        check("p=tls-exporter,a=a@b,n=a,r=+/=!", exporter, Some("a@b"), "p=tls-exporter,a=a@b,", "a");
    }

    #[test]
    fn faulty_first_messages() {
        let check = |text: &[u8]| {
            assert_eq!(ClientFirst::parse(text), Err(SaslFailure::MalformedRequest), "{text:?}")
        };
        for text in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=user",
            "n,,n=user,",
            "n,,n=user,r=",
            "n,,r=abc,n=user",
            "n,,m=x,n=user,r=abc",
            "x,,n=user,r=abc",
            "p=,,n=user,r=abc",
            "p=a b,,n=user,r=abc",
            "n,b=x,n=user,r=abc",
            "n,a=,n=user,r=abc",
            "n,,n=,r=abc",
            "n,,n=us=er,r=abc",
            "n,,n=us=2cer,r=abc",
            "n,,n=user,r=a c",
            "n,,n=user,r=ä",
            "n,,n=user,r=abc,",
            "n,,n=user,r=abc,x",
            "n,,n=user,r=abc,1=x",
            "n,,n=a\0b,r=abc",
        ] {
            check(text.as_bytes());
        }
        check(b"n,,n=\xff,r=abc");
    }

    #[test]
    fn the_last_message() {
        let last = ClientFinal::parse(b"c=biws,r=abcdef,x=y,p=cHJvb2Y=").unwrap();
        assert_eq!(last.binding, b"n,,");
        assert_eq!(last.nonce, "abcdef");
        assert_eq!(last.without_proof, "c=biws,r=abcdef,x=y");
        assert_eq!(last.proof, b"proof");
    }

    #[test]
    fn faulty_last_messages() {
        for text in [
            "",
            "c=biws",
            "c=biws,r=abc",
            "r=abc,c=biws,p=cHJvb2Y=",
            "c=biws,r=abc,p=!",
            "c=!,r=abc,p=cHJvb2Y=",
            "c=biws,r=abc,p=cHJvb2Y=,x=y",
            "c=biws,p=cHJvb2Y=",
            "c=biws,r=abc,x,p=cHJvb2Y=",
        ] {
            assert_eq!(ClientFinal::parse(text.as_bytes()), Err(SaslFailure::MalformedRequest), "{text}");
        }
    }
}
