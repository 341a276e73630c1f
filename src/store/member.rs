//! The members of a pool as rows: who works on this store, until when each is taken to be alive, and what becomes of
//! what a dead one held.
//!
//! All time here is the store's own: a lease ends when the store says so, whatever the clocks of members say. An
//! embedded store has one member, which never dies before the store does.

use std::time::Duration;

use tracing::instrument;

use crate::chat::id::{Epoch, RoomId, SessionId, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::session::SessionRow;

impl Store {
    /// Shows to the others what this member is at, and renews its lease. The lease is renewed so from then on, until
    /// the store is closed or something else is shown.
    #[instrument(skip_all)]
    pub async fn show_member(&self, state: MemberState) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => {
                engine.show_member(state);
                Ok(())
            }
            Self::Postgres(engine) => engine.show_member(state).await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.show_member(state).await,
        }
    }

    /// Returns when another member has raised this one's incarnation: nothing can be written any more, and whoever is
    /// connected here is better off elsewhere.
    pub async fn fenced(&self) {
        match self {
            Self::Sqlite(_) => std::future::pending().await,
            Self::Postgres(engine) => engine.fenced().await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.fenced().await,
        }
    }

    /// All that ever worked on this store, by name.
    #[instrument(skip_all)]
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        match self {
            Self::Sqlite(engine) => Ok(vec![engine.member()]),
            Self::Postgres(engine) => engine.members().await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.members().await,
        }
    }

    /// Raises the incarnation of a member whose lease has expired. When this returns, nothing of the old one is under
    /// way, and nothing that it writes later is taken. False when it is alive, or was raised before.
    #[instrument(skip_all)]
    pub async fn fence_member(&self, name: &str, incarnation: i64) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(false),
            Self::Postgres(engine) => engine.fence_member(name, incarnation).await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.fence_member(name, incarnation).await,
        }
    }

    /// Notes what the operator wants a member to be; it reads that in its own row. False where there is no such member.
    #[instrument(skip_all)]
    pub async fn want_member(&self, name: &str, state: MemberState) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(engine) => Ok(engine.want_member(name, state)),
            Self::Postgres(engine) => engine.want_member(name, state).await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.want_member(name, state).await,
        }
    }

    /// What a fenced incarnation of a member, or one before it, held has lost its connection: it ends at its deadline
    /// unless somebody comes back for it.
    #[instrument(skip_all)]
    pub async fn detach_member(
        &self,
        name: &str,
        incarnation: i64,
        deadlines: Deadlines,
    ) -> Result<Detached, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Detached::default()),
            Self::Postgres(engine) => engine.detach_member(name, incarnation, deadlines).await,
            #[cfg(feature = "simulation")]
            Self::Model(engine) => engine.detach_member(name, incarnation, deadlines).await,
        }
    }

    /// Seats whose deadline has passed, for this member to let them leave: for a while nobody else is given them.
    #[instrument(skip_all)]
    pub async fn claim_due_seats(&self, now: Timestamp, limit: u32) -> Result<Vec<DueSeat>, StoreError> {
        ask!(self, engine => engine.claim_due_seats(now, limit).await)
    }

    /// Sessions whose deadline has passed, for this member to end them: for a while nobody else is given them.
    #[instrument(skip_all)]
    pub async fn claim_due_sessions(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        ask_lasting!(self, engine => engine.claim_due_sessions(now, limit).await)
    }
}

/// What a member shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Showing {
    pub state: MemberState,
    /// The version of the rights outside of rooms that it goes by.
    pub rights: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MemberState {
    /// Serves whoever connects.
    Active,
    /// Ready to, and not asked to yet.
    #[default]
    Standby,
    /// Sends its clients to others.
    Draining,
    /// Ended by itself, or was fenced.
    Gone,
}

impl MemberState {
    pub(super) const ALL: [Self; 4] = [Self::Active, Self::Standby, Self::Draining, Self::Gone];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Gone => "gone",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: Box<str>,
    pub incarnation: i64,
    pub showing: Showing,
    /// What the operator wants it to be.
    pub wanted: MemberState,
    /// Where clients reach it.
    pub address: Option<Box<str>>,
    /// What is left of its lease; None when it has expired.
    pub lease: Option<Duration>,
}

/// Until when somebody may come back for what a dead member held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    pub sessions: Timestamp,
    pub seats: Timestamp,
}

/// How much lost its connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detached {
    pub sessions: u64,
    pub seats: u64,
    /// Where the seats are.
    pub rooms: Vec<HeldRoom>,
}

/// A room in which a dead member had sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRoom {
    pub id: RoomId,
    /// The room's localpart.
    pub name: Box<str>,
}

/// Somebody who has to leave a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSeat {
    pub room: RoomId,
    /// The room's localpart.
    pub name: Box<str>,
    pub session: SessionId,
    pub deadline: Timestamp,
}

/// Whether a member of that life goes on with what was written under that epoch. What came later is of a database that has
/// taken the place of the one in which it was somebody: it need not follow from what the member knows.
pub(super) fn may_read(incarnation: i64, epoch: Epoch) -> Result<(), StoreError> {
    if epoch > Epoch::of_life(incarnation) { Err(StoreError::Fenced) } else { Ok(()) }
}
