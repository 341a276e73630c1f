//! perch: rooms whose conversation outlives every session.

pub mod chat;
pub mod clock;
pub mod fanout;
pub mod store;
