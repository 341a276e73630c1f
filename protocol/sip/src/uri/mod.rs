//! Addresses: SIP and SIPS (RFC 3261 §19.1), telephone numbers (RFC 3966), and whatever else has a scheme.
//!
//! An address borrows the text it was read from, and is written as it was read. What it means is told by
//! [`SipUri::user`] and its neighbours, and by [`Uri::is_equivalent`].

mod host;
mod params;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use nom::Parser;
use nom::combinator::opt;
use nom::sequence::preceded;
use thiserror::Error;

use crate::grammar::{Class, port_number, span, split, whole, word};
pub use host::Host;
pub use params::UriParams;
use params::{are_headers, are_same_headers, is_spelled, unescape};

/// An address, of any scheme. Addresses are equal where they are spelled alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uri<'a> {
    /// `sip:` and `sips:`.
    Sip(SipUri<'a>),
    /// `tel:`.
    Tel(TelUri<'a>),
    /// Of a scheme that this crate does not look into.
    Other(&'a str),
}

/// A SIP or SIPS URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipUri<'a> {
    text: &'a str,
    /// Whether the scheme is `sips`: every hop is to be by TLS.
    pub is_secure: bool,
    user: Option<&'a str>,
    password: Option<&'a str>,
    /// Where the user is.
    pub host: Host<'a>,
    /// The port, if it is written.
    pub port: Option<u16>,
    /// What stands between host and headers.
    pub params: UriParams<'a>,
    headers: Option<&'a str>,
}

/// A telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelUri<'a> {
    text: &'a str,
    /// The number as it is written, separators included; a global one begins with `+`.
    pub number: &'a str,
    /// `phone-context` and others.
    pub params: UriParams<'a>,
}

/// The text is no address: its scheme, its host, an escape or a character is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no address")]
pub struct UriError;

impl<'a> Uri<'a> {
    /// Reads an address that stands alone.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let (scheme, rest) = split(text, b':').ok_or(UriError)?;
        let is_scheme = |known: &str| scheme.eq_ignore_ascii_case(known);
        let uri = if is_scheme("sip") || is_scheme("sips") {
            SipUri::parse(text, scheme.len() == 4, rest).map(Uri::Sip)
        } else if is_scheme("tel") {
            TelUri::parse(text, rest).map(Uri::Tel)
        } else {
            let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && SCHEME.spells(scheme);
            (is_scheme && is_spelled(rest, &OPAQUE)).then_some(Uri::Other(text))
        };
        uri.ok_or(UriError)
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &'a str {
        match self {
            Uri::Sip(uri) => uri.text,
            Uri::Tel(uri) => uri.text,
            Uri::Other(text) => text,
        }
    }

    /// The address, if it is one of SIP.
    pub fn as_sip(&self) -> Option<&SipUri<'a>> {
        match self {
            Uri::Sip(uri) => Some(uri),
            Uri::Tel(_) | Uri::Other(_) => None,
        }
    }

    /// Whether both lead to the same, by the rules of RFC 3261 §19.1.4 and RFC 3966 §5. This does not carry over: two
    /// addresses that are equivalent to a third need not be so to each other.
    pub fn is_equivalent(&self, other: &Uri<'_>) -> bool {
        match (self, other) {
            (Uri::Sip(one), Uri::Sip(other)) => one.is_equivalent(other),
            (Uri::Tel(one), Uri::Tel(other)) => one.is_equivalent(other),
            (Uri::Other(one), Uri::Other(other)) => one == other,
            _ => false,
        }
    }
}

impl<'a> SipUri<'a> {
    fn parse(text: &'a str, is_secure: bool, rest: &'a str) -> Option<Self> {
        // `@` is escaped everywhere else.
        let (userinfo, rest) = match split(rest, b'@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|userinfo| split(userinfo, b':').ok_or(userinfo)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        let (rest, headers) = match split(rest, b'?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (params, (host, port)) =
            (Host::grammar, opt(preceded(word(":"), port_number))).parse(rest).ok()?;
        let is_well_formed = user.is_none_or(|user| is_spelled(user, &USER))
            && password.is_none_or(|password| password.is_empty() || is_spelled(password, &PASSWORD))
            && headers.is_none_or(are_headers);
        let params = UriParams::parse(params)?;
        is_well_formed.then_some(Self { text, is_secure, user, password, host, port, params, headers })
    }

    /// The user, escapes undone.
    pub fn user(&self) -> Option<Cow<'a, str>> {
        self.user.map(unescape)
    }

    /// The headers that a request to this address is to have, as they are written: `name=value&name=value`. They are
    /// allowed in a Contact and in a link, never in a request's own address.
    pub fn headers(&self) -> Option<&'a str> {
        self.headers
    }

    /// Whether the proxy at this address goes by RFC 3261's way of routing (§16.12.1).
    pub fn is_loose_router(&self) -> bool {
        self.params.find("lr").is_some()
    }

    /// What tells a device from others of the same user (RFC 5627): empty where `gr` has no value.
    pub fn gruu(&self) -> Option<Cow<'a, str>> {
        self.params.find("gr").map(unescape)
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The address without what a request line may not have: headers, and the `method` that a link asks for (§19.1.1).
    pub fn for_request(&self) -> String {
        let place = self.text.len()
            - self.headers.map_or(0, |headers| headers.len() + 1)
            - self.params.as_str().len();
        let mut address = self.text[..place].to_owned();
        for (name, value) in self.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("method")) {
            address.extend([";", name]);
            address.extend(value.into_iter().flat_map(|value| ["=", value]));
        }
        address
    }

    fn is_equivalent(&self, other: &SipUri<'_>) -> bool {
        let is_same = |one: Option<&str>, other: Option<&str>| one.map(unescape) == other.map(unescape);
        self.is_secure == other.is_secure
            && is_same(self.user, other.user)
            && is_same(self.password, other.password)
            && self.host == other.host
            && self.port == other.port
            && self.params.is_equivalent(other.params)
            && are_same_headers(self.headers.unwrap_or_default(), other.headers.unwrap_or_default())
    }
}

impl<'a> TelUri<'a> {
    fn parse(text: &'a str, rest: &'a str) -> Option<Self> {
        let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let params = UriParams::parse(params)?;
        let digits = number.strip_prefix('+').unwrap_or(number);
        let is_global = digits.len() < number.len();
        // RFC 3966 §3: a local number means something only where it is said.
        let is_number = if is_global {
            whole(span(&GLOBAL), digits).is_some_and(|digits| digits.contains(char::is_numeric))
        } else {
            LOCAL.spells(digits) && params.find("phone-context").is_some_and(|context| !context.is_empty())
        };
        is_number.then_some(Self { text, number, params })
    }

    fn is_equivalent(&self, other: &TelUri<'_>) -> bool {
        let digits = |number: &'_ str| -> String {
            number.chars().filter(|c| !"-.()".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
        };
        let agrees = |one: UriParams<'_>, other: UriParams<'_>| {
            one.iter().all(|(name, value)| {
                other.find(name).is_some_and(|found| found.eq_ignore_ascii_case(value.unwrap_or_default()))
            })
        };
        digits(self.number) == digits(other.number)
            && agrees(self.params, other.params)
            && agrees(other.params, self.params)
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `user` as the user part of an address: every byte that may not stand there is escaped.
pub fn escape_user(user: &str) -> String {
    escape(user, &USER)
}

/// `value` as the value of an address's parameter: every byte that may not stand there is escaped.
pub fn escape_param(value: &str) -> String {
    escape(value, &params::PARAM)
}

fn escape(text: &str, allowed: &Class) -> String {
    use fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if allowed.has(byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes everything");
        }
        escaped
    })
}

static SCHEME: Class = Class::alphanumeric_and(b"+-.");
static USER: Class = Class::alphanumeric_and(b"-_.!~*'()&=+$,;?/");
static PASSWORD: Class = Class::alphanumeric_and(b"-_.!~*'()&=+$,");
static OPAQUE: Class = Class::alphanumeric_and(b"-_.!~*'();/?:@&=+$,");
static GLOBAL: Class = Class::alphanumeric_and(b"-.()");
static LOCAL: Class = Class::alphanumeric_and(b"-.()*#");
