//! What a client may send to a room (XEP-0045): each kind of stanza in a file of its own.

pub mod message;
pub mod presence;
