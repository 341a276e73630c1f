//! The task of the pool: asks the rules what is due, does it, and tells whom it concerns.
//!
//! It hardly waits for who takes the alarms: what they cannot take now is found due again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::membership::Step;
use super::{Alarm, Shared};
use crate::chat::note::{self, Note, RoomName};
use crate::store::error::StoreError;
use crate::store::member::{Deadlines, MemberState};

pub(super) async fn run(pool: Arc<Shared>, alarms: mpsc::Sender<Alarm>, stop: CancellationToken) {
    let mut task = Task { pool: pool.clone(), alarms, is_store_away: false };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let fenced = pool.store.fenced();
    tokio::pin!(fenced);
    while !pool.deposed.is_cancelled() {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = &mut fenced => {
                let steps = pool.membership.lock().deposed();
                task.take(steps).await;
            }
            _ = ticks.tick() => task.tick().await,
            () = pool.hurry.notified() => task.tick().await,
        }
    }
}

struct Task {
    pool: Arc<Shared>,
    alarms: mpsc::Sender<Alarm>,
    is_store_away: bool,
}

impl Task {
    async fn tick(&mut self) {
        let steps = self.pool.membership.lock().tick(self.pool.now());
        self.take(steps).await;
    }

    async fn take(&mut self, steps: Vec<Step>) {
        let mut waiting: VecDeque<_> = steps.into();
        while let Some(step) = waiting.pop_front() {
            let done = match step {
                Step::Look => self.look().await.map(|steps| waiting.extend(steps)),
                Step::Compare => {
                    self.raise(Alarm::Compare);
                    Ok(())
                }
                Step::Claim => {
                    // In a store of one member alone, whoever holds something also ends it.
                    if self.pool.store.is_shared() {
                        self.raise(Alarm::Due);
                    }
                    Ok(())
                }
                Step::Fence { name, incarnation } => self.fence(name, incarnation).await,
                Step::Sweep { name, up_to } => self.sweep(name, up_to).await,
                Step::Become(state) => self.become_what_is_wanted(state).await,
                Step::Retire => {
                    self.step_down();
                    Ok(())
                }
            };
            if let Err(error) = done {
                self.failed(error, &mut waiting);
            }
        }
    }

    /// Whatever it was is found due again.
    fn failed(&mut self, error: StoreError, waiting: &mut VecDeque<Step>) {
        if error == StoreError::Fenced {
            waiting.extend(self.pool.membership.lock().deposed());
        } else if !std::mem::replace(&mut self.is_store_away, true) {
            warn!(%error, "the pool's members cannot be looked at; tried again");
        }
    }

    async fn look(&mut self) -> Result<Vec<Step>, StoreError> {
        let rows = self.pool.store.members().await?;
        if std::mem::take(&mut self.is_store_away) {
            info!("the pool's members can be looked at again");
        }
        let steps = self.pool.membership.lock().looked(self.pool.now(), &rows);
        self.pool.members.send_replace(rows);
        Ok(steps)
    }

    async fn fence(&self, name: Box<str>, incarnation: i64) -> Result<(), StoreError> {
        if self.pool.store.fence_member(&name, incarnation).await? {
            warn!(member = %name, incarnation, "a member is dead: its lease has expired, and its place was taken");
        }
        // Whoever did it: what is next to do is seen by its row.
        self.pool.membership.lock().hurry();
        Ok(())
    }

    async fn sweep(&self, name: Box<str>, up_to: i64) -> Result<(), StoreError> {
        let times = self.pool.return_times;
        let now = self.pool.clock.now();
        let deadlines = Deadlines { sessions: now.plus(times.sessions), seats: now.plus(times.seats) };
        let detached = self.pool.store.detach_member(&name, up_to, deadlines).await?;
        for room in &detached.rooms {
            let room = RoomName { name: room.name.clone(), id: room.id };
            self.pool.bus.publish(Note::RoomStale { room });
        }
        if detached.sessions + detached.seats > 0 {
            info!(member = %name, sessions = detached.sessions, seats = detached.seats,
                "what a former life of a member held waits for its clients");
        }
        let member = note::Member { name: name.clone(), incarnation: up_to };
        // This one is said once: the second time nothing would be found detached.
        drop(self.alarms.send(Alarm::MemberGone { member, rooms: detached.rooms }).await);
        self.pool.membership.lock().swept(&name, up_to);
        Ok(())
    }

    async fn become_what_is_wanted(&self, state: MemberState) -> Result<(), StoreError> {
        info!(state = state.as_str(), "this member follows what the operator wants of it");
        self.pool.state.send_replace(state);
        // Should it not be shown now, it is with the next renewal of the lease.
        let shown = self.pool.show().await;
        self.raise(Alarm::StateChanged(state));
        shown
    }

    fn step_down(&self) {
        error!("this member was taken for dead by the others: it takes nothing more and ends its sessions");
        self.pool.deposed.cancel();
        self.raise(Alarm::Deposed);
    }

    /// Does not wait: what is not taken now is due again soon.
    fn raise(&self, alarm: Alarm) {
        if let Err(mpsc::error::TrySendError::Full(alarm)) = self.alarms.try_send(alarm) {
            warn!(?alarm, "an alarm of the pool was not taken: too many wait");
        }
    }
}

impl Shared {
    pub(super) async fn show(&self) -> Result<(), StoreError> {
        let state = *self.state.borrow();
        self.store.show_member(state).await
    }
}

const TICK: Duration = Duration::from_millis(200);
