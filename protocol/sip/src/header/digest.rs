//! Digest access (RFC 7616, RFC 8760) as far as headers say it; nothing is computed here.

use std::borrow::Cow;
use std::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::sequence::{preceded, separated_pair, terminated};

use super::params::Quoted;
use crate::grammar::{Class, Parsed, blanks, fail, mark, quoted, span, token, unquote};

/// Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate (RFC 3261 §20.7, §20.27, §20.28, §20.44),
/// Authentication-Info without a scheme: a scheme and what it says. Names are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// `Digest` or another, in whatever capitals.
    pub scheme: &'a str,
    params: &'a str,
}

impl<'a> Credentials<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let (behind_scheme, scheme) = terminated(token, span(&Class::BLANK)).parse(input)?;
        let (mut rest, _) = blanks(behind_scheme)?;
        let params = rest;
        for count in 0.. {
            let read = Self { scheme, params: &params[..params.len() - rest.len()] };
            let (behind, (name, _)) = preceded(separator(count), param).parse(rest)?;
            if count == PARAMS_MAX || read.raw(name).is_some() {
                return fail();
            }
            rest = behind;
            if mark(b',')(rest).is_err() {
                break;
            }
        }
        Ok((rest, Self { scheme, params: params[..params.len() - rest.len()].trim_end() }))
    }

    /// Whether this is the digest scheme.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    /// Each name and its value, quotes included.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.params;
        let mut count = 0;
        std::iter::from_fn(move || {
            let (behind, param) = preceded(separator(count), param).parse(rest).ok()?;
            (rest, count) = (behind, count + 1);
            Some(param)
        })
    }

    /// What a parameter says, quotes and backslashes undone: `username`, `realm`, `nonce`, `uri`, `response`,
    /// `algorithm`, `cnonce`, `opaque`, `qop`, `stale`.
    pub fn find(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(unquote)
    }

    /// `nc`: how often the nonce has been used, eight digits of base 16 (RFC 7616 §3.4).
    pub fn nonce_count(&self) -> Option<u32> {
        let digits =
            self.raw("nc").filter(|nc| nc.len() == 8 && nc.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl fmt::Display for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scheme, self.params)
    }
}

/// What a server asks for: one header for each algorithm, the best first (RFC 8760 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Whose passwords are meant.
    pub realm: &'a str,
    /// What the answer is computed with, once.
    pub nonce: &'a str,
    /// `SHA-512-256`, `SHA-256` or `MD5`.
    pub algorithm: &'a str,
    /// Whether the password was right and the nonce too old.
    pub is_stale: bool,
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [realm, nonce] = [Quoted(self.realm), Quoted(self.nonce)];
        write!(f, "Digest realm={realm}, nonce={nonce}, algorithm={}, qop=\"auth\"", self.algorithm)?;
        if self.is_stale { f.write_str(", stale=true") } else { Ok(()) }
    }
}

/// The comma before every parameter but the first.
fn separator(count: usize) -> impl for<'a> Fn(&'a str) -> Parsed<'a, ()> {
    move |input| if count == 0 { Ok((input, ())) } else { mark(b',')(input) }
}

fn param(input: &str) -> Parsed<'_, (&str, &str)> {
    separated_pair(token, mark(b'='), alt((quoted, span(&VALUE)))).parse(input)
}

/// A token, and what stands in addresses and in base 64: other stacks leave quotes out.
static VALUE: Class = Class::alphanumeric_and(b"-.!%*_+`'~/:@=?&$#");

/// A header with more is meant to cost something.
const PARAMS_MAX: usize = 32;
