//! The parameters behind the value of a header.

use std::borrow::Cow;
use std::fmt;

use nom::Parser;
use nom::sequence::{pair, preceded};

use crate::grammar::{Names, Parsed, blanks, fail, mark, token, unquote, value};

/// `*( SEMI generic-param )` of RFC 3261 §25.1, as they are written. Names are unique (§7.3.1). Equal lists have the
/// same parameters in the same order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// Reads as many parameters as there are.
    pub(crate) fn grammar(input: &'a str) -> Parsed<'a, Self> {
        let mut rest = input;
        let mut names = Names::<PARAMS_MAX>::NONE;
        while let Ok((behind, (name, _))) = param(rest) {
            if !names.admit(name, str::eq_ignore_ascii_case) {
                return fail();
            }
            rest = behind;
        }
        Ok((rest, Self(&input[..input.len() - rest.len()])))
    }

    /// Each name, and the value if there is one: quotes included.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (behind, param) = param(rest).ok()?;
            rest = behind;
            Some(param)
        })
    }

    /// The value of the parameter of that name, quotes and backslashes undone: empty, if it has none.
    pub fn find(self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(|value| unquote(value.unwrap_or_default()))
    }

    /// Whether there is a parameter of that name.
    pub fn has(self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The value of a parameter that has to be a token where it is there at all, such as a tag: `Err` if it is not.
    pub(crate) fn token(self, name: &str) -> Result<Option<&'a str>, ()> {
        match self.raw(name) {
            None => Ok(None),
            Some(Some(value)) if token(value).is_ok_and(|(rest, _)| rest.is_empty()) => Ok(Some(value)),
            Some(_) => Err(()),
        }
    }

    /// The value of a parameter as it is written.
    pub(crate) fn raw(self, name: &str) -> Option<Option<&'a str>> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl PartialEq for Params<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params<'_> {}

impl fmt::Display for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| match value {
            Some(value) => write!(f, ";{name}={value}"),
            None => write!(f, ";{name}"),
        })
    }
}

fn param(input: &str) -> Parsed<'_, (&str, Option<&str>)> {
    let (rest, param) = preceded(mark(b';'), pair(token, value)).parse(input)?;
    Ok((blanks(rest)?.0, param))
}

/// A header with more is meant to cost something.
const PARAMS_MAX: usize = 32;

/// A text in the quotes that a header needs around it. Control characters, which no header carries, leave as blanks.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        self.0.chars().try_for_each(|character| match character {
            '"' | '\\' => write!(f, "\\{character}"),
            _ if character.is_ascii_control() => f.write_char(' '),
            _ => f.write_char(character),
        })?;
        f.write_char('"')
    }
}
