//! The administration over HTTPS, as programs and attackers meet it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attack;
mod client;
mod day;
mod document;
mod limits;
#[path = "../support/plain.rs"]
#[expect(dead_code, reason = "what the tests of streams need beside it")]
mod plain;
mod schema;
mod tour;
