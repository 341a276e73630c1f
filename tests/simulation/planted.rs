//! Whether the checks find something: bugs are planted, one at a time, and each has to show within so many seeds.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use perch::planted::Bug;

use crate::run::run;

/// What was found of a bug.
struct Found {
    /// Seeds until then.
    needed: u64,
    seed: u64,
    by: String,
}

/// Plants each and prints what finds it.
pub(crate) fn find_all(seeds_max: u64) -> ExitCode {
    let mut missed = 0;
    println!("| bug | seeds needed | found by |");
    println!("|---|---|---|");
    for &bug in Bug::ALL {
        let began = Instant::now();
        Bug::plant(Some(bug));
        let found = find(seeds_max);
        Bug::plant(None);
        match found {
            Some(Found { needed, seed, by }) => {
                let by: String = by.chars().take(BY_MAX).collect();
                println!("| {} | {needed} | seed {seed}, {:.1?}: {by} |", bug.name(), began.elapsed());
            }
            None => {
                missed += 1;
                println!("| {} | none in {seeds_max} | |", bug.name());
            }
        }
    }
    println!("{} of {} found", Bug::ALL.len() - missed, Bug::ALL.len());
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed that shows the bug that is planted.
fn find(seeds_max: u64) -> Option<Found> {
    let next = AtomicU64::new(0);
    let first = AtomicU64::new(u64::MAX);
    let found = parking_lot::Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..crate::threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds_max || seed > first.load(Ordering::Relaxed) {
                        break;
                    }
                    let Some(by) = run(seed, false).violations.into_iter().next() else { continue };
                    // The same seed is named whichever thread was faster.
                    if first.fetch_min(seed, Ordering::Relaxed) > seed {
                        *found.lock() = Some(Found { needed: seed + 1, seed, by });
                    }
                }
            });
        }
    });
    found.into_inner()
}

const BY_MAX: usize = 90;
