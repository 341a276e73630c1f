//! From notes to messages: what waits together travels together, and every message is counted.
//!
//! Pure: it neither waits nor sends. The counts are how a receiver finds out that something was lost, so whatever is
//! not sent is counted all the same ([`Packer::lose`]).

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tracing::warn;

use super::wire::{self, Head};
use crate::chat::note::{Member, Note};

/// For whom a note is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    All,
    Member(Box<str>),
}

impl To {
    /// What the carriers' servers call the way to these receivers.
    pub(super) fn channel(&self, pool: &str) -> String {
        match self {
            Self::All => format!("perch.{pool}.all"),
            Self::Member(name) => format!("perch.{pool}.member.{name}"),
        }
    }
}

/// Something that a carrier has to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) to: To,
    pub(super) text: String,
}

/// How much a carrier takes at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Notes that wait together are put into one message up to this size.
    pub(super) together: usize,
    /// A single note that is longer goes without its events, or not at all.
    pub(super) alone: usize,
}

/// Counts what one member says.
#[derive(Debug)]
pub(super) struct Packer {
    me: Member,
    limits: Limits,
    /// Messages to all so far.
    all: u64,
    /// Messages to single members so far.
    told: BTreeMap<Box<str>, u64>,
    /// The message that is being put together.
    to: To,
    notes: Vec<Box<RawValue>>,
    bytes: usize,
}

impl Packer {
    pub(super) fn new(me: Member, limits: Limits) -> Self {
        Self { me, limits, all: 0, told: BTreeMap::new(), to: To::All, notes: Vec::new(), bytes: 0 }
    }

    /// Puts notes into messages, in their order.
    pub(super) fn pack(&mut self, notes: impl IntoIterator<Item = (To, Note)>) -> Vec<Message> {
        let mut messages = Vec::new();
        for (to, note) in notes {
            let Some(text) = self.fitting(note) else {
                messages.extend(self.close());
                self.lose();
                continue;
            };
            let size = text.get().len() + 1;
            if to != self.to || self.bytes + size > self.limits.together {
                messages.extend(self.close());
            }
            self.to = to;
            self.bytes += size;
            self.notes.push(text);
        }
        messages.extend(self.close());
        messages
    }

    /// A sign of life, with all the counts: who has missed the last of what was said learns it by this.
    pub(super) fn heartbeat(&mut self, sessions_digest: u64) -> Message {
        self.all += 1;
        let head = Head { from: &self.me, all: self.all, told: None, counts: Some(&self.told) };
        let text = wire::write(head, &[wire::write_note(&Note::Heartbeat { sessions_digest })]);
        Message { to: To::All, text }
    }

    /// Something could not be sent, to whomever: whoever hears the next message sees that one is missing.
    pub(super) fn lose(&mut self) {
        self.all += 1;
    }

    fn close(&mut self) -> Option<Message> {
        if self.notes.is_empty() {
            return None;
        }
        let told = match &self.to {
            To::All => {
                self.all += 1;
                None
            }
            To::Member(name) => {
                let count = self.told.entry(name.clone()).or_default();
                *count += 1;
                Some(*count)
            }
        };
        let head = Head { from: &self.me, all: self.all, told, counts: None };
        let text = wire::write(head, &self.notes);
        self.notes.clear();
        self.bytes = 0;
        Some(Message { to: self.to.clone(), text })
    }

    /// The note's text, without its events if it would be too long with them; `None` if it is even then.
    fn fitting(&self, note: Note) -> Option<Box<RawValue>> {
        let fits = |text: &RawValue| text.get().len() <= self.limits.alone;
        let text = wire::write_note(&note);
        if fits(&text) {
            return Some(text);
        }
        let bytes = text.get().len();
        let text = shortened(note).map(|note| wire::write_note(&note)).filter(|text| fits(text));
        if text.is_none() {
            warn!(
                bytes,
                "something for another member was dropped: the bus does not take messages of this size"
            );
        }
        text
    }
}

/// The same hint without what the store says too.
fn shortened(note: Note) -> Option<Note> {
    match note {
        Note::RoomGrew { room, last, .. } => Some(Note::RoomGrew { room, last, events: Vec::new() }),
        // Changes that no log has are found in the room's rows.
        Note::RoomQuiet { room, .. } => Some(Note::RoomStale { room }),
        Note::AccountGrew { jid, last, is_to_answer, .. } => {
            Some(Note::AccountGrew { jid, last, events: Vec::new(), is_to_answer })
        }
        Note::RoomPassing { .. }
        | Note::RoomStale { .. }
        | Note::AccountPacket { .. }
        | Note::AccountSessions { .. }
        | Note::SessionReplaced { .. }
        | Note::SessionWanted { .. }
        | Note::AccountLetters { .. }
        | Note::Relayed { .. }
        | Note::WantSessions
        | Note::SessionsTold
        | Note::Revoked { .. }
        | Note::RightsChanged { .. }
        | Note::Heartbeat { .. } => None,
    }
}

#[cfg(test)]
mod tests;
