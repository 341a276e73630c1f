//! Where a stanza goes: to a room, to the session's own account, to somebody else.

use perch_address::Jid;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Kind, Stanza, error_reply};

use crate::chat::command::Command;
use crate::chat::refusal::Refusal;
use crate::session::Session;
use crate::session::xmpp::refusal::error_element;
use crate::session::xmpp::{reply_to, room};

impl Session {
    /// Routes by `to`, which decides alone (RFC 6120 §10).
    pub(in crate::session) async fn dispatch(&mut self, number: u64, stanza: &Stanza) {
        let to = match stanza.to.as_deref().map(Jid::new).transpose() {
            Ok(to) => to,
            Err(_malformed) => return self.refuse(number, stanza, StanzaCondition::JidMalformed),
        };
        if let Some(to) = &to
            && self.answer_repetition(number, stanza, to).await
        {
            return;
        }
        match to {
            Some(to) if to.domain() == self.services.rooms.domain() => {
                self.route_to_room(number, stanza, &to).await
            }
            Some(to) if to.domain() != self.services.domain.as_str() => {
                self.refuse(number, stanza, StanzaCondition::RemoteServerNotFound);
            }
            to => self.route_to_account(number, stanza, to).await,
        }
    }

    async fn route_to_room(&mut self, number: u64, stanza: &Stanza, to: &Jid) {
        let Some(name) = to.local() else { return self.ask_rooms_service(number, stanza).await };
        let bare = to.bare();
        let command = match stanza.kind {
            Kind::Message => room::message::command(stanza, bare.as_str(), to.resource()),
            Kind::Presence => self.room_presence(stanza, name, to.resource()),
            Kind::Iq => return self.room_iq(number, stanza, to).await,
        };
        match command {
            Ok(Some(command)) => {
                let mailbox = matches!(command, Command::Join(_)).then(|| self.mailbox.clone());
                let receipt = self.receipt(number, stanza);
                let actor = self.actor(Some(number));
                self.services.rooms.command(name, actor, command, mailbox, receipt).await;
            }
            Ok(None) => self.done(number),
            Err(refusal) => self.refuse_with(number, stanza, &refusal),
        }
    }

    /// What is for the rooms domain itself.
    async fn ask_rooms_service(&mut self, number: u64, stanza: &Stanza) {
        match stanza.kind {
            Kind::Iq => self.rooms_service_iq(number, stanza).await,
            Kind::Presence => self.rooms_service_presence(number, stanza).await,
            Kind::Message => self.refuse(number, stanza, StanzaCondition::ServiceUnavailable),
        }
    }

    /// Joins and leaves are noted, so that a session that ends leaves every room.
    fn room_presence(
        &mut self,
        stanza: &Stanza,
        name: &str,
        nick: Option<&str>,
    ) -> Result<Option<Command>, Refusal> {
        if !matches!(stanza.type_.as_deref(), None | Some("unavailable")) {
            // Subscriptions and errors mean nothing to a room.
            return Ok(None);
        }
        let current = self.joined.get(name).map(|nick| &**nick);
        let mut command = room::presence::command(stanza, nick, current, self.services.clock.now())?;
        match &mut command {
            Command::Join(join) => {
                join.presence = self.account.dress(std::mem::take(&mut join.presence));
                if self.joined.get(name).is_none() && self.joined.len() >= ROOMS_MAX {
                    return Err(Refusal::TooManyRooms);
                }
                // Most people go by one nick everywhere: it is one text in all rooms.
                if let Some(nick) = self.joined.values().next().filter(|nick| **nick == join.nick) {
                    join.nick = nick.clone();
                }
                self.joined.insert(name.into(), join.nick.clone());
                if let Some(following) = &mut self.following {
                    following.enter(name);
                }
            }
            Command::Leave { .. } => {
                self.joined.remove(name);
                self.note_outside(name);
            }
            Command::Rename { nick, presence } => {
                *presence = self.account.dress(std::mem::take(presence));
                self.joined.insert(name.into(), (**nick).into());
            }
            Command::SetPresence { presence } => *presence = self.account.dress(std::mem::take(presence)),
            _ => {}
        }
        Ok(Some(command))
    }

    /// Answers a stanza with an error of RFC 6120 §8.3.3, of the usual type.
    pub(in crate::session) fn refuse(&mut self, number: u64, stanza: &Stanza, condition: StanzaCondition) {
        if let Some(error) = error_reply(stanza, condition.usual_type(), condition, None, None) {
            self.reply(&error);
            return self.refused(number);
        }
        self.done(number);
    }

    /// Answers a stanza with the reason that the domain gives.
    pub(in crate::session) fn refuse_with(&mut self, number: u64, stanza: &Stanza, refusal: &Refusal) {
        if !matches!(stanza.type_.as_deref(), Some("error" | "result")) {
            let reply = reply_to(stanza, "error").with_child(error_element(refusal));
            self.reply(&reply);
            return self.refused(number);
        }
        self.done(number);
    }
}

/// Rooms that one session may be in.
const ROOMS_MAX: usize = 1000;
