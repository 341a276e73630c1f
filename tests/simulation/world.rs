//! Everything that a run consists of: a database, a network, the members on them, and who is told when to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use perch::bus::model::Network;
use perch::chat::id::SessionId;
use perch::store::model::{Database, Process};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use crate::history::History;
use crate::member::Member;
use crate::trace::Trace;

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) network: Network,
    pub(crate) trace: Trace,
    pub(crate) history: Mutex<History>,
    pub(crate) phase: watch::Sender<Phase>,
    /// The last life of each.
    members: Mutex<BTreeMap<Box<str>, Arc<Member>>>,
    sessions: AtomicI64,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// People do what they like, and whatever can break does.
    Storm,
    /// Nothing breaks any more, nobody says anything new, and everybody may come back.
    Calm,
    /// Everything stays as it is, to be looked at.
    Over,
}

impl World {
    pub(crate) fn new(seed: u64, is_shown: bool) -> Self {
        Self {
            database: Database::new(seed),
            network: Network::new(seed),
            trace: Trace::new(is_shown),
            history: Mutex::default(),
            phase: watch::Sender::new(Phase::Storm),
            members: Mutex::default(),
            sessions: AtomicI64::new(0),
            seed,
        }
    }

    /// Chance for one of those who act, whatever the others do.
    pub(crate) fn chance(&self, who: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_mul(1_000).wrapping_add(who))
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns when that phase has come.
    pub(crate) async fn comes(&self, phase: Phase) {
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(crate) fn add(&self, member: Arc<Member>) {
        self.members.lock().insert(member.name().into(), member);
    }

    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.members.lock().values().cloned().collect()
    }

    /// A member that takes connections.
    pub(crate) fn contact(&self, random: &mut impl Rng) -> Option<Arc<Member>> {
        let mut members = self.members();
        members.retain(|member| member.line.process() == Process::Running && !member.is_deposed());
        members.choose(random).cloned()
    }
}
