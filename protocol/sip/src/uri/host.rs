//! Where something is: a name or an address.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, map_opt};

use crate::grammar::{Class, Parsed, fail, span};

/// `host` of RFC 3261 §25.1. Equal hosts are one: names are compared without regard to capitals, addresses by what they
/// mean. A name is never equal to the address that it may resolve to (§19.1.4).
#[derive(Debug, Clone, Copy, Eq)]
pub enum Host<'a> {
    /// A name of the domain name system.
    Name(&'a str),
    /// An address of IPv4.
    V4(Ipv4Addr),
    /// An address of IPv6; brackets surround it.
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Reads a host that stands alone.
    pub fn parse(text: &'a str) -> Option<Self> {
        crate::grammar::whole(Self::grammar, text)
    }

    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        alt((map(bracketed, Host::V6), map_opt(span(&NAME), name_or_v4))).parse(input)
    }

    /// The address that `received` gives, with or without the brackets (RFC 5118 §4.5).
    pub(crate) fn received(text: &'a str) -> Option<Self> {
        text.parse().map(Host::V6).ok().or_else(|| Self::parse(text))
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
            (Host::V4(one), Host::V4(other)) => one == other,
            (Host::V6(one), Host::V6(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// An address of IPv6 in its brackets.
fn bracketed(input: &str) -> Parsed<'_, Ipv6Addr> {
    let Some((address, rest)) = input.strip_prefix('[').and_then(|input| input.split_once(']')) else {
        return fail();
    };
    let parsed = match address.split_once(":::") {
        // RFC 5118 §4.10: the grammar of RFC 3261 has a colon too many before an address of IPv4, and some follow it.
        Some((front, v4)) => format!("{front}::{v4}").parse(),
        None => address.parse(),
    };
    parsed.map_or_else(|_| fail(), |address| Ok((rest, address)))
}

/// What ends in a digit's label can only be an address: a top-level name begins with a letter.
fn name_or_v4(text: &str) -> Option<Host<'_>> {
    let bytes = text.strip_suffix('.').unwrap_or(text).as_bytes();
    let top = bytes.iter().rposition(|&byte| byte == b'.').map_or(0, |dot| dot + 1);
    if bytes.get(top)?.is_ascii_digit() {
        return text.parse().map(Host::V4).ok();
    }
    // No label is empty, begins or ends with a hyphen.
    let is_name = text.len() <= NAME_BYTES_MAX
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric()
        && !bytes.windows(2).any(|pair| matches!(pair, b".." | b".-" | b"-."));
    is_name.then_some(Host::Name(text))
}

static NAME: Class = Class::alphanumeric_and(b".-");

/// RFC 1035 §2.3.4.
const NAME_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn hosts_are_read_and_written() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(Host::parse(text).map(|host| host.to_string()).as_deref(), expected, "{text}");
        };
        for same in
            ["example.com", "a", "a.b-c.d", "x--1.EXAMPLE.com.", "192.0.2.1", "[2001:db8::1]", "1.2.a"]
        {
            check(same, Some(same));
        }
        check("[::ffff:192.0.2.2]", Some("[::ffff:192.0.2.2]"));
        check("[2001:DB8:0::0:1]", Some("[2001:db8::1]"));
        check("[2001:db8:::192.0.2.1]", Some("[2001:db8::c000:201]"));
        let long = format!("a{}", ".a".repeat(128));
        for wrong in [
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a.-",
            "a.-b",
            "a-.b",
            "1",
            "1.2.3",
            "256.0.0.1",
            "1.2.3.4.5",
            "a_b",
            "a b",
            "ä",
            "[",
            "[]",
            "[::1",
            "::1",
            "[::1]]",
            "[::::1]",
            "[fe80::1%25eth0]",
            "[1.2.3.4]",
            &long,
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn one_host_in_two_spellings() {
        let check = |one, other, expected| {
            assert_eq!(Host::parse(one).unwrap() == Host::parse(other).unwrap(), expected, "{one} {other}");
        };
        check("Example.COM", "example.com", true);
        check("[2001:db8::1]", "[2001:0DB8:0:0::1]", true);
        check("example.com", "example.org", false);
        check("192.0.2.1", "[::ffff:192.0.2.1]", false);
    }
}
