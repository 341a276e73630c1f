//! Preparation of the three parts of an address (RFC 6122 with the later code points of RFC 7622).
//!
//! The tables of stringprep stop at Unicode 3.2. A code point that is newer is taken as assigned when
//! today's Unicode assigns it, or else no emoji could stand in a nickname. Every function here is idempotent.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use stringprep::tables;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Why a string is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// A part that is announced by its separator, or the domain, holds nothing.
    #[error("the {0} is empty")]
    Empty(Part),
    /// A part is longer than [`MAX_PART_BYTES`] or, for a domain, than DNS allows.
    #[error("the {0} is too long")]
    TooLong(Part),
    /// A part holds what it may not hold.
    #[error("the {0} holds a character that is not allowed there")]
    Prohibited(Part),
    /// A resource stands where an address must be bare.
    #[error("the address has a resource where none may be")]
    NotBare,
}

/// The parts of `local@domain/resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Before the `@`: an account or a room.
    Local,
    /// The host name or IP literal.
    Domain,
    /// Behind the first `/`: a device or a nickname.
    Resource,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "localpart",
            Self::Domain => "domain",
            Self::Resource => "resource",
        })
    }
}

/// Prepares a localpart: nodeprep (RFC 6122 appendix A), case folded.
pub fn prepare_local(input: &str) -> Result<Cow<'_, str>, AddressError> {
    let plain = |byte| matches!(byte, 0x21..=0x7e) && !is_prohibited_in_local(char::from(byte));
    if input.bytes().all(|byte| plain(byte) && !byte.is_ascii_uppercase()) {
        return bounded(Part::Local, Cow::Borrowed(input));
    }
    prepare_stable(Part::Local, input, |text| {
        let folded =
            text.chars().filter(|&c| !tables::commonly_mapped_to_nothing(c)).flat_map(FoldedCase::of);
        let prepared: String = folded.nfkc().collect();
        let prohibited =
            |c| tables::ascii_space_character(c) || is_prohibited_in_local(c) || is_prohibited(c);
        (!prepared.contains(prohibited) && is_directed(&prepared)).then_some(prepared)
    })
}

/// Prepares a resource: resourceprep (RFC 6122 appendix B), case kept.
pub fn prepare_resource(input: &str) -> Result<Cow<'_, str>, AddressError> {
    if input.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return bounded(Part::Resource, Cow::Borrowed(input));
    }
    prepare_stable(Part::Resource, input, |text| {
        let kept = text.chars().filter(|&c| !tables::commonly_mapped_to_nothing(c));
        let prepared: String = kept.nfkc().collect();
        (!prepared.contains(is_prohibited) && is_directed(&prepared)).then_some(prepared)
    })
}

/// Prepares a domain: lower case and Unicode labels (UTS 46), or an IP literal, without the root's dot.
pub fn prepare_domain(input: &str) -> Result<Cow<'_, str>, AddressError> {
    let input = input.strip_suffix('.').unwrap_or(input);
    if input.is_empty() {
        return Err(AddressError::Empty(Part::Domain));
    }
    if input.len() > MAX_PART_BYTES {
        return Err(AddressError::TooLong(Part::Domain));
    }
    if let Some(literal) = input.strip_prefix('[') {
        return prepare_ipv6(literal, input);
    }
    if is_plain_host(input) {
        return Ok(Cow::Borrowed(input));
    }
    prepare_stable(Part::Domain, input, |text| {
        let (unicode, checked) =
            Uts46::new().to_unicode(text.as_bytes(), HOST_CHARACTERS, Hyphens::CheckFirstLast);
        checked.ok()?;
        let unicode = unicode.strip_suffix('.').unwrap_or(&unicode).to_owned();
        let encoded = Uts46::new().to_ascii(
            unicode.as_bytes(),
            HOST_CHARACTERS,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        );
        encoded.is_ok().then_some(unicode)
    })
}

/// Applies `prepare` and refuses what a second pass would change: new code points, and Unicode's repairs of
/// its own normalisation, can break the idempotence that the old tables promised.
fn prepare_stable(
    part: Part,
    input: &str,
    prepare: impl Fn(&str) -> Option<String>,
) -> Result<Cow<'_, str>, AddressError> {
    if input.len() > MAX_PART_BYTES {
        return Err(AddressError::TooLong(part));
    }
    let prepared = prepare(input).ok_or(AddressError::Prohibited(part))?;
    if prepared != input && prepare(&prepared).as_ref() != Some(&prepared) {
        return Err(AddressError::Prohibited(part));
    }
    bounded(part, Cow::Owned(prepared))
}

fn bounded(part: Part, text: Cow<'_, str>) -> Result<Cow<'_, str>, AddressError> {
    match text.len() {
        0 => Err(AddressError::Empty(part)),
        1..=MAX_PART_BYTES => Ok(text),
        _ => Err(AddressError::TooLong(part)),
    }
}

fn prepare_ipv6<'a>(literal: &str, input: &'a str) -> Result<Cow<'a, str>, AddressError> {
    let address: Option<Ipv6Addr> = literal.strip_suffix(']').and_then(|address| address.parse().ok());
    let canonical = format!("[{}]", address.ok_or(AddressError::Prohibited(Part::Domain))?);
    Ok(if canonical == input { Cow::Borrowed(input) } else { Cow::Owned(canonical) })
}

/// Whether `host` is what most are: lower-case letters, digits and inner hyphens, in labels that DNS can carry.
fn is_plain_host(host: &str) -> bool {
    let is_plain_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.starts_with("xn--")
    };
    host.len() <= MAX_HOST_BYTES && host.split('.').all(is_plain_label)
}

/// The characters that RFC 6122 A.5 bars from a localpart beyond the common tables.
fn is_prohibited_in_local(c: char) -> bool {
    matches!(c, '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@')
}

/// What neither localpart nor resource may hold: tables C.1.2 to C.9 of RFC 3454, and unassigned code points.
pub(crate) fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::surrogate_code(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || (tables::unassigned_code_point(c) && !is_newly_assigned(c))
}

/// Whether `c` was assigned after Unicode 3.2, as something that is seen.
pub(crate) fn is_newly_assigned(c: char) -> bool {
    tables::unassigned_code_point(c)
        && !matches!(
            c.general_category(),
            GeneralCategory::Unassigned
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
}

/// The rule of RFC 3454 §6: right-to-left text stands alone, and at both ends.
fn is_directed(text: &str) -> bool {
    if !text.contains(tables::bidi_r_or_al) {
        return true;
    }
    !text.contains(tables::bidi_l)
        && text.starts_with(tables::bidi_r_or_al)
        && text.ends_with(tables::bidi_r_or_al)
}

/// One character in lower case: table B.2 where it knows the character, today's Unicode where it cannot.
enum FoldedCase {
    Old(tables::CaseFoldForNfkc),
    New(std::char::ToLowercase),
}

impl FoldedCase {
    fn of(c: char) -> Self {
        match is_newly_assigned(c) {
            true => Self::New(c.to_lowercase()),
            false => Self::Old(tables::case_fold_for_nfkc(c)),
        }
    }
}

impl Iterator for FoldedCase {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::Old(folded) => folded.next(),
            Self::New(folded) => folded.next(),
        }
    }
}

/// The longest part of an address (RFC 6122 §2).
pub const MAX_PART_BYTES: usize = 1023;
const MAX_LABEL_BYTES: usize = 63;
const MAX_HOST_BYTES: usize = 253;
/// Letters, digits, hyphen, dot, and the underscore that hosts on private networks bear.
const HOST_CHARACTERS: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

#[cfg(test)]
mod tests;
