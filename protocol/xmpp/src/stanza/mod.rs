//! Message, presence and iq (RFC 6120 §8).

pub mod error;
