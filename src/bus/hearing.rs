//! From messages to what was heard: counts what comes of each member, drops what came before, and says where
//! something is missing. Pure.

use std::collections::{HashMap, VecDeque};

use super::Heard;
use super::wire::Envelope;
use crate::chat::id::Epoch;
use crate::chat::note::Member;

/// What has been heard of every other member.
#[derive(Debug)]
pub(super) struct Hearing {
    me: Box<str>,
    epoch: Epoch,
    known: HashMap<Box<str>, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    incarnation: i64,
    /// The last of its messages to all.
    all: u64,
    /// The last of its messages to us alone.
    told: u64,
}

impl Hearing {
    pub(super) fn new(me: &Member) -> Self {
        Self { me: me.name.clone(), epoch: Epoch::of_life(me.incarnation), known: HashMap::new() }
    }

    /// Takes a message; what it amounts to is added to `heard`. What a member says whose life began under another epoch is of
    /// other logs than those that are known here: one of the two is fenced, and does not know it yet.
    pub(super) fn hear(&mut self, envelope: Envelope, heard: &mut Vec<Heard>) {
        let Envelope { from, all, told, counts, notes, is_partial } = envelope;
        if from.name == self.me || Epoch::of_life(from.incarnation) != self.epoch {
            return;
        }
        let counts = (!counts.is_empty()).then(|| counts.get(&*self.me).copied().unwrap_or_default());
        let Some(known) = self.known(&from) else { return };
        let (last, number, is_out_of_step) = match told {
            // It comes after all that was said to all until then, and before what was said later.
            Some(told) => (&mut known.told, told, all != known.all),
            None => (&mut known.all, all, false),
        };
        if number <= *last {
            // Repeated, or overtaken: then what it would have told was reported as missing.
            return;
        }
        let mut is_gap = number > *last + 1 || is_out_of_step || is_partial;
        *last = number;
        known.all = known.all.max(all);
        if let Some(counted) = counts {
            is_gap |= counted > known.told;
            known.told = known.told.max(counted);
        }
        if is_gap {
            heard.push(Heard::Gap { from: Some(from.name.clone()) });
        }
        heard.extend(notes.into_iter().map(|note| Heard::Note { from: from.clone(), note }));
    }

    /// Has this said-to-one message to wait for one to all that came before it?
    fn is_early(&self, envelope: &Envelope) -> bool {
        let known = self.known.get(&envelope.from.name);
        envelope.all
            > known.filter(|known| known.incarnation == envelope.from.incarnation).map_or(0, |k| k.all)
    }

    /// Where a publisher stands; `None` for a former life of its.
    fn known(&mut self, from: &Member) -> Option<&mut Known> {
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&from.name) {
            self.known.clear();
        }
        let fresh = Known { incarnation: from.incarnation, all: 0, told: 0 };
        let known = self.known.entry(from.name.clone()).or_insert(fresh);
        if known.incarnation < from.incarnation {
            *known = fresh;
        }
        (known.incarnation == from.incarnation).then_some(known)
    }
}

/// Puts back into one order what came by two ways, one for messages to all and one for those to us alone. A carrier
/// that keeps each way in order, and both in step, may yet hand them over one before the other.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) all: VecDeque<Envelope>,
    pub(super) told: VecDeque<Envelope>,
    /// What could not be placed, and was given time once.
    has_waited: bool,
}

impl Lanes {
    /// Hands over what is there. Says whether something is kept back, for a message that should have come before it:
    /// then the carrier looks once more, and calls again.
    pub(super) fn hand_over(&mut self, hearing: &mut Hearing, heard: &mut Vec<Heard>) -> bool {
        while let Some(next) = self.all.pop_front() {
            let comes_before = |told: &Envelope| told.from == next.from && told.all < next.all;
            let (before, later): (VecDeque<_>, _) =
                std::mem::take(&mut self.told).into_iter().partition(comes_before);
            self.told = later;
            for told in before {
                hearing.hear(told, heard);
            }
            hearing.hear(next, heard);
        }
        let is_last_time = std::mem::take(&mut self.has_waited);
        let mut kept = VecDeque::new();
        for told in self.told.drain(..) {
            let holds_up = |kept: &Envelope| kept.from == told.from;
            if !is_last_time && (hearing.is_early(&told) || kept.iter().any(holds_up)) {
                kept.push_back(told);
            } else {
                hearing.hear(told, heard);
            }
        }
        self.told = kept;
        self.has_waited = !self.told.is_empty();
        self.has_waited
    }
}

/// Far more members than a pool has; a bus on which strangers speak must not fill the memory.
const KNOWN_MAX: usize = 64;

#[cfg(test)]
mod tests;
