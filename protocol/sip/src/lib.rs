//! SIP without I/O: bytes and a time in, bytes and events out.
//!
//! | module | what |
//! |---|---|
//! | [`framer`] | the bytes of a stream to whole messages (RFC 3261 §18.3, RFC 5626 §4.4.1) |
//! | [`message`] | requests and responses: an index over their headers, checks, writing (§7, §8) |
//! | [`header`] | what the values of headers mean (§20, §25) |
//! | [`uri`] | addresses, and when two of them lead to the same (§19) |
//! | [`transaction`] | a request and its answers: retransmission, timeouts, matching (§17, RFC 6026, RFC 4320) |
//! | [`dialog`] | two sides that know each other: identity, order, routes, forks (§12), session timers (RFC 4028) |
//! | [`limits`] | how much of everything there may be |
//!
//! What is absent: sockets, tasks, clocks, randomness, databases. Whoever calls passes them in.

#![warn(missing_docs)]

pub mod dialog;
pub mod framer;
mod grammar;
pub mod header;
pub mod limits;
pub mod message;
mod method;
mod status;
pub mod transaction;
pub mod uri;

pub use method::Method;
pub use status::Status;
