//! What has to be done once something is committed or heard: frames into mailboxes, packets to others, pages of the log
//! to who waits for them.

use std::collections::VecDeque;

use perch_address::BareJid;
use tracing::{error, warn};

use super::AccountTask;
use crate::account::pep::is_sent_late;
use crate::account::state::{Effect, Notice, Recipients};
use crate::account::wire;
use crate::chat::account::packet::{Packet, PacketKind, PresenceKind};
use crate::chat::id::{Seq, SessionId};
use crate::chat::note::Delivery;
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::Mailbox;
use crate::fanout::render::xmpp::packet;

/// Messages of the log that a session is shown before it has to acknowledge some.
const FLOOD_PAGE: u32 = 50;

impl AccountTask {
    /// Does everything, and what follows from it.
    pub(super) async fn perform(&mut self, effects: Vec<Effect>) {
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Tell { sessions, packet } => self.push(&sessions, &packet::addressed(&packet)),
                Effect::Push { sessions, notice } => self.push_notice(&sessions, &notice),
                Effect::Letter { sessions, packet, seq } => self.push_letter(&sessions, &packet, seq),
                Effect::Send(packet) => waiting.extend(self.send(packet)),
                Effect::Elsewhere { packet } => self.services.tell_elsewhere(self.account.jid(), &packet),
                Effect::Notify { to, node, packet } => waiting.extend(self.notify(to, node, packet)),
                Effect::Probe { session } => self.probe(session),
                Effect::Flood { session, after } => {
                    if !self.unsaid.holds_up(session, after) {
                        waiting.extend(self.read_flood(session, after).await);
                    }
                }
                Effect::SendLastItems { session } => self.send_last_items(session).await,
                Effect::Follow { sessions } => {
                    let mailboxes = sessions.iter().filter_map(|session| self.mailboxes.get(session));
                    mailboxes.for_each(Mailbox::follow);
                }
                Effect::AskCapabilities { session } => waiting.extend(self.ask_capabilities(session)),
            }
        }
    }

    fn push(&self, sessions: &[SessionId], frame: &Frame) {
        for session in sessions {
            if let Some(mailbox) = self.mailboxes.get(session) {
                // A full mailbox ends its stream, and the session is detached by that: nothing to do here.
                let _ = mailbox.push(frame.clone());
            }
        }
    }

    fn push_notice(&self, sessions: &Recipients, notice: &Notice) {
        let from = notice.from.as_ref().unwrap_or(self.account.jid().as_jid());
        self.push(sessions, &packet::open(notice.kind, from.as_str(), notice.id.as_deref(), &notice.payload));
    }

    fn push_letter(&self, sessions: &Recipients, letter: &Packet, seq: Seq) {
        let frame = packet::addressed(letter);
        for session in sessions {
            if let Some(mailbox) = self.mailboxes.get(session) {
                let _ = mailbox.push_letter(frame.clone(), seq);
            }
        }
    }

    /// A packet for this account itself does not leave it.
    fn send(&self, packet: Packet) -> Vec<Effect> {
        if packet.to.bare() == *self.account.jid() {
            let is_here = self.share(&packet, false);
            return if is_here { self.account.receive_packet(packet, false) } else { Vec::new() };
        }
        self.services.send(packet);
        Vec::new()
    }

    fn notify(&self, to: BareJid, node: Box<str>, packet: Packet) -> Vec<Effect> {
        if to == *self.account.jid() {
            return self.account.receive_event(packet, &node);
        }
        self.services.pass(&to, packet, Delivery::Interested { node });
        Vec::new()
    }

    /// Shows a session how its contacts are: the local ones at once, the others when their servers answer.
    fn probe(&self, session: SessionId) {
        let own = self.account.jid();
        for contact in self.account.watched() {
            let Some(local) = self.services.local(contact.as_jid()) else {
                self.services.send(self.account.probe_packet(session, contact.into()));
                continue;
            };
            let Some(face) = self.services.running_face(&local) else {
                // Whoever has sessions of it shows them.
                self.services.send(self.account.probe_packet(session, contact.into()));
                continue;
            };
            if !face.shows_presence_to(own) {
                continue;
            }
            for resource in &*face.resources {
                let Some(availability) = &resource.availability else { continue };
                let kind = PacketKind::Presence(PresenceKind::Available);
                let from = resource.jid.as_str();
                self.push(&[session], &packet::open(kind, from, None, &availability.payload));
            }
        }
    }

    async fn read_flood(&mut self, session: SessionId, after: Seq) -> Vec<Effect> {
        match self.services.store.letters(self.account.id(), after, FLOOD_PAGE).await {
            Ok(page) => {
                let is_last = page.len() < FLOOD_PAGE as usize;
                let effects = self.account.flood(session, &page, is_last);
                self.tell_of_letters(effects.iter().filter_map(Effect::letter).collect(), Some(session));
                effects
            }
            Err(error) => {
                // They wait on; the next presence tries again.
                error!(%error, "waiting messages cannot be read");
                self.account.end_flood(session);
                Vec::new()
            }
        }
    }

    /// Known capabilities are taken as they are; others are asked for, of the client itself.
    fn ask_capabilities(&mut self, session: SessionId) -> Vec<Effect> {
        let Some(capabilities) = self.account.capabilities(session) else { return Vec::new() };
        if let Some(interests) = self.services.capabilities.interests(capabilities) {
            let effects = self.account.set_interests(session, interests);
            self.show_sessions();
            return effects;
        }
        Effect::push([session], wire::capabilities_query(capabilities)).into_iter().collect()
    }

    /// XEP-0163 §4.3.4: what the session's own account and its contacts published last, as far as it is interested.
    async fn send_last_items(&self, session: SessionId) {
        let Some(interests) = self.account.interests(session).filter(|interests| !interests.is_empty())
        else {
            return;
        };
        let own = self.account.jid();
        let local = self.account.watched().filter(|jid| self.services.local(jid.as_jid()).is_some());
        let owners: Vec<BareJid> = std::iter::once(own.clone()).chain(local).collect();
        let names: Vec<Box<str>> = owners.iter().filter_map(|jid| jid.local().map(Into::into)).collect();
        let last = match self.services.store.last_items(own, &names, &interests).await {
            Ok(last) => last,
            Err(error) => return warn!(%error, "last items cannot be read"),
        };
        for last in last {
            let Some(owner) = owners.iter().find(|jid| jid.local() == Some(&*last.owner)) else { continue };
            if is_sent_late(&last, owner, own) {
                let notice = wire::item_event(owner, &last.node, &last.item);
                self.push_notice(&Recipients::from_slice(&[session]), &notice);
            }
        }
    }
}
