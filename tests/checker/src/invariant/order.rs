//! Invariants 4, 5, 6 and 9: one order, which everybody sees and which does not contradict time.

use std::collections::{HashMap, HashSet};

use super::Facts;
use crate::history::OutcomeKind;
use crate::names::Name;
use crate::record::Source;
use crate::violation::Violation;

pub(super) fn check(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    observers(facts, found);
    real_time(facts, found);
    senders(facts, found);
    for read in &facts.room.reads {
        numbers(facts, &read.items, read.source == Source::Store, found);
    }
}

/// 4: within an occupancy everything, history included, comes in the archive's order; live messages also across the
/// occupancies of a client.
fn observers(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut latest = HashMap::<Option<usize>, (usize, Name)>::new();
    let mut latest_live = HashMap::<Name, (usize, Name)>::new();
    for receipt in &facts.room.receipts {
        let Some(&position) = facts.position.get(&receipt.id) else { continue };
        let within = latest.insert(receipt.occupancy, (position, receipt.id));
        let live =
            if receipt.delayed { None } else { latest_live.insert(receipt.client, (position, receipt.id)) };
        // Hearing the same again is a repetition, not a fault of order.
        if let Some((_, after)) = within.max(live).filter(|(before, _)| *before > position) {
            found.push(Violation::OutOfOrder {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
                after: facts.text(after),
            });
        }
    }
}

/// 5: whoever sends when another message is already acknowledged, or heard by anyone, comes after it.
fn real_time(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let acknowledged = facts.room.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Ok);
    let mut known: Vec<(u64, usize)> = acknowledged
        .map(|outcome| (outcome.at, outcome.id))
        .chain(facts.room.receipts.iter().map(|receipt| (receipt.at, receipt.id)))
        .filter_map(|(at, id)| Some((at, *facts.position.get(&id)?)))
        .collect();
    known.sort_unstable();
    let mut known = known.into_iter().peekable();
    let mut furthest = None;
    let mut sent = HashSet::new();
    for attempt in &facts.room.attempts {
        while let Some((_, position)) = known.next_if(|(at, _)| *at < attempt.at) {
            furthest = furthest.max(Some(position));
        }
        // Sent again, it may have been kept at the first attempt.
        if !sent.insert(attempt.id) {
            continue;
        }
        let Some(&position) = facts.position.get(&attempt.id) else { continue };
        if let Some(earlier) = furthest.filter(|furthest| *furthest > position) {
            found.push(Violation::AgainstRealTime {
                room: facts.room_name(),
                earlier: facts.text(facts.archive.items[earlier].id),
                later: facts.text(attempt.id),
            });
        }
    }
}

/// 6: first in, first out, for each session.
fn senders(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut latest = HashMap::<Name, (usize, Name)>::new();
    let mut sent = HashSet::new();
    for attempt in &facts.room.attempts {
        let Some(&position) = facts.position.get(&attempt.id) else { continue };
        if !sent.insert((attempt.session, attempt.id)) {
            continue;
        }
        let before = latest.insert(attempt.session, (position, attempt.id));
        if let Some((_, first)) = before.filter(|(before, _)| *before > position) {
            found.push(Violation::SenderOrder {
                room: facts.room_name(),
                session: facts.text(attempt.session),
                first: facts.text(first),
                second: facts.text(attempt.id),
            });
        }
    }
}

/// 9: the archive's own numbers and stamps.
fn numbers(facts: &Facts<'_>, items: &[crate::history::Kept], dense: bool, found: &mut Vec<Violation>) {
    for pair in items.windows(2) {
        if let (Some(before), Some(seq)) = (pair[0].seq, pair[1].seq) {
            let room = facts.room_name();
            if seq <= before {
                found.push(Violation::SeqNotRising { room, before, seq });
            } else if dense && seq != before + 1 {
                found.push(Violation::SeqGap { room, before, seq });
            }
        }
        if let (Some(before), Some(stamp)) = (pair[0].stamp_ms, pair[1].stamp_ms)
            && stamp < before
        {
            found.push(Violation::StampFalls { room: facts.room_name(), id: facts.text(pair[1].id) });
        }
    }
}
