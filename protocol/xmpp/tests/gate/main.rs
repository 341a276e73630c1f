//! The gate from outside: whatever a peer may send, in whatever pieces.

mod accepts;
mod corpus;
mod differential;
mod element;
mod framing;
mod properties;
mod refuses;
mod spelling;
mod stanza;
