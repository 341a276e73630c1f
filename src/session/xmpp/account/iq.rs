//! Requests: who answers them, and what may not be answered at all (RFC 6120 §8.2.3, RFC 6121 §8.5).

use perch_address::{BareJid, Jid};
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Stanza, iq_result};
use perch_xmpp::xml::Element;

use super::{
    Answered, Asker, blocking, iq_kind, person, preferences, private, pubsub, roster, service, vcard,
};
use crate::account::{Command, wire};
use crate::chat::account::packet::{IqKind, PacketKind};
use crate::session::Session;
use crate::session::xmpp::adhoc::Place;

/// Who has to answer.
enum Addressee {
    Own,
    Server,
    Person(BareJid),
    /// One session, which answers itself.
    Session(Jid),
}

impl Session {
    pub(super) async fn ask(&mut self, number: u64, stanza: &Stanza, to: Option<Jid>) {
        let Some(kind) = iq_kind(stanza) else {
            return self.refuse(number, stanza, StanzaCondition::BadRequest);
        };
        let is_question = matches!(kind, IqKind::Get | IqKind::Set);
        // RFC 6120 §8.2.3: an id always, and exactly one child in a question.
        if stanza.id.is_none() || (is_question && stanza.children().count() != 1) {
            return self.refuse(number, stanza, StanzaCondition::BadRequest);
        }
        let addressee = self.addressee(to);
        if let Addressee::Session(to) = addressee {
            let packet = self.packet(stanza, PacketKind::Iq(kind), to);
            self.account.relay(packet).await;
            return self.done(number);
        }
        if !is_question {
            self.take_answer(stanza, kind).await;
            return self.done(number);
        }
        self.answer(number, stanza, &addressee, kind == IqKind::Set).await;
    }

    async fn answer(&mut self, number: u64, stanza: &Stanza, addressee: &Addressee, is_set: bool) {
        let Some(child) = stanza.children().next() else { return self.done(number) };
        let payload = child.element();
        if matches!(addressee, Addressee::Own)
            && payload.namespace() == namespace::ARCHIVE
            && payload.name() != "prefs"
        {
            return self.query_own_archive(number, stanza, &payload, is_set).await;
        }
        if matches!(addressee, Addressee::Own) && payload.is("query", namespace::ROSTER) && !is_set {
            return self.answer_roster(number, stanza, &payload).await;
        }
        // COMPAT: some clients ask the administrator's own account and not the server.
        if matches!(addressee, Addressee::Own | Addressee::Server)
            && self.answer_command(number, stanza, Place::Server, &payload).await
        {
            return;
        }
        let asker = self.asker();
        let answer = match addressee {
            Addressee::Own => asker.own_account(&payload, is_set).await,
            Addressee::Server => service::answer(&asker, &payload, is_set).await,
            Addressee::Person(person) => person::answer(&asker, person, &payload, is_set).await,
            Addressee::Session(_) => return self.done(number),
        };
        match answer {
            Ok(content) => {
                self.reply(&iq_result(stanza, content));
                self.done(number);
            }
            Err(fault) => self.refuse_as(number, stanza, fault),
        }
    }

    /// The result comes first, the pushes that bring the roster up to date behind it (RFC 6121 §2.6.3).
    async fn answer_roster(&mut self, number: u64, stanza: &Stanza, query: &Element) {
        match roster::get(&self.asker(), query).await {
            Ok((content, pushes)) => {
                self.reply(&iq_result(stanza, content));
                for push in pushes {
                    self.reply(&push.with_attribute("to", self.jid.as_str()));
                }
                self.done(number);
            }
            Err(fault) => self.refuse_as(number, stanza, fault),
        }
    }

    /// Only the question about capabilities is ever asked by the server.
    async fn take_answer(&self, stanza: &Stanza, kind: IqKind) {
        if kind == IqKind::Result
            && stanza.id.as_deref() == Some(wire::CAPABILITIES_QUERY)
            && let Some(info) = stanza.child("query", namespace::DISCO_INFO)
        {
            self.account.learn(info.element()).await;
        }
    }

    fn addressee(&self, to: Option<Jid>) -> Addressee {
        let Some(to) = to else { return Addressee::Own };
        match (to.local().is_some(), to.is_bare()) {
            (false, _) => Addressee::Server,
            (true, false) => Addressee::Session(to),
            (true, true) if to.bare() == self.jid.bare() => Addressee::Own,
            (true, true) => Addressee::Person(to.bare()),
        }
    }
}

impl Asker<'_> {
    /// What a session asks of its own account.
    async fn own_account(&self, payload: &Element, is_set: bool) -> Answered {
        match (payload.name(), payload.namespace(), is_set) {
            ("query", namespace::ROSTER, true) => roster::set(self, payload).await,
            ("blocklist", namespace::BLOCKING, false) => blocking::list(self).await,
            ("block", namespace::BLOCKING, true) => blocking::block(self, payload).await,
            ("unblock", namespace::BLOCKING, true) => blocking::unblock(self, payload).await,
            ("enable", namespace::CARBONS, true) => self.done(Command::SetCarbons(true)).await,
            ("disable", namespace::CARBONS, true) => self.done(Command::SetCarbons(false)).await,
            ("prefs", namespace::ARCHIVE, _) => preferences::answer(self, payload, is_set).await,
            ("vCard", namespace::VCARD, false) => vcard::own(self).await,
            ("vCard", namespace::VCARD, true) => vcard::set(self, payload).await,
            ("query", namespace::PRIVATE_STORAGE, false) => private::get(self, payload).await,
            ("query", namespace::PRIVATE_STORAGE, true) => private::set(self, payload).await,
            ("pubsub", namespace::PUBSUB | namespace::PUBSUB_OWNER, _) => {
                pubsub::answer(self, &self.bare(), payload, is_set).await
            }
            // RFC 3921 §3, which old clients still follow: there is nothing left to do.
            ("session", namespace::SESSION, true) | ("ping", namespace::PING, false) => Ok(None),
            _ => person::answer(self, &self.bare(), payload, is_set).await,
        }
    }
}
