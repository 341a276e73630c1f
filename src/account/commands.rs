//! What sessions ask of their account: each command to its feature's rule.

use std::sync::Arc;

use crate::account::handle::{Answer, Command};
use crate::account::session::{Capabilities, Session};
use crate::account::state::{Account, Decision, Effect};
use crate::chat::account::entry::AccountChange;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{SessionId, Timestamp};

/// Addresses in each list of the archive's preferences.
const PREFERENCES_MAX: usize = 1024;
/// Bytes of a vCard or a private XML element: what one stanza carries, about.
const STORED_BYTES_MAX: usize = 256 << 10;

type Decided = Result<(Answer, Decision), AccountRefusal>;

impl Account {
    pub(crate) fn decide(&mut self, id: SessionId, command: Command, now: Timestamp) -> Decided {
        let done = |decision| (Answer::Done, decision);
        let read = |answer| Ok((answer, Decision::default()));
        match command {
            Command::Settle => read(Answer::Done),
            Command::Roster { since } => {
                self.update(id, |session| session.is_interested = true);
                read(Answer::Roster(self.roster.since(since)))
            }
            Command::SetContact(item) => self.set_contact(item).map(done),
            Command::RemoveContact(jid) => self.remove_contact(&jid).map(done),
            Command::Subscription { to, request, payload } => {
                self.send_subscription(&to, request, payload).map(done)
            }
            Command::BlockList => {
                self.update(id, |session| session.wants_blocks = true);
                read(Answer::BlockList(self.block_list()))
            }
            Command::Block(jids) => self.block(jids).map(done),
            Command::Unblock(jids) => Ok(done(self.unblock(jids))),
            Command::Preferences => read(Answer::Preferences(self.preferences.clone())),
            Command::SetPreferences(preferences) => set_preferences(preferences),
            Command::SetCarbons(wants) => {
                self.update(id, |session| session.wants_carbons = wants);
                read(Answer::Done)
            }
            Command::SetVcard(vcard) => self.set_vcard(id, vcard, now).map(done),
            Command::SetPrivate { namespace, name, payload } if payload.0.len() <= STORED_BYTES_MAX => {
                Ok(done(Decision::of([AccountChange::PrivateSet { namespace, name, payload }])))
            }
            Command::SetPrivate { .. } => Err(AccountRefusal::NotAcceptable("this is too long")),
            Command::Pep(command) => self.decide_pep(id, command, now),
        }
    }

    pub(crate) fn capabilities(&self, id: SessionId) -> Option<&Capabilities> {
        self.sessions.by_id(id)?.capabilities.as_ref()
    }

    pub(crate) fn interests(&self, id: SessionId) -> Option<Arc<[Box<str>]>> {
        Some(self.sessions.by_id(id)?.interests.clone())
    }

    /// What a session wants to be notified of is known now (XEP-0163 §4.3).
    pub(crate) fn set_interests(&mut self, id: SessionId, interests: Arc<[Box<str>]>) -> Vec<Effect> {
        let has_any = !interests.is_empty();
        self.update(id, |session| session.interests = interests);
        if has_any { vec![Effect::SendLastItems { session: id }] } else { Vec::new() }
    }

    fn update(&mut self, id: SessionId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.by_id_mut(id) {
            change(session);
        }
    }
}

/// The lists may not contradict each other where it is the same address; `never` stands before `always`.
fn set_preferences(mut preferences: ArchivePreferences) -> Decided {
    preferences.always.retain(|jid| !preferences.never.contains(jid));
    if preferences.always.len() > PREFERENCES_MAX || preferences.never.len() > PREFERENCES_MAX {
        return Err(AccountRefusal::TooMany);
    }
    let answer = Answer::Preferences(Arc::new(preferences.clone()));
    Ok((answer, Decision::of([AccountChange::PreferencesSet(preferences)])))
}
