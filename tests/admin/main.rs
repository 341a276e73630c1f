//! The command line as its users and their scripts meet it: what is printed, where, and the exit code. A file for each of
//! its verbs, named as in `src/cli`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod category;
mod check_config;
mod message;
mod pool;
mod principal;
mod room;
mod scene;
mod serve;
mod usage;
mod user;
