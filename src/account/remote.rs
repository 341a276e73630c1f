//! An account's sessions on other members, among those that are here: every decision sees all of them, and each member
//! tells its own.

use std::sync::Arc;

use crate::account::elsewhere::Missed;
use crate::account::face::Availability;
use crate::account::presence::presence;
use crate::account::session::Session;
use crate::account::state::{Account, Effect, Notice};
use crate::account::wire;
use crate::chat::account::packet::{Packet, PacketKind, PresenceKind};
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::note::{RemoteAvailability, RemoteSession};

/// What a look at the other members' sessions leads to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Arrangement {
    pub effects: Vec<Effect>,
    /// Sessions here whose address another one has taken.
    pub replaced: Vec<SessionId>,
}

impl Account {
    /// The sessions that are here, as the other members have to know them.
    pub(crate) fn own_sessions(&self) -> Vec<RemoteSession> {
        let remote = |session: &Session| RemoteSession {
            session: session.id,
            jid: session.jid.clone(),
            availability: session.availability.as_ref().map(|availability| RemoteAvailability {
                priority: availability.priority,
                payload: availability.payload.clone(),
                at: availability.at,
            }),
            wants_carbons: session.wants_carbons,
            is_resumable: session.is_resumable,
            interests: session.interests.to_vec(),
        };
        self.sessions.iter().filter(|session| !session.is_remote()).map(remote).collect()
    }

    /// Whether other members have sessions of it.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.sessions.iter().any(Session::is_remote)
    }

    /// Whether that other member has sessions of it, as far as is taken in.
    pub(crate) fn is_on(&self, member: &str) -> bool {
        self.sessions.iter().any(|session| session.member.as_deref() == Some(member))
    }

    /// Takes in which sessions other members have. What one was shown that is gone waits again.
    pub(crate) fn arrange(&mut self, remote: Vec<(Arc<str>, RemoteSession)>) -> Arrangement {
        let mut arrangement = Arrangement::default();
        self.superseded.retain(|id| remote.iter().any(|(_, session)| session.session == *id));
        let is_listed = |id: SessionId| remote.iter().any(|(_, session)| session.session == id);
        let gone: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|session| session.is_remote() && !is_listed(session.id))
            .map(|session| session.id)
            .collect();
        for id in gone {
            self.sessions.remove(id);
            self.return_letters(id, &mut arrangement.effects);
        }
        for (member, session) in remote {
            if self.superseded.contains(&session.session) {
                continue;
            }
            // Whoever takes an address ends who had it. If neither knew of the other, both members choose alike. One
            // that goes on here may still be listed where it was.
            let twin = self.sessions.by_jid(session.jid.as_jid()).filter(|twin| !twin.is_remote());
            match twin.map(|twin| twin.id) {
                Some(twin) if twin >= session.session => continue,
                Some(twin) => arrangement.replaced.push(twin),
                None => {}
            }
            self.sessions.put(remote_session(member, session));
        }
        arrangement
    }

    /// A session elsewhere lost its address to one that is here, and is over.
    pub(crate) fn supersede(&mut self, id: SessionId) -> Option<Arc<str>> {
        let member = self.sessions.by_id(id)?.member.clone()?;
        self.sessions.remove(id);
        self.superseded.insert(id);
        Some(member)
    }

    /// What one of the account's sessions elsewhere said, as the ones that are here are shown it.
    pub(crate) fn receive_own(&mut self, packet: Packet, now: Timestamp) -> Vec<Effect> {
        match packet.kind {
            PacketKind::Presence(kind) => {
                if kind == PresenceKind::Unavailable && self.sessions.available().next().is_none() {
                    self.last_seen = Some((now, wire::status(&packet.payload)));
                }
                let notice =
                    Notice { kind: packet.kind, from: Some(packet.from), id: None, payload: packet.payload };
                let own = self.sessions.available().filter(|session| !session.is_remote());
                Effect::push(own.map(|session| session.id), notice).into_iter().collect()
            }
            PacketKind::Message(_) => self.copy_sent(&packet.from, &packet).into_iter().collect(),
            PacketKind::Iq(_) => Vec::new(),
        }
    }

    /// Contacts, or own sessions elsewhere, that are gone or look otherwise, which nobody was told of.
    pub(crate) fn see_missed(&self, missed: &Missed) -> Vec<Effect> {
        let available = || self.sessions.available().filter(|session| !session.is_remote());
        if available().next().is_none() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        let seen: Vec<_> = self.watched().chain([self.jid.clone()]).collect();
        for jid in &seen {
            for gone in missed.gone.get(jid).into_iter().flatten() {
                let to = self.jid.clone().into();
                let packet = presence(PresenceKind::Unavailable, gone.as_jid(), to, &Payload::default());
                effects.extend(Effect::tell(available().map(|session| session.id), packet));
            }
        }
        if seen.iter().any(|jid| missed.changed.contains(jid)) {
            effects.extend(available().map(|session| Effect::Probe { session: session.id }));
        }
        effects
    }

    /// The client of a session may come back for it from now on.
    pub(crate) fn outlast(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.by_id_mut(id) {
            session.is_resumable = true;
        }
    }

    /// For the account's sessions on other members, if there are any.
    pub(super) fn for_elsewhere(&self, packet: Packet) -> Option<Effect> {
        self.is_elsewhere().then_some(Effect::Elsewhere { packet })
    }
}

fn remote_session(member: Arc<str>, remote: RemoteSession) -> Session {
    let availability = remote.availability.map(|availability| {
        Arc::new(Availability {
            priority: availability.priority,
            payload: availability.payload,
            at: availability.at,
        })
    });
    Session {
        member: Some(member),
        availability,
        wants_carbons: remote.wants_carbons,
        is_resumable: remote.is_resumable,
        interests: remote.interests.into(),
        ..Session::new(remote.session, remote.jid)
    }
}

#[cfg(test)]
mod tests;
