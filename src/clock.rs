//! The only place that reads the time of day, so that a test can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::chat::id::Timestamp;

/// Tells the wall time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
    #[cfg(feature = "simulation")]
    Runtime {
        start: Timestamp,
        began: tokio::time::Instant,
    },
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
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
            Source::System => Timestamp(system_ms()),
            Source::Manual(at) => Timestamp(at.load(Ordering::Relaxed)),
            #[cfg(feature = "simulation")]
            Source::Runtime { start, began } => start.plus(began.elapsed()),
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
