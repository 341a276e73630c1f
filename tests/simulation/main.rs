//! A pool simulated: rooms, logs and the bus as they run in production, over a database and a network in memory that do
//! their worst, in a time that passes as fast as it can. What a seed does it does again.
//!
//! ```sh
//! cargo test --features planted-bugs --test simulation                          # short: some seeds, and every bug
//! cargo test --release --features simulation --test simulation -- --seeds 10000
//! cargo test --features simulation --test simulation -- --seed 17 --trace       # one seed, told
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod check;
mod client;
mod device;
mod history;
mod member;
mod nemesis;
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

use crate::run::{Figures, run};

#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This one alone, twice.
    #[arg(long)]
    seed: Option<u64>,
    /// Tell everything that happens.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    run::catch_panics();
    if let Some(seed) = arguments.seed {
        return one(seed, arguments.trace);
    }
    many(arguments.from, arguments.seeds)
}

fn one(seed: u64, is_shown: bool) -> ExitCode {
    let outcome = run(seed, is_shown);
    for violation in &outcome.violations {
        println!("seed {seed}: {violation}");
    }
    let again = run(seed, false);
    println!("seed {seed}: {:?}, digest {:016x}, again {:016x}", outcome.figures, outcome.digest, again.digest);
    if outcome.violations.is_empty() && outcome.digest == again.digest { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(from: u64, count: u64) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(from);
    let failed = Mutex::new(Vec::new());
    let figures = Mutex::new(Figures::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count {
                        break;
                    }
                    let outcome = run(seed, false);
                    figures.lock().unwrap().add(outcome.figures);
                    if !outcome.violations.is_empty() {
                        println!("seed {seed}: {}", outcome.violations[0]);
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!("{count} seeds in {:?}, {} with violations; {:?}", began.elapsed(), failed.len(), figures.into_inner().unwrap());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.posts += other.posts;
        self.events += other.events;
        self.stays += other.stays;
        self.heard += other.heard;
    }
}
