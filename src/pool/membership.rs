//! Who is in the pool, who is dead, and what is to be done about it. Pure: time comes in, steps come out.
//!
//! The store alone says who lives: a lease that has expired by the store's own time, and nothing else, makes a member
//! dead. Silence on the bus is a reason to look there sooner, and to compare logs; it decides nothing. Any survivor may
//! do whatever is to be done, and all of it may be done twice.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chat::note;
use crate::store::member::{Member, MemberState};

/// Time since the pool's task began.
pub(super) type Moment = Duration;

/// Something that the task is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Read the members' rows, and hand them to [`Membership::looked`].
    Look,
    /// Whatever is held here of logs may be behind: compare it with the store.
    Compare,
    /// Have seats and sessions claimed whose deadline has passed.
    Claim,
    /// Raise the incarnation of a member whose lease has expired.
    Fence { name: Box<str>, incarnation: i64 },
    /// Detach what the lives of a member held, up to this one, which is over; then [`Membership::swept`].
    Sweep { name: Box<str>, up_to: i64 },
    /// This is what the operator wants this member to be.
    Become(MemberState),
    /// Others took this member for dead. It has to end whatever it serves.
    Retire,
}

/// What this member knows of its pool.
#[derive(Debug)]
pub(super) struct Membership {
    me: note::Member,
    state: MemberState,
    peers: BTreeMap<Box<str>, Peer>,
    looked: Option<Moment>,
    is_look_wanted: bool,
    compared: Moment,
    /// Something was missed on the bus since logs were last compared.
    has_gap: bool,
    claimed: Option<Moment>,
    is_deposed: bool,
    /// When the members' rows were last seen.
    seen: Option<Moment>,
    /// Before that an expired lease proves nothing.
    earliest: Moment,
}

#[derive(Debug)]
struct Peer {
    incarnation: i64,
    is_alive: bool,
    /// When the bus last brought something of this life of it.
    heard: Moment,
    /// Since when its lease is seen expired.
    expired: Option<Moment>,
    fenced: Option<Moment>,
    /// What its lives held, up to this one, is detached.
    swept: i64,
}

impl Membership {
    /// `state`: what this member shows to begin with.
    pub(super) fn new(me: note::Member, state: MemberState) -> Self {
        Self {
            me,
            state,
            peers: BTreeMap::new(),
            looked: None,
            is_look_wanted: false,
            compared: Moment::ZERO,
            has_gap: false,
            claimed: None,
            is_deposed: false,
            seen: None,
            earliest: Moment::ZERO,
        }
    }

    /// The bus brought something of that member.
    pub(super) fn heard(&mut self, now: Moment, from: &note::Member) {
        match self.peers.get_mut(&from.name) {
            Some(peer) if peer.incarnation == from.incarnation => peer.heard = now,
            // A newcomer; or one that was fenced, and does not know yet.
            _ => self.is_look_wanted = true,
        }
    }

    /// The bus lost something, whosever it was.
    pub(super) fn gap(&mut self) {
        self.has_gap = true;
    }

    /// Something was done that shows in the rows.
    pub(super) fn hurry(&mut self) {
        self.is_look_wanted = true;
    }

    /// What is due now. To be asked several times a second.
    pub(super) fn tick(&mut self, now: Moment) -> Vec<Step> {
        if self.is_deposed {
            return Vec::new();
        }
        let mut steps = Vec::new();
        let is_uneasy = self.peers.values().any(|peer| peer.is_silent(now));
        let look_interval = if self.is_look_wanted { HASTE } else { LOOK_INTERVAL };
        if self.looked.is_none_or(|last| now >= last + look_interval) {
            (self.looked, self.is_look_wanted) = (Some(now), false);
            steps.push(Step::Look);
        }
        let compare_interval = match (self.has_gap, is_uneasy) {
            (true, _) => HASTE,
            (false, true) => UNEASY_COMPARE_INTERVAL,
            (false, false) => COMPARE_INTERVAL,
        };
        let is_alone = !self.has_gap && !self.peers.values().any(|peer| peer.is_alive);
        if !is_alone && now >= self.compared + compare_interval {
            (self.compared, self.has_gap) = (now, false);
            steps.push(Step::Compare);
        }
        if self.claimed.is_none_or(|last| now >= last + CLAIM_INTERVAL) {
            self.claimed = Some(now);
            steps.push(Step::Claim);
        }
        steps
    }

    /// Takes in the members' rows as the store has them.
    pub(super) fn looked(&mut self, now: Moment, rows: &[Member]) -> Vec<Step> {
        if self.is_deposed {
            return Vec::new();
        }
        // While the store was away nobody could renew his lease, and not all come back at once.
        let blink = if now < self.earliest { SHORT_BLINK } else { BLINK };
        if self.seen.is_none_or(|last| now > last + blink) {
            self.earliest = now + RETURN_TIME;
        }
        self.seen = Some(now);
        let mut steps = Vec::new();
        if let Some(mine) = rows.iter().find(|row| row.name == self.me.name) {
            if mine.incarnation != self.me.incarnation {
                return self.deposed();
            }
            if mine.wanted != self.state {
                self.state = mine.wanted;
                steps.push(Step::Become(self.state));
            }
        }
        let rank = self.rank(rows);
        for row in rows {
            if row.name != self.me.name {
                steps.extend(self.peer(now, row, rank));
            }
        }
        self.peers.retain(|name, _| rows.iter().any(|row| row.name == *name));
        steps
    }

    /// This member was found to be fenced, by whatever way.
    pub(super) fn deposed(&mut self) -> Vec<Step> {
        if std::mem::replace(&mut self.is_deposed, true) { Vec::new() } else { vec![Step::Retire] }
    }

    /// What a member's lives held, up to this one, is detached.
    pub(super) fn swept(&mut self, name: &str, up_to: i64) {
        if let Some(peer) = self.peers.get_mut(name) {
            peer.swept = peer.swept.max(up_to);
        }
    }

    /// When the bus last brought something of a member, if it is known to live.
    pub(super) fn last_heard(&self, name: &str) -> Option<Moment> {
        self.peers.get(name).map(|peer| peer.heard)
    }

    fn peer(&mut self, now: Moment, row: &Member, rank: u32) -> Vec<Step> {
        // Who has never been heard is silent only after a while.
        let fresh = Peer {
            incarnation: row.incarnation,
            is_alive: false,
            heard: now,
            expired: None,
            fenced: None,
            swept: i64::MIN,
        };
        let peer = self.peers.entry(row.name.clone()).or_insert(fresh);
        if peer.incarnation != row.incarnation {
            (peer.incarnation, peer.heard, peer.expired, peer.fenced) = (row.incarnation, now, None, None);
        }
        let is_gone = row.showing.state == MemberState::Gone;
        peer.is_alive = row.lease.is_some() && !is_gone;
        let mut steps = Vec::new();
        let over = row.incarnation - 1;
        if over > peer.swept {
            steps.push(Step::Sweep { name: row.name.clone(), up_to: over });
        }
        if is_gone || row.lease.is_some() {
            (peer.expired, peer.fenced) = (None, None);
            return steps;
        }
        // One after the other, or all survivors would ask for the same row at once.
        let since = *peer.expired.get_or_insert(now);
        let is_due = now >= since.max(self.earliest) + FENCE_STEP * rank;
        if is_due && peer.fenced.is_none_or(|last| now >= last + FENCE_RETRY) {
            peer.fenced = Some(now);
            steps.push(Step::Fence { name: row.name.clone(), incarnation: row.incarnation });
        }
        steps
    }

    /// This member's place among those that live, by their names.
    fn rank(&self, rows: &[Member]) -> u32 {
        let before = |row: &&Member| {
            row.lease.is_some() && row.showing.state != MemberState::Gone && row.name < self.me.name
        };
        rows.iter().filter(before).count() as u32
    }
}

impl Peer {
    fn is_silent(&self, now: Moment) -> bool {
        self.is_alive && now > self.heard + SILENCE
    }
}

/// How often the members' rows are read: a death is noticed as late as this after the lease has expired.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Where there is a reason to hurry; not more often, or a bus that keeps failing would wear out the store.
const HASTE: Duration = Duration::from_millis(200);

/// A sign of life is due each second. One may be late.
const SILENCE: Duration = Duration::from_millis(2000);

/// How often logs are compared with the store although the bus is heard, and while a member is not.
const COMPARE_INTERVAL: Duration = Duration::from_secs(5);
const UNEASY_COMPARE_INTERVAL: Duration = Duration::from_secs(1);

const CLAIM_INTERVAL: Duration = Duration::from_secs(1);

/// The next survivor tries to fence when the one before it had this long for it.
const FENCE_STEP: Duration = Duration::from_millis(500);

/// Whoever has not seen the rows for longer, because the store was away, or he himself stood still or has just come, does
/// not know whether the others could renew their leases. Of a lease more is left when the store goes away.
const BLINK: Duration = Duration::from_millis(2500);

/// The same as long as not all may be back since the last time: another pause keeps them away for longer.
const SHORT_BLINK: Duration = Duration::from_millis(1500);

/// Leases are renewed every two seconds or so, and some will first have tried another host.
const RETURN_TIME: Duration = Duration::from_secs(4);

const FENCE_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
