use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::bus::packing::{Limits, Packer, To};
use crate::bus::wire;
use crate::chat::id::{Epoch, RoomId};
use crate::chat::note::{Note, RoomName};

fn member(name: &str, incarnation: i64) -> Member {
    Member { name: name.into(), incarnation }
}

fn note(id: i64) -> Note {
    Note::RoomStale { room: RoomName { name: "lobby".into(), id: RoomId(id) } }
}

/// The `all`-th message of `a`, in its third life, to all.
fn said(all: u64) -> Envelope {
    let from = member("a", 3);
    let notes = vec![note(all as i64)];
    Envelope { from, all, told: None, counts: BTreeMap::new(), notes, is_partial: false }
}

fn told(all: u64, told: u64) -> Envelope {
    Envelope { told: Some(told), notes: vec![note(-(told as i64))], ..said(all) }
}

/// What comes of messages: the id of each note, and 0 for a gap.
fn check(messages: impl IntoIterator<Item = Envelope>, expected: &[i64]) {
    let mut hearing = Hearing::new(&member("me", 1));
    let mut heard = Vec::new();
    for message in messages {
        hearing.hear(message, &mut heard);
    }
    assert_eq!(ids(&heard), expected);
}

fn ids(heard: &[Heard]) -> Vec<i64> {
    let id = |heard: &Heard| match heard {
        Heard::Note { note: Note::RoomStale { room }, .. } => Some(room.id.0),
        Heard::Note { .. } => None,
        Heard::Gap { .. } => Some(0),
    };
    heard.iter().filter_map(id).collect()
}

#[test]
fn what_comes_whole_is_heard_as_it_is() {
    check([said(1), told(1, 1), said(2), told(2, 2)], &[1, -1, 2, -2]);
}

#[test]
fn a_member_of_another_epoch_is_not_heard() {
    let of = |epoch: u16, all| {
        let from = member("a", Epoch(epoch).lives_before() + 3);
        Envelope { from, ..said(all) }
    };
    check([of(2, 1), said(1), of(2, 2), said(2), of(2, 9)], &[1, 2]);
    check([of(2, 1), told(0, 1), Envelope { told: Some(7), ..of(2, 3) }], &[-1]);
}

#[test]
fn what_is_missing_is_a_gap() {
    check([said(1), said(3)], &[1, 0, 3]);
    check([told(0, 1), told(0, 3)], &[-1, 0, -3]);
    // Who comes late does not know what was before.
    check([said(7), said(8)], &[0, 7, 8]);
    // What was said to all before this did not come.
    check([said(1), told(2, 1), said(3)], &[1, 0, -1, 3]);
}

#[test]
fn what_is_repeated_or_overtaken_is_dropped() {
    check([said(1), said(1), said(2), said(1)], &[1, 2]);
    check([said(1), said(3), said(2), said(4)], &[1, 0, 3, 4]);
    check([said(1), told(2, 1), said(2), told(2, 1), said(3)], &[1, 0, -1, 3]);
}

#[test]
fn a_sign_of_life_shows_that_the_last_word_was_lost() {
    let beat = |all, counted| Envelope {
        counts: BTreeMap::from([("me".into(), counted), ("other".into(), 9)]),
        notes: vec![Note::Heartbeat { sessions_digest: 0 }],
        ..said(all)
    };
    check([said(1), told(1, 1), beat(2, 1)], &[1, -1]);
    check([said(1), beat(3, 0)], &[1, 0]);
    check([said(1), told(1, 1), beat(2, 2), beat(3, 2)], &[1, -1, 0]);
}

#[test]
fn a_new_life_counts_from_the_start_and_the_former_is_not_heard() {
    let reborn = |all| Envelope { from: member("a", 4), notes: vec![note(40 + all as i64)], ..said(all) };
    check([said(1), said(2), reborn(1), said(3), reborn(2)], &[1, 2, 41, 42]);
    check([said(1), reborn(2), reborn(3)], &[1, 0, 42, 43]);
}

#[test]
fn nobody_hears_himself() {
    check([Envelope { from: member("me", 1), ..said(1) }], &[]);
}

#[test]
fn what_was_not_understood_is_a_gap() {
    check([said(1), Envelope { is_partial: true, ..said(2) }, said(3)], &[1, 0, 2, 3]);
}

/// What comes of two queues that are handed over at once, and then of nothing more.
fn check_lanes(
    all: impl IntoIterator<Item = Envelope>,
    told: impl IntoIterator<Item = Envelope>,
    expected: &[i64],
) {
    let mut hearing = Hearing::new(&member("me", 1));
    let mut heard = Vec::new();
    let mut lanes =
        Lanes { all: all.into_iter().collect(), told: told.into_iter().collect(), has_waited: false };
    while lanes.hand_over(&mut hearing, &mut heard) {}
    assert_eq!(ids(&heard), expected);
}

#[test]
fn two_ways_become_one_order() {
    check_lanes([said(1), said(2), said(3)], [told(0, 1), told(2, 2), told(3, 3)], &[-1, 1, 2, -2, 3, -3]);
    check_lanes([], [told(0, 1), told(0, 2)], &[-1, -2]);
    // The one before it was lost: it is not waited for for ever.
    check_lanes([said(1)], [told(2, 1), told(2, 2)], &[1, 0, -1, -2]);
}

/// What the way does to a message.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Comes after the next one.
    Overtaken,
}

fn fates() -> impl Strategy<Value = Vec<(bool, usize, Fate)>> {
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Overtaken),
    ];
    prop::collection::vec((any::<bool>(), 1..4_usize, fate), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the way does: notes come once, and in order where there is no gap between them; and after one that is
    /// missing comes a gap, at the latest with the next sign of life.
    #[test]
    fn nothing_is_missing_without_a_gap(fates in fates(), looks in prop::collection::vec(1..6_usize, 1..20)) {
        let mut packer = Packer::new(member("a", 1), Limits { together: 150, alone: 1000 });
        let mut published = 0;
        let mut ways = [Vec::new(), Vec::new()];
        for (is_for_me, count, fate) in fates {
            let to = if is_for_me { To::Member("me".into()) } else { To::All };
            let notes: Vec<_> = (published + 1..).take(count).map(|id| (to.clone(), note(id))).collect();
            published += count as i64;
            for message in packer.pack(notes) {
                let way = &mut ways[usize::from(is_for_me)];
                let at = way.len();
                // Each message with the time at which the carrier has it.
                match fate {
                    Fate::Lost => {}
                    Fate::Arrives => way.push((published, message.text)),
                    Fate::Twice => way.extend([(published, message.text.clone()), (published, message.text)]),
                    Fate::Overtaken => way.insert(at.saturating_sub(1), (published, message.text)),
                }
            }
        }
        ways[0].push((published + 1, packer.heartbeat(0).text));
        let mut hearing = Hearing::new(&member("me", 1));
        let (mut lanes, mut heard) = (Lanes::default(), Vec::new());
        let mut looks = looks.into_iter().cycle();
        let (mut at, mut taken) = (0, [0, 0]);
        while at <= published {
            at += looks.next().unwrap_or(1) as i64;
            loop {
                for (way, lane) in [(0, &mut lanes.all), (1, &mut lanes.told)] {
                    for (_, text) in ways[way][taken[way]..].iter().take_while(|(time, _)| *time <= at) {
                        taken[way] += 1;
                        lane.extend(wire::read(text.as_bytes()));
                    }
                }
                if !lanes.hand_over(&mut hearing, &mut heard) {
                    break;
                }
            }
        }
        let heard = ids(&heard);
        for run in heard.split(|id| *id == 0) {
            prop_assert!(run.is_sorted_by(|a, b| a < b), "out of order: {heard:?}");
        }
        let mut once = heard.clone();
        once.retain(|id| *id != 0);
        once.sort_unstable();
        prop_assert!(once.is_sorted_by(|a, b| a < b), "twice: {heard:?}");
        for missing in (1..=published).filter(|id| !heard.contains(id)) {
            // From what was the last before it, when the first came that should have come after it.
            let after = heard.iter().position(|id| *id > missing).unwrap_or(heard.len());
            let place = heard[..after].iter().rposition(|id| (1..missing).contains(id)).unwrap_or(0);
            prop_assert!(heard[place..].contains(&0), "{missing} is missing unnoticed in {heard:?}");
        }
    }
}
