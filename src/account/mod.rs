//! Accounts: a person's log, roster, presence and nodes, built as rooms are.
//!
//! `state` decides and applies, each feature in a file of its own beside it; all of that is pure. `task` runs one
//! account and is, with `directory`, the only place that waits. Accounts never wait for one another: what one has for
//! another stands in the other's log or is handed over without waiting, and what one must know of another is read
//! from its `face`.

mod blocking;
mod blocklist;
pub(crate) mod capability;
mod commands;
mod delivery;
mod desk;
pub mod directory;
mod elsewhere;
mod face;
mod handle;
mod letters;
mod moving;
mod pep;
mod presence;
mod refusal;
mod remote;
mod roster;
#[cfg(test)]
mod scene;
mod session;
mod state;
mod subscription;
mod task;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use directory::Accounts;
pub(crate) use directory::refusal_of;
pub(crate) use face::Face;
pub use handle::AccountHandle;
pub(crate) use handle::{Answer, Command};
pub(crate) use letters::Draft;
pub(crate) use moving::Held;
pub(crate) use pep::{Field, PepCommand, Photo, Publication, fields_of};
pub(crate) use presence::Appearance;
pub(crate) use refusal::{condition, error_element};
pub(crate) use roster::{RosterAnswer, RosterItem};
pub(crate) use session::Capabilities;
