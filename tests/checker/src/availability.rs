//! Invariant 12: how much of the time, and how soon, the server did what it was asked. Figures, not a verdict.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::history::{History, Nemesis, OutcomeKind, Room};
use crate::names::Name;
use crate::percentile::percentile;

/// How soon messages were acknowledged, and how long nothing was.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Availability {
    pub(crate) ok_p50_ms: f64,
    pub(crate) ok_p99_ms: f64,
    /// The longest time that any client, or any room, was sending without an acknowledgement.
    pub(crate) longest_outage_client_ms: f64,
    pub(crate) longest_outage_room_ms: f64,
    pub(crate) ok_per_second: f64,
    pub(crate) faults: BTreeMap<String, FaultFigures>,
}

/// One kind of fault.
#[derive(Debug, Default, Serialize)]
pub(crate) struct FaultFigures {
    pub(crate) count: usize,
    pub(crate) seconds: f64,
    /// Acknowledgements a second while it lasted.
    pub(crate) ok_per_second: f64,
}

impl Availability {
    pub(crate) fn of(history: &History) -> Self {
        let mut latencies = Vec::new();
        let mut longest_client = 0;
        let mut longest_room = 0;
        let mut acknowledged = Vec::new();
        for room in &history.rooms {
            latencies.extend(latencies_of(room));
            let oks = || room.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Ok);
            acknowledged.extend(oks().map(|outcome| outcome.at));
            let sent = room.attempts.iter().map(|attempt| (attempt.at, attempt.client));
            let answered = oks().map(|outcome| (outcome.at, outcome.client));
            longest_client = longest_client.max(longest_outage(sent.clone(), answered.clone()));
            let anyone = |(at, _)| (at, room.name);
            longest_room = longest_room.max(longest_outage(sent.map(anyone), answered.map(anyone)));
        }
        latencies.sort_unstable();
        acknowledged.sort_unstable();
        Self {
            ok_p50_ms: milliseconds(percentile(&latencies, 0.50)),
            ok_p99_ms: milliseconds(percentile(&latencies, 0.99)),
            longest_outage_client_ms: milliseconds(longest_client),
            longest_outage_room_ms: milliseconds(longest_room),
            ok_per_second: match acknowledged.as_slice() {
                [first, .., last] => rate(acknowledged.len(), last - first),
                _ => 0.0,
            },
            faults: faults(history, &acknowledged),
        }
    }
}

/// From the last attempt before it to each acknowledgement.
fn latencies_of(room: &Room) -> Vec<u64> {
    let mut sent = HashMap::<Name, Vec<u64>>::new();
    for attempt in &room.attempts {
        sent.entry(attempt.id).or_default().push(attempt.at);
    }
    let oks = room.outcomes.iter().filter(|outcome| outcome.kind == OutcomeKind::Ok);
    oks.filter_map(|outcome| {
        let attempts = sent.get(&outcome.id)?;
        let latest = attempts.iter().rev().find(|at| **at <= outcome.at)?;
        Some(outcome.at - latest)
    })
    .collect()
}

/// The longest time from an attempt, with nothing answered since the one before, to the next answer.
fn longest_outage(
    sent: impl Iterator<Item = (u64, Name)>,
    answered: impl Iterator<Item = (u64, Name)>,
) -> u64 {
    let mut moments: Vec<(u64, bool, Name)> = sent.map(|(at, who)| (at, false, who)).collect();
    moments.extend(answered.map(|(at, who)| (at, true, who)));
    moments.sort_unstable();
    let mut waiting_since = HashMap::new();
    let mut longest = 0;
    for (at, is_answer, who) in moments {
        if !is_answer {
            waiting_since.entry(who).or_insert(at);
        } else if let Some(since) = waiting_since.remove(&who) {
            longest = longest.max(at - since);
        }
    }
    longest
}

fn faults(history: &History, acknowledged: &[u64]) -> BTreeMap<String, FaultFigures> {
    let mut figures = BTreeMap::<String, (FaultFigures, usize, u64)>::new();
    for Nemesis { what, from, to } in &history.nemeses {
        let to = to.unwrap_or(*from);
        let during =
            acknowledged.partition_point(|at| *at <= to) - acknowledged.partition_point(|at| *at < *from);
        let (fault, oks, duration) = figures.entry(history.text(*what)).or_default();
        fault.count += 1;
        *oks += during;
        *duration += to - from;
    }
    let finish = |(what, (fault, oks, duration))| {
        let fault =
            FaultFigures { seconds: duration as f64 / 1e9, ok_per_second: rate(oks, duration), ..fault };
        (what, fault)
    };
    figures.into_iter().map(finish).collect()
}

fn rate(count: usize, nanoseconds: u64) -> f64 {
    if nanoseconds == 0 { 0.0 } else { round(count as f64 * 1e9 / nanoseconds as f64) }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    round(nanoseconds as f64 / 1e6)
}

/// To a hundredth: a report is for reading.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
