//! The rooms of a conversation: who is in them, as far as the session may know, and what is said in them.
//!
//! Somebody is known by his address where the room shows it to this session, and else by that of the occupant.

use std::collections::BTreeMap;

use perch_address::{BareJid, Jid};
use perch_xccos::block::{self, Rights, Said};
use perch_xccos::{RoomAddress, reply};
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};

use super::Conversation;
use crate::sip::address::to_sip;

/// A room that the session is in, or is about to enter.
pub(super) struct Seat {
    address: RoomAddress,
    /// Under which the session is inside.
    nick: Option<Box<str>>,
    /// What the room calls its user by for good, whatever his nick (XEP-0421).
    own_id: Option<Box<str>>,
    /// Who is inside, by nick.
    pub(super) people: BTreeMap<Box<str>, Person>,
    pub(super) topic: Option<String>,
    /// The client knows who is inside, and so is told of changes.
    pub(super) is_told: bool,
}

pub(super) struct Person {
    pub(super) uri: String,
    pub(super) rights: Rights,
}

impl Conversation {
    pub(super) fn take_seat(&mut self, jid: &BareJid) {
        let local = jid.local().unwrap_or_default();
        self.rooms.entry(local.into()).or_insert_with(|| Seat {
            address: RoomAddress { domain: jid.domain().into(), id: local.into(), named: None },
            nick: None,
            own_id: None,
            people: BTreeMap::new(),
            topic: None,
            is_told: false,
        });
    }

    /// A room was not entered. If the session was in it before, it still is.
    pub(super) fn leave_seat(&mut self, jid: &BareJid) {
        let local = jid.local().unwrap_or_default();
        if self.rooms.get(local).is_some_and(|seat| seat.nick.is_none()) {
            self.rooms.remove(local);
        }
    }

    /// The client leaves, and wants to hear no more of the room.
    pub(super) fn quieten(&mut self, room: &RoomAddress) {
        if let Ok(jid) = self.room(room)
            && let Some(seat) = self.rooms.get_mut(jid.local().unwrap_or_default())
        {
            seat.is_told = false;
        }
    }

    pub(super) fn hear_presence(&mut self, presence: &Element) {
        let Some((from, nick)) = self.occupant(presence) else { return };
        let Some(user) = presence.child("x", namespace::MUC_USER) else { return };
        let has = |code: &str| {
            user.children().any(|child| child.name() == "status" && child.attribute("code") == Some(code))
        };
        let is_own = has("110");
        let own_uri = is_own.then(|| to_sip(self.account.as_jid()));
        let Some(seat) = self.rooms.get_mut(from.local().unwrap_or_default()) else { return };
        let is_gone = presence.attribute("type") == Some("unavailable");
        // A new nick is told as a departure under the old one.
        let is_renamed = is_gone && has("303");
        if is_gone {
            let known = seat.people.remove(&*nick);
            let is_news = known.is_some() && seat.is_told && !is_renamed;
            if let Some(person) = known.filter(|_| is_news) {
                let room = block::room(&seat.address).with_child(block::person(&person.uri));
                self.outbox.push_back(reply::notice("part", room));
            }
            if is_own && !is_renamed {
                self.rooms.remove(from.local().unwrap_or_default());
            }
            return;
        }
        let item = user.child("item", namespace::MUC_USER);
        let real = item.and_then(|item| Jid::new(item.attribute("jid")?).ok());
        let uri = own_uri.or_else(|| real.map(|real| to_sip(real.bare().as_jid())));
        let person = Person { uri: uri.unwrap_or_else(|| to_sip(&from)), rights: rights(item) };
        if is_own {
            seat.nick = Some(nick.clone());
            seat.own_id = occupant_id(presence).map(Into::into);
        }
        let is_known = seat.people.values().any(|known| known.uri == person.uri);
        if seat.is_told && !is_known {
            let joined =
                block::person(&person.uri).with_child(block::rights_in(person.rights, &seat.address));
            self.outbox.push_back(reply::notice("join", joined));
        }
        seat.people.insert(nick, person);
    }

    pub(super) fn hear_message(&mut self, message: &Element) {
        if let Some(result) = message.child("result", namespace::ARCHIVE) {
            let (rooms, own) = (&self.rooms, to_sip(self.account.as_jid()));
            return self.jobs.remember(result.attribute("queryid").unwrap_or_default(), |room| {
                let own_id = rooms.get(&*room.id).and_then(|seat| seat.own_id.as_deref());
                remembered(result, room, own_id.map(|id| (id, own))).map(|said| said.remembered())
            });
        }
        if message.attribute("type") != Some("groupchat") {
            if message.child("body", namespace::CLIENT).is_some() {
                self.jobs.send_back(message);
            }
            return;
        }
        let Some((from, nick)) = self.occupant(message) else { return };
        let now = self.services.clock.now().0;
        let Some(seat) = self.rooms.get_mut(from.local().unwrap_or_default()) else { return };
        let author = seat.people.get(&nick).map_or_else(|| to_sip(&from), |person| person.uri.clone());
        if let Some(said) = said(message, &seat.address, (author, &nick), now) {
            let id = message.child("stanza-id", namespace::STABLE_ID);
            let id = id.and_then(|id| id.attribute("id")).map(str::to_owned);
            self.outbox.push_back(Said { id, ..said }.delivered());
        } else if let Some(topic) = message.child_text("subject", namespace::CLIENT) {
            if seat.is_told {
                let room = block::room(&seat.address).with_attribute("topic", &*topic);
                self.outbox.push_back(reply::notice("chanmodify", room));
            }
            seat.topic = Some(topic);
        }
    }

    /// Who sends a stanza, if it is an occupant of a room, and his nick.
    fn occupant(&self, stanza: &Element) -> Option<(Jid, Box<str>)> {
        let from = Jid::new(stanza.attribute("from")?).ok()?;
        let nick = from.resource()?.into();
        (from.domain() == self.services.rooms_domain.domain()).then_some((from, nick))
    }
}

/// What an occupant may do, as the room tells it.
fn rights(item: Option<&Element>) -> Rights {
    let is = |name, values: &[&str]| {
        item.and_then(|item| item.attribute(name)).is_some_and(|value| values.contains(&value))
    };
    if is("affiliation", &["owner", "admin"]) || is("role", &["moderator"]) {
        Rights::Manager
    } else if is("role", &["visitor"]) {
        Rights::Reader
    } else {
        Rights::Participant
    }
}

/// By what the room knows whoever sends a stanza again.
fn occupant_id(stanza: &Element) -> Option<&str> {
    stanza.child("occupant-id", namespace::OCCUPANT_ID)?.attribute("id")
}

/// A result of the room's archive; `own`: the id in the room, and the URI, of the session's user.
fn remembered(result: &Element, room: &RoomAddress, own: Option<(&str, String)>) -> Option<Said> {
    let forwarded = result.child("forwarded", namespace::FORWARD)?;
    let message = forwarded.child("message", namespace::CLIENT)?;
    let at = forwarded.child("delay", namespace::DELAY).and_then(|delay| delay.attribute("stamp"));
    let from = Jid::new(message.attribute("from")?).ok()?;
    let user = message.child("x", namespace::MUC_USER);
    let item = user.and_then(|user| user.child("item", namespace::MUC_USER));
    let real = item.and_then(|item| Jid::new(item.attribute("jid")?).ok());
    let own = own.filter(|(id, _)| occupant_id(message) == Some(id)).map(|(_, uri)| uri);
    let author = own.or_else(|| real.map(|real| to_sip(real.bare().as_jid())));
    let author = author.unwrap_or_else(|| to_sip(&from));
    let at = at.and_then(datetime::parse)?;
    let said = said(message, room, (author, from.resource().unwrap_or_default()), at)?;
    Some(Said { id: result.attribute("id").map(str::to_owned), ..said })
}

/// What a message says. `None`: nothing to read, or a subject alone.
fn said(message: &Element, room: &RoomAddress, (author, nick): (String, &str), at: i64) -> Option<Said> {
    let text = message.child_text("body", namespace::CLIENT)?;
    let urgency = message.child("headers", namespace::HEADERS).map(|headers| {
        headers.children().any(|header| {
            header.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case("Urgency"))
                && header.text().trim() == "high"
        })
    });
    Some(Said {
        room: room.clone(),
        author,
        name: nick.to_owned(),
        id: None,
        at,
        is_alert: urgency == Some(true),
        title: message.child_text("subject", namespace::CLIENT).filter(|title| !title.is_empty()),
        text,
    })
}
