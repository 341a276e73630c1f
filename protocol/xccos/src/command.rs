//! What a client may ask for.

use perch_xmpp::xml::Element;

use crate::address::RoomAddress;
use crate::{MESSAGE_CHARACTERS_MAX, NAMESPACE, ROOMS_MAX, STORY_CHARACTERS_MAX};

/// A command, by the id that it has without `cmd:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `requri`: which address serves this client.
    RequestUri,
    /// `getserverinfo`: what the server is and how much it takes.
    ServerInfo {
        /// What the client wants to know, which is told whole and sent back.
        kind: Box<str>,
    },
    /// `getassociations`: the rooms in whose lists the client's user stands.
    Associations,
    /// `join`, and `bjoin`, which names several rooms.
    Join(Vec<RoomAddress>),
    /// `part`.
    Part(RoomAddress),
    /// `bccontext`: the last of what was said in a room.
    Context {
        /// Where.
        room: RoomAddress,
        /// How many messages.
        count: u32,
    },
    /// `chansrch`.
    Search {
        /// Words; none for all rooms.
        criteria: Box<str>,
        /// In descriptions too.
        is_extended: bool,
    },
    /// `getinv`: invitations that came since the client last asked.
    Invitations,
    /// `getpref`: something that the client has put away for its user.
    Preference(Preference),
    /// `setpref`.
    SetPreference(Preference),
    /// `nodespermcreatechild`: the categories in which the client's user may make rooms.
    MayCreateIn,
    /// `getfutok` and `getfdtok`: leave to put a file into a room, or to fetch one.
    FileToken,
}

/// Something that a client puts away under a label of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Under which it is found.
    pub label: Box<str>,
    /// The client's own number of it.
    pub number: Box<str>,
    /// What it is: Base64, as the client wrote it.
    pub content: Box<str>,
}

/// Something to say in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Where.
    pub room: RoomAddress,
    /// The title of a story.
    pub title: Option<Box<str>>,
    /// What, its lines ended by a line feed.
    pub text: Box<str>,
    /// It is to be shown at once, and prominently.
    pub is_alert: bool,
}

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There is no such command.
    Unknown,
    /// Something that it needs is missing.
    Malformed(&'static str),
    /// It names more rooms, or says more, than one may.
    TooMuch(&'static str),
}

impl Command {
    /// Reads the command of that name, from what stands in `cmd`.
    pub(crate) fn read(name: &str, command: &Element) -> Result<Self, Unfit> {
        let data = command.child("data", NAMESPACE);
        let block = |name: &str| data.and_then(|data| data.child(name, NAMESPACE));
        let attribute = |element: &Element, name: &str| -> Box<str> {
            element.attribute(name).unwrap_or_default().into()
        };
        match name.to_ascii_lowercase().as_str() {
            "requri" => Ok(Self::RequestUri),
            "getserverinfo" => Ok(Self::ServerInfo {
                kind: block("sib").map(|sib| attribute(sib, "infoType")).unwrap_or_default(),
            }),
            "getassociations" => Ok(Self::Associations),
            "join" | "bjoin" => rooms(data).map(Self::Join),
            "part" => room(block("chanib")).map(Self::Part),
            "bccontext" => Ok(Self::Context { room: room(block("chanib"))?, count: last(block("bcq"))? }),
            "chansrch" => block("qib").map_or(Err(Unfit::Malformed("a search has a qib")), |qib| {
                Ok(Self::Search {
                    criteria: attribute(qib, "criteria"),
                    is_extended: is_true(qib.attribute("extended")),
                })
            }),
            "getinv" => Ok(Self::Invitations),
            "getpref" => preference(block("pref")).map(Self::Preference),
            "setpref" => preference(block("pref")).map(Self::SetPreference),
            "nodespermcreatechild" => Ok(Self::MayCreateIn),
            "getfutok" | "getfdtok" => Ok(Self::FileToken),
            _ => Err(Unfit::Unknown),
        }
    }

    pub(crate) fn rooms_mut(&mut self) -> &mut [RoomAddress] {
        match self {
            Self::Join(rooms) => rooms,
            Self::Part(room) | Self::Context { room, .. } => std::slice::from_mut(room),
            Self::RequestUri
            | Self::ServerInfo { .. }
            | Self::Associations
            | Self::Search { .. }
            | Self::Invitations
            | Self::Preference(_)
            | Self::SetPreference(_)
            | Self::MayCreateIn
            | Self::FileToken => &mut [],
        }
    }

    /// What the id of the reply has behind `rpl:`, if it is not what the command's has behind `cmd:`.
    pub(crate) fn reply_name(&self) -> Option<&'static str> {
        matches!(self, Self::FileToken).then_some("getftok")
    }
}

impl Post {
    /// Reads a `grpchat`. Formatted text beside the plain one is not looked at.
    pub(crate) fn read(element: &Element) -> Result<Self, Unfit> {
        let room = element.attribute("chanUri").and_then(RoomAddress::parse);
        let room = room.ok_or(Unfit::Malformed("chanUri names no room"))?;
        let chat = element.child_text("chat", NAMESPACE).ok_or(Unfit::Malformed("there is no chat"))?;
        let chat = chat.replace("\r\n", "\n").replace('\r', "\n");
        let story = chat.strip_prefix(STORY).map(|story| story.split_once('\n').unwrap_or((story, "")));
        let (title, text) = match story {
            Some((title, text)) => (Some(title.trim().into()), text),
            None => (None, &*chat),
        };
        let max = if title.is_some() { STORY_CHARACTERS_MAX } else { MESSAGE_CHARACTERS_MAX };
        if chat.chars().count() > max {
            return Err(Unfit::TooMuch("a text that is too long"));
        }
        if text.is_empty() {
            return Err(Unfit::Malformed("there is no text"));
        }
        Ok(Self { room, title, text: text.into(), is_alert: is_true(element.attribute("alert")) })
    }
}

fn rooms(data: Option<&Element>) -> Result<Vec<RoomAddress>, Unfit> {
    let blocks = data.into_iter().flat_map(Element::children);
    let named = blocks.filter(|block| block.is("chanid", NAMESPACE)).map(|block| {
        let [domain, id] = ["domain", "value"].map(|name| block.attribute(name).unwrap_or_default());
        RoomAddress::of_parts(domain, id).ok_or(Unfit::Malformed("a chanid names no room"))
    });
    let rooms = named.take(ROOMS_MAX + 1).collect::<Result<Vec<_>, _>>()?;
    match rooms.len() {
        0 => Err(Unfit::Malformed("there is no chanid")),
        1..=ROOMS_MAX => Ok(rooms),
        _ => Err(Unfit::TooMuch("too many rooms at once")),
    }
}

fn room(block: Option<&Element>) -> Result<RoomAddress, Unfit> {
    let uri = block.and_then(|block| block.attribute("uri"));
    uri.and_then(RoomAddress::parse).ok_or(Unfit::Malformed("no chanib names a room"))
}

fn last(query: Option<&Element>) -> Result<u32, Unfit> {
    let last = query.and_then(|query| query.child("last", NAMESPACE));
    let count = last.and_then(|last| last.attribute("cnt")?.parse().ok());
    count.ok_or(Unfit::Malformed("a bcq says how many of the last messages"))
}

fn preference(block: Option<&Element>) -> Result<Preference, Unfit> {
    let text = |name| block.and_then(|block| block.attribute(name)).unwrap_or_default();
    if text("label").is_empty() {
        return Err(Unfit::Malformed("a pref has a label"));
    }
    let [label, number, content] = ["label", "seqid", "content"].map(text).map(Into::into);
    Ok(Preference { label, number, content })
}

/// Both ways to write it that clients have.
fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
}

/// What a story begins with: its title is the rest of the line.
pub(crate) const STORY: &str = "[STORY]";
