//! A client's document.

use perch_xmpp::xml::{Element, GateError};
use thiserror::Error;

use crate::address::RoomAddress;
use crate::command::{Command, Post, Unfit};
use crate::reply::POST;
use crate::{BODY_BYTES_MAX, ITEMS_MAX, NAMESPACE};

/// What a client sends at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// In their order.
    pub items: Vec<Item>,
}

/// One thing in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A command, which is answered by a reply whatever it is.
    Command(Asked),
    /// Something to say in a room, or why it cannot be said.
    Post(Result<Post, Unfit>),
}

/// A command, and how its reply refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The id of the reply, without `rpl:`.
    pub name: Box<str>,
    /// Which command it is.
    pub reference: Reference,
    /// What is asked for.
    pub command: Result<Command, Unfit>,
}

/// Which command a reply answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The client's id of its envelope.
    pub envelope: Box<str>,
    /// The client's number of the command in it.
    pub sequence: Box<str>,
}

/// Why a body is no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// It is longer than one may be.
    #[error("longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// It is not XML, or has what no document here may have.
    #[error("no XML that can be read: {0}")]
    Xml(#[from] GateError),
    /// It is some other document.
    #[error("no xccos document")]
    Other,
    /// There is nothing in it, too much, or what is not a client's to say.
    #[error("neither commands nor something to say, or too many of them")]
    Items,
}

impl Envelope {
    /// Reads the body of an INFO.
    pub fn parse(body: &[u8]) -> Result<Self, EnvelopeError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(EnvelopeError::TooLong);
        }
        let document = Element::parse(without_declaration(body), "")?;
        if !document.is("xccos", NAMESPACE) {
            return Err(EnvelopeError::Other);
        }
        let id = document.attribute("envid").unwrap_or_default();
        let items: Option<Vec<Item>> = document.children().map(|child| item(child, id)).collect();
        let items = items.filter(|items| (1..=ITEMS_MAX).contains(&items.len()));
        items.map(|items| Self { items }).ok_or(EnvelopeError::Items)
    }

    /// Every room that is named in it.
    pub fn rooms_mut(&mut self) -> impl Iterator<Item = &mut RoomAddress> {
        self.items.iter_mut().flat_map(|item| match item {
            Item::Command(Asked { command: Ok(command), .. }) => command.rooms_mut(),
            Item::Post(Ok(post)) => std::slice::from_mut(&mut post.room),
            Item::Command(_) | Item::Post(Err(_)) => &mut [],
        })
    }
}

fn item(element: &Element, envelope: &str) -> Option<Item> {
    if element.is(POST, NAMESPACE) {
        return Some(Item::Post(Post::read(element)));
    }
    if !element.is("cmd", NAMESPACE) {
        return None;
    }
    let id = element.attribute("id").unwrap_or_default();
    let (prefix, name) = id.split_once(':').unwrap_or(("", id));
    let command = match prefix.eq_ignore_ascii_case("cmd") {
        true => Command::read(name, element),
        false => Err(Unfit::Unknown),
    };
    let of_reply = command.as_ref().ok().and_then(Command::reply_name);
    Some(Item::Command(Asked {
        name: of_reply.unwrap_or(name).into(),
        reference: Reference {
            envelope: envelope.into(),
            sequence: element.attribute("seqid").unwrap_or_default().into(),
        },
        command,
    }))
}

/// Some clients begin with an XML declaration, which the gate does not let pass; in UTF-8 it says nothing.
fn without_declaration(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let declaration = body.strip_prefix(b"<?xml ");
    let end =
        declaration.and_then(|rest| rest.windows(2).position(|two| two == b"?>").map(|at| &rest[at + 2..]));
    end.unwrap_or(body)
}
