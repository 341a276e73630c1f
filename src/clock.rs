//! The only place that reads the time of day, so that a test can move it, and the members of a pool have one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tracing::warn;

use crate::chat::id::Timestamp;

/// Tells the wall time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The system's, and by how many milliseconds another one that is gone by is ahead of it.
    System(Arc<AtomicI64>),
    Manual(Arc<AtomicI64>),
    #[cfg(feature = "simulation")]
    Runtime {
        start: Timestamp,
        began: tokio::time::Instant,
    },
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System(Arc::default()))
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// A clock that goes with the runtime's time, which a simulation lets pass as fast as it can.
    #[cfg(feature = "simulation")]
    pub fn of_runtime(start: Timestamp) -> Self {
        Self(Source::Runtime { start, began: tokio::time::Instant::now() })
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System(ahead) => Timestamp(system_ms() + ahead.load(Ordering::Relaxed)),
            Source::Manual(at) => Timestamp(at.load(Ordering::Relaxed)),
            #[cfg(feature = "simulation")]
            Source::Runtime { start, began } => start.plus(began.elapsed()),
        }
    }

    /// That is the time just now, by a clock that all members of a pool go by. The system's is gone by as long as it
    /// hardly differs: it does not jump.
    pub fn follow(&self, common: Timestamp) {
        let Source::System(ahead) = &self.0 else { return };
        let known = ahead.load(Ordering::Relaxed);
        let found = common.0 - system_ms();
        if (found - known).abs() <= DIFFERENCE_MAX {
            return;
        }
        ahead.store(found, Ordering::Relaxed);
        if (found - known).abs() > DIFFERENCE_TOLD {
            let seconds = Duration::from_millis(found.unsigned_abs()).as_secs();
            let direction = if found < 0 { "ahead of" } else { "behind" };
            warn!("this machine's clock is {seconds} s {direction} the database's, by which the pool goes");
        }
    }

    /// Moves a manual clock; the system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &self.0 {
            at.fetch_add(by.as_millis() as i64, Ordering::Relaxed);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn system_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// In milliseconds: an answer is under way for some of them.
const DIFFERENCE_MAX: i64 = 500;
/// What an operator should see to.
const DIFFERENCE_TOLD: i64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_follows_the_common_one() {
        let clock = Clock::system();
        let other = clock.clone();
        for off in [-3_600_000, 3_600_000, 0] {
            let common = Timestamp(system_ms() + off);
            clock.follow(common);
            let shown = other.now();
            assert!((0..10_000).contains(&(shown.0 - common.0)), "{shown:?} {common:?}");
        }
        clock.follow(Timestamp(system_ms() + DIFFERENCE_MAX / 2));
        assert!(clock.now().0 <= system_ms(), "a small difference is left");
        let stands = Clock::manual(Timestamp(7));
        stands.follow(Timestamp(1_000_000));
        assert_eq!(stands.now(), Timestamp(7));
    }
}
