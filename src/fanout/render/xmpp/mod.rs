//! What an XMPP client reads of a room (XEP-0045 §7–§10): messages, presence and notices.

pub mod archive;
pub mod listing;
pub mod message;
pub mod notice;
pub mod packet;
pub mod presence;
mod write;
