//! Members: how one takes its name, renews its lease, is taken for dead, and what becomes of what it held.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::chat::id::{Epoch, RoomId, Timestamp};
use crate::store::error::StoreError;
use crate::store::member::{Deadlines, Detached, DueSeat, HeldRoom, Member, MemberState, Showing};
use crate::store::model::tables::{MemberRow, Tables};
use crate::store::model::writing::{Attempt, lock};
use crate::store::model::{Database, Line, Model, Own};
use crate::store::{Options, Store};

/// A member's own row, renewed for as long as somebody holds this.
#[derive(Debug)]
pub(super) struct Keeper {
    showing: Mutex<Showing>,
    lease: Duration,
    is_fenced: watch::Sender<bool>,
    stop: Mutex<Option<DropGuard>>,
}

impl Database {
    /// The store as a member has it, by a line of its own. Its name may have been held by one that died: then this
    /// waits for the end of that one's lease.
    pub async fn open(&self, options: &Options, line: Line) -> Store {
        let member = options.member.clone();
        let incarnation = loop {
            let row = self.member_lock(&member);
            let held = row.write().await;
            let taken = self.0.tables.lock().take_name(&member, self.now(), options.lease);
            drop(held);
            match taken {
                Some(incarnation) => break incarnation,
                None => sleep(LOOK_AGAIN).await,
            }
        };
        let stop = CancellationToken::new();
        let keeper = Keeper {
            showing: Mutex::default(),
            lease: options.lease,
            is_fenced: watch::Sender::new(false),
            stop: Mutex::new(Some(stop.clone().drop_guard())),
        };
        let model = Model {
            database: self.clone(),
            own: Own { member, incarnation },
            line,
            turns: Arc::default(),
            keeper: Arc::new(keeper),
        };
        tokio::spawn(model.clone().keep(stop));
        Store::Model(model)
    }
}

impl Database {
    /// A standby takes this one's place that does not say that it has everything, though it does: ids are counted anew, and
    /// no member is what it was.
    pub async fn succeed(&self) {
        let names: Vec<Box<str>> = self.0.tables.lock().members.keys().cloned().collect();
        let locks: Vec<_> = names.iter().map(|name| self.member_lock(name)).collect();
        let mut held = Vec::new();
        for row in &locks {
            held.push(row.write().await);
        }
        self.0.tables.lock().succeed();
    }
}

impl Model {
    /// Gives the name free: the incarnation is over.
    pub(in crate::store) async fn close(&self) {
        if self.keeper.stop.lock().take().is_some() {
            let _ = self.ask(|tables| tables.leave(&self.own)).await;
        }
    }

    async fn keep(self, stop: CancellationToken) {
        let mut ticks = interval(self.keeper.lease / RENEWALS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if self.renew().await == Err(StoreError::Fenced) {
                return;
            }
        }
    }

    async fn renew(&self) -> Result<(), StoreError> {
        let showing = *self.keeper.showing.lock();
        let lease = self.keeper.lease;
        let is_renewed =
            self.ask(|tables| tables.renew(&self.own, showing, self.database.now() + lease)).await?;
        if is_renewed {
            return Ok(());
        }
        self.keeper.is_fenced.send_replace(true);
        Err(StoreError::Fenced)
    }

    pub(in crate::store) async fn show_member(&self, state: MemberState) -> Result<(), StoreError> {
        self.keeper.showing.lock().state = state;
        self.renew().await
    }

    pub(in crate::store) async fn show_rights(&self, version: i64) -> Result<(), StoreError> {
        self.keeper.showing.lock().rights = version;
        self.renew().await
    }

    pub(in crate::store) async fn fenced(&self) {
        // The sender is as old as this: it cannot be gone.
        let _ = self.keeper.is_fenced.subscribe().wait_for(|is_fenced| *is_fenced).await;
    }

    pub(in crate::store) async fn members(&self) -> Result<Vec<Member>, StoreError> {
        self.ask(|tables| tables.members(self.database.now())).await
    }

    pub(in crate::store) async fn want_member(
        &self,
        name: &str,
        state: MemberState,
    ) -> Result<bool, StoreError> {
        let want = |tables: &mut Tables| tables.members.get_mut(name).map(|row| row.wanted = state).is_some();
        self.ask(want).await
    }

    /// Takes the whole row: what the dead one has under way ends first, and sees afterwards that it is over.
    pub(in crate::store) async fn fence_member(
        &self,
        name: &str,
        incarnation: i64,
    ) -> Result<bool, StoreError> {
        let (database, name) = (self.database.clone(), Box::from(name));
        let fence = async move {
            let row = database.member_lock(&name);
            let _held = lock(row.write()).await?;
            Ok(database.0.tables.lock().fence(&name, incarnation, database.now()))
        };
        match self.attempt(fence).await {
            Attempt::Answered(fenced) => fenced,
            Attempt::Unreached | Attempt::Unanswered => Err(StoreError::Unavailable),
        }
    }

    pub(in crate::store) async fn detach_member(
        &self,
        name: &str,
        incarnation: i64,
        deadlines: Deadlines,
    ) -> Result<Detached, StoreError> {
        self.ask(|tables| tables.detach_member(name, incarnation, deadlines)).await
    }

    pub(in crate::store) async fn claim_due_seats(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueSeat>, StoreError> {
        self.ask(|tables| tables.claim_due_seats(now, limit, self.database.now())).await
    }
}

impl Tables {
    fn take_name(&mut self, name: &str, now: Duration, lease: Duration) -> Option<i64> {
        let before = self.epoch().lives_before();
        let fresh = MemberRow {
            incarnation: before,
            showing: Showing::default(),
            wanted: MemberState::Active,
            lease_until: Duration::ZERO,
        };
        let row = self.members.entry(name.into()).or_insert(fresh);
        if row.incarnation > before && row.lease_until > now {
            return None;
        }
        row.incarnation += 1;
        (row.showing, row.lease_until) = (Showing::default(), now + lease);
        Some(row.incarnation)
    }

    fn leave(&mut self, own: &Own) {
        if let Some(row) = self.members.get_mut(&own.member).filter(|row| row.incarnation == own.incarnation)
        {
            row.end();
            row.lease_until = Duration::ZERO;
        }
    }

    fn renew(&mut self, own: &Own, showing: Showing, until: Duration) -> bool {
        let row = self.members.get_mut(&own.member).filter(|row| row.incarnation == own.incarnation);
        row.map(|row| (row.showing, row.lease_until) = (showing, until)).is_some()
    }

    fn members(&self, now: Duration) -> Vec<Member> {
        let member = |name: &str, row: &MemberRow| Member {
            name: name.into(),
            incarnation: row.incarnation,
            showing: row.showing,
            wanted: row.wanted,
            address: None,
            lease: row.lease_until.checked_sub(now).filter(|left| !left.is_zero()),
        };
        self.members.iter().map(|(name, row)| member(name, row)).collect()
    }

    fn fence(&mut self, name: &str, incarnation: i64, now: Duration) -> bool {
        let dead = |row: &&mut MemberRow| row.incarnation == incarnation && row.lease_until < now;
        self.members.get_mut(name).filter(dead).map(MemberRow::end).is_some()
    }

    fn succeed(&mut self) {
        self.successions += 1;
        let epoch = self.epoch();
        for row in self.members.values_mut() {
            row.end();
            row.incarnation = epoch.lives_before();
            row.lease_until = Duration::ZERO;
        }
        for room in self.rooms.values_mut() {
            room.projected.head.epoch = epoch;
            room.epochs.push((room.projected.head.seq, epoch));
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        Epoch(1 + self.successions)
    }

    fn detach_member(&mut self, name: &str, incarnation: i64, deadlines: Deadlines) -> Detached {
        if self.members.get(name).is_none_or(|row| row.incarnation <= incarnation) {
            return Detached::default();
        }
        let sessions = self.detach_sessions(name, incarnation, deadlines.sessions);
        let mut rooms = self.detach_seats(name, Some(incarnation), deadlines.seats);
        let seats = rooms.len() as u64;
        rooms.dedup();
        let held = |id: RoomId| HeldRoom { id, name: self.rooms[&id].projected.head.name.clone() };
        Detached { sessions, seats, rooms: rooms.into_iter().map(held).collect() }
    }

    fn claim_due_seats(&mut self, by: Timestamp, limit: u32, now: Duration) -> Vec<DueSeat> {
        let mut due = Vec::new();
        for (id, room) in &mut self.rooms {
            for row in room.projected.seats.iter_mut().filter(|row| row.is_claimable(by, now)) {
                let Some(deadline) = row.seat.deadline.filter(|_| due.len() < limit as usize) else {
                    continue;
                };
                row.claimed_until = Some(now + CLAIM);
                let name = room.projected.head.name.clone();
                due.push(DueSeat { room: *id, name, session: row.seat.session, deadline });
            }
        }
        due
    }
}

impl MemberRow {
    /// Whatever its incarnation does from now on comes to nothing.
    fn end(&mut self) {
        self.incarnation += 1;
        self.showing.state = MemberState::Gone;
    }
}

/// In the time of a lease: one may be lost.
const RENEWALS: u32 = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// So long is what was claimed nobody else's.
const CLAIM: Duration = Duration::from_secs(10);
