//! The way of a request to a room, to an occupant or to the rooms service, and of its answer.

use perch_address::{BareJid, FullJid, Jid};
use perch_xmpp::extension::form::Form;
use perch_xmpp::extension::paging::{PageRequest, page_of};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Stanza, iq_result};
use perch_xmpp::xml::Element;

use crate::chat::account::packet::{IqKind, Packet, PacketKind};
use crate::chat::answer::{Answer, OccupantAddress};
use crate::chat::command::{Command, Query};
use crate::chat::message::Payload;
use crate::chat::note::Note;
use crate::chat::refusal::Refusal;
use crate::session::Session;
use crate::session::xmpp::account::answer_for_person;
use crate::session::xmpp::adhoc::Place;
use crate::session::xmpp::room::disco::{self, ListedRoom};
use crate::session::xmpp::room::iq::{self, Fault, Rendering, Request};
use crate::session::xmpp::room::owner;

/// Rooms that are looked through for one list.
const LISTED_MAX: u32 = 10_000;

/// What a request came to, when its answer is known at once.
type Outcome = Result<Option<Element>, Fault>;

impl Session {
    /// An iq to `room@domain` or `room@domain/nick`.
    pub(in crate::session) async fn room_iq(&mut self, number: u64, stanza: &Stanza, to: &Jid) {
        if matches!(stanza.type_.as_deref(), Some("result" | "error")) {
            self.take_relayed(stanza, to);
            return self.done(number);
        }
        let room = to.bare();
        if to.resource().is_none()
            && let Some(query) = stanza.children().find(|child| child.namespace() == namespace::ARCHIVE)
        {
            let is_set = stanza.type_.as_deref() == Some("set");
            return self.query_room_archive(number, stanza, &room, &query.element(), is_set).await;
        }
        if to.resource().is_none() && self.answer_room_command(number, stanza, Place::Room(&room)).await {
            return;
        }
        let outcome = match to.resource() {
            None => self.ask_room(number, stanza, &room).await.map(Some),
            Some(nick) => self.ask_occupant(number, stanza, &room, nick).await,
        };
        self.conclude(number, stanza, outcome);
    }

    /// An iq to the rooms domain itself.
    pub(in crate::session) async fn rooms_service_iq(&mut self, number: u64, stanza: &Stanza) {
        let search = stanza.children().find(|child| child.is("search", namespace::CHANNEL_SEARCH));
        if let Some(search) = search.filter(|_| stanza.type_.as_deref() == Some("get")) {
            return self.search_rooms(number, stanza, &search.element()).await;
        }
        if self.answer_room_command(number, stanza, Place::RoomsService).await {
            return;
        }
        let outcome = self.ask_service(stanza).await.map(Some);
        self.conclude(number, stanza, outcome);
    }

    async fn answer_room_command(&mut self, number: u64, stanza: &Stanza, place: Place<'_>) -> bool {
        let Some(child) = stanza.children().next() else { return false };
        self.answer_command(number, stanza, place, &child.element()).await
    }

    /// `None`: the answer comes from somebody else.
    fn conclude(&mut self, number: u64, stanza: &Stanza, outcome: Result<Option<Option<Element>>, Fault>) {
        match outcome {
            Ok(Some(payload)) => {
                self.reply(&iq_result(stanza, payload));
                self.done(number);
            }
            Ok(None) => self.done(number),
            Err(Fault::Refused(refusal)) => self.refuse_with(number, stanza, &refusal),
            Err(Fault::Condition(condition)) => self.refuse(number, stanza, condition),
        }
    }

    async fn ask_room(&self, number: u64, stanza: &Stanza, room: &BareJid) -> Outcome {
        let name = room.local().ok_or(StanzaCondition::ServiceUnavailable)?;
        match iq::request(stanza)? {
            Request::Ping => Ok(None),
            Request::Query(query, rendering) => self.query_room(number, room, query, rendering).await,
            Request::Command(command) => self.execute(number, name, command).await,
            Request::Configure(form) => self.configure(number, name, &form).await,
        }
    }

    async fn ask_service(&self, stanza: &Stanza) -> Outcome {
        let Some(query) = stanza.children().next() else { return Err(StanzaCondition::BadRequest.into()) };
        let query = query.element();
        let is_get = stanza.type_.as_deref() == Some("get");
        match (query.namespace(), query.attribute("node")) {
            _ if !is_get => Err(StanzaCondition::ServiceUnavailable.into()),
            (namespace::PING, _) => Ok(None),
            (namespace::DISCO_INFO | namespace::DISCO_ITEMS, Some(node)) if !node.is_empty() => {
                Err(StanzaCondition::ItemNotFound.into())
            }
            (namespace::DISCO_INFO, _) => {
                let url = self.services.rooms.management_url();
                Ok(Some(disco::service_info("Rooms", url.as_deref())))
            }
            (namespace::DISCO_ITEMS, _) => self.list_rooms(&query).await.map(Some),
            _ => Err(StanzaCondition::ServiceUnavailable.into()),
        }
    }

    /// The rooms that are for the asker to find (XEP-0045 §6.3), in pages where the client wants them so.
    async fn list_rooms(&self, query: &Element) -> Result<Element, Fault> {
        let request = PageRequest::of(query).map_err(|_malformed| StanzaCondition::BadRequest)?;
        let unavailable = |_error| Fault::Refused(Refusal::TemporarilyUnavailable);
        let rooms = &self.services.rooms;
        let entries = match rooms.seer(&self.jid.bare()) {
            Ok(seer) => {
                rooms.store().public_rooms(&seer.categories, None, LISTED_MAX).await.map_err(unavailable)?
            }
            // The service answers everybody.
            Err(_) => Vec::new(),
        };
        let domain = rooms.domain();
        let rooms: Vec<ListedRoom> = entries
            .into_iter()
            .filter_map(|entry| {
                let jid = BareJid::from_parts(Some(&entry.name), domain).ok()?;
                Some(ListedRoom { jid, name: entry.title })
            })
            .collect();
        let Some(request) = request else { return Ok(disco::service_items(&rooms, None)) };
        let (rooms, page) =
            page_of(&rooms, |room| room.jid.as_str(), &request).ok_or(StanzaCondition::ItemNotFound)?;
        Ok(disco::service_items(rooms, Some(&page)))
    }

    async fn query_room(&self, number: u64, room: &BareJid, query: Query, rendering: Rendering) -> Outcome {
        let name = room.local().ok_or(StanzaCondition::ServiceUnavailable)?;
        let answer = self.services.rooms.query(name, self.actor(Some(number)), query).await?;
        Ok(iq::answer(room, rendering, &answer))
    }

    async fn configure(&self, number: u64, name: &str, form: &Form) -> Outcome {
        let actor = self.actor(Some(number));
        let Answer::Configuration(current) =
            self.services.rooms.query(name, actor, Query::Configuration).await?
        else {
            return Err(StanzaCondition::InternalServerError.into());
        };
        self.execute(number, name, owner::submission(form, &current)?).await
    }

    async fn execute(&self, number: u64, name: &str, command: Command) -> Outcome {
        self.services.rooms.execute(name, self.actor(Some(number)), command).await?;
        Ok(None)
    }

    /// What goes to an occupant is passed on by the room, which knows the real address (XEP-0045 §17.4).
    async fn ask_occupant(
        &self,
        number: u64,
        stanza: &Stanza,
        room: &BareJid,
        nick: &str,
    ) -> Result<Option<Option<Element>>, Fault> {
        let name = room.local().ok_or(StanzaCondition::ServiceUnavailable)?;
        let query = Query::Occupant { nick: nick.into() };
        let answer = self.services.rooms.query(name, self.actor(Some(number)), query).await;
        // XEP-0045 §6.6: from outside an occupant cannot even be asked what it can do.
        let is_disco = stanza
            .children()
            .any(|child| matches!(child.namespace(), namespace::DISCO_INFO | namespace::DISCO_ITEMS));
        if is_disco && answer == Err(Refusal::NotAnOccupant) {
            return Err(StanzaCondition::BadRequest.into());
        }
        let Answer::Occupant(address) = answer? else {
            return Err(StanzaCondition::InternalServerError.into());
        };
        // XEP-0410 §3.3: a ping to one's own nick asks the room whether one is still inside.
        if address.is_asker && stanza.has("ping", namespace::PING) {
            return Ok(Some(None));
        }
        // A vCard or a node belongs to the person and not to a device (XEP-0045 §17.4): the server answers.
        if stanza.has("vCard", namespace::VCARD) || stanza.has("pubsub", namespace::PUBSUB) {
            let from = self.occupant_address(room)?;
            let answer = answer_for_person(&self.services, from.as_jid(), &address.jid, stanza).await?;
            return Ok(Some(answer));
        }
        self.relay(stanza, room, &address).await?;
        Ok(None)
    }

    /// How this session is known in a room.
    fn occupant_address(&self, room: &BareJid) -> Result<FullJid, Fault> {
        let name = room.local().unwrap_or_default();
        let nick = self.joined.get(name).ok_or(Refusal::NotAnOccupant)?;
        Ok(room.with_resource(nick).map_err(|_malformed| Refusal::NickMalformed)?)
    }

    async fn relay(&self, stanza: &Stanza, room: &BareJid, address: &OccupantAddress) -> Result<(), Fault> {
        let from = self.occupant_address(room)?;
        let responder: Jid = address.sessions.first().ok_or(Refusal::NoSuchOccupant)?.clone().into();
        let now = self.services.clock.now();
        let token = self.services.relays.begin(self.mailbox.clone(), stanza, responder.as_str(), now);
        let token = token.ok_or(StanzaCondition::ResourceConstraint)?;
        self.relay_request(stanza, &from, &responder, &token).await;
        Ok(())
    }

    /// The answer to a request that this member relayed, or another one.
    fn take_relayed(&self, stanza: &Stanza, to: &Jid) {
        let kind = if stanza.type_.as_deref() == Some("error") { IqKind::Error } else { IqKind::Result };
        let answer = Packet {
            kind: PacketKind::Iq(kind),
            from: self.jid.clone().into(),
            to: to.clone(),
            id: stanza.id.as_deref().map(Into::into),
            lang: None,
            payload: Payload(stanza.payload()),
        };
        match stanza.id.as_deref().and_then(|id| self.services.relays.asker_of(id)) {
            Some(member) => self.services.accounts.tell_if_known(member, Note::Relayed { answer }),
            None => self.services.relays.finish(&answer),
        }
    }

    /// The request as the responder sees it: from the asker's place in the room.
    async fn relay_request(&self, stanza: &Stanza, from: &FullJid, responder: &Jid, token: &str) {
        let packet = Packet {
            kind: PacketKind::Iq(if stanza.type_.as_deref() == Some("set") {
                IqKind::Set
            } else {
                IqKind::Get
            }),
            from: from.clone().into(),
            to: responder.clone(),
            id: Some(token.into()),
            lang: stanza.lang.as_deref().map(Into::into),
            payload: Payload(stanza.payload()),
        };
        self.services.accounts.hand_in(packet).await;
    }
}
