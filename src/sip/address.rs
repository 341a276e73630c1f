//! Addresses of SIP as addresses of XMPP, and back (RFC 7247 §5).
//!
//! A resource and a globally routable user agent URI's `gr` are one. Three characters that a localpart may not have
//! stand in it escaped (XEP-0106); what a SIP URI may not have is escaped by its percent signs.

use perch_address::{AddressError, Jid};
use perch_sip::uri::{SipUri, escape_param, escape_user};

/// The address that a SIP URI stands for. Its port, password and other parameters are no part of who it is.
pub(super) fn to_jid(uri: &SipUri<'_>) -> Result<Jid, AddressError> {
    let mut text = String::new();
    if let Some(user) = uri.user() {
        for character in user.chars() {
            match ESCAPED.iter().find(|(plain, _)| *plain == character) {
                Some((_, escaped)) => text.push_str(escaped),
                None => text.push(character),
            }
        }
        text.push('@');
    }
    text.push_str(&uri.host.to_string());
    if let Some(resource) = uri.gruu().filter(|resource| !resource.is_empty()) {
        text.push('/');
        text.push_str(&resource);
    }
    Jid::new(&text)
}

/// The SIP URI that stands for an address.
pub(super) fn to_sip(jid: &Jid) -> String {
    let mut uri = String::from("sip:");
    if let Some(local) = jid.local() {
        let user = ESCAPED.iter().fold(local.to_owned(), |user, (plain, escaped)| {
            user.replace(escaped, plain.encode_utf8(&mut [0; 4]))
        });
        uri.push_str(&escape_user(&user));
        uri.push('@');
    }
    uri.push_str(jid.domain());
    if let Some(resource) = jid.resource() {
        uri.push_str(";gr=");
        uri.push_str(&escape_param(resource));
    }
    uri
}

/// What may stand in the user of a SIP URI and not in a localpart, and how XEP-0106 writes it there.
const ESCAPED: [(char, &str); 3] = [('&', "\\26"), ('\'', "\\27"), ('/', "\\2f")];

#[cfg(test)]
mod tests {
    use perch_sip::uri::Uri;

    use super::*;

    #[test]
    fn both_ways_lead_to_the_same() {
        // The table of RFC 7247 §5.5, and what its rules say of other characters.
        for (sip, xmpp) in [
            ("sip:foo@h.example", "foo@h.example"),
            ("sip:f%C3%BC@h.example", "fü@h.example"),
            ("sip:o'malley@h.example", "o\\27malley@h.example"),
            ("sip:m&m@h.example", "m\\26m@h.example"),
            ("sip:tea/time@h.example", "tea\\2ftime@h.example"),
            ("sip:foo@h.example;gr=bar", "foo@h.example/bar"),
            ("sip:baz@h.example;gr=qux", "baz@h.example/qux"),
            ("sip:a@h.example;gr=two%20words", "a@h.example/two words"),
            ("sip:a@h.example;gr=urn:uuid:f81d4fae", "a@h.example/urn:uuid:f81d4fae"),
            ("sip:1%7B2%7D@h.example", "1{2}@h.example"),
            ("sip:a%5C40b@h.example", "a\\40b@h.example"),
            ("sip:h.example", "h.example"),
        ] {
            let Ok(Uri::Sip(uri)) = Uri::parse(sip) else { panic!("{sip} is no SIP URI") };
            assert_eq!(to_jid(&uri).unwrap().as_str(), xmpp);
            assert_eq!(to_sip(&Jid::new(xmpp).unwrap()), sip);
        }
    }

    #[test]
    fn what_does_not_say_who_it_is_is_left_out() {
        for (sip, expected) in [
            ("sip:Alice:secret@H.example:5061;transport=tls", Some("alice@h.example")),
            ("sips:alice@h.example", Some("alice@h.example")),
            ("sip:a%40b@h.example", None),
            ("sip:a%20b@h.example", None),
        ] {
            let Ok(Uri::Sip(uri)) = Uri::parse(sip) else { panic!("{sip} is no SIP URI") };
            assert_eq!(to_jid(&uri).ok().as_ref().map(Jid::as_str), expected, "{sip}");
        }
    }
}
