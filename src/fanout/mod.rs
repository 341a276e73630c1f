//! From one committed event to the mailboxes of all who are to see it.
//!
//! An event is rendered once for each way of seeing it, and the bytes are shared. Nothing here waits.

pub mod audience;
pub mod frame;
pub mod mailbox;
pub mod render;
pub mod version;
