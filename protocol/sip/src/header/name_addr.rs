//! From, To, Contact, Route and their kin: an address with a name and parameters.

use std::borrow::Cow;
use std::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, map_opt, opt, recognize};
use nom::multi::many1_count;
use nom::sequence::{delimited, pair, preceded, terminated};

use super::params::Params;
use crate::grammar::{Class, Parsed, blanks, fail, quoted, span, split, token, unquote};
use crate::uri::Uri;

/// `name-addr` or `addr-spec`, with the parameters behind it (RFC 3261 §20.10, §25.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// As it is written: tokens, or quoted.
    display: Option<&'a str>,
    /// The address.
    pub uri: Uri<'a>,
    /// What belongs to the header, not to the address.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads an address that stands alone.
    pub fn parse(text: &'a str) -> Option<Self> {
        crate::grammar::whole(Self::grammar, text)
    }

    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let (rest, ((display, uri), params)) =
            pair(alt((name_addr, map(addr_spec, |uri| (None, uri)))), Params::grammar).parse(input)?;
        Ok((rest, Self { display, uri, params }))
    }

    /// From and To: a tag has to be a token (§19.3).
    pub(crate) fn tagged(input: &'a str) -> Parsed<'a, Self> {
        map_opt(Self::grammar, |party| party.params.token("tag").is_ok().then_some(party)).parse(input)
    }

    /// Route, Record-Route, Path and Service-Route: without brackets it would be unclear whose parameters are meant.
    pub(crate) fn route(input: &'a str) -> Parsed<'a, Self> {
        let (rest, ((display, uri), params)) = pair(name_addr, Params::grammar).parse(input)?;
        Ok((rest, Self { display, uri, params }))
    }

    /// The name to show, if one is given.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        self.display.map(unquote).filter(|name| !name.is_empty())
    }

    /// Which dialog, on this side of it, is meant (§19.3).
    pub fn tag(&self) -> Option<&'a str> {
        self.params.token("tag").ok().flatten()
    }

    /// For how many seconds a Contact is good (§20.10). `None`: not said, or nothing that could be understood.
    pub fn expires(&self) -> Option<u32> {
        let value = self.params.raw("expires")??;
        crate::grammar::whole(crate::grammar::seconds, value)
    }
}

impl fmt::Display for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = self.display {
            write!(f, "{display} ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Contact: an address, or the `*` by which a REGISTER means all of them (RFC 3261 §10.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`.
    All,
    /// One.
    Address(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let all = terminated(crate::grammar::word("*"), blanks);
        alt((map(all, |_| Contact::All), map(NameAddr::grammar, Contact::Address))).parse(input)
    }
}

/// An optional name, and an address in brackets. RFC 4475 §3.1.1.6: no blank is needed between the two.
fn name_addr(input: &str) -> Parsed<'_, (Option<&str>, Uri<'_>)> {
    let names = map(recognize(many1_count(terminated(token, blanks))), str::trim_end);
    let display = opt(alt((terminated(quoted, blanks), names)));
    preceded(blanks, pair(display, bracketed)).parse(input)
}

fn bracketed(input: &str) -> Parsed<'_, Uri<'_>> {
    let Some((address, rest)) = input.strip_prefix('<').and_then(|input| split(input, b'>')) else {
        return fail();
    };
    match Uri::parse(address) {
        Ok(uri) => Ok((rest, uri)),
        Err(_) => fail(),
    }
}

/// An address without brackets, which has no comma, question mark or semicolon (§20).
fn addr_spec(input: &str) -> Parsed<'_, Uri<'_>> {
    let address = map_opt(span(&BARE), |address| Uri::parse(address).ok());
    let (rest, uri) = delimited(blanks, address, blanks).parse(input)?;
    if rest.starts_with('?') { fail() } else { Ok((rest, uri)) }
}

static BARE: Class = Class::alphanumeric_and(b"-_.!~*'()&=+$/:%@[]");
