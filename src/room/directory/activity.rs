//! Which rooms have something new, for those who follow them from outside.
//!
//! Of a watched room in which something is said, on this member or another, that is told afterwards at least once. It may be
//! told without a reason: whoever asks looks at the log.

use std::collections::BTreeSet;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::chat::event::Change;
use crate::room::directory::Rooms;

/// Bounded by what is watched: a room stands in it once, however much is said.
#[derive(Default)]
pub(super) struct Activity {
    /// How many follow each.
    watched: DashMap<Box<str>, usize>,
    stirred: Mutex<BTreeSet<Box<str>>>,
    bell: Notify,
}

impl Activity {
    /// Whether anybody would be told. It is asked for each message of each room.
    pub(super) fn is_watched(&self, room: &str) -> bool {
        self.watched.contains_key(room)
    }

    pub(super) fn stir(&self, room: &str) {
        self.stirred.lock().insert(room.into());
        self.bell.notify_one();
    }

    /// Something may have been said in any of them.
    pub(super) fn stir_all(&self) {
        let watched: Vec<Box<str>> = self.watched.iter().map(|entry| entry.key().clone()).collect();
        self.stirred.lock().extend(watched);
        self.bell.notify_one();
    }
}

/// Whether it is something that people wait for.
pub(super) fn is_news(change: &Change) -> bool {
    matches!(change, Change::Posted { .. } | Change::SubjectSet { .. })
}

impl Rooms {
    /// From now on it is told when something is said in that room, as often as this is called until it is called off.
    pub fn watch(&self, room: &str) {
        *self.0.activity.watched.entry(room.into()).or_default() += 1;
    }

    pub fn unwatch(&self, room: &str) {
        if let Some(mut count) = self.0.activity.watched.get_mut(room) {
            *count -= 1;
        }
        self.0.activity.watched.remove_if(room, |_, count| *count == 0);
    }

    /// Something may have been said in that room before it was watched.
    pub fn stir(&self, room: &str) {
        self.0.activity.stir(room);
    }

    /// The watched rooms in which something was said since this was asked last. Waits until there is one.
    pub async fn stirred(&self) -> BTreeSet<Box<str>> {
        loop {
            let stirred = std::mem::take(&mut *self.0.activity.stirred.lock());
            if !stirred.is_empty() {
                return stirred;
            }
            self.0.activity.bell.notified().await;
        }
    }
}
