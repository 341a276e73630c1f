//! XCCOS without I/O: what persistent-chat clients say within a dialog of SIP ([MS-XCCOSIP]).
//!
//! A client sends one document, the *envelope*, in each INFO: commands, or something to say in a room. The server answers
//! with documents of its own: replies, notices, and what was said. XML is read by the gate of `perch-xmpp`: strictly,
//! with bounds on everything, and without entities, processing instructions and comments.
//!
//! | module | what |
//! |---|---|
//! | [`envelope`] | a client's document: read, or refused |
//! | [`command`] | what a client may ask for |
//! | [`address`] | how rooms and categories are named |
//! | [`block`] | what is told of rooms, people and messages |
//! | [`reply`] | the server's documents: replies, notices, posts |
//!
//! What is absent: SIP, sockets, rooms. Whoever calls knows what is asked, and says how it went.
//!
//! [MS-XCCOSIP]: https://learn.microsoft.com/openspecs/office_protocols/ms-xccosip

#![warn(missing_docs)]

pub mod address;
pub mod block;
pub mod command;
pub mod envelope;
pub mod reply;

pub use address::RoomAddress;
pub use command::{Command, Post};
pub use envelope::{Asked, Envelope, EnvelopeError, Item, Reference};

/// The namespace of all elements.
pub const NAMESPACE: &str = "urn:parlano:xml:ns:xccos";

/// Bytes of a client's document, and of the server's, unless a single item is longer.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Commands, and texts, in one envelope.
pub const ITEMS_MAX: usize = 32;

/// Rooms that one command names.
pub const ROOMS_MAX: usize = 128;

/// Characters of a message, as the server tells its clients; one that is longer is refused.
pub const MESSAGE_CHARACTERS_MAX: usize = 8_000;

/// Characters of a story, with its title.
pub const STORY_CHARACTERS_MAX: usize = 16_000;
