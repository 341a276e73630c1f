//! Notes as they travel: one message is an envelope, JSON, with the notes that waited together.
//!
//! `{"v":1,"from":"a","incarnation":7,"n":42,"notes":[…]}`. `n` counts what that member has said to all; a message to
//! one member has its own count `m` beside it, and says by `n` what it comes after. A sign of life repeats the counts.
//!
//! Members of two versions speak to one another while a pool is renewed: fields and kinds of notes are only ever added.
//! A kind that this version does not know costs a look into the store, not the rest of the message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::note::{Member, Note};

/// A message that was understood, as far as it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Envelope {
    pub(super) from: Member,
    /// Messages to all up to here, this one among them if it is one.
    pub(super) all: u64,
    /// Which of the messages to its one receiver this is; `None`: it is for all.
    pub(super) told: Option<u64>,
    /// With a sign of life: how many messages each single member was sent.
    pub(super) counts: BTreeMap<Box<str>, u64>,
    pub(super) notes: Vec<Note>,
    /// Some of its notes are of a kind that only a newer version knows.
    pub(super) is_partial: bool,
}

/// What an envelope says before its notes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) from: &'a Member,
    pub(super) all: u64,
    pub(super) told: Option<u64>,
    pub(super) counts: Option<&'a BTreeMap<Box<str>, u64>>,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    from: &'a str,
    incarnation: i64,
    n: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    m: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<&'a BTreeMap<Box<str>, u64>>,
    notes: &'a [Box<RawValue>],
}

#[derive(Deserialize)]
struct Read<'a> {
    from: Box<str>,
    incarnation: i64,
    n: u64,
    m: Option<u64>,
    #[serde(default)]
    told: BTreeMap<Box<str>, u64>,
    #[serde(borrow)]
    notes: Vec<&'a RawValue>,
}

/// A note as text.
pub(super) fn write_note(note: &Note) -> Box<RawValue> {
    serde_json::value::to_raw_value(note).expect("notes have text for keys and no numbers without a form")
}

pub(super) fn write(head: Head<'_>, notes: &[Box<RawValue>]) -> String {
    let written = Written {
        v: VERSION,
        from: &head.from.name,
        incarnation: head.from.incarnation,
        n: head.all,
        m: head.told,
        told: head.counts,
        notes,
    };
    serde_json::to_string(&written).expect("the notes are JSON already")
}

/// Reads a message; `None` if it is none of ours.
pub(super) fn read(message: &[u8]) -> Option<Envelope> {
    let read: Read<'_> = serde_json::from_slice(message).ok()?;
    let written = read.notes.len();
    let notes: Vec<_> = read.notes.iter().filter_map(|note| serde_json::from_str(note.get()).ok()).collect();
    Some(Envelope {
        from: Member { name: read.from, incarnation: read.incarnation },
        all: read.n,
        told: read.m,
        counts: read.told,
        is_partial: notes.len() < written,
        notes,
    })
}

/// Raised when a reader of the version before would misunderstand what is written; so far, never.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::RoomId;
    use crate::chat::note::RoomName;

    fn stale(name: &str) -> Note {
        Note::RoomStale { room: RoomName { name: name.into(), id: RoomId(1) } }
    }

    #[test]
    fn what_is_written_is_read() {
        let from = Member { name: "a\"b".into(), incarnation: 7 };
        let counts = BTreeMap::from([("c".into(), 3)]);
        let notes = [stale("lobby"), Note::Heartbeat { sessions_digest: u64::MAX }];
        let head = Head { from: &from, all: 9, told: Some(2), counts: Some(&counts) };
        let text = write(head, &notes.each_ref().map(write_note));
        let read = read(text.as_bytes()).unwrap();
        let expected =
            Envelope { from, all: 9, told: Some(2), counts, notes: notes.into(), is_partial: false };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_note_of_a_newer_version_does_not_take_the_others_with_it() {
        let text = r#"{"v":2,"from":"a","incarnation":1,"n":1,"shape":"round","notes":[
            {"room_turned":{"by":"90°"}},{"room_stale":{"room":{"name":"lobby","id":1,"floor":3}}}]}"#;
        let read = read(text.as_bytes()).unwrap();
        assert_eq!((read.notes, read.is_partial), (vec![stale("lobby")], true));
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        for text in ["", "{}", "[1]", "\u{0}", r#"{"from":"a","incarnation":1,"n":-1,"notes":[]}"#] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"\xff\xfe"), None);
    }
}
