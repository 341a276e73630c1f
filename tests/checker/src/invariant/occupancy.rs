//! Invariants 7, 8 and 10: what an occupant hears is complete, once, and only while he is one.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Facts;
use crate::history::{Occupancy, Receipt};
use crate::names::Name;
use crate::violation::Violation;

pub(super) fn check(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    heard_but_not_kept(facts, found);
    let mut by_occupancy = vec![Vec::new(); facts.room.occupancies.len()];
    for receipt in &facts.room.receipts {
        match receipt.occupancy {
            Some(index) => by_occupancy[index].push(receipt),
            None => found.push(Violation::HeardOutside {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            }),
        }
    }
    let sent_later = sent_later(facts);
    for (occupancy, receipts) in facts.room.occupancies.iter().zip(&by_occupancy) {
        repetitions(facts, receipts, found);
        gaps(facts, occupancy, receipts, &sent_later, found);
    }
    live_again(facts, found);
    bans(facts, found);
    convergence(facts, found);
}

/// 7, half of it: what anyone heard is kept, whether or not its sender learned of it.
fn heard_but_not_kept(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut told = HashSet::new();
    for receipt in &facts.room.receipts {
        // What nobody sent is told of as an invention.
        if facts.messages.contains_key(&receipt.id)
            && !facts.position.contains_key(&receipt.id)
            && told.insert(receipt.id)
        {
            found.push(Violation::HeardButNotKept {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            });
        }
    }
}

/// For each place in the archive, the latest first attempt up to it: rising, so that the first message that was sent
/// after a given time is found by bisection.
fn sent_later(facts: &Facts<'_>) -> Vec<u64> {
    let mut latest = 0;
    let attempts = facts.archive.items.iter().map(|item| {
        latest = latest.max(facts.messages.get(&item.id).map_or(0, |message| message.first_attempt));
        latest
    });
    attempts.collect()
}

/// 7: from the first message heard, or sent after the joining, to the last one heard, or the archive's end for those who
/// are still there when all is quiet.
fn gaps(
    facts: &Facts<'_>,
    occupancy: &Occupancy,
    receipts: &[&Receipt],
    sent_later: &[u64],
    found: &mut Vec<Violation>,
) {
    let heard: BTreeSet<usize> =
        receipts.iter().filter_map(|receipt| facts.position.get(&receipt.id).copied()).collect();
    let owed_from = sent_later.partition_point(|at| *at <= occupancy.joined_at);
    let first = heard.first().copied().unwrap_or(usize::MAX).min(owed_from);
    let stayed =
        facts.history.quiet_at.is_some_and(|quiet| occupancy.left_at.is_none_or(|left| left >= quiet));
    let end = if stayed { facts.archive.items.len() } else { heard.last().map_or(0, |last| last + 1) };
    if heard.len() == end.saturating_sub(first) {
        return;
    }
    for position in (first..end).filter(|position| !heard.contains(position)) {
        let id = facts.archive.items[position].id;
        // The second copy of a duplicated message was told of elsewhere.
        if facts.position[&id] == position {
            found.push(Violation::Gap {
                room: facts.room_name(),
                client: facts.text(occupancy.client),
                id: facts.text(id),
            });
        }
    }
}

/// 8: nothing twice in one occupancy.
fn repetitions(facts: &Facts<'_>, receipts: &[&Receipt], found: &mut Vec<Violation>) {
    let mut heard = HashSet::new();
    for receipt in receipts {
        if !heard.insert(receipt.id) {
            found.push(Violation::Repeated {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            });
        }
    }
}

/// 8: what a client knows already comes back after a fresh sign-in only as history.
fn live_again(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut heard = HashMap::<(Name, Name), Option<usize>>::new();
    for receipt in &facts.room.receipts {
        let before = heard.insert((receipt.client, receipt.id), receipt.occupancy);
        if !receipt.delayed && before.is_some_and(|before| before != receipt.occupancy) {
            found.push(Violation::LiveAgain {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            });
        }
    }
}

/// 10: judged by what was *sent* after the ban, since earlier messages may still be on their way to the banned.
fn bans(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut banned_at = HashMap::<Name, u64>::new();
    for ban in &facts.room.bans {
        banned_at.entry(ban.target).or_insert(ban.at);
    }
    for receipt in &facts.room.receipts {
        let Some(banned_at) = banned_at.get(&receipt.client) else { continue };
        if facts.messages.get(&receipt.id).is_some_and(|message| message.first_attempt > *banned_at) {
            found.push(Violation::HeardAfterBan {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            });
        }
    }
}

/// 10: everybody's last list of occupants is the same.
fn convergence(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let latest: HashMap<Name, &Vec<Name>> =
        facts.room.occupants.iter().map(|(client, nicks)| (*client, nicks)).collect();
    let mut latest: Vec<_> = latest.into_iter().collect();
    latest.sort_unstable();
    for pair in latest.windows(2).filter(|pair| pair[0].1 != pair[1].1) {
        found.push(Violation::OccupantsDiffer {
            room: facts.room_name(),
            first: facts.text(pair[0].0),
            second: facts.text(pair[1].0),
        });
    }
}
