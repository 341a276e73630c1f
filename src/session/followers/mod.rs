//! Sessions that follow rooms without being in them: each is told once of a room in which something was said, if it asked for
//! that (XEP-0437), and is shown the messages that its user wants to be shown.
//!
//! | module | what |
//! |---|---|
//! | [`attention`] | which messages those are |
//! | [`telling`] | what is done when something was said |
//!
//! What counts is the log: a room's last message is compared with the place from which on something is news to the session.
//! Whether its user may read the room is asked of the room, at each telling.

pub(crate) mod attention;
mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;

use self::attention::Attention;
use crate::chat::command::Actor;
use crate::chat::id::{MessageId, SessionId, Timestamp};
use crate::fanout::mailbox::Mailbox;
use crate::room::Rooms;
use crate::store::archive::ArchiveEnds;

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
    attention: Arc<Attention>,
    progress: Progress,
}

/// How far a session has come in a room that it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    /// What was said from there on has not been looked at for it.
    looked_at: Since,
    /// Whether it is told that there is something; none where it did not ask for that.
    activity: Option<Activity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Waiting(Since),
    /// It was told already, and of more it is not told.
    Told,
}

/// From where on something is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Behind that message, which its user has seen.
    Message(MessageId),
    Time(Timestamp),
}

/// How a session wants to follow a room.
pub(crate) struct Wish {
    pub(crate) attention: Attention,
    /// From where on, where it is new to the session.
    pub(crate) since: Since,
}

/// Whether a session is told that there is something in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It is told, or not, as it was before.
    AsBefore,
    /// It asks for it now: it is told again of what it was told before.
    Anew,
    Not,
}

/// That a session follows rooms. It ends when this is dropped.
pub(crate) struct Following {
    followers: Arc<Followers>,
    session: SessionId,
    rooms: BTreeMap<Box<str>, Standing>,
    is_told: bool,
}

/// How a session stands to a room that its user follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Followed,
    /// It hears for itself what is said.
    Inside,
    /// It was inside until then.
    Left(Timestamp),
}

impl Followers {
    pub(crate) fn new(rooms: Rooms) -> Self {
        Self { rooms, by_room: DashMap::new() }
    }

    /// Lets a session follow these rooms, in place of those that it followed; `None`: it is inside. Of those that stay it has
    /// heard what it has heard.
    pub(crate) fn follow(
        self: &Arc<Self>,
        former: Option<Following>,
        (actor, mailbox): (&Actor, &Mailbox),
        wishes: BTreeMap<Box<str>, Option<Wish>>,
        telling: Telling,
    ) -> Following {
        let was_told = former.as_ref().is_some_and(|former| former.is_told);
        let is_told = telling == Telling::Anew || telling == Telling::AsBefore && was_told;
        let mut rooms = BTreeMap::new();
        let mut followed = Vec::new();
        for (room, wish) in wishes {
            let standing = if wish.is_some() { Standing::Followed } else { Standing::Inside };
            if let Some(Wish { attention, since }) = wish {
                let before = former.as_ref().and_then(|former| former.progress(&room));
                let since = former.as_ref().and_then(|former| former.left(&room)).unwrap_or(since);
                let heard =
                    before.and_then(|before| before.activity).filter(|_| telling == Telling::AsBefore);
                let progress = Progress {
                    looked_at: before.map_or(since, |before| before.looked_at),
                    activity: is_told.then_some(heard.unwrap_or(Activity::Waiting(since))),
                };
                let attention = Arc::new(attention);
                let is_late = before.is_some() || matches!(since, Since::Message(_));
                let follower =
                    Follower { actor: actor.clone(), mailbox: mailbox.clone(), attention, progress };
                followed.push((room.clone(), follower, is_late));
            }
            rooms.insert(room, standing);
        }
        // They are told apart by the session alone.
        drop(former);
        for (room, follower, is_late) in followed {
            self.by_room.entry(room.clone()).or_default().push(follower);
            self.rooms.watch(&room);
            if is_late {
                self.rooms.stir(&room);
            }
        }
        Following { followers: self.clone(), session: actor.session, rooms, is_told }
    }

    fn forget(&self, room: &str, session: SessionId) {
        if let Some(mut followers) = self.by_room.get_mut(room) {
            followers.retain(|follower| follower.actor.session != session);
        }
        self.by_room.remove_if(room, |_, followers| followers.is_empty());
        self.rooms.unwatch(room);
    }

    /// Those who follow a room.
    fn of(&self, room: &str) -> Vec<Follower> {
        self.by_room.get(room).map_or_else(Vec::new, |followers| followers.clone())
    }

    /// Moves a session on, unless it came in meanwhile, or follows the room anew.
    fn advance(&self, room: &str, follower: &Follower, progress: Progress) -> bool {
        let Some(mut followers) = self.by_room.get_mut(room) else { return false };
        let session = follower.actor.session;
        let current = followers.iter_mut().find(|current| current.actor.session == session);
        let Some(current) = current.filter(|current| current.progress == follower.progress) else {
            return false;
        };
        current.progress = progress;
        true
    }
}

impl Progress {
    /// Whether the session is to be told that there is something.
    fn has_activity(&self, ends: &ArchiveEnds) -> bool {
        matches!(self.activity, Some(Activity::Waiting(since)) if since.is_before(ends.last))
    }
}

impl Since {
    /// Whether a message is news.
    fn is_before(self, (id, at): (MessageId, Timestamp)) -> bool {
        match self {
            Self::Message(seen) => id > seen,
            // Times are coarse: it is rather told of what it has seen.
            Self::Time(since) => at >= since,
        }
    }
}

impl Following {
    /// The session comes in.
    pub(crate) fn enter(&mut self, room: &str) {
        if let Some(standing) = self.rooms.get_mut(room) {
            let was_followed = std::mem::replace(standing, Standing::Inside) == Standing::Followed;
            if was_followed {
                self.followers.forget(room, self.session);
            }
        }
    }

    /// The session is outside from then on. Whether its user follows the room.
    pub(crate) fn leave(&mut self, room: &str, at: Timestamp) -> bool {
        let standing = self.rooms.get_mut(room).filter(|standing| **standing == Standing::Inside);
        standing.map(|standing| *standing = Standing::Left(at)).is_some()
    }

    /// Whether the session asked to be told that there is something.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    fn left(&self, room: &str) -> Option<Since> {
        match self.rooms.get(room) {
            Some(Standing::Left(at)) => Some(Since::Time(*at)),
            _ => None,
        }
    }

    fn progress(&self, room: &str) -> Option<Progress> {
        let followers = self.followers.by_room.get(room)?;
        let own = followers.iter().find(|follower| follower.actor.session == self.session);
        own.map(|own| own.progress)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        for (room, _) in self.rooms.iter().filter(|(_, standing)| **standing == Standing::Followed) {
            self.followers.forget(room, self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{Epoch, Seq};

    #[test]
    fn what_is_news_follows_from_the_last_message() {
        let id = |seq| MessageId::new(Epoch(1), Seq(seq));
        let ends = ArchiveEnds { first: (id(1), Timestamp(10)), last: (id(7), Timestamp(70)) };
        let check = |activity: Option<Activity>, expected| {
            let progress = Progress { looked_at: Since::Time(Timestamp(0)), activity };
            assert_eq!(progress.has_activity(&ends), expected, "{activity:?}");
        };
        let waiting = |since| Some(Activity::Waiting(since));
        check(waiting(Since::Message(id(6))), true);
        check(waiting(Since::Message(id(7))), false);
        check(waiting(Since::Message(MessageId::new(Epoch(0), Seq(9)))), true);
        check(waiting(Since::Time(Timestamp(70))), true);
        check(waiting(Since::Time(Timestamp(71))), false);
        check(Some(Activity::Told), false);
        check(None, false);
    }
}
