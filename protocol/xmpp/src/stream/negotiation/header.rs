//! The two stream headers (RFC 6120 §4.7): the client's judged, this server's written.

use compact_str::CompactString;
use perch_address::preparation::prepare_domain;
use perch_address::{BareJid, Jid};

use super::Negotiation;
use crate::namespace;
use crate::stream::error::{StreamCondition, StreamFailure};
use crate::xml::StreamHeader;
use crate::xml::write::escape_attribute;

impl Negotiation {
    /// Judges the client's header.
    pub(super) fn check_header(&self, header: &StreamHeader) -> Result<(), StreamFailure> {
        if header.namespace != namespace::CLIENT {
            return Err(StreamCondition::InvalidNamespace.into());
        }
        let to = header.to.as_deref().ok_or_else(|| {
            StreamFailure::new(StreamCondition::ImproperAddressing)
                .with_text("the stream's header has no 'to'")
        })?;
        // There is one domain, before and after authentication: it cannot be switched on a restart.
        if prepare_domain(to).ok().as_deref() != Some(&self.config.domain) {
            return Err(StreamCondition::HostUnknown.into());
        }
        if !is_supported(header.version.as_deref()) {
            return Err(StreamCondition::UnsupportedVersion.into());
        }
        match (&self.account, header.from.as_deref()) {
            (Some(account), Some(from)) if claimed(from).as_ref() != Some(account) => {
                Err(StreamCondition::InvalidFrom.into())
            }
            _ => Ok(()),
        }
    }

    /// This server's header, in answer to the client's or, where there was none that could be read, to nothing.
    pub(super) fn header(&mut self, asked: Option<&StreamHeader>) -> Vec<u8> {
        let id = self.fresh();
        let mut out = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
            xmlns:stream='http://etherx.jabber.org/streams'"
            .to_vec();
        let mut attribute = |name: &str, value: &str| {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"='");
            escape_attribute(value, &mut out);
            out.push(b'\'');
        };
        attribute("from", &self.config.domain);
        // RFC 6120 §4.7.2: whoever says who it is, is addressed; that is no proof yet.
        if let Some(to) = asked.and_then(|header| claimed(header.from.as_deref()?)) {
            attribute("to", to.as_str());
        }
        attribute("id", &id);
        // RFC 6120 §4.7.5: whoever names no version speaks 0.9, and is answered without one.
        if asked.is_none_or(|header| header.version.is_some()) {
            attribute("version", "1.0");
        }
        attribute("xml:lang", LANGUAGE);
        out.push(b'>');
        self.is_open = true;
        out
    }
}

/// Who a client says that it is.
fn claimed(from: &str) -> Option<BareJid> {
    Jid::new(from).ok().map(|from| from.bare())
}

/// Whether that is a version from 1.0 on: a later one is answered with 1.0, and its client decides (RFC 6120 §4.7.5).
fn is_supported(version: Option<&str>) -> bool {
    let major = version.and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        (is_number(major) && is_number(minor)).then_some(major)
    });
    major.is_some_and(|major| major.bytes().any(|digit| digit != b'0'))
}

/// The language of a client's stanzas that name none, if it is no longer than any tag is.
pub(super) fn language(header: &StreamHeader) -> Option<CompactString> {
    header.lang.clone().filter(|lang| !lang.is_empty() && lang.len() <= MAX_LANGUAGE_BYTES)
}

/// The language of what this server says on its own.
const LANGUAGE: &str = "en";
/// RFC 5646 §4.4.1 builds the longest sensible tag of 35 characters; private use may add some.
const MAX_LANGUAGE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let check = |version, expected| assert_eq!(is_supported(version), expected, "{version:?}");
        check(Some("1.0"), true);
        check(Some("01.00"), true);
        check(Some("1.5"), true);
        check(Some("2.0"), true);
        check(Some("99999999999999999999.0"), true);
        check(None, false);
        for unsupported in ["", "0.9", "1", "1.", ".0", "-1.0", "+1.0", "1.x", "1.0.0", "00.1"] {
            check(Some(unsupported), false);
        }
    }
}
