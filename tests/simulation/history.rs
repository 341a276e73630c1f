//! What the people of a run did and saw, as far as it is judged afterwards.

use std::collections::{BTreeMap, BTreeSet};

use perch::chat::id::SessionId;

#[derive(Default)]
pub(crate) struct History {
    /// By their texts' ids, each of which is used once, however often it is sent.
    pub(crate) posts: BTreeMap<Box<str>, Post>,
    pub(crate) stays: Vec<Stay>,
    /// What the room called a text, beside the text's own id.
    pub(crate) stanza_ids: BTreeSet<(Box<str>, Box<str>)>,
    /// What nobody should have seen.
    pub(crate) oddities: Vec<String>,
    /// Sessions that were told that their connection is gone, by a member on which it was not.
    pub(crate) parted: Vec<(SessionId, Box<str>)>,
    /// Sessions that are there at the end.
    pub(crate) present: BTreeSet<SessionId>,
}

#[derive(Default)]
pub(crate) struct Post {
    pub(crate) room: Box<str>,
    /// The sender knows that it is done.
    pub(crate) is_acknowledged: bool,
    /// He was told that it is not.
    pub(crate) is_refused: bool,
    /// That was said when he could not hear it any more.
    pub(crate) is_refused_unseen: bool,
    /// He was told that it was dealt with, and not how.
    pub(crate) is_handled: bool,
}

/// From somebody's coming into a room to his going.
pub(crate) struct Stay {
    pub(crate) session: SessionId,
    pub(crate) room: Box<str>,
    /// What was shown of the past.
    pub(crate) past: Vec<Box<str>>,
    pub(crate) heard: Vec<Box<str>>,
    /// Nothing has ended it: all is to be heard.
    pub(crate) is_open: bool,
}

impl History {
    pub(crate) fn post(&mut self, id: &str) -> &mut Post {
        self.posts.entry(id.into()).or_default()
    }

    /// The stay of a session that has not ended.
    pub(crate) fn stay(&mut self, session: SessionId, room: &str) -> Option<&mut Stay> {
        self.stays
            .iter_mut()
            .rev()
            .find(|stay| stay.is_open && stay.session == session && *stay.room == *room)
    }

    pub(crate) fn begin_stay(&mut self, session: SessionId, room: &str) {
        let (past, heard) = (Vec::new(), Vec::new());
        self.stays.push(Stay { session, room: room.into(), past, heard, is_open: true });
    }

    pub(crate) fn end_stay(&mut self, session: SessionId, room: &str) {
        if let Some(stay) = self.stay(session, room) {
            stay.is_open = false;
        }
    }

    pub(crate) fn end_stays(&mut self, session: SessionId) {
        self.stays.iter_mut().filter(|stay| stay.session == session).for_each(|stay| stay.is_open = false);
    }
}
