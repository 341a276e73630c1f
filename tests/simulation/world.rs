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
use tokio_util::sync::CancellationToken;

use crate::history::History;
use crate::member::Member;
use crate::trace::Trace;

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) network: Network,
    pub(crate) trace: Trace,
    pub(crate) history: Mutex<History>,
    calm: CancellationToken,
    over: CancellationToken,
    /// The last life of each.
    members: Mutex<BTreeMap<Box<str>, Arc<Member>>>,
    sessions: AtomicI64,
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            calm: CancellationToken::new(),
            over: CancellationToken::new(),
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
        match (self.over.is_cancelled(), self.calm.is_cancelled()) {
            (true, _) => Phase::Over,
            (false, true) => Phase::Calm,
            (false, false) => Phase::Storm,
        }
    }

    pub(crate) fn become_calm(&self) {
        self.calm.cancel();
    }

    pub(crate) fn end(&self) {
        self.over.cancel();
    }

    /// Returns when the storm is over.
    pub(crate) async fn calm(&self) {
        self.calm.cancelled().await;
    }

    /// Returns when everything is.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
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
