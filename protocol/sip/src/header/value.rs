//! Headers of a few words: CSeq, Content-Type, Event, Subscription-State, Session-Expires, Replaces.

use std::fmt;

use nom::Parser;
use nom::combinator::{map, map_opt, recognize};
use nom::sequence::{pair, separated_pair, terminated};

use super::params::Params;
use crate::grammar::{Class, Parsed, blanks, mark, number, seconds, span, token};
use crate::method::Method;

/// CSeq (RFC 3261 §20.16): which request of its dialog this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³² (RFC 4475 §3.1.2.4); §8.1.1.5 has senders stay below 2³¹.
    pub number: u32,
    /// That of the request.
    pub method: Method,
}

impl CSeq {
    pub(crate) fn grammar(input: &str) -> Parsed<'_, Self> {
        let number = terminated(map_opt(number, |number| u32::try_from(number).ok()), span(&Class::BLANK));
        let (rest, (number, method)) = pair(number, map_opt(token, Method::parse)).parse(input)?;
        Ok((rest, Self { number, method }))
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// Content-Type (§20.15), and each of what Accept lists (§20.1), where `*` may stand for either part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application`, say, in whatever capitals.
    pub main: &'a str,
    /// `sdp`, say.
    pub sub: &'a str,
    /// `boundary`, `charset` and others.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let (rest, ((main, sub), params)) =
            pair(separated_pair(token, mark(b'/'), token), with_params).parse(input)?;
        Ok((rest, Self { main, sub, params }))
    }

    /// Whether it is this one, parameters aside: `is("application/sdp")`.
    pub fn is(&self, name: &str) -> bool {
        name.split_once('/').is_some_and(|(main, sub)| {
            self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
        })
    }

    /// As an entry of Accept: whether a body of that type is welcome.
    pub fn accepts(&self, name: &str) -> bool {
        let main = name.split_once('/').map_or(name, |(main, _)| main);
        self.is(name) || self.sub == "*" && (self.main == "*" || self.main.eq_ignore_ascii_case(main))
    }
}

impl fmt::Display for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.main, self.sub, self.params)
    }
}

/// Event (RFC 6665 §8.2.1), Subscription-State (§8.2.3), Session-Expires' kin: a word and its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// An event package, a state, a disposition.
    pub word: &'a str,
    /// What belongs to it.
    pub params: Params<'a>,
}

impl<'a> Word<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let (rest, (word, params)) = pair(token, with_params).parse(input)?;
        Ok((rest, Self { word, params }))
    }

    /// Whether it is this one. Event packages differ by capitals (RFC 6665 §8.2.1), states do not: ask for either in
    /// small letters.
    pub fn is(&self, word: &str) -> bool {
        self.word == word
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.word, self.params)
    }
}

/// Session-Expires (RFC 4028 §4) and Min-SE (§5): how long a session lasts that nobody refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// Seconds.
    pub interval_s: u32,
    /// `refresher` and others.
    pub params: Params<'a>,
}

/// One side of a request (RFC 3261 §6). It may be the other way round with the next request of the same dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl<'a> SessionExpires<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let (rest, (interval_s, params)) = pair(seconds, with_params).parse(input)?;
        Ok((rest, Self { interval_s, params }))
    }

    /// Who sends the refreshes, if that is said.
    pub fn refresher(&self) -> Option<Role> {
        let refresher = self.params.find("refresher")?;
        let is = |role: &str| refresher.eq_ignore_ascii_case(role);
        if is("uac") { Some(Role::Uac) } else { is("uas").then_some(Role::Uas) }
    }
}

impl fmt::Display for SessionExpires<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.interval_s, self.params)
    }
}

/// Replaces (RFC 3891 §6.1): the dialog whose place a new one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// The Call-ID.
    pub call_id: &'a str,
    /// The tag of whoever receives this.
    pub to_tag: &'a str,
    /// The tag of the other.
    pub from_tag: &'a str,
    /// Whether a dialog that is confirmed already is to be left alone.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        map_opt(pair(call_id, with_params), |(call_id, params): (_, Params<'_>)| {
            let tag = |name| params.token(name).ok().flatten();
            let [to_tag, from_tag] = [tag("to-tag")?, tag("from-tag")?];
            Some(Self { call_id, to_tag, from_tag, early_only: params.has("early-only") })
        })
        .parse(input)
    }
}

impl fmt::Display for Replaces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

/// Call-ID (§20.8): `word [ "@" word ]`.
pub(crate) fn call_id(input: &str) -> Parsed<'_, &str> {
    let at = nom::combinator::opt(pair(crate::grammar::word("@"), span(&Class::WORD)));
    recognize(pair(span(&Class::WORD), at)).parse(input)
}

/// Max-Forwards (§20.22).
pub(crate) fn max_forwards(input: &str) -> Parsed<'_, u8> {
    map_opt(number, |number| u8::try_from(number).ok()).parse(input)
}

/// Retry-After (§20.33): the seconds; the comment and the parameters behind them are for people.
pub(crate) fn retry_after(input: &str) -> Parsed<'_, u32> {
    map(pair(seconds, nom::combinator::rest), |(seconds, _)| seconds).parse(input)
}

fn with_params(input: &str) -> Parsed<'_, Params<'_>> {
    Params::grammar(blanks(input)?.0)
}
