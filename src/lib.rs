//! perch: rooms whose conversation outlives every session.

pub mod admin;
pub mod auth;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod listener;
pub mod server;
pub mod store;
pub mod telemetry;
