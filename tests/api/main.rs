//! The administration over HTTPS, as programs and attackers meet it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attack;
mod client;
mod document;
mod limits;
mod schema;
mod tour;
