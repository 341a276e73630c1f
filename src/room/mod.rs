//! Rooms: their rules (pure), and the task that runs one.
//!
//! `state` decides and applies; each feature has a file of its own beside it. `task` is the only place that waits.

mod creation;
pub mod directory;
mod task;

pub use directory::{Letter, Policy, Rooms};
pub use task::Receipt;
