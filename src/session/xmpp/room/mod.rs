//! What a client may send to a room (XEP-0045): each kind of stanza in a file of its own.

pub(in crate::session) mod activity;
pub mod admin;
mod ask;
pub mod disco;
pub(in crate::session) mod following;
pub mod iq;
pub mod letter;
pub mod message;
pub mod owner;
pub mod presence;
pub mod register;
pub(in crate::session) mod relay;
mod search;
