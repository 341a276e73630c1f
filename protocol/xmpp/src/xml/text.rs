//! What raw text and raw attribute values mean (XML 1.0 §2.11, §3.3.3, §4.1).

use std::borrow::Cow;

use bytes::Bytes;
use compact_str::CompactString;

use super::write::is_xml_character;
use super::{GateError, name};

/// One run of text as it stands in the source, already checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// Character data or the inside of a CDATA section: it means what it is.
    Literal(&'a str),
    /// What a character or predefined entity reference stands for.
    Reference(char),
}

impl Text<'_> {
    pub(crate) fn append_to(self, out: &mut CompactString) {
        match self {
            Self::Literal(raw) => out.push_str(raw),
            Self::Reference(character) => out.push(character),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::Literal("")
    }

    pub(crate) fn is_whitespace(self) -> bool {
        match self {
            Self::Literal(raw) => raw.bytes().all(is_whitespace),
            Self::Reference(character) => u8::try_from(character).is_ok_and(is_whitespace),
        }
    }
}

/// XML's production `S`.
pub(super) fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The character that `&name;` stands for.
pub(super) fn resolve_reference(name: &str) -> Result<char, GateError> {
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => match name.strip_prefix('#') {
            Some(number) => resolve_number(number),
            None if name::is_name(name) => Err(GateError::Entity),
            None => Err(GateError::Reference),
        },
    }
}

fn resolve_number(number: &str) -> Result<char, GateError> {
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() {
        return Err(GateError::Reference);
    }
    if digits.bytes().any(|digit| !char::from(digit).is_digit(radix)) {
        return Err(GateError::Reference);
    }
    if digits.len() > REFERENCE_DIGITS_MAX {
        return Err(GateError::LongReference);
    }
    let code = u32::from_str_radix(digits, radix).map_err(|_| GateError::Reference)?;
    char::from_u32(code).filter(|&character| is_xml_character(character)).ok_or(GateError::Character)
}

/// Enough for U+10FFFF in decimal with a zero before it; some readers take no more.
const REFERENCE_DIGITS_MAX: usize = 8;

/// Checks what stands between an attribute's quotes.
pub(super) fn check_attribute_value(raw: &str) -> Result<(), GateError> {
    if memchr::memchr(b'<', raw.as_bytes()).is_some() {
        return Err(GateError::Attribute);
    }
    let mut rest = raw;
    while let Some((_, reference)) = rest.split_once('&') {
        let (name, after) = reference.split_once(';').ok_or(GateError::Reference)?;
        resolve_reference(name)?;
        rest = after;
    }
    Ok(())
}

/// The value that a checked raw value stands for.
pub(crate) fn attribute_value(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\t' | b'\n')) {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n']) {
        value.push_str(&rest[..at]);
        let special = &rest[at..];
        let width = match special.strip_prefix('&') {
            Some(reference) => {
                let (name, _) = reference.split_once(';').unwrap_or((reference, ""));
                value.extend(resolve_reference(name));
                name.len() + 2
            }
            None => {
                value.push(' ');
                1
            }
        };
        rest = special.get(width..).unwrap_or("");
    }
    value.push_str(rest);
    Cow::Owned(value)
}

/// Makes every line end one line feed, as XML 1.0 §2.11 has it done before anything is read. What was received passes
/// through here first: other readers forget bare carriage returns in places, and none shall reach them.
pub(crate) fn plain_line_ends(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\r', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\r', rest) {
        plain.extend_from_slice(&rest[..at]);
        plain.push(b'\n');
        rest = &rest[at + 1..];
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// The same for bytes that are shared: they stay so where they are plain.
pub(crate) fn with_plain_line_ends(bytes: &Bytes) -> Bytes {
    match plain_line_ends(bytes) {
        Cow::Borrowed(_) => bytes.clone(),
        Cow::Owned(plain) => plain.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{attribute_value, check_attribute_value, plain_line_ends, resolve_reference};
    use crate::xml::GateError;

    #[test]
    fn references() {
        fn check(name: &str, expected: Result<char, GateError>) {
            assert_eq!(resolve_reference(name), expected, "&{name};");
        }
        check("lt", Ok('<'));
        check("apos", Ok('\''));
        check("#65", Ok('A'));
        check("#x1F600", Ok('😀'));
        check("#x1f600", Ok('😀'));
        check("#0000065", Ok('A'));
        check("#00000065", Ok('A'));
        check("#000000065", Err(GateError::LongReference));
        check("#x00000041", Ok('A'));
        check("#x000000041", Err(GateError::LongReference));
        check("#9", Ok('\t'));
        check("#xD", Ok('\r'));
        check("nbsp", Err(GateError::Entity));
        check("a:b", Err(GateError::Entity));
        check("LT", Err(GateError::Entity));
        check("", Err(GateError::Reference));
        check("#", Err(GateError::Reference));
        check("#x", Err(GateError::Reference));
        check("#X41", Err(GateError::Reference));
        check("#6A", Err(GateError::Reference));
        check("#+65", Err(GateError::Reference));
        check("# 65", Err(GateError::Reference));
        check(" lt", Err(GateError::Reference));
        check("#0", Err(GateError::Character));
        check("#1", Err(GateError::Character));
        check("#xD800", Err(GateError::Character));
        check("#xFFFE", Err(GateError::Character));
        check("#x110000", Err(GateError::Character));
        check("#9999999", Err(GateError::Character));
        check("#99999999999999999999", Err(GateError::LongReference));
    }

    #[test]
    fn attribute_values() {
        fn check(raw: &str, expected: &str) {
            assert_eq!(check_attribute_value(raw), Ok(()), "{raw:?}");
            assert_eq!(attribute_value(raw), expected, "{raw:?}");
        }
        check("", "");
        check("plain", "plain");
        check("a\tb\nc \n\td", "a b c   d");
        check("&#9;&#10;&#13;&#13;&#10;", "\t\n\r\r\n");
        check("&lt;&amp;lt;&gt;", "<&lt;>");
        check("]]>", "]]>");
        check("é&#233;\n", "éé ");
        assert_eq!(check_attribute_value("a<b"), Err(GateError::Attribute));
        assert_eq!(check_attribute_value("a&b"), Err(GateError::Reference));
        assert_eq!(check_attribute_value("&amp"), Err(GateError::Reference));
        assert_eq!(check_attribute_value("&a;"), Err(GateError::Entity));
    }

    #[test]
    fn line_ends() {
        fn check(bytes: &str, expected: &str) {
            assert_eq!(plain_line_ends(bytes.as_bytes()), expected.as_bytes(), "{bytes:?}");
        }
        check("", "");
        check("a\nb", "a\nb");
        check("a\r\nb\rc\nd", "a\nb\nc\nd");
        check("\r\r\n\n\r", "\n\n\n\n");
    }
}
