//! Presence (RFC 6121 §3.1, §4): who is told when a session comes, changes and goes. In no log, handled at once.

use std::sync::Arc;

use perch_address::{BareJid, Jid};
use perch_xmpp::namespace;

use crate::account::face::Availability;
use crate::account::session::Capabilities;
use crate::account::state::{Account, Approach, Effect, Notice};
use crate::account::wire;
use crate::chat::account::contact::{Subscription, SubscriptionRequest};
use crate::chat::account::packet::{Packet, PacketKind, PresenceKind};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;

/// An available presence as a session sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Appearance {
    pub priority: i8,
    /// Its content without a photo hash, unless it says that there is none to be told (XEP-0398 §5).
    pub payload: Payload,
    pub capabilities: Option<Capabilities>,
    /// The client says that it is not ready to tell a photo: none is put in.
    pub hides_photo: bool,
}

/// Addresses that one session may keep directed presence with.
const DIRECTED_MAX: usize = 1024;

impl Account {
    /// A presence for everybody who may see it (RFC 6121 §4.2, §4.4).
    pub(crate) fn appear(&mut self, id: SessionId, appearance: &Appearance, now: Timestamp) -> Vec<Effect> {
        let payload = self.dress(appearance);
        let Some(session) = self.sessions.by_id_mut(id) else {
            return Vec::new();
        };
        let (was_available, was_non_negative) = (session.is_available(), session.is_non_negative());
        session.availability =
            Some(Arc::new(Availability { priority: appearance.priority, payload: payload.clone(), at: now }));
        let has_new_capabilities = appearance.capabilities != session.capabilities;
        session.capabilities.clone_from(&appearance.capabilities);
        let takes_messages = session.is_non_negative() && !was_non_negative;
        let has_capabilities = session.capabilities.is_some();
        let mut effects = self.broadcast(id, PresenceKind::Available, &payload);
        effects.extend(self.tell_elsewhere(id, PresenceKind::Available, &payload));
        if !was_available {
            self.greet(id, &mut effects);
            if self.nodes.contains_key(namespace::BOOKMARKS) {
                effects.push(Effect::Follow { sessions: [id].into_iter().collect() });
            }
        }
        if has_new_capabilities && has_capabilities {
            effects.push(Effect::AskCapabilities { session: id });
        } else if !was_available && has_capabilities {
            effects.push(Effect::SendLastItems { session: id });
        }
        if takes_messages {
            self.start_flood(id, &mut effects);
        }
        effects
    }

    /// A session says that it is no longer available, or is gone without a word (RFC 6121 §4.5).
    pub(crate) fn vanish(&mut self, id: SessionId, payload: &Payload, now: Timestamp) -> Vec<Effect> {
        let Some(session) = self.sessions.by_id_mut(id) else {
            return Vec::new();
        };
        let was_available = session.availability.is_some();
        let directed = std::mem::take(&mut session.directed);
        let from = session.jid.clone();
        let mut effects = Vec::new();
        if was_available {
            // The session itself is told too (§4.5.2), while it still counts as available.
            effects = self.broadcast(id, PresenceKind::Unavailable, payload);
            effects.extend(self.tell_elsewhere(id, PresenceKind::Unavailable, payload));
        }
        let packet = |to| presence(PresenceKind::Unavailable, from.as_jid(), to, payload);
        let untold = directed.into_iter().filter(|to| !was_available || !self.is_shown_to(to));
        effects.extend(untold.map(|to| Effect::Send(packet(to))));
        if let Some(session) = self.sessions.by_id_mut(id) {
            session.availability = None;
            session.flood = None;
        }
        if was_available && self.sessions.available().next().is_none() {
            self.last_seen = Some((now, wire::status(payload)));
        }
        effects
    }

    /// The session's connection is gone for good.
    pub(crate) fn detach(&mut self, id: SessionId, payload: &Payload, now: Timestamp) -> Vec<Effect> {
        let mut effects = self.vanish(id, payload, now);
        self.sessions.remove(id);
        self.return_letters(id, &mut effects);
        effects
    }

    /// Presence for one address (RFC 6121 §4.6).
    pub(crate) fn direct(
        &mut self,
        id: SessionId,
        to: Jid,
        appearance: Option<&Appearance>,
        payload: &Payload,
    ) -> Result<Vec<Effect>, AccountRefusal> {
        if self.blocked.covers(&to) {
            return Err(AccountRefusal::Blocked);
        }
        let payload = appearance.map_or_else(|| payload.clone(), |appearance| self.dress(appearance));
        let Some(session) = self.sessions.by_id_mut(id) else {
            return Ok(Vec::new());
        };
        let kind = if appearance.is_some() {
            if session.directed.len() >= DIRECTED_MAX && !session.directed.contains(&to) {
                return Err(AccountRefusal::TooMany);
            }
            session.directed.insert(to.clone());
            PresenceKind::Available
        } else {
            session.directed.remove(&to);
            PresenceKind::Unavailable
        };
        Ok(vec![Effect::Send(presence(kind, session.jid.as_jid(), to, &payload))])
    }

    /// Somebody else's availability, or the error that came back for one of ours (RFC 6121 §8.5).
    pub(crate) fn receive_presence(&self, packet: Packet) -> Vec<Effect> {
        if packet.from.bare() != self.jid && self.blocked.covers(&packet.from) {
            return Vec::new();
        }
        if packet.kind == PacketKind::Presence(PresenceKind::Probe) {
            return self.answer_probe(&packet.from);
        }
        let to = packet.to.clone();
        let is_for = |jid: &Jid| to.is_bare() || *jid == to;
        let sessions: Vec<_> = self
            .sessions
            .iter()
            .filter(|session| is_for(session.jid.as_jid()) && (session.is_available() || !to.is_bare()))
            .map(|session| session.id)
            .collect();
        Effect::tell(sessions, packet).into_iter().collect()
    }

    /// What a contact's server asked for (RFC 6121 §4.3.2).
    fn answer_probe(&self, from: &Jid) -> Vec<Effect> {
        let viewer = from.bare();
        let is_ours = viewer.domain() == self.jid.domain();
        if is_ours {
            // A member whose session has become available asks another, as it would look for itself.
            let is_let_in = viewer == self.jid || self.roster.subscription(&viewer).from;
            let shown = self.presences_for(&viewer).filter(|_| is_let_in);
            return shown.map(|packet| Effect::Send(Packet { to: from.clone(), ..packet })).collect();
        }
        if !self.roster.subscription(&viewer).from {
            let kind = PresenceKind::Subscription(SubscriptionRequest::Unsubscribed);
            let refusal = presence(kind, self.jid.as_jid(), viewer.into(), &Payload::default());
            return vec![Effect::Send(refusal)];
        }
        let available: Vec<_> = self.presences_for(&viewer).collect();
        if available.is_empty() {
            let nobody =
                presence(PresenceKind::Unavailable, self.jid.as_jid(), from.clone(), &Payload::default());
            return vec![Effect::Send(nobody)];
        }
        available.into_iter().map(Effect::Send).collect()
    }

    /// The presence of each available session, for a contact that comes to see it.
    fn presences_for(&self, viewer: &BareJid) -> impl Iterator<Item = Packet> {
        self.sessions.available().filter_map(|session| {
            let availability = session.availability.as_ref()?;
            let to = viewer.clone().into();
            Some(presence(PresenceKind::Available, session.jid.as_jid(), to, &availability.payload))
        })
    }

    /// The contacts whose presence this account receives.
    pub(crate) fn watched(&self) -> impl Iterator<Item = BareJid> {
        let watched = self.roster.contacts().filter(|contact| contact.subscription.to);
        watched
            .filter(|contact| !self.blocked.covers(contact.jid.as_jid()))
            .map(|contact| contact.jid.clone())
    }

    pub(crate) fn probe_packet(&self, session: SessionId, to: Jid) -> Packet {
        let from = self.sessions.by_id(session).map_or(self.jid.as_jid(), |session| session.jid.as_jid());
        presence(PresenceKind::Probe, from, to, &Payload::default())
    }

    /// Looks anew at how the contacts are, for every session that sees them.
    pub(crate) fn probes(&self) -> Vec<Effect> {
        self.sessions.available().map(|session| Effect::Probe { session: session.id }).collect()
    }

    /// Contacts that were asked and have not answered.
    pub(crate) fn unanswered(&self) -> Vec<BareJid> {
        let asking = self.roster.contacts().filter(|contact| contact.subscription.is_asking);
        asking.map(|contact| contact.jid.clone()).collect()
    }

    pub(crate) fn subscription_packet(&self, approach: &Approach) -> Packet {
        let kind = PresenceKind::Subscription(approach.request);
        presence(kind, self.jid.as_jid(), approach.to.clone().into(), &approach.payload)
    }

    pub(crate) fn last_seen(&self) -> Option<(Timestamp, Box<str>)> {
        self.last_seen.clone()
    }

    /// To the account's own available sessions and to the contacts that may see it.
    fn broadcast(&self, id: SessionId, kind: PresenceKind, payload: &Payload) -> Vec<Effect> {
        let Some(session) = self.sessions.by_id(id) else {
            return Vec::new();
        };
        let notice = Notice {
            kind: PacketKind::Presence(kind),
            from: Some(session.jid.clone().into()),
            id: None,
            payload: payload.clone(),
        };
        let own = Effect::push(self.sessions.available().map(|session| session.id), notice);
        let from = session.jid.as_jid();
        let others = self
            .roster
            .contacts()
            .filter(|contact| contact.subscription.from && !self.blocked.covers(contact.jid.as_jid()))
            .map(|contact| Effect::Send(presence(kind, from, contact.jid.clone().into(), payload)));
        own.into_iter().chain(others).collect()
    }

    /// The account's sessions on other members.
    fn tell_elsewhere(&self, id: SessionId, kind: PresenceKind, payload: &Payload) -> Option<Effect> {
        let session = self.sessions.by_id(id)?;
        self.for_elsewhere(presence(kind, session.jid.as_jid(), self.jid.clone().into(), payload))
    }

    /// What a session that has just become available is shown (RFC 6121 §4.2.2, §3.1.3).
    fn greet(&self, id: SessionId, effects: &mut Vec<Effect>) {
        for other in self.sessions.available().filter(|session| session.id != id) {
            let Some(availability) = &other.availability else { continue };
            let notice = Notice {
                kind: PacketKind::Presence(PresenceKind::Available),
                from: Some(other.jid.clone().into()),
                id: None,
                payload: availability.payload.clone(),
            };
            effects.extend(Effect::push([id], notice));
        }
        effects.push(Effect::Probe { session: id });
        for contact in self.roster.contacts() {
            if let (true, Some(request)) = (contact.subscription.is_asked, &contact.request) {
                let kind = PresenceKind::Subscription(SubscriptionRequest::Subscribe);
                let packet = presence(kind, contact.jid.as_jid(), self.jid.clone().into(), request);
                effects.extend(Effect::tell([id], packet));
            }
        }
    }

    /// Shows a contact's subscription stanza: a question to every available session, news to those that have asked
    /// for the roster (RFC 6121 §3.1.3, §3.1.6).
    pub(super) fn tell_subscription(
        &self,
        contact: &BareJid,
        request: SubscriptionRequest,
        payload: &Payload,
        effects: &mut Vec<Effect>,
    ) {
        let is_question = request == SubscriptionRequest::Subscribe;
        let sessions = self
            .sessions
            .iter()
            .filter(|session| if is_question { session.is_available() } else { session.is_interested });
        let kind = PresenceKind::Subscription(request);
        let packet = presence(kind, contact.as_jid(), self.jid.clone().into(), payload);
        effects.extend(Effect::tell(sessions.map(|session| session.id), packet));
    }

    /// A contact that was let in sees the presence there is; one that was let go sees it end (RFC 6121 §3.1.5, §3.2.2).
    pub(super) fn follow_subscription(
        &self,
        contact: &BareJid,
        before: Subscription,
        after: Subscription,
        effects: &mut Vec<Effect>,
    ) {
        if before.from == after.from || self.blocked.covers(contact.as_jid()) {
            return;
        }
        if after.from {
            effects.extend(self.presences_for(contact).map(Effect::Send));
        } else {
            effects.extend(self.absences_for(contact.as_jid()).map(Effect::Send));
        }
    }

    /// The end of each available session's presence, for who may no longer see it.
    pub(super) fn absences_for(&self, viewer: &Jid) -> impl Iterator<Item = Packet> {
        let to = viewer.bare();
        self.sessions.available().map(move |session| {
            presence(PresenceKind::Unavailable, session.jid.as_jid(), to.clone().into(), &Payload::default())
        })
    }

    /// The avatar changed: whoever sees the presence is told its hash (XEP-0398 §5).
    pub(super) fn apply_photo(&mut self, photo: Option<&str>, effects: &mut Vec<Effect>) {
        self.photo = photo.map(Into::into);
        let ids: Vec<_> = self.sessions.available().map(|session| session.id).collect();
        for id in ids {
            let Some(session) = self.sessions.by_id_mut(id) else { continue };
            let Some(old) = session.availability.clone() else { continue };
            let Some(payload) = wire::replace_photo(&old.payload, photo) else { continue };
            session.availability =
                Some(Arc::new(Availability { payload: payload.clone(), ..(*old).clone() }));
            effects.extend(self.broadcast(id, PresenceKind::Available, &payload));
        }
    }

    /// The payload as others get it.
    fn dress(&self, appearance: &Appearance) -> Payload {
        if appearance.hides_photo {
            return appearance.payload.clone();
        }
        wire::with_photo(&appearance.payload, self.photo.as_deref())
    }

    fn is_shown_to(&self, to: &Jid) -> bool {
        self.roster.subscription(&to.bare()).from
    }
}

pub(super) fn presence(kind: PresenceKind, from: &Jid, to: Jid, payload: &Payload) -> Packet {
    Packet {
        kind: PacketKind::Presence(kind),
        from: from.clone(),
        to,
        id: None,
        lang: None,
        payload: payload.clone(),
    }
}
