//! Invariants 1 to 3: what was acknowledged is kept once, what was refused or never sent is not kept.

use std::collections::{BTreeSet, HashMap};

use super::Facts;
use crate::names::Name;
use crate::violation::Violation;

pub(super) fn check(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    lost(facts, found);
    kept_wrongly(facts, found);
    heard_inventions(facts, found);
}

fn lost(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let acknowledged: BTreeSet<Name> = facts
        .messages
        .iter()
        .filter_map(|(id, message)| (message.acknowledged && !facts.position.contains_key(id)).then_some(*id))
        .collect();
    for id in acknowledged {
        found.push(Violation::Lost { room: facts.room_name(), id: facts.text(id) });
    }
}

fn kept_wrongly(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut times = HashMap::<Name, usize>::new();
    for item in &facts.archive.items {
        *times.entry(item.id).or_default() += 1;
    }
    let times: std::collections::BTreeMap<Name, usize> = times.into_iter().collect();
    for (id, times) in times {
        let (room, text) = (facts.room_name(), facts.text(id));
        match facts.messages.get(&id) {
            None => found.push(Violation::Invented { room, id: text }),
            Some(message) if message.refused() => found.push(Violation::KeptThoughRefused { room, id: text }),
            Some(_) if times > 1 => found.push(Violation::Duplicated { room, id: text, times }),
            Some(_) => {}
        }
    }
}

fn heard_inventions(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    for receipt in &facts.room.receipts {
        if !facts.messages.contains_key(&receipt.id) {
            found.push(Violation::HeardInvention {
                room: facts.room_name(),
                client: facts.text(receipt.client),
                id: facts.text(receipt.id),
            });
        }
    }
}
