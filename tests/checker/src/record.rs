//! One line of a history: what a recorder writes and the checker reads.
//!
//! A history is one or more files of JSON lines. `at` is in nanoseconds on a clock that all recorders of a run share and
//! that never steps back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What happened, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    pub at: u64,
    #[serde(flatten)]
    pub event: Event<'a>,
}

/// What a client did or saw, or what was done to the server.
///
/// A `session` is one signed-in stream, carried on by a stream-management resumption; a `client` has one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event<'a> {
    /// A message leaves for the server, for the first time or again.
    Invoke { client: Text<'a>, session: Text<'a>, room: Text<'a>, id: Text<'a> },
    /// It was acknowledged.
    Ok {
        client: Text<'a>,
        session: Text<'a>,
        room: Text<'a>,
        id: Text<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stanza_id: Option<Text<'a>>,
        by: Acknowledgement,
    },
    /// It was refused.
    Fail { client: Text<'a>, session: Text<'a>, room: Text<'a>, id: Text<'a>, reason: Text<'a> },
    /// Its outcome stays unknown: the stream was cut, or nothing came in time.
    Info { client: Text<'a>, session: Text<'a>, room: Text<'a>, id: Text<'a>, reason: Text<'a> },
    /// A message arrived, live or (`delayed`) as history.
    Recv {
        client: Text<'a>,
        session: Text<'a>,
        room: Text<'a>,
        id: Text<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stanza_id: Option<Text<'a>>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        delayed: bool,
    },
    /// An occupancy began: the client has its own presence.
    Join { client: Text<'a>, session: Text<'a>, room: Text<'a> },
    /// An occupancy ended, by the client's will or by a cut.
    Leave { client: Text<'a>, session: Text<'a>, room: Text<'a>, reason: Text<'a> },
    /// A session was resumed after a cut: its occupancies go on unbroken.
    Resume { client: Text<'a>, session: Text<'a> },
    /// The ban of `target` was acknowledged to `client`.
    Ban { client: Text<'a>, room: Text<'a>, target: Text<'a> },
    /// Whom `client` sees in the room once all is healed.
    Occupants { client: Text<'a>, room: Text<'a>, nicks: Vec<Text<'a>> },
    /// A page of an archive, oldest first.
    MamPage {
        source: Source,
        /// Names the read that the page belongs to; its pages follow each other in the history.
        read: Text<'a>,
        room: Text<'a>,
        items: Vec<Item<'a>>,
        /// On the last page of a read that went through the whole archive.
        #[serde(default)]
        complete: bool,
    },
    /// A fault begins or ends.
    Nemesis { what: Text<'a>, phase: Phase },
    /// All faults are healed and all deliveries done: from here on nothing may be missing.
    Quiet,
}

/// One message of an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item<'a> {
    pub id: Text<'a>,
    pub stanza_id: Text<'a>,
    /// Its number in the room's log, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When the server says it was said, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp_ms: Option<i64>,
}

/// What counts as an acknowledgement, the only list of them: after any of these the message must never be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// The sender received its own message back from the room, with its `stanza-id` (XEP-0045, XEP-0359).
    Reflection,
    /// An `<a/>`, `<resumed/>` or `<failed/>` of stream management covers it (XEP-0198).
    StreamManagement,
    /// The sender, of a cut session, found it in the archive (XEP-0313).
    Archive,
    /// A SIP response of class 2xx.
    Sip,
    /// An HTTP response of class 2xx.
    Http,
}

/// Whose copy of an archive a page was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The database itself, every row of the log: the only one whose sequence numbers are dense.
    Store,
    /// What the server answers to a client.
    Mam,
    /// The compliance store.
    Compliance,
}

/// The two ends of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Start,
    Stop,
}

type Text<'a> = Cow<'a, str>;
