//! A namespace name, cheap to keep: a constant when this project knows it, shared otherwise.
//!
//! Sharing is more than thrift: thousands of elements under one long declaration must not each own a copy of it.

use std::fmt;
use std::sync::Arc;

use crate::namespace;

/// A namespace name; two are equal when their text is.
#[derive(Clone)]
pub(crate) enum Namespace {
    Known(&'static str),
    Other(Arc<str>),
}

impl Namespace {
    /// In no namespace at all.
    pub(crate) const NONE: Self = Self::Known("");
    pub(crate) const CLIENT: Self = Self::Known(namespace::CLIENT);
    pub(crate) const XML: Self = Self::Known(namespace::XML);

    pub(crate) fn new(name: &str) -> Self {
        match KNOWN.iter().find(|known| **known == name) {
            Some(known) => Self::Known(known),
            None => Self::Other(name.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.as_str(), other.as_str());
        std::ptr::eq(one, other) || one == other
    }
}

impl Eq for Namespace {}

impl PartialEq<str> for Namespace {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What stands on the wire every day, the most frequent first.
const KNOWN: [&str; 40] = [
    "",
    namespace::CLIENT,
    namespace::STABLE_ID,
    namespace::CHAT_STATES,
    namespace::MARKERS,
    namespace::RECEIPTS,
    namespace::HINTS,
    namespace::MUC,
    namespace::MUC_USER,
    namespace::CAPS,
    namespace::VCARD_UPDATE,
    namespace::STREAM_MANAGEMENT,
    namespace::PING,
    namespace::DELAY,
    namespace::OCCUPANT_ID,
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::ARCHIVE,
    namespace::RSM,
    namespace::DATA_FORM,
    namespace::ROSTER,
    namespace::FORWARD,
    namespace::CARBONS,
    namespace::STREAM,
    namespace::SERVER,
    namespace::SASL,
    namespace::TLS,
    namespace::BIND,
    namespace::SESSION,
    namespace::STANZA_ERROR,
    namespace::STREAM_ERROR,
    namespace::XML,
    namespace::CORRECTION,
    namespace::REPLY,
    namespace::REACTIONS,
    namespace::RETRACT,
    namespace::MUC_ADMIN,
    namespace::MUC_OWNER,
    namespace::PUBSUB,
    namespace::CLIENT_STATE,
];

#[cfg(test)]
mod tests {
    use super::{KNOWN, Namespace};

    #[test]
    fn each_known_name_stands_once_and_is_not_copied() {
        for (place, name) in KNOWN.iter().enumerate() {
            assert_eq!(KNOWN.iter().position(|other| other == name), Some(place), "{name}");
            assert!(matches!(Namespace::new(name), Namespace::Known(_)), "{name}");
        }
        assert!(matches!(Namespace::new("urn:example"), Namespace::Other(_)));
    }
}
