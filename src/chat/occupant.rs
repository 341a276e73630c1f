//! Who is in a room now: occupants by nick, and the sessions that share each nick.

use std::sync::Arc;

use perch_address::{BareJid, FullJid, nickname_key};
use smallvec::SmallVec;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::sorted::Sorted;

/// A user inside a room. Several of his sessions may share the nick (XEP-0045 §3, multi-session nicks).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// One text for all who hold it: the sessions that go by it, and this as its own key, where it is that.
    pub nick: Arc<str>,
    /// The form under which nicks are compared (RFC 8266), so that look-alikes are the same nick.
    pub nick_key: Arc<str>,
    pub jid: BareJid,
    pub occupant_id: Box<str>,
    pub affiliation: Affiliation,
    /// He is among those who speak in an auditorium.
    pub presents: bool,
    pub role: Role,
    /// Never empty; the last one that sent presence is shown to others, so it comes first.
    pub seats: Seats,
}

/// Nearly always one.
pub type Seats = SmallVec<[Seat; 1]>;

/// One session inside a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub session: SessionId,
    pub jid: FullJid,
    /// The children of its last presence (show, status, caps …), gated XML.
    pub presence: Payload,
    /// Set while its connection is gone and may come back; who is past it leaves.
    pub deadline: Option<Timestamp>,
}

/// All occupants of a room, found by nick key or by session. Occupants are shared: who delivers an event holds the
/// occupant as it was at that event, while the room has moved on. A copy shares everything until one of the two changes.
#[derive(Debug, Clone, Default)]
pub struct Occupants(Arc<Indexes>);

#[derive(Debug, Clone, Default)]
struct Indexes {
    /// In the order of their nick keys.
    by_nick: Vec<Arc<Occupant>>,
    sessions: Sorted<SessionId, Arc<Occupant>>,
}

impl Occupants {
    pub fn len(&self) -> usize {
        self.0.by_nick.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.by_nick.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Occupant>> {
        self.0.by_nick.iter()
    }

    /// How many sessions are in the room, over all occupants.
    pub fn session_count(&self) -> usize {
        self.0.sessions.len()
    }

    pub fn by_nick_key(&self, nick_key: &str) -> Option<&Arc<Occupant>> {
        self.place(nick_key).ok().map(|place| &self.0.by_nick[place])
    }

    /// By the nick as somebody writes it.
    pub fn by_nick(&self, nick: &str) -> Option<&Arc<Occupant>> {
        self.by_nick_key(&nickname_key(nick).ok()?)
    }

    pub fn by_session(&self, session: SessionId) -> Option<&Arc<Occupant>> {
        self.0.sessions.get(&session)
    }

    pub fn seat(&self, session: SessionId) -> Option<&Seat> {
        self.by_session(session)?.seats.iter().find(|seat| seat.session == session)
    }

    /// All occupants of one person: more than one when he holds several nicks.
    pub fn by_jid<'a>(&'a self, jid: &'a BareJid) -> impl Iterator<Item = &'a Arc<Occupant>> {
        self.iter().filter(move |o| o.jid == *jid)
    }

    /// Adds or replaces an occupant with all its seats.
    pub fn put(&mut self, occupant: Occupant) {
        self.remove(&occupant.nick_key);
        let occupant = Arc::new(occupant);
        let indexes = Arc::make_mut(&mut self.0);
        for seat in &occupant.seats {
            indexes.sessions.insert(seat.session, occupant.clone());
        }
        let (Ok(place) | Err(place)) = indexes.place(&occupant.nick_key);
        indexes.by_nick.insert(place, occupant);
    }

    pub fn remove(&mut self, nick_key: &str) -> Option<Arc<Occupant>> {
        let place = self.place(nick_key).ok()?;
        let indexes = Arc::make_mut(&mut self.0);
        let occupant = indexes.by_nick.remove(place);
        for seat in &occupant.seats {
            indexes.sessions.remove(&seat.session);
        }
        Some(occupant)
    }

    /// Changes one occupant, which may also get another nick or other seats.
    pub fn update(&mut self, nick_key: &str, change: impl FnOnce(&mut Occupant)) {
        if let Some(shared) = self.remove(nick_key) {
            let mut occupant = Arc::unwrap_or_clone(shared);
            change(&mut occupant);
            self.put(occupant);
        }
    }

    fn place(&self, nick_key: &str) -> Result<usize, usize> {
        self.0.place(nick_key)
    }
}

impl Indexes {
    fn place(&self, nick_key: &str) -> Result<usize, usize> {
        self.by_nick.binary_search_by(|occupant| (*occupant.nick_key).cmp(nick_key))
    }
}
