//! The mechanisms by which a client proves who it is (RFC 6120 §6), server side, without I/O.
//!
//! | module | what |
//! |---|---|
//! | [`exchange`] | one attempt from the client's first message to its success or failure |
//! | [`mechanism`] | the names of the mechanisms, and which of them a stream may offer |
//! | [`scram`] | SCRAM (RFC 5802, RFC 7677): keys, messages, proofs |
//! | [`channel_binding`] | what ties the proof to the TLS session below (RFC 5929, RFC 9266) |
//! | [`failure`] | the conditions of RFC 6120 §6.5 |
//!
//! Invariant: an account that does not exist takes the same steps, sees a salt as stable as any, and meets the
//! same failure as a wrong password does.

pub mod channel_binding;
pub mod exchange;
pub mod failure;
pub mod mechanism;
pub mod scram;

pub use channel_binding::{ChannelBindings, server_end_point};
pub use exchange::{Exchange, Offer, Step};
pub use failure::SaslFailure;
pub use mechanism::Mechanism;
pub use scram::{Credentials, Decoy, ScramHash, ScramKeys};
