//! Sessions that follow rooms without being in them (XEP-0437): each is told once of a room in which something was said, and
//! again only after it was in there.
//!
//! What counts is the log: a room's last message is compared with the place from which on something is news to the session.
//! Whether its user may read the room is asked of the room, at each telling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dashmap::DashMap;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::chat::answer::Answer;
use crate::chat::command::{Actor, Query};
use crate::chat::id::{MessageId, RoomId, SessionId, Timestamp};
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::Mailbox;
use crate::room::Rooms;
use crate::session::Sessions;
use crate::session::xmpp::room::activity::notice;
use crate::store::archive::{ArchiveEnds, Log};
use crate::store::error::StoreError;

/// Who follows what, on this member.
pub(crate) struct Followers {
    rooms: Rooms,
    by_room: DashMap<Box<str>, Vec<Follower>>,
}

/// A session, as one that follows a room.
#[derive(Clone)]
struct Follower {
    actor: Actor,
    mailbox: Mailbox,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Since),
    /// It was told already, and of more it is not told.
    Told,
    /// It hears for itself what is said.
    Inside,
}

/// From where on something is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Behind that message, which its user has seen.
    Message(MessageId),
    Time(Timestamp),
}

/// That a session follows rooms. It ends when this is dropped.
pub(crate) struct Following {
    followers: Arc<Followers>,
    session: SessionId,
    rooms: Vec<Box<str>>,
}

impl Followers {
    pub(crate) fn new(rooms: Rooms) -> Self {
        Self { rooms, by_room: DashMap::new() }
    }

    /// Lets a session follow rooms; it is told at once of those in which something was said since it saw the last of them.
    /// `None` for a room that it is in.
    pub(crate) fn follow(
        self: &Arc<Self>,
        actor: &Actor,
        mailbox: &Mailbox,
        rooms: BTreeMap<Box<str>, Option<Since>>,
    ) -> Following {
        for (room, since) in &rooms {
            let state = since.map_or(State::Inside, State::Waiting);
            let follower = Follower { actor: actor.clone(), mailbox: mailbox.clone(), state };
            self.by_room.entry(room.clone()).or_default().push(follower);
            self.rooms.watch(room);
            if matches!(since, Some(Since::Message(_))) {
                self.rooms.stir(room);
            }
        }
        let rooms = rooms.into_keys().collect();
        Following { followers: self.clone(), session: actor.session, rooms }
    }

    fn set(&self, room: &str, session: SessionId, state: State) {
        if let Some(mut followers) = self.by_room.get_mut(room)
            && let Some(follower) = followers.iter_mut().find(|follower| follower.actor.session == session)
        {
            follower.state = state;
        }
    }

    /// Whether it is now told, and was not before. It may have come in meanwhile, or have gone.
    fn tell(&self, room: &str, told: &Follower) -> bool {
        let Some(mut followers) = self.by_room.get_mut(room) else { return false };
        let session = told.actor.session;
        let found = followers.iter_mut().find(|follower| follower.actor.session == session);
        let Some(follower) = found.filter(|follower| follower.state == told.state) else { return false };
        follower.state = State::Told;
        true
    }

    fn waiting(&self, room: &str) -> Vec<Follower> {
        let is_waiting = |follower: &&Follower| matches!(follower.state, State::Waiting(_));
        let followers = self.by_room.get(room);
        followers.map_or_else(Vec::new, |followers| followers.iter().filter(is_waiting).cloned().collect())
    }

    /// Those to be told of a room, by now.
    async fn due(&self, room: &str, id: RoomId) -> Result<Vec<Follower>, StoreError> {
        let waiting = self.waiting(room);
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let Some(ends) = self.rooms.store().archive_ends(Log::Room(id)).await? else { return Ok(Vec::new()) };
        let mut due = Vec::new();
        for follower in waiting.into_iter().filter(|follower| follower.state.waits_for(&ends)) {
            let access = self.rooms.query(room, follower.actor.clone(), Query::ArchiveAccess).await;
            if matches!(access, Ok(Answer::Archive(access)) if ends.last.0.seq() >= access.from) {
                due.push(follower);
            }
        }
        Ok(due)
    }
}

impl State {
    fn waits_for(self, ends: &ArchiveEnds) -> bool {
        let (id, at) = ends.last;
        match self {
            Self::Waiting(Since::Message(seen)) => id > seen,
            // Times are coarse: it is rather told of what it has seen.
            Self::Waiting(Since::Time(since)) => at >= since,
            Self::Told | Self::Inside => false,
        }
    }
}

impl Following {
    /// The session comes in.
    pub(crate) fn enter(&self, room: &str) {
        self.followers.set(room, self.session, State::Inside);
    }

    /// The session is outside from then on.
    pub(crate) fn leave(&self, room: &str, at: Timestamp) {
        self.followers.set(room, self.session, State::Waiting(Since::Time(at)));
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        for room in &self.rooms {
            if let Some(mut followers) = self.followers.by_room.get_mut(room) {
                followers.retain(|follower| follower.actor.session != self.session);
            }
            self.followers.by_room.remove_if(room, |_, followers| followers.is_empty());
            self.followers.rooms.unwatch(room);
        }
    }
}

impl Sessions {
    /// Tells followers what is new, until `stop`.
    pub async fn tell_followers(self, stop: CancellationToken) {
        while let Some(stirred) = stop.run_until_cancelled(self.0.rooms.stirred()).await {
            if let Err(error) = self.tell_of(&stirred).await {
                // They are told when something is said again.
                debug!(%error, "it cannot be looked up what is new in rooms");
            }
        }
    }

    async fn tell_of(&self, stirred: &BTreeSet<Box<str>>) -> Result<(), StoreError> {
        let followers = &self.0.followers;
        let names: Vec<&str> = stirred.iter().map(|name| &**name).collect();
        let rooms = self.0.rooms.store().rooms_named(&names).await?;
        let mut told: BTreeMap<SessionId, (Mailbox, Vec<Box<str>>)> = BTreeMap::new();
        for some in rooms.chunks(LOOKED_AT_TOGETHER) {
            let due = join_all(some.iter().map(|room| followers.due(&room.name, room.id))).await;
            for (room, due) in some.iter().zip(due) {
                for follower in due?.iter().filter(|follower| followers.tell(&room.name, follower)) {
                    let entry = told.entry(follower.actor.session);
                    let (_, rooms) = entry.or_insert_with(|| (follower.mailbox.clone(), Vec::new()));
                    rooms.push(room.name.clone());
                }
            }
        }
        for (mailbox, rooms) in told.into_values() {
            // Whoever does not read is found out by others.
            let _ = mailbox.push(Frame::new(notice(self.0.rooms.domain(), &rooms)));
        }
        Ok(())
    }
}

/// Rooms whose logs are looked at together.
const LOOKED_AT_TOGETHER: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{Epoch, Seq};

    #[test]
    fn what_is_news_follows_from_the_last_message() {
        let id = |seq| MessageId::new(Epoch(1), Seq(seq));
        let ends = ArchiveEnds { first: (id(1), Timestamp(10)), last: (id(7), Timestamp(70)) };
        let check = |state: State, expected| assert_eq!(state.waits_for(&ends), expected, "{state:?}");
        check(State::Waiting(Since::Message(id(6))), true);
        check(State::Waiting(Since::Message(id(7))), false);
        check(State::Waiting(Since::Message(MessageId::new(Epoch(0), Seq(9)))), true);
        check(State::Waiting(Since::Time(Timestamp(70))), true);
        check(State::Waiting(Since::Time(Timestamp(71))), false);
        check(State::Told, false);
        check(State::Inside, false);
    }
}
