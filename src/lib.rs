//! perch: rooms whose conversation outlives every session.

pub mod auth;
pub mod chat;
pub mod clock;
pub mod config;
pub mod listener;
pub mod telemetry;
pub mod store;
