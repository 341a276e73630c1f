//! One XML stream from its first byte to its last (RFC 6120 §4).

pub mod error;
pub mod management;
pub mod negotiation;

pub use error::{StreamCondition, StreamFailure};
pub use negotiation::{Negotiation, NegotiationConfig, Output, Secured, StartTls};
