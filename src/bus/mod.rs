//! The way from member to member. It carries hints and soft state ([`Note`]); what it loses is found in the store.
//!
//! | module | what |
//! |---|---|
//! | [`options`] | what the configuration says of it |
//! | `wire` | notes as text: the envelope |
//! | `packing` | notes into counted messages (pure) |
//! | `hearing` | messages into what was heard: repeated, overtaken, missing (pure) |
//! | `outbox` | the queue between publishers and carrier, and signs of life |
//! | `nats`, `postgres` | the carriers |
//! | `model` | the network of a simulation |
//!
//! The set of carriers is closed: an `enum`, no trait. Publishing never waits. What comes from one member comes in the
//! order of its publishing, or a [`Heard::Gap`] says that something of it was lost.

mod hearing;
#[cfg(feature = "simulation")]
pub mod model;
mod nats;
pub mod options;
mod outbox;
mod packing;
mod postgres;
mod wire;

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tokio::sync::mpsc;

use crate::bus::outbox::Outbox;
use crate::bus::packing::To;
use crate::chat::note::{Member, Note};
use crate::store::Store;

pub use options::Options;
pub use outbox::HEARTBEAT;

/// A handle to the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Bus {
    /// The only member of its pool: there is nobody to tell.
    Local,
    Nats(Outbox),
    Postgres(Outbox),
    #[cfg(feature = "simulation")]
    Model(Outbox),
}

/// What comes from other members. A member does not hear itself.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are notes")]
pub enum Heard {
    Note {
        from: Member,
        note: Note,
    },
    /// Notes were lost: of that member, or of all of them. Whatever they would have told is to be read from the store.
    Gap {
        from: Option<Box<str>>,
    },
}

/// Why there is no bus. That its servers do not answer is none: they are tried until they do.
#[derive(Debug, Error)]
pub enum BusError {
    #[error("the bus needs {path}, which cannot be read: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the bus needs {path}, in which nothing is found that it should hold", path = path.display())]
    NoPem { path: PathBuf },
    #[error("the bus cannot be set up: {0}")]
    Refused(String),
}

impl Bus {
    /// The bus of a member without others, on which nothing is ever heard.
    pub fn local() -> (Self, mpsc::Receiver<Heard>) {
        let (_nobody, heard) = mpsc::channel(1);
        (Self::Local, heard)
    }

    /// The bus of the pool of that name over NATS. It is there at once, and works as soon as a server answers.
    pub async fn nats(
        options: &options::Nats,
        pool: &str,
        me: Member,
    ) -> Result<(Self, mpsc::Receiver<Heard>), BusError> {
        let (outbox, heard) = nats::start(options, pool, me).await?;
        Ok((Self::Nats(outbox), heard))
    }

    /// The same over the database that the store is in.
    pub fn postgres(store: Store, pool: &str, me: Member) -> (Self, mpsc::Receiver<Heard>) {
        let (outbox, heard) = postgres::start(store, pool, me);
        (Self::Postgres(outbox), heard)
    }

    /// The same in a simulation.
    #[cfg(feature = "simulation")]
    pub fn model(
        network: &model::Network,
        line: &crate::store::model::Line,
        me: &Member,
    ) -> (Self, mpsc::Receiver<Heard>) {
        let (outbox, heard) = network.join(me, line);
        (Self::Model(outbox), heard)
    }

    /// Are there no other members that could be told?
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local)
    }

    /// Tells all other members.
    pub fn publish(&self, note: Note) {
        self.push(To::All, note);
    }

    /// Tells one member.
    pub fn tell(&self, member: &str, note: Note) {
        self.push(To::Member(member.into()), note);
    }

    /// What the bus's own [`Note::Heartbeat`] says, each second, of the sessions that were published.
    pub fn set_sessions_digest(&self, digest: u64) {
        if let Some(outbox) = self.outbox() {
            outbox.set_sessions_digest(digest);
        }
    }

    /// Returns when what was published before is on its way, or when that takes too long.
    pub async fn flush(&self) {
        if let Some(outbox) = self.outbox() {
            outbox.flush().await;
        }
    }

    fn push(&self, to: To, note: Note) {
        if let Some(outbox) = self.outbox() {
            outbox.push(to, note);
        }
    }

    fn outbox(&self) -> Option<&Outbox> {
        match self {
            Self::Local => None,
            Self::Nats(outbox) | Self::Postgres(outbox) => Some(outbox),
            #[cfg(feature = "simulation")]
            Self::Model(outbox) => Some(outbox),
        }
    }
}

/// Notes that may wait to be looked at.
const HEARD: usize = 8192;
