//! A pool simulated: rooms, logs and the bus as they run in production, over a database and a network in memory that do
//! their worst, in a time that passes as fast as it can. What a seed does it does again.
//!
//! ```sh
//! cargo test --features planted-bugs --test simulation                   # short: some seeds, and each planted bug
//! cargo test --features simulation --test simulation -- --seeds 10000    # long
//! cargo test --features simulation --test simulation -- --seed 17 --trace
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stdout, reason = "it is its own command")]

mod check;
mod client;
mod device;
mod history;
mod member;
mod nemesis;
#[cfg(feature = "planted-bugs")]
mod planted;
mod replay;
mod run;
mod sight;
mod trace;
mod wish;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::run::{Figures, run};

#[derive(Parser)]
struct Arguments {
    /// How many seeds; a short run, in which some are run twice and bugs are planted, without it.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This one alone, twice: what it comes to has to be the same.
    #[arg(long)]
    seed: Option<u64>,
    /// Let other databases take the place of the one there was, too.
    #[arg(long)]
    successions: bool,
    /// Tell everything that happens in it, and what the code logs of what RUST_LOG names.
    #[arg(long)]
    trace: bool,
    /// Plant each bug, and say within how many of so many seeds it is found.
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    planted: Option<u64>,
    /// Plant this one.
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    bug: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run::catch_panics();
    if arguments.trace {
        // Between the lines that tell the time of the run.
        tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).without_time().init();
    }
    nemesis::SUCCESSIONS.store(arguments.successions, Ordering::Relaxed);
    #[cfg(feature = "planted-bugs")]
    {
        use perch::planted::Bug;
        if let Some(name) = &arguments.bug {
            let named = Bug::ALL.iter().find(|bug| bug.name() == name);
            Bug::plant(Some(*named.unwrap_or_else(|| panic!("there is no bug of this name: {name}"))));
        }
        if let Some(seeds) = arguments.planted {
            return planted::find_all(seeds);
        }
    }
    match arguments {
        Arguments { seed: Some(seed), trace, .. } => one(seed, trace),
        Arguments { seeds: Some(seeds), from, .. } => many(from, seeds),
        _ => short(),
    }
}

/// What a change has to pass.
fn short() -> ExitCode {
    let steps = [
        (0..TWICE).all(|seed| one(seed, false) == ExitCode::SUCCESS).then_some(()),
        (many(TWICE, SHORT) == ExitCode::SUCCESS).then_some(()),
        #[cfg(feature = "planted-bugs")]
        (planted::find_all(PLANTED) == ExitCode::SUCCESS).then_some(()),
    ];
    if steps.iter().all(Option::is_some) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, is_shown: bool) -> ExitCode {
    let outcome = run(seed, is_shown);
    for violation in &outcome.violations {
        println!("seed {seed}: {violation}");
    }
    let again = run(seed, false);
    println!(
        "seed {seed}: {:?}, digest {:016x}, again {:016x}",
        outcome.figures, outcome.digest, again.digest
    );
    let is_right = outcome.violations.is_empty() && outcome.digest == again.digest;
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, count: u64) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(from);
    let failed = Mutex::new(Vec::new());
    let figures = Mutex::new(Figures::default());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        break;
                    }
                    let outcome = run(seed, false);
                    figures.lock().unwrap().add(outcome.figures);
                    if let Some(violation) = outcome.violations.first() {
                        println!("seed {seed}: {violation}");
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let (failed, figures) = (failed.into_inner().unwrap(), figures.into_inner().unwrap());
    println!("{count} seeds in {:.1?}, {} with violations; {figures:?}", began.elapsed(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.posts += other.posts;
        self.events += other.events;
        self.stays += other.stays;
        self.heard += other.heard;
    }
}

/// Seeds that are run twice, those that are run once, and those within which each bug has to be found.
const TWICE: u64 = 8;
const SHORT: u64 = 150;
#[cfg(feature = "planted-bugs")]
const PLANTED: u64 = 300;
