//! Rooms: the rules, which are pure, and the task that runs one. A command is decided against the room's state, and what
//! it led to is committed, applied and shown.
//!
//! | module | what |
//! |---|---|
//! | [`state`] | [`Room`](state::Room): load, decide, apply, answer |
//! | [`rights`] | who may do what to whom: one pure table |
//! | [`standings`] | the lists of affiliations and reserved nicks, and what they make of a person |
//! | [`scope`] | the category: for whom the room is at all |
//! | [`draft`] | a decision that is being made, with what it would make of the room |
//! | [`occupancy`] | joining, leaving, nicks, lost connections, the large-room rule |
//! | [`speech`], [`subject`], [`voice`], [`retraction`] | what occupants say, and take back |
//! | [`invitation`], [`registration`] | how people come to a room |
//! | [`moderation`], [`affiliation`] | roles and kicks; affiliations and bans |
//! | [`arrangement`] | settings and lists set in one go |
//! | [`configuration`] | creating, configuring and destroying a room |
//! | [`inquiry`], [`listing`] | what a room says of itself; its lists of affiliations to who joins |
//! | [`directory`] | from a name to the running room |
//! | [`creation`] | a join of a name that does not exist |
//! | [`request`] | what reaches a room, and where the answers go |
//! | [`task`], [`decided`] | decide, append, apply, show: the only place here that waits, and what it holds meanwhile |
//!
//! Deciding never changes anything and applying never refuses: what is in the log has happened.

mod affiliation;
pub mod arrangement;
pub mod configuration;
mod creation;
mod decided;
pub mod directory;
mod draft;
mod inquiry;
mod invitation;
mod listing;
mod moderation;
mod occupancy;
mod registration;
mod request;
pub mod retraction;
pub mod rights;
mod scope;
mod speech;
pub mod standings;
pub mod state;
mod subject;
mod task;
mod voice;

pub use directory::letters::{Bag, Letter, Letters, letters};
pub use directory::{Policy, Rooms};
pub use request::Receipt;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod scene;
