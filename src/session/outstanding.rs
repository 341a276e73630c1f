//! The session's stanzas whose outcome is not known yet, with what an error about them must repeat.

use std::collections::BTreeMap;

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use crate::chat::refusal::Refusal;
use crate::session::xmpp::refusal::{error_element, not_inside};

#[derive(Default)]
pub(super) struct Outstanding(BTreeMap<u64, Context>);

/// What is remembered of a stanza until its outcome is known.
pub(super) struct Context {
    kind: Kind,
    to: Option<Box<str>>,
    from: Option<Box<str>>,
    id: Option<Box<str>>,
}

/// Stanzas of one session that may wait at a time: more are not read from its connection.
const WAITING_MAX: usize = 64;

impl Outstanding {
    pub(super) fn insert(&mut self, number: u64, context: Context) {
        self.0.insert(number, context);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Context> {
        let context = self.0.remove(&number);
        if self.0.is_empty() {
            self.0 = BTreeMap::new();
        }
        context
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= WAITING_MAX
    }
}

impl Context {
    pub(super) fn of(stanza: &Stanza) -> Self {
        let text = |value: &Option<compact_str::CompactString>| value.as_deref().map(Into::into);
        Self { kind: stanza.kind, to: text(&stanza.to), from: text(&stanza.from), id: text(&stanza.id) }
    }

    /// The localpart of the room that a presence was for.
    pub(super) fn joined_room(&self) -> Option<Box<str>> {
        if self.kind != Kind::Presence {
            return None;
        }
        let to = Jid::new(self.to.as_deref()?).ok()?;
        to.local().map(Into::into)
    }

    /// The error that tells the client why (RFC 6120 §8.3).
    pub(super) fn error(&self, refusal: &Refusal) -> Element {
        if self.kind == Kind::Presence && *refusal == Refusal::NotAnOccupant {
            return not_inside(self.to.as_deref(), self.from.as_deref());
        }
        Element::new(self.kind.as_str(), namespace::CLIENT)
            .with_optional("from", self.to.as_deref())
            .with_optional("to", self.from.as_deref())
            .with_optional("id", self.id.as_deref())
            .with_attribute("type", "error")
            .with_child(error_element(refusal))
    }
}
