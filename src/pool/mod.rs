//! The pool as one of its members sees it: who else is there, who is dead, what is due, and what the operator wants.
//!
//! | module | what |
//! |---|---|
//! | `membership` | who is dead, who acts, what is due (pure) |
//! | `task` | does it: asks the store, raises [`Alarm`]s |
//!
//! Rooms and accounts are not known here. Whoever puts the server together takes the alarms to them.

mod membership;
mod task;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bus::{Bus, Heard};
use crate::chat::note;
use crate::clock::Clock;
use crate::pool::membership::{Membership, Moment};
use crate::store::Store;
use crate::store::database::Database;
use crate::store::error::StoreError;
use crate::store::member::{HeldRoom, Member, MemberState};

/// A member's view of its pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    me: note::Member,
    store: Store,
    bus: Bus,
    clock: Clock,
    return_times: ReturnTimes,
    membership: Mutex<Membership>,
    /// The rows as they were last read.
    members: watch::Sender<Vec<Member>>,
    state: watch::Sender<MemberState>,
    began: Instant,
    hurry: Notify,
    deposed: CancellationToken,
}

/// How long what a dead member held waits for its clients.
#[derive(Debug, Clone, Copy)]
pub struct ReturnTimes {
    pub sessions: Duration,
    pub seats: Duration,
}

/// Something that others on this member have to act on.
#[derive(Debug, Clone, PartialEq)]
pub enum Alarm {
    /// Something may have been missed: every log that is followed here is to be compared with the store.
    Compare,
    /// The lives of a member up to that incarnation are over. What they held is detached: those rooms are to be read
    /// again (the other members are told), and what was known of their sessions is to be forgotten.
    MemberGone { member: note::Member, rooms: Vec<HeldRoom> },
    /// It is time to claim those seats and sessions in the store to which nobody came back, and to end them.
    Due,
    /// The operator wants this member to take sessions, to take none, or to hand over those that it has.
    StateChanged(MemberState),
    /// This member was taken for dead: it writes nothing any more, and its clients are better off elsewhere.
    Deposed,
}

/// Where clients can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub name: Box<str>,
    pub address: Box<str>,
}

/// A member as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    pub member: Member,
    pub is_me: bool,
    /// How long ago the bus brought something of it; `None` for this member, and for one not known to live.
    pub heard: Option<Duration>,
}

/// Why an operator's wish was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PoolError {
    #[error("there is no member of this name")]
    NoSuchMember,
    #[error("it is the last active member: there is no other to take its clients")]
    LastActive,
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Pool {
    /// Looks at the pool for the first time. What it finds to do afterwards is done by [`Pool::run`].
    pub async fn join(
        store: Store,
        bus: Bus,
        clock: Clock,
        me: note::Member,
        return_times: ReturnTimes,
    ) -> Result<Self, StoreError> {
        let members = store.members().await?;
        let mine = members.iter().find(|member| member.name == me.name);
        let state = mine.map_or(MemberState::Active, |mine| mine.wanted);
        let pool = Self(Arc::new(Shared {
            membership: Mutex::new(Membership::new(me.clone(), state)),
            me,
            store,
            bus,
            clock,
            return_times,
            members: watch::Sender::new(members),
            state: watch::Sender::new(state),
            began: Instant::now(),
            hurry: Notify::new(),
            deposed: CancellationToken::new(),
        }));
        pool.0.show().await?;
        Ok(pool)
    }

    /// Does what is to be done, until it is stopped or deposed.
    pub async fn run(self, alarms: mpsc::Sender<Alarm>, stop: CancellationToken) {
        task::run(self.0, alarms, stop).await;
    }

    pub fn me(&self) -> &note::Member {
        &self.0.me
    }

    /// To be told of everything that the bus brings, beside those whom it is for.
    pub fn hears(&self, heard: &Heard) {
        let now = self.0.now();
        let mut membership = self.0.membership.lock();
        match heard {
            Heard::Note { from, .. } => membership.heard(now, from),
            Heard::Gap { .. } => {
                membership.gap();
                self.0.hurry.notify_one();
            }
        }
    }

    /// What this member is at.
    pub fn state(&self) -> MemberState {
        *self.0.state.borrow()
    }

    /// Tells of each change of it.
    pub fn states(&self) -> watch::Receiver<MemberState> {
        self.0.state.subscribe()
    }

    /// Cancelled when this member was taken for dead.
    pub fn deposed(&self) -> CancellationToken {
        self.0.deposed.clone()
    }

    /// The other members that take clients, and where.
    pub fn contacts(&self) -> Vec<Contact> {
        let members = self.0.members.borrow();
        let takes_clients = |member: &&Member| {
            member.name != self.0.me.name
                && member.lease.is_some()
                && member.showing.state == MemberState::Active
                && member.wanted == MemberState::Active
        };
        let contact =
            |member: &Member| Some(Contact { name: member.name.clone(), address: member.address.clone()? });
        members.iter().filter(takes_clients).filter_map(contact).collect()
    }

    /// All members, as the store has them now.
    pub async fn status(&self) -> Result<Vec<MemberStatus>, StoreError> {
        let rows = self.0.store.members().await?;
        let now = self.0.now();
        let membership = self.0.membership.lock();
        let status = |member: Member| MemberStatus {
            is_me: member.name == self.0.me.name,
            heard: membership.last_heard(&member.name).map(|heard| now.saturating_sub(heard)),
            member,
        };
        Ok(rows.into_iter().map(status).collect())
    }

    /// The database that the pool works on; `None` for an embedded store.
    pub async fn database(&self) -> Result<Option<Database>, StoreError> {
        self.0.store.database().await
    }

    /// Says what a member is to be; it follows within seconds, or when it is next started.
    pub async fn want(&self, name: &str, state: MemberState) -> Result<(), PoolError> {
        let rows = self.0.store.members().await?;
        let is_active = |row: &&Member| row.lease.is_some() && row.wanted == MemberState::Active;
        let has_other = rows.iter().filter(is_active).any(|row| *row.name != *name);
        if state != MemberState::Active && !has_other && rows.iter().any(|row| *row.name == *name) {
            return Err(PoolError::LastActive);
        }
        if !self.0.store.want_member(name, state).await? {
            return Err(PoolError::NoSuchMember);
        }
        Ok(())
    }
}

impl Shared {
    fn now(&self) -> Moment {
        self.began.elapsed()
    }
}
