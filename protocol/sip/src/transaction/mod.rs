//! A request and its answers (RFC 3261 §17): four machines, one for each side of an INVITE and of everything else.
//! [`Transactions`] keeps those of one flow; [`ServerKey`] and [`ClientKey`] tell which of them a message is for.
//!
//! A machine is handed what happens, a message or a timer, and says what to do. It keeps no time: whoever runs it arms
//! timers and tells when one has fired. A timer that fires when nobody waits for it any more changes nothing, so none
//! has to be taken back.
//!
//! A flow is TLS, TCP or WebSocket, which see to it that what is sent arrives: no machine sends anything twice of
//! itself, and most end with the final response. RFC 6026 (a 2xx does not end a transaction at once) and RFC 4320 (what
//! is never sent to a request that is no INVITE) are part of the machines.

mod client;
mod derived;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

pub use key::{ClientKey, ServerKey};
pub use table::{Cancelled, Received, SendError, Transactions};

/// One thing that a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes on the flow.
    Send(Bytes),
    /// Tell the machine when this time has passed. A timer that is armed already begins anew.
    Arm(Timer, Duration),
    /// The message that was handed in is news: pass it on to whoever uses the transaction.
    Deliver,
    /// Tell whoever uses the transaction that nobody answered, or acknowledged, in time: as good as a 408 (§8.1.3.1),
    /// which a proxy never passes on for a request that is no INVITE (RFC 4320 §4.2).
    Fail,
    /// Forget the machine, and its timers.
    End,
}

/// The timers of §17 and RFC 6026, by the letters that those give them, and what §9.1 and RFC 4320 ask for. The others
/// (A, D, E, G, I, K) are for transports that lose messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Gives an INVITE up that nobody answers.
    B,
    /// Gives another request up.
    F,
    /// Gives up waiting for the ACK of a refusal.
    H,
    /// Gives another request up that its user does not answer.
    J,
    /// Waits for an INVITE to be repeated that was accepted.
    L,
    /// Waits for a 2xx to be repeated, or to come from somebody else.
    M,
    /// Gives an INVITE up that was taken back.
    Cancel,
    /// Says 100, if nothing else was said.
    Trying,
}

/// The times that all others are made of (§17.1.1.1, §17.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a message is under way, and back.
    pub t1: Duration,
    /// The longest time between two repetitions.
    pub t2: Duration,
}

impl Timing {
    /// What RFC 3261 has everybody use.
    pub const DEFAULT: Self = Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4) };

    /// After how long everybody gives up.
    pub(crate) fn give_up(self) -> Duration {
        64 * self.t1
    }

    /// When the timer E of a client that loses messages comes to be T2 (RFC 4320 §4.1).
    fn slowed_down(self) -> Duration {
        let mut after = Duration::ZERO;
        let mut interval = self.t1;
        while interval < self.t2 {
            after += interval;
            interval *= 2;
        }
        after
    }

    /// Twice the time, up to T2.
    pub(crate) fn back_off(self, interval: Duration) -> Duration {
        self.t2.min(2 * interval)
    }
}

/// After how long an INVITE that nobody has answered is said to be worked on (§17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);
