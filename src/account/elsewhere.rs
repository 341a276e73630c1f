//! The sessions of all accounts on all members of the pool: what this member told the others of its own, and what they
//! told of theirs. Soft state: each member's word on its own sessions counts, a digest shows whether all of it has come,
//! and what a dead member said is forgotten.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::Mutex;
use perch_address::{BareJid, FullJid, Jid};
use smallvec::SmallVec;

use crate::bus::Bus;
use crate::chat::note::{Member, Note, RemoteSession};

/// The registry of one member.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    own: Mutex<Own>,
    accounts: DashMap<BareJid, Vec<Held>>,
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    known: HashMap<Box<str>, Peer>,
    /// The last life of each that is known to be over. One that does not know it yet is not listened to.
    over: HashMap<Box<str>, i64>,
}

/// What the others were told of this member's sessions.
#[derive(Debug, Default)]
struct Own {
    sets: HashMap<BareJid, Set>,
    digest: u64,
}

#[derive(Debug, Clone)]
struct Set {
    sessions: Arc<[RemoteSession]>,
    hash: u64,
}

/// What one other member holds of an account.
#[derive(Debug)]
struct Held {
    member: Arc<str>,
    set: Set,
    /// The member's [`Peer::round`] in which this was told.
    round: u64,
}

/// What is known of another member.
#[derive(Debug)]
struct Peer {
    name: Arc<str>,
    incarnation: i64,
    /// Over all that it told.
    digest: u64,
    /// What its last sign of life said, as long as what it told does not amount to that.
    expected: Option<u64>,
    /// Counted up whenever it is asked for everything.
    round: u64,
    /// It was asked and has not told all yet.
    is_asked: bool,
    /// What changed in the sets that are told anew because something was missed.
    missed: Missed,
}

/// Who is no longer seen, and who looks otherwise, without that anybody was told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Missed {
    /// Sessions that were available and are not any more.
    pub gone: BTreeMap<BareJid, Vec<FullJid>>,
    pub changed: HashSet<BareJid>,
}

/// What a dead member leaves.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// All accounts that it had sessions of.
    pub(super) accounts: Vec<BareJid>,
    /// Those who were available, and do not come back.
    pub(super) gone: Missed,
    /// Those who were available, and may come back.
    pub(super) waiting: Missed,
}

/// What is to be done after something was heard.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    Nothing,
    /// The account's sessions elsewhere are others now.
    Changed,
    /// A life of a member before this one is over.
    Reborn(Member),
}

impl Elsewhere {
    /// Tells the others which sessions of an account are here, if they do not know yet.
    pub(super) fn show(&self, jid: &BareJid, sessions: Vec<RemoteSession>, bus: &Bus) {
        let mut own = self.own.lock();
        let before = own.sets.get(jid);
        if before.map_or(&[][..], |set| &set.sessions) == sessions.as_slice() {
            return;
        }
        let was = before.map_or(0, |set| set.hash);
        let hash = hash(jid, &sessions);
        own.digest ^= was ^ hash;
        if sessions.is_empty() {
            own.sets.remove(jid);
        } else {
            own.sets.insert(jid.clone(), Set { sessions: sessions.clone().into(), hash });
        }
        // Under the lock: what others add up goes through every digest that a sign of life may show.
        bus.publish(Note::AccountSessions { jid: jid.clone(), sessions });
        bus.set_sessions_digest(own.digest);
    }

    /// The accounts with sessions here, which a member is to be told of one by one.
    pub(super) fn own_accounts(&self) -> Vec<BareJid> {
        self.own.lock().sets.keys().cloned().collect()
    }

    /// Tells one member what all were told of an account.
    pub(super) fn tell(&self, member: &str, jid: &BareJid, bus: &Bus) {
        let own = self.own.lock();
        if let Some(set) = own.sets.get(jid) {
            bus.tell(member, Note::AccountSessions { jid: jid.clone(), sessions: set.sessions.to_vec() });
        }
    }

    /// Takes what a member says of its sessions of an account.
    pub(super) fn take(&self, from: &Member, jid: &BareJid, sessions: &[RemoteSession]) -> Taken {
        let mut peers = self.peers.lock();
        let Some(peer) = peers.of(from) else { return Taken::Nothing };
        let mut held = self.accounts.entry(jid.clone()).or_default();
        let place = held.iter().position(|held| held.member == peer.name);
        let before = place.map(|place| held[place].set.clone());
        let was = before.as_ref().map_or(0, |set| set.hash);
        let new = Set { sessions: sessions.into(), hash: hash(jid, sessions) };
        peer.digest ^= was ^ new.hash;
        if peer.expected == Some(peer.digest) {
            peer.expected = None;
        }
        if peer.is_asked {
            peer.missed.compare(jid, before.as_ref().map_or(&[], |set| &set.sessions), sessions);
        }
        let is_changed = was != new.hash;
        match place {
            Some(place) if sessions.is_empty() => drop(held.remove(place)),
            Some(place) => (held[place].set, held[place].round) = (new, peer.round),
            None if sessions.is_empty() => {}
            None => held.push(Held { member: peer.name.clone(), set: new, round: peer.round }),
        }
        let is_empty = held.is_empty();
        drop(held);
        if is_empty {
            self.accounts.remove_if(jid, |_, held| held.is_empty());
        }
        if is_changed { Taken::Changed } else { Taken::Nothing }
    }

    /// Something of that member was heard, whatever it was.
    pub(super) fn meet(&self, from: &Member, bus: &Bus) -> Taken {
        let mut peers = self.peers.lock();
        if peers.over.get(&from.name).is_some_and(|over| from.incarnation <= *over) {
            return Taken::Nothing;
        }
        match peers.known.get(&from.name).map(|peer| peer.incarnation) {
            Some(known) if known >= from.incarnation => return Taken::Nothing,
            Some(known) => return Taken::Reborn(Member { name: from.name.clone(), incarnation: known }),
            None => {}
        }
        let mut peer = Peer::new(from);
        peer.ask(bus);
        peers.known.insert(from.name.clone(), peer);
        Taken::Nothing
    }

    /// Whether a member of that name was heard.
    pub(super) fn knows(&self, member: &str) -> bool {
        self.peers.lock().known.contains_key(member)
    }

    /// A member's sign of life. What was under way when it was given may still be: only the second one that finds
    /// something missing counts.
    pub(super) fn heartbeat(&self, from: &Member, digest: u64, bus: &Bus) {
        let mut peers = self.peers.lock();
        let Some(peer) = peers.of(from) else { return };
        if peer.digest == digest {
            (peer.expected, peer.is_asked) = (None, false);
        } else if peer.expected.replace(digest).is_some() {
            peer.ask(bus);
        }
    }

    /// Something of a member, or of all, was missed.
    pub(super) fn gap(&self, from: Option<&str>, bus: &Bus) {
        let mut peers = self.peers.lock();
        for peer in peers.known.values_mut().filter(|peer| from.is_none_or(|from| *peer.name == *from)) {
            peer.ask(bus);
        }
    }

    /// A member has told everything. Says which accounts it turned out to have no sessions of, and what was missed.
    pub(super) fn told(&self, from: &Member) -> (Vec<BareJid>, Missed) {
        let mut peers = self.peers.lock();
        let Some(peer) = peers.of(from) else { return Default::default() };
        if !std::mem::take(&mut peer.is_asked) {
            return Default::default();
        }
        let mut over = Vec::new();
        let mut missed = std::mem::take(&mut peer.missed);
        let round = peer.round;
        self.remove(
            |held| held.member == peer.name && held.round < round,
            |jid, set| {
                peer.digest ^= set.hash;
                missed.compare(jid, &set.sessions, &[]);
                over.push(jid.clone());
            },
        );
        (over, missed)
    }

    /// The lives of a member up to that one are over.
    pub(super) fn forget(&self, member: &Member) -> Left {
        let mut peers = self.peers.lock();
        let over = peers.over.entry(member.name.clone()).or_insert(member.incarnation);
        *over = member.incarnation.max(*over);
        if peers.known.get(&member.name).is_none_or(|peer| peer.incarnation > member.incarnation) {
            return Left::default();
        }
        peers.known.remove(&member.name);
        let mut left = Left::default();
        self.remove(
            |held| *held.member == *member.name,
            |jid, set| {
                let (waiting, gone): (Vec<_>, Vec<_>) =
                    set.sessions.iter().cloned().partition(|session| session.is_resumable);
                left.waiting.compare(jid, &waiting, &[]);
                left.gone.compare(jid, &gone, &[]);
                left.accounts.push(jid.clone());
            },
        );
        left
    }

    fn remove(&self, is_such: impl Fn(&Held) -> bool, mut removed: impl FnMut(&BareJid, &Set)) {
        self.accounts.retain(|jid, held| {
            held.retain(|held| {
                let is_such = is_such(held);
                if is_such {
                    removed(jid, &held.set);
                }
                !is_such
            });
            !held.is_empty()
        });
    }

    /// The other members that have sessions of an account.
    pub(super) fn members_of(&self, jid: &BareJid) -> SmallVec<[Arc<str>; 2]> {
        let held = self.accounts.get(jid);
        held.iter().flat_map(|held| held.iter()).map(|held| held.member.clone()).collect()
    }

    /// The other member that has the session of this address.
    pub(super) fn holder(&self, jid: &Jid) -> Option<Arc<str>> {
        let held = self.accounts.get(&jid.bare())?;
        let has_it = |held: &&Held| held.set.sessions.iter().any(|session| session.jid.as_jid() == jid);
        held.iter().find(has_it).map(|held| held.member.clone())
    }

    /// All of an account's sessions on other members.
    pub(super) fn sessions_of(&self, jid: &BareJid) -> Vec<(Arc<str>, RemoteSession)> {
        let Some(held) = self.accounts.get(jid) else { return Vec::new() };
        let sessions = held
            .iter()
            .flat_map(|held| held.set.sessions.iter().map(|session| (held.member.clone(), session.clone())));
        sessions.collect()
    }

    /// Of those who may have come back, the ones who have not.
    pub(super) fn still_gone(&self, missed: &Missed) -> Missed {
        let own = self.own.lock();
        let is_back = |bare: &BareJid, jid: &FullJid| {
            let is_it = |session: &RemoteSession| session.jid == *jid && session.availability.is_some();
            own.sets.get(bare).is_some_and(|set| set.sessions.iter().any(is_it))
                || self
                    .accounts
                    .get(bare)
                    .is_some_and(|held| held.iter().any(|held| held.set.sessions.iter().any(is_it)))
        };
        let gone = missed.gone.iter().map(|(bare, jids)| {
            (bare.clone(), jids.iter().filter(|jid| !is_back(bare, jid)).cloned().collect())
        });
        Missed { gone: gone.collect(), changed: HashSet::new() }
    }
}

impl Peers {
    fn of(&mut self, member: &Member) -> Option<&mut Peer> {
        self.known.get_mut(&member.name).filter(|peer| peer.incarnation == member.incarnation)
    }
}

impl Peer {
    fn new(member: &Member) -> Self {
        Self {
            name: (&*member.name).into(),
            incarnation: member.incarnation,
            digest: 0,
            expected: None,
            round: 0,
            is_asked: false,
            missed: Missed::default(),
        }
    }

    fn ask(&mut self, bus: &Bus) {
        self.round += 1;
        self.is_asked = true;
        self.expected = None;
        bus.tell(&self.name, Note::WantSessions);
    }
}

impl Missed {
    pub(super) fn is_empty(&self) -> bool {
        self.gone.values().all(Vec::is_empty) && self.changed.is_empty()
    }

    fn compare(&mut self, jid: &BareJid, before: &[RemoteSession], after: &[RemoteSession]) {
        for session in before.iter().filter(|session| session.availability.is_some()) {
            let is_there = |now: &&RemoteSession| now.jid == session.jid && now.availability.is_some();
            if !after.iter().any(|now| is_there(&now)) {
                self.gone.entry(jid.clone()).or_default().push(session.jid.clone());
            }
        }
        let is_new = |session: &&RemoteSession| {
            session.availability.is_some()
                && !before
                    .iter()
                    .any(|was| was.session == session.session && was.availability == session.availability)
        };
        if after.iter().any(|session| is_new(&session)) {
            self.changed.insert(jid.clone());
        }
    }
}

/// FNV-1a over the set as it travels: the same on every member, whatever it was built with. Of no sessions it is 0.
fn hash(jid: &BareJid, sessions: &[RemoteSession]) -> u64 {
    if sessions.is_empty() {
        return 0;
    }
    let text = serde_json::to_vec(&(jid, sessions)).expect("sessions are plain data");
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
