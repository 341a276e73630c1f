//! Plays transcripts: conversations between named clients and a server, written down as text.
//!
//! | module | what |
//! |---|---|
//! | [`script`] | the language: text to steps |
//! | [`pattern`] | whether what came is what was to come, and what `{name}` stands for |
//! | [`connection`] | one stream of one client: bytes to elements and back |
//! | [`login`] | from a connection to a session: header, SASL, resource |
//! | [`names`] | what addresses in transcripts stand for |
//! | [`host`] | the server that is spoken to: in this process, or another one |
//! | [`cluster`] | a PostgreSQL of the tests' own |
//! | [`trials`] | tries the language itself |
//! | [`play`] | does one step after the other; [`request`], [`room`], [`silence`] are the larger ones |

#[expect(dead_code, reason = "the store's own tests do more to it")]
pub(crate) mod cluster;
mod connection;
pub(crate) mod host;
mod login;
pub(crate) mod names;
mod pattern;
pub(crate) mod play;
mod request;
mod room;
pub(crate) mod script;
mod silence;
pub(crate) mod trials;
