//! In the rooms (XEP-0045): joining, making a room that is not there yet, and hearing what is said.

use perch_checker::{Acknowledgement, Event};

use super::Client;
use crate::problem::Problem;
use crate::xmpp::{CLIENT, DELAY, Element, FORM, MUC, MUC_OWNER, MUC_USER, STANZA_ID, Stream, escape};

impl Client {
    /// Returns once the client is in the room; asks for entry unless that was done before a resumption.
    pub(super) async fn join(&mut self, stream: &mut Stream, room: usize) -> Result<(), Problem> {
        let own_address = format!("{}/{}", self.rooms[room].address, self.name);
        if !std::mem::replace(&mut self.rooms[room].is_asked, true) {
            let history = self.habits.history;
            let presence = format!(
                "<presence to='{}'><x xmlns='{MUC}'><history maxstanzas='{history}'/></x></presence>",
                escape(&own_address)
            );
            self.send(stream, presence, None).await?;
        }
        while !self.rooms[room].is_present {
            let presence = self.next(stream).await?;
            if !presence.is("presence", CLIENT) || presence.attribute("from") != Some(&own_address) {
                continue;
            }
            if let Some(why) = presence.error() {
                self.rooms[room].is_asked = false;
                return Err(Problem::Refused { what: "entry to a room", why });
            }
            if has_status(&presence, "201") {
                self.make_persistent(stream, room).await?;
            }
        }
        Ok(())
    }

    /// A new room is locked until it is configured; it has to outlive its occupants, who are all cut at once.
    async fn make_persistent(&mut self, stream: &mut Stream, room: usize) -> Result<(), Problem> {
        let address = self.rooms[room].address.clone();
        let form = format!(
            "<query xmlns='{MUC_OWNER}'><x xmlns='{FORM}' type='submit'>\
             <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>\
             <field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query>"
        );
        self.request(stream, "a room's configuration", ("set", &address, &form)).await?;
        Ok(())
    }

    pub(super) fn take_presence(&mut self, presence: &Element) -> Result<(), Problem> {
        let Some((room, nick)) = self.sender(presence) else { return Ok(()) };
        if nick != self.name {
            return Ok(());
        }
        match presence.attribute("type") {
            None if has_status(presence, "110") && !self.rooms[room].is_present => {
                self.rooms[room].is_present = true;
                self.note(|client, session| Event::Join {
                    client,
                    session,
                    room: self.rooms[room].name.as_str().into(),
                });
                Ok(())
            }
            Some("unavailable") if self.rooms[room].is_present => {
                // A session that is resumed after this has to ask for entry: it was told, and is not told again.
                self.be_out(room, "put out");
                Err(Problem::Refused { what: "to let a client stay in its room", why: statuses(presence) })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn take_message(&mut self, message: &Element) {
        let Some((room, _)) = self.sender(message) else { return };
        let Some(id) = message.attribute("id") else { return };
        if let Some(reason) = message.error() {
            let number = self.number(id);
            if let Some(post) = number.and_then(|number| self.outstanding.remove(&number)) {
                self.note(|client, session| Event::Fail {
                    client,
                    session,
                    room: self.rooms[post.room].name.as_str().into(),
                    id: id.to_owned().into(),
                    reason: reason.into(),
                });
            }
            return;
        }
        if message.attribute("type") == Some("groupchat") && message.child("body", CLIENT).is_some() {
            self.hear(message, room, id);
        }
    }

    fn hear(&mut self, message: &Element, room: usize, id: &str) {
        let by_room = |element: &&Element| {
            element.is("stanza-id", STANZA_ID) && element.attribute("by") == Some(&self.rooms[room].address)
        };
        let stanza_id = message.children().find(by_room).and_then(|element| element.attribute("id"));
        self.note(|client, session| Event::Recv {
            client,
            session,
            room: self.rooms[room].name.as_str().into(),
            id: id.to_owned().into(),
            stanza_id: stanza_id.map(|id| id.to_owned().into()),
            delayed: message.child("delay", DELAY).is_some(),
        });
        let Some(stanza_id) = stanza_id else { return };
        // The search for posts of unknown outcome has to begin where the cut was, whatever was heard since.
        if !self.unsettled.values().any(|post| post.room == room) {
            self.rooms[room].cursor = Some(stanza_id.to_owned());
        }
        let Some(number) = self.number(id) else { return };
        if let Some(post) = self.outstanding.remove(&number).or_else(|| self.unsettled.remove(&number)) {
            self.note_ok(&post, Some(stanza_id), Acknowledgement::Reflection);
        }
    }

    /// The room and the nick that a stanza is from.
    fn sender<'a>(&self, stanza: &'a Element) -> Option<(usize, &'a str)> {
        let from = stanza.attribute("from")?;
        let (address, nick) = from.split_once('/').unwrap_or((from, ""));
        let room = self.rooms.iter().position(|room| room.address == address)?;
        Some((room, nick))
    }

    /// The number of a post of this client's own.
    pub(super) fn number(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.name)?.strip_prefix(':')?.parse().ok()
    }
}

fn has_status(presence: &Element, code: &str) -> bool {
    presence.child("x", MUC_USER).is_some_and(|user| {
        user.children().any(|child| child.name == "status" && child.attribute("code") == Some(code))
    })
}

fn statuses(presence: &Element) -> String {
    let user = presence.child("x", MUC_USER);
    let codes = user.into_iter().flat_map(Element::children).filter_map(|child| child.attribute("code"));
    format!("status {}", codes.collect::<Vec<_>>().join(", "))
}
