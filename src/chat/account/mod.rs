//! The words of an account: its contacts, what it keeps, and what happens in its log.
//!
//! Plain data, like everything in [`crate::chat`]. The rules are in `crate::account`, the tables in `crate::store`.

pub mod contact;
pub mod entry;
pub mod node;
pub mod packet;
pub mod preferences;
pub mod refusal;
pub mod snapshot;
