//! Entering, making and leaving a room in one line: what most transcripts about rooms begin with.

use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use super::connection::Incoming;
use super::pattern::written;
use super::play::Player;
use super::script::Field;

impl Player<'_> {
    /// Creates the room and opens it with that configuration (XEP-0045 §10.1).
    pub(super) async fn create(
        &mut self,
        who: usize,
        room: &str,
        nick: &str,
        fields: &[Field],
    ) -> Result<(), String> {
        self.enter(who, room, nick).await?;
        self.configure(who, room, fields).await
    }

    /// Changes the configuration, and passes over what that makes occupants hear.
    pub(super) async fn configure(&mut self, who: usize, room: &str, fields: &[Field]) -> Result<(), String> {
        self.submit(who, room, fields).await?;
        for occupant in self.occupants(room) {
            self.settle(occupant).await?;
            let is_notice =
                |came: &Incoming| matches!(came, Incoming::Element(message) if is_notice(message, room));
            self.seats[occupant].connection()?.forget(is_notice);
        }
        Ok(())
    }

    /// Enters the room; everybody who is inside sees it, and nothing of that is left unread.
    pub(super) async fn join(&mut self, who: usize, room: &str, nick: &str) -> Result<(), String> {
        let inside = self.occupants(room);
        self.enter(who, room, nick).await?;
        let address = format!("{room}/{nick}");
        for occupant in inside.into_iter().filter(|occupant| *occupant != who) {
            self.await_presence(occupant, &address, None).await?;
        }
        Ok(())
    }

    pub(super) async fn leave(&mut self, who: usize, room: &str) -> Result<(), String> {
        let nick = self.rooms.remove(&(who, room.to_owned())).ok_or("is not in the room")?;
        let address = format!("{room}/{nick}");
        let presence = Element::new("presence", namespace::CLIENT)
            .with_attribute("type", "unavailable")
            .with_attribute("to", address.as_str());
        self.send(who, &written(&presence)).await?;
        self.await_presence(who, &address, Some("unavailable")).await?;
        for occupant in self.occupants(room) {
            self.await_presence(occupant, &address, Some("unavailable")).await?;
        }
        Ok(())
    }

    /// The clients that came into the room by one line.
    fn occupants(&self, room: &str) -> Vec<usize> {
        let inside = self.rooms.keys().filter(|(who, other)| other == room && self.seats[*who].has_session());
        inside.map(|(who, _)| *who).collect()
    }

    /// Asks to be let in, and reads to the subject, which comes last (XEP-0045 §7.1).
    async fn enter(&mut self, who: usize, room: &str, nick: &str) -> Result<(), String> {
        let presence = Element::new("presence", namespace::CLIENT)
            .with_attribute("to", format!("{room}/{nick}"))
            .with_child(Element::new("x", namespace::MUC));
        self.send(who, &written(&presence)).await?;
        loop {
            let came = self.next_element(who).await?;
            let is_of_room = came.attribute("from").is_some_and(|from| from.split('/').next() == Some(room));
            if is_of_room && came.attribute("type") == Some("error") {
                return Err(format!("{} is not let in: {}", self.name(who), written(&came)));
            }
            if is_of_room && came.child("subject", namespace::CLIENT).is_some() {
                break;
            }
        }
        self.rooms.insert((who, room.to_owned()), nick.to_owned());
        Ok(())
    }

    async fn submit(&mut self, who: usize, room: &str, fields: &[Field]) -> Result<(), String> {
        let mut form = Element::new("x", namespace::DATA_FORM).with_attribute("type", "submit");
        if !fields.is_empty() {
            form.push(field("FORM_TYPE", &[namespace::MUC_ROOM_CONFIG.to_owned()]));
        }
        for Field { name, values } in fields {
            let name = match name.contains('#') {
                true => name.clone(),
                false => format!("muc#roomconfig_{name}"),
            };
            form.push(field(&name, values));
        }
        let id = self.fresh_id();
        let request = Element::new("iq", namespace::CLIENT)
            .with_attribute("type", "set")
            .with_attribute("id", id.as_str())
            .with_attribute("to", room)
            .with_child(Element::new("query", namespace::MUC_OWNER).with_child(form));
        self.send(who, &written(&request)).await?;
        let connection = self.seats[who].connection()?;
        loop {
            match connection.receive().await {
                Some(Incoming::Element(answer)) if answer.attribute("id") == Some(id.as_str()) => {
                    return match answer.attribute("type") {
                        Some("result") => Ok(()),
                        _ => Err(format!("the configuration is refused: {}", written(&answer))),
                    };
                }
                Some(Incoming::End(reason)) => return Err(reason),
                Some(other) => connection.keep(other),
                None => return Err("no answer to the configuration".to_owned()),
            }
        }
    }

    /// Takes the presence of that occupant from what comes; everything else is kept.
    async fn await_presence(&mut self, who: usize, from: &str, type_: Option<&str>) -> Result<(), String> {
        let is_it = |element: &Element| {
            element.is("presence", namespace::CLIENT)
                && element.attribute("from") == Some(from)
                && element.attribute("type") == type_
        };
        let name = self.name(who).to_owned();
        let connection = self.seats[who].connection()?;
        loop {
            match connection.receive().await {
                Some(Incoming::Element(element)) if is_it(&element) => return Ok(()),
                Some(Incoming::End(reason)) => return Err(format!("{name}: {reason}")),
                Some(other) => connection.keep(other),
                None => return Err(format!("{name} does not see the presence of {from}")),
            }
        }
    }
}

/// Whether the message tells that the room's configuration or its lists changed (XEP-0045 §10.2.1, §10.6).
fn is_notice(message: &Element, room: &str) -> bool {
    let is_news = |child: &Element| {
        let is_version = child.is("mav", namespace::AFFILIATION_VERSIONING);
        is_version || ["status", "item"].iter().any(|name| child.is(name, namespace::MUC_USER))
    };
    let x = message.child("x", namespace::MUC_USER);
    message.is("message", namespace::CLIENT)
        && message.attribute("from") == Some(room)
        && x.is_some_and(|x| x.children().all(is_news))
}

fn field(name: &str, values: &[String]) -> Element {
    let values = values.iter().filter(|value| !value.is_empty());
    let values = values.map(|value| Element::new("value", namespace::DATA_FORM).with_text(value));
    Element::new("field", namespace::DATA_FORM).with_attribute("var", name).with_children(values)
}
