//! XML as RFC 6120 §11 allows it, and nothing beside.
//!
//! Bytes come in through the [`framer`], which cuts them into whole first-level items, and the [`gate`], which lets
//! only strictly well-formed, restricted XML pass. What goes out is written by [`Element`] and [`write`].
//!
//! Invariant: bytes that the gate let through can be placed in any stanza whose default namespace is
//! `jabber:client`; every parser reads the same content from them.

mod cut;
pub mod element;
mod error;
pub mod framer;
pub mod gate;
mod limits;
mod name;
mod namespace;
pub(crate) mod read;
mod scope;
mod tag;
mod text;
pub mod write;

pub use element::{Element, Node};
pub use error::GateError;
pub use framer::Framer;
pub use gate::{Item, StreamHeader};
pub use limits::Limits;
pub(crate) use namespace::Namespace;
pub(crate) use text::with_plain_line_ends;
