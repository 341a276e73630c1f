//! What the productions of RFC 3261 §25.1 have in common, as nom parsers over text.
//!
//! A fold is two blanks by the time a header is read (see [`crate::message`]), so white space is blanks and tabs here.

use std::borrow::Cow;

use memchr::memchr;
use nom::Parser;
use nom::combinator::{map_opt, opt};
use nom::sequence::preceded;

/// What a parser of this crate gives. Which header is at fault says more than the place in it, so errors are empty.
pub(crate) type Parsed<'a, T> = nom::IResult<&'a str, T, ()>;

/// A set of ASCII characters.
pub(crate) struct Class([bool; 256]);

impl Class {
    /// Where at least one blank has to be.
    pub(crate) const BLANK: Self = Self::of(b" \t");
    const DIGIT: Self = Self::of(b"0123456789");
    /// `token`.
    pub(crate) const TOKEN: Self = Self::alphanumeric_and(b"-.!%*_+`'~");
    /// `word`, of which a Call-ID is made.
    pub(crate) const WORD: Self = Self::alphanumeric_and(b"-.!%*_+`'~()<>:\\\"/[]?{}");
    /// The value of a parameter that is not quoted: a token or a host. RFC 5118 §4.5 has IPv6 addresses in it with and
    /// without brackets. COMPAT: Lync and pidgin-sipe leave base 64 unquoted, in the `msgr` of a Content-Type.
    pub(crate) const PARAM_VALUE: Self = Self::alphanumeric_and(b"-.!%*_+`'~[]:/");

    /// Those of `marks`, which are ASCII: a byte of a longer character is in no class, so no cut falls within one.
    pub(crate) const fn of(marks: &[u8]) -> Self {
        let mut class = Self([false; 256]);
        let mut at = 0;
        while at < marks.len() {
            assert!(marks[at].is_ascii());
            class.0[marks[at] as usize] = true;
            at += 1;
        }
        class
    }

    /// Letters, digits, and those of `marks`.
    pub(crate) const fn alphanumeric_and(marks: &[u8]) -> Self {
        let mut class = Self::of(marks);
        let mut at = 0;
        while at < 128 {
            class.0[at] |= (at as u8).is_ascii_alphanumeric();
            at += 1;
        }
        class
    }

    pub(crate) const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    /// Whether `text` is not empty and of these characters alone.
    pub(crate) fn spells(&self, text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| self.has(byte))
    }
}

/// As many characters of `class` as there are, at least one.
pub(crate) fn span(class: &'static Class) -> impl for<'a> Fn(&'a str) -> Parsed<'a, &'a str> {
    move |input| {
        let length = input.bytes().position(|byte| !class.has(byte)).unwrap_or(input.len());
        if length == 0 { fail() } else { Ok((&input[length..], &input[..length])) }
    }
}

pub(crate) fn token(input: &str) -> Parsed<'_, &str> {
    span(&Class::TOKEN)(input)
}

/// Whatever blanks there are.
pub(crate) fn blanks(input: &str) -> Parsed<'_, ()> {
    Ok((skip_blanks(input), ()))
}

fn skip_blanks(input: &str) -> &str {
    let length = input.bytes().position(|byte| !Class::BLANK.has(byte)).unwrap_or(input.len());
    &input[length..]
}

/// A separator with the blanks that may stand around it: `SLASH`, `SEMI`, `EQUAL`, `COMMA`.
pub(crate) fn mark(mark: u8) -> impl for<'a> Fn(&'a str) -> Parsed<'a, ()> {
    move |input| {
        let input = skip_blanks(input);
        if input.as_bytes().first() == Some(&mark) { blanks(&input[1..]) } else { fail() }
    }
}

/// What is before and behind the first such byte, which is ASCII.
pub(crate) fn split(text: &str, byte: u8) -> Option<(&str, &str)> {
    memchr(byte, text.as_bytes()).map(|at| (&text[..at], &text[at + 1..]))
}

/// A word that is the same in capitals.
pub(crate) fn word(expected: &'static str) -> impl for<'a> Fn(&'a str) -> Parsed<'a, &'a str> {
    move |input| match input.split_at_checked(expected.len()) {
        Some((word, rest)) if word.eq_ignore_ascii_case(expected) => Ok((rest, word)),
        _ => fail(),
    }
}

/// A number of at most ten digits, leading zeros included.
pub(crate) fn number(input: &str) -> Parsed<'_, u64> {
    map_opt(digits, |digits: &str| if digits.len() > 10 { None } else { digits.parse().ok() }).parse(input)
}

/// A number of seconds. RFC 4475 §3.1.2.4: one that is too large for 32 bits is not worth a refusal.
pub(crate) fn seconds(input: &str) -> Parsed<'_, u32> {
    digits.map(|digits| digits.parse().unwrap_or(u32::MAX)).parse(input)
}

fn digits(input: &str) -> Parsed<'_, &str> {
    span(&Class::DIGIT)(input)
}

pub(crate) fn port_number(input: &str) -> Parsed<'_, u16> {
    map_opt(number, |number| u16::try_from(number).ok()).parse(input)
}

/// A quoted string, its quotes and backslashes included.
pub(crate) fn quoted(input: &str) -> Parsed<'_, &str> {
    let bytes = input.as_bytes();
    if bytes.first() != Some(&b'"') {
        return fail();
    }
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok((&input[at + 1..], &input[..=at])),
            // A pair is two ASCII characters; which may be a control character, but no line end.
            b'\\' if bytes.get(at + 1).is_some_and(|byte| byte.is_ascii() && !b"\r\n".contains(byte)) => {
                at += 2
            }
            b'\\' => break,
            _ if is_control(byte) => break,
            _ => at += 1,
        }
    }
    fail()
}

/// What a quoted string, or a text without quotes, means.
pub(crate) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.into();
    };
    if !inside.contains('\\') {
        return inside.into();
    }
    let mut plain = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain.into()
}

/// What stands alone, or before nothing but blanks.
pub(crate) fn whole<'a, T>(
    grammar: impl Parser<&'a str, Output = T, Error = ()>,
    input: &'a str,
) -> Option<T> {
    let mut grammar = grammar;
    match grammar.parse(input) {
        Ok((rest, value)) if skip_blanks(rest).is_empty() => Some(value),
        _ => None,
    }
}

/// The value behind `=`, if there is one.
pub(crate) fn value(input: &str) -> Parsed<'_, Option<&str>> {
    opt(preceded(mark(b'='), nom::branch::alt((span(&Class::PARAM_VALUE), quoted)))).parse(input)
}

/// Neither a tab nor printable.
pub(crate) fn is_control(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' || byte == 0x7f
}

pub(crate) fn fail<'a, T>() -> Parsed<'a, T> {
    Err(nom::Err::Error(()))
}

/// Names that were read so far, of which none may come twice.
pub(crate) struct Names<'a, const MAX: usize> {
    names: [&'a str; MAX],
    count: usize,
}

impl<'a, const MAX: usize> Names<'a, MAX> {
    pub(crate) const NONE: Self = Self { names: [""; MAX], count: 0 };

    /// Whether `name` is new by that comparison, and not one too many.
    pub(crate) fn admit(&mut self, name: &'a str, is_same: impl Fn(&str, &str) -> bool) -> bool {
        let is_new = self.count < MAX && !self.names[..self.count].iter().any(|known| is_same(known, name));
        if is_new {
            self.names[self.count] = name;
            self.count += 1;
        }
        is_new
    }
}
