//! One XML stream from its first byte to its last (RFC 6120 §4).

pub mod error;
