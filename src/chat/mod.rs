//! The words of the domain, as plain data: what may be asked of a room, what happened in it, and why it refused.
//!
//! Nothing here knows a protocol, a database or a task. Every other module speaks these words.

pub mod account;
pub mod administration;
pub mod affiliation;
pub mod answer;
pub mod category;
pub mod command;
pub mod event;
pub mod id;
pub mod message;
pub mod note;
pub mod occupant;
pub mod principal;
pub mod refusal;
pub mod settings;
pub mod snapshot;
pub mod sorted;
pub mod words;
