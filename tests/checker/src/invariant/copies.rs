//! Invariant 11: all copies of an archive agree, whoever reads them and from wherever.

use super::Facts;
use crate::history::{History, Kept, Read, Room};
use crate::violation::{Copy, Violation};

/// The copy that the rest is measured by: the store's own where there is one, else what clients are told.
///
/// It has to be read when all is quiet; before that it need not hold everything.
pub(super) fn whole_archive<'h>(history: &'h History, room: &'h Room) -> Option<&'h Read> {
    let whole = room.reads.iter().filter(|read| is_final(history, read));
    whole.min_by_key(|read| read.source)
}

pub(super) fn check(facts: &Facts<'_>, found: &mut Vec<Violation>) {
    for read in &facts.room.reads {
        let whole = is_final(facts.history, read);
        let differs = if whole {
            first_difference(&facts.archive.items, &read.items)
        } else {
            let begin = read.items.first().and_then(|item| facts.position.get(&item.id)).copied();
            let rest = &facts.archive.items[begin.unwrap_or(0)..];
            first_difference(&rest[..rest.len().min(read.items.len())], &read.items)
        };
        if let Some(item) = differs {
            found.push(Violation::CopiesDiffer {
                room: facts.room_name(),
                what: if whole { Copy::Whole } else { Copy::Part },
                source_name: read.source,
                reader: facts.text(read.label),
                id: facts.text(item.id),
            });
        }
    }
}

fn is_final(history: &History, read: &Read) -> bool {
    read.complete && history.quiet_at.is_none_or(|quiet| read.begun_at >= quiet)
}

/// The first message that one copy has and the other has not, or has elsewhere.
fn first_difference<'a>(one: &'a [Kept], other: &'a [Kept]) -> Option<&'a Kept> {
    let same = |pair: &(&Kept, &Kept)| (pair.0.id, pair.0.stanza_id) == (pair.1.id, pair.1.stanza_id);
    let common = one.iter().zip(other).take_while(same).count();
    one.get(common).or_else(|| other.get(common))
}
