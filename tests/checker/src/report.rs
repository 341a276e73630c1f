//! The verdict on one history, as one line of JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::availability::Availability;
use crate::history::{History, OutcomeKind};
use crate::violation::Violation;

/// What a run amounted to.
#[derive(Debug, Serialize)]
pub struct Report {
    name: String,
    rooms: usize,
    operations: usize,
    ok: usize,
    fail: usize,
    info: usize,
    heard: usize,
    archived: usize,
    lost: usize,
    duplicates: usize,
    order_faults: usize,
    gaps: usize,
    /// Breaches by the number of the invariant.
    violations: BTreeMap<u8, usize>,
    /// The first of them in words.
    examples: Vec<String>,
    #[serde(flatten)]
    availability: Availability,
    #[serde(skip)]
    found: Vec<Violation>,
}

impl Report {
    pub(crate) fn new(name: &str, history: &History, found: Vec<Violation>) -> Self {
        let outcomes = |kind| {
            let rooms = history.rooms.iter();
            rooms.flat_map(|room| &room.outcomes).filter(|outcome| outcome.kind == kind).count()
        };
        let count = |wanted: fn(&Violation) -> bool| found.iter().filter(|one| wanted(one)).count();
        let mut violations = BTreeMap::new();
        for violation in &found {
            *violations.entry(violation.invariant()).or_default() += 1;
        }
        let archived = |room: &crate::history::Room| room.reads.iter().map(|read| read.items.len()).max();
        Self {
            name: name.to_owned(),
            rooms: history.rooms.len(),
            operations: history.rooms.iter().map(|room| room.attempts.len()).sum(),
            ok: outcomes(OutcomeKind::Ok),
            fail: outcomes(OutcomeKind::Fail),
            info: outcomes(OutcomeKind::Info),
            heard: history.rooms.iter().map(|room| room.receipts.len()).sum(),
            archived: history.rooms.iter().filter_map(archived).sum(),
            lost: count(|one| matches!(one, Violation::Lost { .. })),
            duplicates: count(|one| {
                matches!(
                    one,
                    Violation::Duplicated { .. } | Violation::Repeated { .. } | Violation::LiveAgain { .. }
                )
            }),
            order_faults: count(|one| matches!(one.invariant(), 4 | 5 | 6 | 9)),
            gaps: count(|one| matches!(one, Violation::Gap { .. })),
            violations,
            examples: found.iter().take(EXAMPLES_MAX).map(ToString::to_string).collect(),
            availability: Availability::of(history),
            found,
        }
    }

    /// Whether a correct server could have shown this history.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// Every breach.
    pub fn violations(&self) -> &[Violation] {
        &self.found
    }

    pub const fn lost(&self) -> usize {
        self.lost
    }

    pub const fn acknowledged(&self) -> usize {
        self.ok
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report holds only numbers and texts")
    }
}

const EXAMPLES_MAX: usize = 10;
