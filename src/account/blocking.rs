//! Blocking and unblocking (XEP-0191): what changes at once for who was, or will again be, in touch.

use std::sync::Arc;

use perch_address::Jid;

use crate::account::presence::presence;
use crate::account::state::{Account, Decision, Effect};
use crate::account::wire;
use crate::chat::account::entry::AccountChange;
use crate::chat::account::packet::PresenceKind;
use crate::chat::account::refusal::AccountRefusal;

/// Addresses that one account may block.
const BLOCKED_MAX: usize = 4096;

impl Account {
    /// The list, for a session that from now on is told of its changes (XEP-0191 §3.2).
    pub(crate) fn block_list(&self) -> Vec<Jid> {
        self.blocked.iter().cloned().collect()
    }

    pub(crate) fn block(&self, mut jids: Vec<Jid>) -> Result<Decision, AccountRefusal> {
        if jids.is_empty() {
            return Err(AccountRefusal::BadRequest("nobody is named"));
        }
        jids.sort();
        jids.dedup();
        jids.retain(|jid| !self.blocked.contains(jid));
        if self.blocked.len() + jids.len() > BLOCKED_MAX {
            return Err(AccountRefusal::TooMany);
        }
        Ok(Decision::of((!jids.is_empty()).then_some(AccountChange::Blocked { jids })))
    }

    /// Without names, everybody (XEP-0191 §3.5).
    pub(crate) fn unblock(&self, jids: Vec<Jid>) -> Decision {
        let jids = if jids.is_empty() {
            self.block_list()
        } else {
            jids.into_iter().filter(|jid| self.blocked.contains(jid)).collect()
        };
        Decision::of((!jids.is_empty()).then_some(AccountChange::Unblocked { jids }))
    }

    /// Who loses sight of this account is told that it is gone (XEP-0191 §3.3).
    pub(super) fn apply_blocked(&mut self, jids: &[Jid], effects: &mut Vec<Effect>) {
        let after = self.blocked.with(jids);
        for viewer in self.viewers() {
            if !self.blocked.covers(&viewer) && after.covers(&viewer) {
                effects.extend(self.absences_for(&viewer).map(Effect::Send));
            }
        }
        self.blocked = Arc::new(after);
        self.push_blocks("block", jids, effects);
    }

    /// Who sees it again is told what there is to see (XEP-0191 §3.4).
    pub(super) fn apply_unblocked(&mut self, jids: &[Jid], effects: &mut Vec<Effect>) {
        let before = self.blocked.clone();
        self.blocked = Arc::new(before.without(jids));
        for viewer in self.viewers() {
            if before.covers(&viewer) && !self.blocked.covers(&viewer) {
                effects.extend(self.appearances_for(&viewer).map(Effect::Send));
            }
        }
        let is_everybody = self.blocked.len() == 0 && jids.len() > 1;
        self.push_blocks("unblock", if is_everybody { &[] } else { jids }, effects);
    }

    fn push_blocks(&self, name: &'static str, jids: &[Jid], effects: &mut Vec<Effect>) {
        let sessions = self.sessions.iter().filter(|session| session.wants_blocks).map(|session| session.id);
        effects.extend(Effect::push(sessions, wire::block_push(name, jids, self.seq)));
    }

    /// Contacts that may see this account's presence, were it not for the block list.
    fn viewers(&self) -> Vec<Jid> {
        let viewers = self.roster.contacts().filter(|contact| contact.subscription.from);
        viewers.map(|contact| contact.jid.clone().into()).collect()
    }

    fn appearances_for(&self, viewer: &Jid) -> impl Iterator<Item = crate::chat::account::packet::Packet> {
        self.sessions.available().filter_map(|session| {
            let availability = session.availability.as_ref()?;
            let from = session.jid.as_jid();
            Some(presence(PresenceKind::Available, from, viewer.clone(), &availability.payload))
        })
    }
}
