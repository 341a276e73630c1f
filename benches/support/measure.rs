//! What the measurements of the store share: the engines that they are taken on, the meter, and who speaks.

#[path = "../../tests/support/cluster.rs"]
#[expect(dead_code, reason = "tests do more to a server than to measure it")]
mod cluster;

use std::env;
use std::time::{Duration, Instant};

use perch::chat::message::Author;
use rustix::time::{ClockId, clock_gettime};

use cluster::Cluster;

pub(crate) const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// Measures on the engines that the arguments name, or on both, each with a store of its own.
pub(crate) fn on_each_engine(measure: impl AsyncFn(&str)) {
    let is_wanted =
        |engine: &str| !env::args().any(|argument| ENGINES.contains(&&*argument) && argument != engine);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if is_wanted("sqlite") {
            let directory = tempfile::tempdir().unwrap();
            println!("sqlite");
            measure(&format!("sqlite:{}", directory.path().join("store.db").display())).await;
        }
        if is_wanted("postgres") {
            match Cluster::start() {
                Some(cluster) => {
                    println!("postgres, with fsync, on this machine; its own CPU is not counted");
                    measure(&cluster.database()).await;
                }
                None => println!("SKIPPED: PostgreSQL is not installed"),
            }
        }
    });
}

/// CPU of the whole process, and the time, from a moment on.
pub(crate) struct Meter {
    what: String,
    pub(crate) since: Instant,
    cpu: Duration,
}

impl Meter {
    pub(crate) fn start(what: &str) -> Self {
        Self { what: what.to_owned(), since: Instant::now(), cpu: cpu() }
    }

    pub(crate) fn report(&self, count: usize) {
        let each = self.since.elapsed().as_secs_f64() * 1e6 / count as f64;
        println!(
            "{:45} {:8.1} µs CPU, {each:8.1} µs elapsed, {count} times",
            self.what,
            self.cpu_each(count)
        );
    }

    /// In µs.
    pub(crate) fn cpu_each(&self, count: usize) -> f64 {
        (cpu() - self.cpu).as_secs_f64() * 1e6 / count as f64
    }
}

/// User and system time of the process so far.
fn cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

pub(crate) fn author(number: u64) -> Author {
    Author {
        nick: format!("user {number}").into(),
        jid: format!("user{number}@localhost").parse().unwrap(),
        resource: None,
        occupant_id: format!("{number:0>43}").into(),
    }
}
