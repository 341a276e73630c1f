//! What happens to the pool, in which order: chance decides, and the same seed decides the same.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::line::Passage;
use super::member::To;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A member is killed, and started again.
    Kill,
    /// A member does nothing for a while, as if its machine were suspended.
    Freeze,
    /// PostgreSQL ends without a word, and is started again.
    Restart,
    /// The primary is gone, the standby takes its place.
    Promote,
    /// The bus ends, and is started again.
    Bus,
    /// A member reaches the database, or the bus, no more; or is not answered.
    Cut(To, Passage),
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Restart => "postgres-restart",
            Self::Promote => "promotion",
            Self::Bus => "nats-restart",
            Self::Cut(To::Database, BOTH) => "cut-database",
            Self::Cut(To::Database, Passage { there: false, .. }) => "cut-to-database",
            Self::Cut(To::Database, _) => "cut-from-database",
            Self::Cut(To::Bus, BOTH) => "cut-bus",
            Self::Cut(To::Bus, Passage { there: false, .. }) => "cut-to-bus",
            Self::Cut(To::Bus, _) => "cut-from-bus",
        }
    }

    /// How long it lasts.
    pub(super) fn duration(self, random: &mut StdRng) -> Duration {
        let milliseconds = match self {
            Self::Kill | Self::Promote => 0..1,
            Self::Freeze => 2_000..12_000,
            // A machine that starts takes longer than a program.
            Self::Restart if random.random_bool(0.2) => 5_000..9_000,
            Self::Restart | Self::Bus => 0..2_500,
            Self::Cut(To::Database, _) => 500..12_000,
            Self::Cut(To::Bus, _) => 500..8_000,
        };
        Duration::from_millis(random.random_range(milliseconds))
    }
}

/// Deals one kind after the other: none stays away for long.
pub(super) struct Deck {
    full: Vec<Kind>,
    rest: Vec<Kind>,
}

impl Deck {
    /// Of the kinds with these names, or of all; without a standby nothing can be promoted.
    pub(super) fn new(only: &[String], has_standby: bool) -> Self {
        let mut full = vec![Kind::Kill, Kind::Kill, Kind::Freeze, Kind::Freeze, Kind::Restart, Kind::Restart];
        full.push(Kind::Bus);
        for passage in [BOTH, Passage { there: false, back: true }, Passage { there: true, back: false }] {
            full.extend([Kind::Cut(To::Database, passage), Kind::Cut(To::Bus, passage)]);
        }
        if has_standby {
            full.push(Kind::Promote);
        }
        full.retain(|kind| only.is_empty() || only.iter().any(|name| name == kind.name()));
        Self { full, rest: Vec::new() }
    }

    pub(super) fn deal(&mut self, random: &mut StdRng) -> Option<Kind> {
        if self.rest.is_empty() {
            self.rest.clone_from(&self.full);
            self.rest.shuffle(random);
        }
        self.rest.pop()
    }
}

const BOTH: Passage = Passage { there: false, back: false };
