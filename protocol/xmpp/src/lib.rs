//! XMPP without I/O: bytes and a time in, bytes and events out.
//!
//! | module | what |
//! |---|---|
//! | [`xml`] | the strict gate: chunks of bytes to whole, well-formed stanzas; elements; writing |
//! | [`stanza`] | message, presence, iq: addressing and stanza errors (RFC 6120 §8) |
//! | [`stream`] | opening, securing, authenticating, binding and resuming a stream (RFC 6120 §4–§7, XEP-0198) |
//! | [`sasl`] | the mechanisms: SCRAM with and without channel binding, PLAIN, EXTERNAL |
//! | [`extension`] | payloads that several extensions share: data forms, pages |
//! | [`datetime`] | XEP-0082 |
//! | [`namespace`] | every namespace, by the word this project uses for it |
//!
//! What is absent: sockets, tasks, clocks, randomness, databases. Whoever calls passes them in.

#![warn(missing_docs)]

pub mod datetime;
pub mod extension;
pub mod namespace;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod xml;
