//! Invariant 8, the ids: a message has one stanza id wherever it shows, and a stanza id means one message.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::Facts;
use crate::names::Name;
use crate::violation::Violation;

pub(super) fn check(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    let mut stanza_of = HashMap::new();
    let mut message_of = HashMap::new();
    let mut seen = HashSet::new();
    for (id, stanza_id) in sightings(facts).filter(|pair| seen.insert(*pair)) {
        if let Some(first) = differing(&mut stanza_of, id, stanza_id) {
            found.push(Violation::TwoStanzaIds {
                room: facts.room_name(),
                id: facts.text(id),
                first: facts.text(first),
                second: facts.text(stanza_id),
            });
        }
        if let Some(first) = differing(&mut message_of, stanza_id, id) {
            found.push(Violation::SharedStanzaId {
                room: facts.room_name(),
                stanza_id: facts.text(stanza_id),
                first: facts.text(first),
                second: facts.text(id),
            });
        }
    }
}

/// Every place where a message was seen together with its stanza id.
fn sightings(facts: &Facts<'_>) -> impl Iterator<Item = (Name, Name)> {
    let kept = facts.archive.items.iter().map(|item| (item.id, item.stanza_id));
    let acknowledged =
        facts.room.outcomes.iter().filter_map(|outcome| Some((outcome.id, outcome.stanza_id?)));
    let heard = facts.room.receipts.iter().filter_map(|receipt| Some((receipt.id, receipt.stanza_id?)));
    kept.chain(acknowledged).chain(heard)
}

/// What `key` stood for before, when that was something else. A message kept twice is a matter of durability.
fn differing(known: &mut HashMap<Name, Name>, key: Name, value: Name) -> Option<Name> {
    match known.entry(key) {
        Entry::Occupied(entry) => (*entry.get() != value).then(|| *entry.get()),
        Entry::Vacant(entry) => {
            entry.insert(value);
            None
        }
    }
}
