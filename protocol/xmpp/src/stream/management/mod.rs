//! Stream management (XEP-0198): who has handled how many stanzas, and what to send again.
//!
//! [`Inbound`] counts what the client sent, [`Outbound`] keeps what it has not acknowledged, [`element`] reads and
//! writes the words that the two sides exchange. Counting begins at `<enable/>` and goes on over resumptions.

pub mod element;
mod inbound;
mod outbound;

pub use element::Request;
pub use inbound::Inbound;
pub use outbound::{Bounds, HandledCountTooHigh, Outbound, QueueFull};
