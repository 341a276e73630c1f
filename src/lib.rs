//! perch: rooms whose conversation outlives every session.
//!
//! # The way of a message
//!
//! ```text
//! listener -> stream -> session -> room: decide -> store: append (events, projections, journal: one transaction)
//!  socket     bytes     stanza     Command  apply  <-- committed
//! stream <- mailbox <- fanout <--------------+
//! ```
//!
//! Commands travel down and may wait; frames travel up and never wait. Everything is bounded. Nothing is acknowledged,
//! shown or refused before what it rests on is committed.
//!
//! # Who may know whom
//!
//! A module names those of its row and nothing else; `tests/tidy.rs` reads this table and holds the code to it.
//!
//! | module | may name | what it is |
//! |---|---|---|
//! | `chat` | | the words of the domain, as plain data: commands, events, refusals |
//! | `clock` | chat | the only place that reads the time of day |
//! | `telemetry` | | the log: levels, format, and no message text |
//! | `planted` | | bugs for the checks to find, in builds made for that and in no other |
//! | `store` | chat, clock | the truth: logs, projections, journal; SQLite or PostgreSQL |
//! | `bus` | chat, store | the way from member to member of a pool: hints, and what no log has |
//! | `pool` | chat, clock, store, bus | who else is there, who is dead, what is due |
//! | `directory` | chat, clock, store, bus | who belongs where, as of one version of the rights |
//! | `fanout` | chat | one event to many mailboxes, rendered once for each way of seeing it |
//! | `auth` | chat, clock, store, directory | who may sign in: keys, guesses, registration |
//! | `room` | chat, clock, store, bus, directory, fanout | a room's rules (pure), and the task that runs one |
//! | `account` | chat, clock, store, bus, fanout | a person's log, roster, presence and nodes, built as rooms are |
//! | `session` | chat, clock, store, bus, directory, fanout, auth, room, account, admin | a signed-in device: stanzas to commands, outcomes to stanzas |
//! | `listener` | chat, clock, auth | sockets, TLS, limits on strangers, the PROXY protocol |
//! | `stream` | chat, fanout, auth, listener, session | one task per connection: bytes to stanzas, frames to bytes |
//! | `sip` | chat, clock, store, fanout, auth, listener, session | one task per connection of SIP, and one per session on it: requests to stanzas, frames to requests |
//! | `admin` | chat, clock, store, auth, bus, pool, directory, room | every operation of an administrator, typed; the socket that serves it |
//! | `web` | listener, admin | HTTP over TLS: what is served to the network, and its limits |
//! | `config` | chat, bus, auth, directory, listener, room, session, sip, stream, store, telemetry | what the operator wrote, checked |
//! | `server` | all | puts it together, and takes it apart in order |
//! | `cli` | all | the command line: one file per command |
//!
//! # What is absent
//!
//! - `protocol/` knows no socket, task, clock, randomness or database.
//! - The rules of rooms and accounts never wait: their files have no `async`, but for `task` and `directory`.
//! - No room has an owner among the members of a pool, and none is elected: the store's row orders the room.
//!
//! # One word for one thing
//!
//! An *occupant* is a user inside a room; a *member* has an affiliation of that name. A *session* is a signed-in device; a
//! *stream* is one connection. A *log* is the ordered events of a room or an account; a *seq* is a place in it.

/// Whether that bug is planted here. Never, but in builds that try whether the checks find it.
macro_rules! planted {
    ($bug:ident) => {{
        #[cfg(feature = "planted-bugs")]
        let is_planted = $crate::planted::Bug::$bug.is_on();
        #[cfg(not(feature = "planted-bugs"))]
        let is_planted = false;
        is_planted
    }};
}

pub mod account;
pub mod admin;
pub mod auth;
pub mod bus;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod fanout;
pub mod listener;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod pool;
pub mod room;
pub mod server;
pub mod session;
pub mod sip;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod web;
