//! What the members of a pool tell each other. Hints and soft state: whatever the store also says may be lost on the
//! way, repeated or overtaken, and costs time, never a message.

use perch_address::{BareJid, FullJid};
use serde::{Deserialize, Serialize};

use crate::chat::account::entry::AccountEvent;
use crate::chat::account::packet::Packet;
use crate::chat::event::{Change, Ephemeral, Event};
use crate::chat::id::{AccountId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;

/// One process of a pool, in one of its lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// What the configuration calls it; unique in the pool.
    pub name: Box<str>,
    /// Raised at each start, and by who declares it dead: what an earlier incarnation says no longer counts.
    pub incarnation: i64,
}

/// Something that a member tells the others, or one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A room's log has grown up to `last`. The new events stand here where they are small; else they are to be read.
    RoomGrew { room: RoomName, last: Seq, events: Vec<Event> },
    /// Comings and goings above the participant update limit, which the log does not have. `count`: how many appends with
    /// such changes the room has had; who has missed one reads the occupants again. `after` is the event that they follow.
    RoomQuiet { room: RoomName, count: i64, after: Seq, changes: Vec<Change> },
    /// Kept nowhere; `after` is the event that it follows.
    RoomPassing { room: RoomName, after: Seq, ephemeral: Ephemeral },
    /// Something changed in the room's rows that no event tells: its state is to be read again.
    RoomStale { room: RoomName },
    /// An account's log has grown, as [`Note::RoomGrew`].
    AccountGrew {
        jid: BareJid,
        last: Seq,
        events: Vec<AccountEvent>,
        /// What wants an answer is for the receiver to answer. Others do it only when it is not done for long.
        is_to_answer: bool,
    },
    /// A stanza in no log for an account's sessions, wherever they are.
    AccountPacket { to: BareJid, packet: Packet, delivery: Delivery },
    /// All sessions of an account that the publisher holds now, none of them left out.
    AccountSessions { jid: BareJid, sessions: Vec<RemoteSession> },
    /// Another session has taken the address of this one of the receiver's: it is to be ended.
    SessionReplaced { jid: BareJid, session: SessionId },
    /// A client wants to go on with the session of that id (XEP-0198) where the publisher is: whoever has it leaves it in
    /// the store.
    SessionWanted { id: Box<str> },
    /// What became of messages that wait in an account's log, told to members that have sessions of it too.
    AccountLetters { jid: BareJid, news: LetterNews },
    /// The answer to an iq that the receiver relayed between occupants of a room came to the publisher.
    Relayed { answer: Packet },
    /// The publisher does not know (or no longer trusts what it knows of) the receiver's sessions: tell all of them.
    WantSessions,
    /// They were told: what the receiver knows of the publisher beyond that is no more.
    SessionsTold,
    /// Sessions of an account are to be ended: it was removed, disabled, or got another password.
    Revoked { account: AccountId, spared: Option<SessionId> },
    /// Rights outside of rooms have changed: there is this version of them in the store.
    RightsChanged { version: i64 },
    /// A sign of life. The digest is over all the publisher's [`Note::AccountSessions`].
    Heartbeat { sessions_digest: u64 },
}

/// A room by its localpart, and by the row that the name led to: a name can be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomName {
    pub name: Box<str>,
    pub id: RoomId,
}

/// What happened to messages that no device of an account is known to have taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterNews {
    /// A session was shown them.
    Shown { session: SessionId, letters: Vec<Seq> },
    /// A device has taken them.
    Taken { letters: Vec<Seq> },
    /// All that wait in the log up to `until`, each with the sessions that were shown it.
    Waiting { until: Seq, letters: Vec<(Seq, Vec<SessionId>)> },
}

/// How a packet is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// By its address; `is_copied`: other sessions get a carbon copy (XEP-0280).
    Addressed { is_copied: bool },
    /// One of the account's own sessions said it: the others are shown its presence, or a copy of its message.
    Own,
    /// An event of a node, to the sessions that are interested in it (XEP-0163).
    Interested { node: Box<str> },
}

/// A session as other members have to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteSession {
    pub session: SessionId,
    pub jid: FullJid,
    /// `None` before the first presence and after the last.
    pub availability: Option<RemoteAvailability>,
    pub wants_carbons: bool,
    /// Its client may come back for it (XEP-0198), also when its member is dead.
    pub is_resumable: bool,
    /// Nodes whose events it wants (XEP-0163).
    pub interests: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteAvailability {
    pub priority: i8,
    pub payload: Payload,
    pub at: Timestamp,
}
