//! A session that goes on on another member: what its account knows of it here, and what it has missed when it is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use perch_address::{FullJid, Jid};
use serde::{Deserialize, Serialize};

use crate::account::face::Availability;
use crate::account::letters::letter_packet;
use crate::account::roster::RosterPush;
use crate::account::session::{Capabilities, Flood, Session};
use crate::account::state::{Account, Effect, Recipients};
use crate::account::wire;
use crate::chat::account::entry::{AccountChange, AccountEvent, Letter};
use crate::chat::account::packet::Packet;
use crate::chat::id::{Seq, SessionId};
use crate::chat::note::RemoteAvailability;

/// All that an account knows of one of its sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub session: SessionId,
    pub jid: FullJid,
    /// The last entry of the log of which the session was told.
    pub seq: Seq,
    availability: Option<RemoteAvailability>,
    is_interested: bool,
    wants_blocks: bool,
    wants_carbons: bool,
    directed: BTreeSet<Jid>,
    capabilities: Option<Capabilities>,
    interests: Vec<Box<str>>,
    flood: Option<Flood>,
    live_from: Seq,
    /// Messages that it was shown, and that nobody is known to have taken.
    shown: Vec<Seq>,
}

impl Account {
    /// Lets a session go without a word to anybody.
    pub(crate) fn release(&mut self, id: SessionId) -> Option<Held> {
        let session = self.sessions.remove(id)?;
        let availability = session.availability.as_deref().map(|availability| RemoteAvailability {
            priority: availability.priority,
            payload: availability.payload.clone(),
            at: availability.at,
        });
        Some(Held {
            session: id,
            jid: session.jid,
            seq: self.seq,
            availability,
            is_interested: session.is_interested,
            wants_blocks: session.wants_blocks,
            wants_carbons: session.wants_carbons,
            directed: session.directed,
            capabilities: session.capabilities,
            interests: session.interests.to_vec(),
            flood: session.flood,
            live_from: session.live_from,
            shown: self.take_back(id),
        })
    }

    /// Takes it in as it was let go. Nobody is told: to all others it was never away.
    pub(crate) fn resume(&mut self, held: Held) {
        let availability = held.availability.map(|availability| {
            Arc::new(Availability {
                priority: availability.priority,
                payload: availability.payload,
                at: availability.at,
            })
        });
        self.note_shown(held.session, &held.shown);
        self.sessions.put(Session {
            // Only such a one goes anywhere.
            is_resumable: true,
            availability,
            is_interested: held.is_interested,
            wants_blocks: held.wants_blocks,
            wants_carbons: held.wants_carbons,
            directed: held.directed,
            capabilities: held.capabilities,
            interests: held.interests.into(),
            flood: held.flood,
            live_from: held.live_from,
            ..Session::new(held.session, held.jid)
        });
    }

    /// What an entry of the log, which was applied before the session came, has for it.
    pub(crate) fn missed(&mut self, id: SessionId, event: &AccountEvent) -> Option<Effect> {
        let session = self.sessions.by_id(id)?;
        match &event.change {
            AccountChange::Received(letter) => self.missed_letter(id, letter, event),
            AccountChange::Sent(letter) => {
                let is_copied = letter.is_copied && session.wants_carbons;
                let packet = self.archived_packet(letter, event);
                let is_own = letter.from == *session.jid.as_jid();
                (is_copied && !is_own).then(|| Effect::push([id], wire::carbon("sent", &packet)))?
            }
            AccountChange::ContactSet { contact, .. } if session.is_interested && contact.is_listed => {
                let push = RosterPush { version: contact.version, item: Ok(contact.clone()) };
                Effect::push([id], wire::roster_push(&push))
            }
            AccountChange::ContactRemoved { jid, version } if session.is_interested => {
                let push = RosterPush { version: *version, item: Err(jid.clone()) };
                Effect::push([id], wire::roster_push(&push))
            }
            AccountChange::Blocked { jids } if session.wants_blocks => {
                Effect::push([id], wire::block_push("block", jids, event.seq))
            }
            AccountChange::Unblocked { jids } if session.wants_blocks => {
                Effect::push([id], wire::block_push("unblock", jids, event.seq))
            }
            _ => None,
        }
    }

    fn missed_letter(&mut self, id: SessionId, letter: &Letter, event: &AccountEvent) -> Option<Effect> {
        let packet = self.archived_packet(letter, event);
        if self.recipients(&letter.to, letter.kind).contains(&id) {
            // While it is shown what waits, this is found behind it.
            self.sessions.by_id(id).filter(|session| session.flood.is_none())?;
            self.note_shown(id, &[event.seq]);
            return Some(Effect::Letter { sessions: Recipients::from_slice(&[id]), packet, seq: event.seq });
        }
        let is_copied = letter.is_copied && self.sessions.by_id(id)?.wants_carbons;
        if is_copied { Effect::push([id], wire::carbon("received", &packet)) } else { None }
    }

    fn archived_packet(&self, letter: &Letter, event: &AccountEvent) -> Packet {
        let mut packet = letter_packet(letter);
        if letter.is_archived {
            packet.payload = self.with_stanza_id(&packet.payload, event.seq);
        }
        packet
    }

    /// What is not in the log and may be other than it was: how the contacts are, and what they published.
    pub(crate) fn look_around(&self, id: SessionId) -> Vec<Effect> {
        let Some(session) = self.sessions.by_id(id) else { return Vec::new() };
        let mut effects = Vec::new();
        if session.is_available() {
            effects.push(Effect::Probe { session: id });
        }
        if session.capabilities.is_some() {
            effects.push(Effect::AskCapabilities { session: id });
        }
        effects
    }
}
