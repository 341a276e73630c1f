//! Requests to a room or to an occupant (XEP-0045 §6, §8–§10, XEP-0410, XEP-0425): each goes to the file that knows it.

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Stanza, iq_result};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use crate::chat::answer::{Answer, OccupantAddress};
use crate::chat::command::{Command, Query};
use crate::chat::id::MessageId;
use crate::chat::refusal::Refusal;
use crate::session::Session;

/// What a request came to.
pub(super) enum Outcome {
    Result(Option<Element>),
    Refused(Refusal),
    /// A condition that no rule of a room gives.
    Error(StanzaCondition),
    /// The answer comes from somebody else.
    Relayed,
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Session {
    /// An iq to `room@domain` or `room@domain/nick`.
    pub(in crate::session) async fn room_iq(&mut self, number: u64, stanza: &Stanza, to: &Jid) {
        if matches!(stanza.type_.as_deref(), Some("result" | "error")) {
            self.services.relays.finish(stanza);
            return self.done(number);
        }
        let name = to.local().unwrap_or_default();
        let outcome = match (stanza.type_.as_deref(), to.resource()) {
            (Some("get" | "set"), None) => self.ask_room(number, stanza, name).await,
            (Some("get" | "set"), Some(nick)) => self.ask_occupant(number, stanza, name, nick).await,
            _ => Outcome::Error(StanzaCondition::BadRequest),
        };
        match outcome {
            Outcome::Result(payload) => {
                self.reply(&iq_result(stanza, payload));
                self.done(number);
            }
            Outcome::Refused(refusal) => self.refuse_with(number, stanza, &refusal),
            Outcome::Error(condition) => self.refuse(number, stanza, condition),
            Outcome::Relayed => self.done(number),
        }
    }

    async fn ask_room(&mut self, number: u64, stanza: &Stanza, room: &str) -> Outcome {
        let Some(child) = stanza.children().next() else {
            return Outcome::Error(StanzaCondition::BadRequest);
        };
        let is_set = stanza.type_.as_deref() == Some("set");
        match (child.namespace(), is_set) {
            (namespace::PING, false) => Outcome::Result(None),
            (namespace::MODERATE, true) => self.moderate(number, &child.element(), room).await,
            _ => Outcome::Error(StanzaCondition::ServiceUnavailable),
        }
    }

    /// XEP-0425 §4: a moderator takes a message out.
    async fn moderate(&mut self, number: u64, request: &Element, room: &str) -> Outcome {
        let target = request.attribute("id").and_then(MessageId::parse);
        let (Some(target), Some(_)) = (target, request.child("retract", namespace::RETRACT)) else {
            return Outcome::Error(StanzaCondition::ItemNotFound);
        };
        let reason = request.child_text("reason", namespace::MODERATE).unwrap_or_default().into();
        let command = Command::Moderate { target: target.seq(), target_author: None, reason };
        self.execute(number, room, command).await
    }

    /// What goes to an occupant is passed on by the room, which knows the real address (XEP-0045 §17.4).
    async fn ask_occupant(&mut self, number: u64, stanza: &Stanza, room: &str, nick: &str) -> Outcome {
        let query = Query::Occupant { nick: nick.into() };
        let address = match self.services.rooms.query(room, self.actor(Some(number)), query).await {
            Ok(Answer::Occupant(address)) => address,
            Ok(_) => return Outcome::Error(StanzaCondition::InternalServerError),
            Err(refusal) => return refusal.into(),
        };
        // XEP-0410 §3.3: a ping to one's own nick asks the room whether one is still inside.
        if address.is_asker && stanza.has("ping", namespace::PING) {
            return Outcome::Result(None);
        }
        self.relay_to_occupant(stanza, room, &address).await
    }

    async fn relay_to_occupant(&mut self, stanza: &Stanza, room: &str, address: &OccupantAddress) -> Outcome {
        // A vCard belongs to the person and not to a device (XEP-0045 §17.4).
        let is_of_person = stanza.has("vCard", namespace::VCARD) || stanza.has("pubsub", namespace::PUBSUB);
        let responder: Jid = match address.sessions.first() {
            _ if is_of_person => address.jid.clone().into(),
            Some(session) => session.clone().into(),
            None => return Outcome::Refused(Refusal::NoSuchOccupant),
        };
        let Some(nick) = self.joined.get(room).cloned() else { return Outcome::Refused(Refusal::NotAnOccupant) };
        let now = self.services.clock.now();
        let begun = self.services.relays.begin(self.mailbox.clone(), stanza, responder.as_str(), now);
        let Some(token) = begun else { return Outcome::Error(StanzaCondition::ResourceConstraint) };
        let from = format!("{room}@{}/{nick}", self.services.rooms.domain());
        self.relay_request(stanza, &from, &responder, &token).await;
        Outcome::Relayed
    }

    /// Asks the room for a change and waits for the outcome.
    pub(super) async fn execute(&mut self, number: u64, room: &str, command: Command) -> Outcome {
        match self.services.rooms.execute(room, self.actor(Some(number)), command).await {
            Ok(()) => Outcome::Result(None),
            Err(refusal) => refusal.into(),
        }
    }
}
