//! What is asked of the store about rooms, and what it answers.

use std::sync::Arc;

use crate::chat::event::Change;
use crate::chat::id::{Origin, RoomId, RulesVersion, Seq, Timestamp};

/// A room to be made, with the first changes of its log: `Created` comes first.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRoom {
    /// The localpart of its address, prepared.
    pub name: Box<str>,
    pub secret: [u8; 32],
    pub changes: Arc<[Change]>,
    pub at: Timestamp,
    pub origin: Option<Origin>,
}

/// A decision to be made true: all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    pub room: RoomId,
    /// The version that it was decided against.
    pub rules: RulesVersion,
    /// What the log gets, in order. Shared with the room, which applies and delivers it after the commit.
    pub changes: Arc<[Change]>,
    /// Joins and parts that are projected and journalled, but not logged.
    pub quiet: Arc<[Change]>,
    pub at: Timestamp,
    /// The key under which the first of the changes is found again.
    pub origin: Option<Origin>,
}

/// A decision that has come true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The seq of the first change; the others follow without gaps. Of the next one, where none was logged.
    pub first: Seq,
    /// The stamp of all of them: the one asked for, or the room's last one where that is later.
    pub at: Timestamp,
    /// The version from now on: one more for each change that [moves](Change::moves_rules) it.
    pub rules: RulesVersion,
}

/// A room in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomEntry {
    pub id: RoomId,
    pub name: Box<str>,
    /// The name that its owner gave it; empty for none.
    pub title: Box<str>,
}

/// A room in which somebody has to leave at `deadline` unless he comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedRoom {
    pub id: RoomId,
    pub name: Box<str>,
    pub deadline: Timestamp,
}

/// A room that does not keep its conversation for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    pub id: RoomId,
    pub days: u32,
}
