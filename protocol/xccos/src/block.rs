//! What is told of rooms, people and messages.

use perch_xmpp::datetime;
use perch_xmpp::xml::Element;

use crate::NAMESPACE;
use crate::address::RoomAddress;
use crate::command::{Preference, STORY};
use crate::reply::POST;

/// What a person may do in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// See and read.
    Reader,
    /// Speak, too.
    Participant,
    /// Manage it.
    Manager,
}

impl Rights {
    /// The set of permissions, as a mask: join is 2⁷, speak 2⁸, read 2¹⁰, see 2¹¹, manage 2², and four that clients do not
    /// look at. They know the sums of the last two by heart.
    pub fn mask(self) -> u32 {
        match self {
            Self::Reader => 3984 & !(1 << 8),
            Self::Participant => 3984,
            Self::Manager => 12276,
        }
    }
}

/// A room, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The URI of its category, if it is told.
    pub category: Option<String>,
    /// What is talked about.
    pub topic: Option<String>,
    /// Whether presenters alone speak in it.
    pub is_auditorium: bool,
    /// How many are in it.
    pub users: Option<u64>,
    /// Whether it is for its members.
    pub is_private: Option<bool>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub room: RoomAddress,
    /// By whom: a URI.
    pub author: String,
    /// What the author is called.
    pub name: String,
    /// The room's own number of it.
    pub id: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Whether it is to be shown at once.
    pub is_alert: bool,
    /// The title of a story.
    pub title: Option<String>,
    /// What.
    pub text: String,
}

impl Room {
    /// The `chanib` of the room, to which who is in it is still to be added.
    pub fn block(&self, address: &RoomAddress) -> Element {
        let behavior = if self.is_auditorium { "AUDITORIUM" } else { "NORMAL" };
        let info = |id: &str, value: &str| {
            element("info").with_attribute("id", format!("urn:parlano:ma:info:{id}")).with_text(value)
        };
        let visibility = self.is_private.map(|is_private| if is_private { "private" } else { "public" });
        room(address)
            .with_attribute("name", &*self.name)
            .with_attribute("description", &*self.description)
            .with_optional("parent", self.category.as_deref())
            .with_attribute("behavior", behavior)
            .with_optional("topic", self.topic.as_deref())
            .with_children(self.users.map(|users| info("ucnt", &users.to_string())))
            // It is spelled so.
            .with_children(visibility.map(|visibility| info("visibilty", visibility)))
            .with_child(element("prop").with_attribute("id", "urn:parlano:ma:prop:logged").with_text("True"))
            .with_child(
                element("prop").with_attribute("id", "urn:parlano:ma:prop:filepost").with_text("False"),
            )
    }
}

impl Said {
    /// As it is delivered.
    pub fn delivered(&self) -> Element {
        self.element(POST)
    }

    /// As history has it.
    pub fn remembered(&self) -> Element {
        self.element("msg").with_attribute("seqid", "1")
    }

    fn element(&self, name: &str) -> Element {
        let text = self.text.replace('\n', "\r\n");
        let chat = match &self.title {
            Some(title) => format!("{STORY}{title}\r\n{text}"),
            None => text,
        };
        element(name)
            .with_attribute("id", POST)
            .with_attribute("chanUri", self.room.to_uri())
            .with_attribute("author", &*self.author)
            .with_attribute("authdisp", &*self.name)
            .with_attribute("alert", if self.is_alert { "true" } else { "false" })
            .with_optional("chatId", self.id.as_deref())
            .with_attribute("ts", datetime::format(self.at))
            .with_child(element("chat").with_text(&chat))
    }
}

impl Preference {
    /// The `pref` that is sent back.
    pub fn block(&self) -> Element {
        element("pref")
            .with_attribute("label", &*self.label)
            .with_attribute("seqid", &*self.number)
            .with_attribute("createdefault", "false")
            .with_attribute("content", &*self.content)
    }
}

/// A room by its address alone.
pub fn room(address: &RoomAddress) -> Element {
    element("chanib").with_attribute("uri", address.to_uri())
}

/// A person by his URI alone.
pub fn person(uri: &str) -> Element {
    element("uib").with_attribute("uri", uri)
}

/// People who have the same rights, by the ids that they have in the same reply.
pub fn with_rights(rights: Rights, ids: &[usize]) -> Element {
    let ids: Vec<String> = ids.iter().map(usize::to_string).collect();
    element("aib").with_attribute("key", rights.mask().to_string()).with_attribute("value", ids.join(","))
}

/// What rights somebody has in a room.
pub fn rights_in(rights: Rights, room: &RoomAddress) -> Element {
    element("aib")
        .with_attribute("key", rights.mask().to_string())
        .with_attribute("domain", &*room.domain)
        .with_attribute("value", room.escaped_id())
}

/// A room that was not entered, beside those that were.
pub fn failed(room: &RoomAddress) -> Element {
    element("fib")
        .with_attribute("key", "OPERATION_FAILED")
        .with_attribute("domain", &*room.domain)
        .with_attribute("value", room.escaped_name())
}

/// An element of the protocol's own.
pub fn element(name: &str) -> Element {
    Element::new(name, NAMESPACE)
}
