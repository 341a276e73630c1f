//! A 2xx to an INVITE is said again until it is acknowledged (RFC 3261 §13.3.1.4), by whatever transport: proxies on the
//! way need not repeat it.

use std::time::Duration;

use crate::transaction::Timing;

/// A 2xx that waits for its ACK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    timing: Timing,
    interval: Duration,
    waited: Duration,
}

/// What to do when the time has passed that was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// Send the 2xx once more, and ask again after this time.
    Repeat(Duration),
    /// The ACK will not come: the dialog is confirmed all the same, and to be ended by BYE.
    GiveUp,
}

impl Acceptance {
    /// Begins when the 2xx was sent; ask for the first [`Reminder`] after this time.
    pub fn new(timing: Timing) -> (Self, Duration) {
        (Self { timing, interval: timing.t1, waited: Duration::ZERO }, timing.t1)
    }

    /// What to do, if no ACK has come meanwhile; when it has, this is dropped.
    pub fn handle_timer(&mut self) -> Reminder {
        self.waited += self.interval;
        let left = self.timing.give_up().saturating_sub(self.waited);
        if left.is_zero() {
            return Reminder::GiveUp;
        }
        self.interval = self.timing.back_off(self.interval).min(left);
        Reminder::Repeat(self.interval)
    }
}
