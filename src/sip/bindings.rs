//! Where the accounts of this member are registered: what a client is told that asks for all of its own, and whom it ends
//! that takes all of them back.

use std::time::Duration;

use dashmap::DashMap;
use perch_address::BareJid;
use tokio::time::Instant;

use crate::fanout::mailbox::{Ending, Mailbox};

/// All bindings, by account. One session has one at most.
#[derive(Default)]
pub struct Bindings(DashMap<BareJid, Vec<Entry>>);

struct Entry {
    session: Mailbox,
    /// The contact with its parameters, but for how long it is good.
    contact: String,
    until: Instant,
}

impl Bindings {
    /// Takes a session's binding in, or renews it.
    pub(super) fn put(&self, account: &BareJid, session: Mailbox, contact: String, until: Instant) {
        let mut entries = self.0.entry(account.clone()).or_default();
        entries.retain(|entry| !entry.session.is_same(&session));
        entries.push(Entry { session, contact, until });
    }

    pub(super) fn remove(&self, account: &BareJid, session: &Mailbox) {
        self.0.remove_if_mut(account, |_, entries| {
            entries.retain(|entry| !entry.session.is_same(session));
            entries.is_empty()
        });
    }

    /// Ends the account's other sessions that are registered.
    pub(super) fn end_others(&self, account: &BareJid, session: &Mailbox) {
        let Some(entries) = self.0.get(account) else { return };
        entries.iter().filter(|entry| !entry.session.is_same(session)).for_each(|entry| {
            entry.session.end(Ending::Replaced);
        });
    }

    /// Each contact, how long it is good, and whether it is that session's.
    pub(super) fn list(&self, account: &BareJid, session: &Mailbox) -> Vec<(String, Duration, bool)> {
        let now = Instant::now();
        let entries = self.0.get(account);
        let entries = entries.iter().flat_map(|entries| entries.iter());
        let listed = |entry: &Entry| {
            let left = entry.until.saturating_duration_since(now);
            (entry.contact.clone(), left, entry.session.is_same(session))
        };
        entries.map(listed).collect()
    }
}
