//! One seed from its beginning to its end.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use crate::check;
use crate::client::Client;
use crate::member::keep_running;
use crate::nemesis::{Nemesis, mend};
use crate::world::World;

pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    /// Of everything that happened.
    pub(crate) digest: u64,
    pub(crate) figures: Figures,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) posts: usize,
    pub(crate) events: usize,
    pub(crate) stays: usize,
    pub(crate) heard: usize,
}

/// Runs a seed. The same seed gives the same run: one thread, a clock that moves when everybody waits, and chance from
/// the seed alone.
pub(crate) fn run(seed: u64, is_shown: bool) -> Outcome {
    PANICS.take();
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let mut outcome = runtime.expect("a runtime without sockets").block_on(simulate(seed, is_shown));
    outcome.violations.extend(PANICS.take().into_iter().map(|panic| format!("panic: {panic}")));
    outcome
}

async fn simulate(seed: u64, is_shown: bool) -> Outcome {
    let world = Arc::new(World::new(seed, is_shown));
    let mut random = world.chance(0);
    let names: Vec<Box<str>> =
        NAMES[..random.random_range(2..=NAMES.len())].iter().map(|name| (*name).into()).collect();
    for name in &names {
        let skew = random.random_range(-SKEW_MS..=SKEW_MS);
        let pause = Duration::from_millis(random.random_range(0..6_000));
        tokio::spawn(keep_running(world.clone(), name.clone(), skew, pause));
    }
    let clients = (0..random.random_range(3..=CLIENTS_MAX)).map(|number| Client::new(world.clone(), number));
    let clients: Vec<_> = clients.map(|client| tokio::spawn(client.live())).collect();
    tokio::spawn(Nemesis::new(world.clone(), names).rage());

    sleep(Duration::from_secs(random.random_range(5..25))).await;
    world.trace.note(format_args!("the storm is over"));
    world.become_calm();
    let calm = Instant::now() + CALM;
    while Instant::now() < calm {
        mend(&world);
        sleep(Duration::from_millis(500)).await;
    }
    world.end();
    for client in clients {
        // One that panicked is noted already.
        let _ = client.await;
    }
    let (violations, figures) = check::check(&world).await;
    Outcome { violations, digest: world.trace.digest(), figures }
}

thread_local! {
    /// What went wrong on this thread without anybody waiting for it.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Panics are found by who runs the seed, and not shown.
pub(crate) fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()))));
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const CLIENTS_MAX: usize = 8;
/// How far the clocks of members are off.
const SKEW_MS: i64 = 800;
/// Leases expire, the dead are found and what they held is parted; what a zombie had claimed is free again.
const CALM: Duration = Duration::from_secs(40);
