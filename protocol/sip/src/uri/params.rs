//! The parameters and headers of an address.

use std::borrow::Cow;
use std::fmt;

use crate::grammar::{Class, Names, split};

/// `uri-parameters` (RFC 3261 §19.1.1): `;name=value;name`, as they are written. Names are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UriParams<'a>(&'a str);

impl<'a> UriParams<'a> {
    /// Reads what is behind the host, up to the headers.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let params = Self(text);
        let mut names = Names::<PARAMS_MAX>::NONE;
        let is_well_formed = text.is_empty()
            || text.starts_with(';')
                && params.iter().all(|(name, value)| {
                    is_spelled(name, &PARAM)
                        && value.is_none_or(|value| is_spelled(value, &PARAM))
                        && names.admit(name, is_same)
                });
        is_well_formed.then_some(params)
    }

    /// Each name, and the value if there is one, as they are written.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = self.0.get(1..);
        std::iter::from_fn(move || {
            let text = rest?;
            let (param, behind) = split(text, b';').map_or((text, None), |(param, rest)| (param, Some(rest)));
            rest = behind;
            Some(split(param, b'=').map_or((param, None), |(name, value)| (name, Some(value))))
        })
    }

    /// The value of the parameter of that name: empty, if it has none.
    pub fn find(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(other, _)| is_same(other, name)).map(|(_, value)| value.unwrap_or_default())
    }

    /// As they are written, each with its semicolon.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// RFC 3261 §19.1.4: what is in both is the same, and what counts is in both or in neither.
    pub(super) fn is_equivalent(self, other: Self) -> bool {
        let agrees = |one: Self, other: Self| {
            one.iter().all(|(name, value)| match other.find(name) {
                Some(found) => is_same(value.unwrap_or_default(), found),
                None => !DECISIVE.iter().any(|decisive| is_same(decisive, name)),
            })
        };
        agrees(self, other) && agrees(other, self)
    }
}

impl fmt::Display for UriParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// `headers` (RFC 3261 §19.1.1), behind the question mark: whether they are well-formed.
pub(super) fn are_headers(text: &str) -> bool {
    text.split('&').all(|header| {
        split(header, b'=').is_some_and(|(name, value)| {
            is_spelled(name, &HEADER) && (value.is_empty() || is_spelled(value, &HEADER))
        })
    })
}

/// Whether the same headers are in both, in any order.
pub(super) fn are_same_headers(one: &str, other: &str) -> bool {
    let pairs = |text: &str| {
        let mut pairs: Vec<_> = text
            .split('&')
            .filter_map(|header| header.split_once('='))
            .map(|(name, value)| (unescape(name).to_ascii_lowercase(), unescape(value).into_owned()))
            .collect();
        pairs.sort();
        pairs
    };
    pairs(one) == pairs(other)
}

/// Whether `text` is of the characters of `class` and of escapes, and there is some.
pub(super) fn is_spelled(text: &str, class: &Class) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' if escape(&bytes[at..]).is_some() => at += 3,
            _ if class.has(byte) => at += 1,
            _ => return false,
        }
    }
    at > 0
}

/// What `text` means: each escape is the byte it stands for. What is no UTF-8 then becomes U+FFFD.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = escape(rest);
        plain.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &rest[3..] } else { behind };
    }
    String::from_utf8_lossy(&plain).into_owned().into()
}

/// The byte that `%` and two digits stand for.
fn escape(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Whether two texts mean the same, capitals aside.
fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || unescape(one).eq_ignore_ascii_case(&unescape(other))
}

/// Parameters that never match their absence (RFC 3261 §19.1.4). `gr` is none: RFC 5627 §5.1 has it that the address of a
/// device matches that of its user.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

pub(super) static PARAM: Class = Class::alphanumeric_and(b"-_.!~*'()[]/:&+$");
static HEADER: Class = Class::alphanumeric_and(b"-_.!~*'()[]/?:+$");

/// An address with more is meant to cost something.
const PARAMS_MAX: usize = 32;
