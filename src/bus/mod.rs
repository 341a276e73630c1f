//! The way from member to member. It carries hints and soft state ([`Note`]); what it loses is found in the store.
//!
//! The set of carriers is closed: an `enum`, no trait. Publishing never waits. What comes from one member comes in the
//! order of its publishing, or a [`Heard::Gap`] says that something of it was lost.

use tokio::sync::mpsc;

use crate::chat::note::{Member, Note};

/// A handle to the bus. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Bus {
    /// The only member of its pool: there is nobody to tell.
    Local,
}

/// What comes from other members. A member does not hear itself.
#[derive(Debug, Clone, PartialEq)]
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

/// Notes that may wait to be looked at.
const HEARD: usize = 8192;

impl Bus {
    /// The bus of a member without others, on which nothing is ever heard.
    pub fn local() -> (Self, mpsc::Receiver<Heard>) {
        let (_nobody, heard) = mpsc::channel(HEARD);
        (Self::Local, heard)
    }

    /// Are there no other members that could be told?
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local)
    }

    /// Tells all other members.
    pub fn publish(&self, _note: Note) {
        match self {
            Self::Local => {}
        }
    }

    /// Tells one member.
    pub fn tell(&self, _member: &str, _note: Note) {
        match self {
            Self::Local => {}
        }
    }
}
