//! The inside of a start tag: its name and its attributes (XML 1.0 §3.1), cut strictly.

use super::text::{check_attribute_value, is_whitespace};
use super::{GateError, name};

/// A name cut at its colon; without one the prefix is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QualifiedName<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
}

impl<'a> QualifiedName<'a> {
    fn parse(name: &'a str) -> Result<Self, GateError> {
        let qualified = match name.split_once(':') {
            Some((prefix, local)) if name::is_ncname(prefix) => Self { prefix, local },
            Some(_) => return Err(GateError::Name),
            None => Self { prefix: "", local: name },
        };
        if name::is_ncname(qualified.local) { Ok(qualified) } else { Err(GateError::Name) }
    }

    /// The prefix that an attribute of this name declares, if it is a namespace declaration.
    pub(super) fn declared_prefix(self) -> Option<&'a str> {
        match (self.prefix, self.local) {
            ("", "xmlns") => Some(""),
            ("xmlns", prefix) => Some(prefix),
            _ => None,
        }
    }
}

/// The inside of a start tag.
pub(super) struct Tag<'a> {
    /// The name as written, prefix included.
    pub(super) written: &'a str,
    pub(super) name: QualifiedName<'a>,
    pub(super) attributes: RawAttributes<'a>,
}

impl<'a> Tag<'a> {
    /// Cuts what stands between `<` and `>` or `/>`; the attributes are still to be read.
    pub(super) fn parse(content: &'a str) -> Result<Self, GateError> {
        let end = content.bytes().position(is_whitespace).unwrap_or(content.len());
        let (written, rest) = content.split_at(end);
        Ok(Self { written, name: QualifiedName::parse(written)?, attributes: RawAttributes { rest } })
    }
}

/// The attributes of one tag in their order, each with its raw value, checked.
pub(super) struct RawAttributes<'a> {
    rest: &'a str,
}

impl<'a> RawAttributes<'a> {
    /// The attributes in what stands behind a tag's name.
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    /// The next attribute; none when only white space is left.
    pub(super) fn next(&mut self) -> Result<Option<(QualifiedName<'a>, &'a str)>, GateError> {
        let start = skip_whitespace(self.rest);
        if start.is_empty() {
            return Ok(None);
        }
        if start.len() == self.rest.len() {
            return Err(GateError::Attribute);
        }
        let (name, after) = start.split_once('=').ok_or(GateError::Attribute)?;
        let name = name.trim_end_matches([' ', '\t', '\n', '\r']);
        let quoted = skip_whitespace(after);
        let (value, rest) = match quoted.as_bytes().first() {
            Some(b'\'') => quoted[1..].split_once('\''),
            Some(b'"') => quoted[1..].split_once('"'),
            _ => None,
        }
        .ok_or(GateError::Attribute)?;
        check_attribute_value(value)?;
        self.rest = rest;
        Ok(Some((QualifiedName::parse(name)?, value)))
    }
}

fn skip_whitespace(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}
