//! A request and its answers (RFC 3261 §17): four machines, one for each side of an INVITE and of everything else.
//!
//! | | of INVITE | of other requests |
//! |---|---|---|
//! | asks | [`InviteClient`] | [`Client`] |
//! | answers | [`InviteServer`] | [`Server`] |
//!
//! A machine is handed what happens, a message, a timer, a failure of the connection, and says what to do. It keeps no
//! time: whoever runs it arms timers and tells when one has fired. A timer that fires when nobody waits for it any more
//! changes nothing, so none has to be taken back. [`ServerKey`] and [`ClientKey`] tell which machine a message is for;
//! [`Transactions`] keeps many.
//!
//! RFC 6026 (a 2xx does not end a transaction at once) and RFC 4320 (what is never sent to a request that is no INVITE)
//! are part of the machines.

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

pub use client::Client;
pub use derived::{ack, cancel};
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::{ClientKey, ServerKey};
pub use server::Server;
pub use table::{Received, Transactions};

/// One thing that a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes: a request to where the first went, a response to where the request came from.
    Send(Bytes),
    /// Tell the machine when this time has passed. A timer that is armed already begins anew.
    Arm(Timer, Duration),
    /// The message that was handed in is news: pass it on to whoever uses the transaction.
    Deliver,
    /// Tell whoever uses the transaction that it failed.
    Fail(Failure),
    /// Forget the machine, and its timers.
    End,
}

/// Why a transaction failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Nobody answered, or acknowledged, in time: as good as a 408 to the user (§8.1.3.1), which a proxy never passes on
    /// for a request that is no INVITE (RFC 4320 §4.2).
    Timeout,
    /// The connection broke: as good as a 503.
    Transport,
}

/// The timers of §17, RFC 6026 and RFC 4320, by the letters that those give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Sends an INVITE again.
    A,
    /// Gives an INVITE up that nobody answers.
    B,
    /// Waits for a refusal to be repeated.
    D,
    /// Sends another request again.
    E,
    /// Gives another request up.
    F,
    /// Sends a refusal of an INVITE again.
    G,
    /// Gives up waiting for the ACK.
    H,
    /// Waits for the ACK to be repeated.
    I,
    /// Waits for another request to be repeated.
    J,
    /// Waits for another request's answer to be repeated.
    K,
    /// Waits for an INVITE to be repeated that was accepted.
    L,
    /// Waits for a 2xx to be repeated, or to come from somebody else.
    M,
    /// Says 100, if nothing else was said.
    Trying,
}

/// Whether the transport sees to it that what is sent arrives: TLS, TCP and WebSocket do, UDP does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// Nothing is sent twice.
    Reliable,
    /// Whatever is not answered is sent again.
    Unreliable,
}

/// The times that all others are made of (§17.1.1.1, §17.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a message is under way, and back.
    pub t1: Duration,
    /// The longest time between two repetitions.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Timing {
    /// What RFC 3261 has everybody use.
    pub const DEFAULT: Self =
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    /// After how long everybody gives up.
    pub(crate) fn give_up(self) -> Duration {
        64 * self.t1
    }

    /// When a client's timer E comes to be T2 (RFC 4320 §4.1).
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

/// How long a refusal may be repeated where messages get lost (RFC 6026 §8.4): whoever repeats it has a T1 of its own.
const REFUSAL_REPEATED: Duration = Duration::from_secs(32);
