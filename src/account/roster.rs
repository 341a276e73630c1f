//! The roster (RFC 6121 §2): who is on it, what may be changed, and what changed since a version.

use std::collections::BTreeMap;
use std::sync::Arc;

use perch_address::BareJid;

use crate::account::state::{Account, Decision, Effect};
use crate::account::{subscription, wire};
use crate::chat::account::contact::{Contact, Subscription, SubscriptionRequest};
use crate::chat::account::entry::AccountChange;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::message::Payload;

/// All contacts by address. Shared with other accounts through the face, so it is copied when it changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    contacts: BTreeMap<BareJid, Contact>,
    /// Those who were taken off, and at which version.
    removed: BTreeMap<BareJid, i64>,
    version: i64,
}

/// What a session wants to be on the roster (RFC 6121 §2.3): the subscription is not its to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RosterItem {
    pub jid: BareJid,
    pub name: Option<Box<str>>,
    pub groups: Vec<Box<str>>,
}

/// The answer to a roster get (RFC 6121 §2.2, §2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RosterAnswer {
    Full {
        contacts: Vec<Contact>,
        version: i64,
    },
    /// The session has this version, or will have when it has taken the pushes that follow: a contact, or the
    /// address of one who is gone.
    Since {
        pushes: Vec<RosterPush>,
    },
}

/// One item of a roster push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RosterPush {
    pub version: i64,
    pub item: Result<Contact, BareJid>,
}

/// Contacts on one roster.
const CONTACTS_MAX: usize = 4096;
/// Groups that one contact may be in.
const GROUPS_MAX: usize = 64;
/// Bytes of a name or a group's name, as of an address part (RFC 6121 §2.1.2.4).
const NAME_BYTES_MAX: usize = 1023;
/// Removed contacts that are remembered for who asks what changed; older versions get the whole roster.
const REMOVED_MAX: usize = 256;

impl Roster {
    pub(super) fn new(contacts: Vec<Contact>, removed: Vec<(BareJid, i64)>, version: i64) -> Self {
        Self {
            contacts: contacts.into_iter().map(|contact| (contact.jid.clone(), contact)).collect(),
            removed: removed.into_iter().collect(),
            version,
        }
    }

    pub(crate) fn contact(&self, jid: &BareJid) -> Option<&Contact> {
        self.contacts.get(jid)
    }

    pub(crate) fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.values()
    }

    pub(crate) fn subscription(&self, jid: &BareJid) -> Subscription {
        self.contact(jid).map(|contact| contact.subscription).unwrap_or_default()
    }

    /// Whether the account's owner sees this contact.
    pub(crate) fn lists(&self, jid: &BareJid) -> bool {
        self.contact(jid).is_some_and(|contact| contact.is_listed)
    }

    /// The answer for a session that has `version` of the roster, if any.
    pub(crate) fn since(&self, version: Option<i64>) -> RosterAnswer {
        let oldest_known = if self.removed.len() < REMOVED_MAX {
            0
        } else {
            self.removed.values().min().copied().unwrap_or(0)
        };
        let listed = || self.contacts().filter(|contact| contact.is_listed);
        let Some(version) = version.filter(|version| (oldest_known..=self.version).contains(version)) else {
            return RosterAnswer::Full { contacts: listed().cloned().collect(), version: self.version };
        };
        let changed = listed()
            .filter(|contact| contact.version > version)
            .map(|contact| RosterPush { version: contact.version, item: Ok(contact.clone()) });
        let removed = self
            .removed
            .iter()
            .filter(|(_, at)| **at > version)
            .map(|(jid, at)| RosterPush { version: *at, item: Err(jid.clone()) });
        let mut pushes: Vec<_> = changed.chain(removed).collect();
        if pushes.len() > listed().count() {
            return RosterAnswer::Full { contacts: listed().cloned().collect(), version: self.version };
        }
        pushes.sort_by_key(|push| push.version);
        RosterAnswer::Since { pushes }
    }

    fn put(&mut self, contact: Contact) {
        self.version = self.version.max(contact.version);
        self.removed.remove(&contact.jid);
        if contact.is_forgettable() {
            self.contacts.remove(&contact.jid);
        } else {
            self.contacts.insert(contact.jid.clone(), contact);
        }
    }

    fn take_off(&mut self, jid: &BareJid, version: i64) -> Option<Contact> {
        self.version = self.version.max(version);
        if self.removed.len() >= REMOVED_MAX
            && let Some(oldest) = self.removed.iter().min_by_key(|(_, at)| **at).map(|(jid, _)| jid.clone())
        {
            self.removed.remove(&oldest);
        }
        self.removed.insert(jid.clone(), version);
        self.contacts.remove(jid)
    }
}

/// Deciding.
impl Account {
    /// A roster set (RFC 6121 §2.3, §2.4).
    pub(crate) fn set_contact(&self, item: RosterItem) -> Result<Decision, AccountRefusal> {
        check_item(&item)?;
        let known = self.roster.contact(&item.jid).cloned();
        if known.is_none() && self.roster.contacts.len() >= CONTACTS_MAX {
            return Err(AccountRefusal::TooMany);
        }
        let contact = Contact {
            name: item.name.filter(|name| !name.is_empty()),
            groups: item.groups,
            is_listed: true,
            version: self.roster.version + 1,
            ..known.unwrap_or_else(|| Contact::stranger(item.jid))
        };
        Ok(Decision::of([AccountChange::ContactSet { contact, told: None }]))
    }

    /// Takes a contact off the roster, and ends what was shared with him (RFC 6121 §2.5).
    pub(crate) fn remove_contact(&self, jid: &BareJid) -> Result<Decision, AccountRefusal> {
        let contact =
            self.roster.contact(jid).filter(|contact| contact.is_listed).ok_or(AccountRefusal::NoSuchItem)?;
        let Subscription { to, from, is_asking, is_asked, .. } = contact.subscription;
        let mut decision = Decision::of([AccountChange::ContactRemoved {
            jid: jid.clone(),
            version: self.roster.version + 1,
        }]);
        if to || is_asking {
            decision.approach(jid, SubscriptionRequest::Unsubscribe, Payload::default());
        }
        if from || is_asked {
            decision.approach(jid, SubscriptionRequest::Unsubscribed, Payload::default());
        }
        Ok(decision)
    }

    /// One of the four stanzas, sent by a session (RFC 6121 §3.1.2, §3.2.1, §3.3.2, §3.4.2).
    pub(crate) fn send_subscription(
        &self,
        jid: &BareJid,
        request: SubscriptionRequest,
        payload: Payload,
    ) -> Result<Decision, AccountRefusal> {
        if *jid == self.jid {
            return Ok(Decision::default());
        }
        if self.blocked.covers(jid.as_jid()) {
            return Err(AccountRefusal::Blocked);
        }
        let known = self.roster.contact(jid).cloned();
        if known.is_none() && self.roster.contacts.len() >= CONTACTS_MAX {
            return Err(AccountRefusal::TooMany);
        }
        let before = known.unwrap_or_else(|| Contact::stranger(jid.clone()));
        let step = subscription::outbound(before.subscription, request);
        let mut decision = Decision::default();
        if step.next != before.subscription {
            // Asking or approving puts the contact on the roster (§3.1.2, §3.1.5).
            let is_listed = before.is_listed
                || matches!(request, SubscriptionRequest::Subscribe | SubscriptionRequest::Subscribed);
            let contact = Contact {
                subscription: step.next,
                is_listed,
                request: before.request.filter(|_| step.next.is_asked),
                version: self.roster.version + 1,
                ..before
            };
            decision.changes.push(AccountChange::ContactSet { contact, told: None });
        }
        if step.is_routed {
            decision.approach(jid, request, payload);
        }
        Ok(decision)
    }

    /// Somebody else's subscription stanza has arrived (RFC 6121 §3.1.3, §3.1.6, §3.2.3, §3.3.3).
    pub(crate) fn answer_approach(
        &self,
        from: &BareJid,
        request: SubscriptionRequest,
        payload: &Payload,
    ) -> Decision {
        if *from == self.jid || self.blocked.covers(from.as_jid()) {
            return Decision::default();
        }
        let known = self.roster.contact(from).cloned();
        if known.is_none() && self.roster.contacts.len() >= CONTACTS_MAX {
            return Decision::default();
        }
        let before = known.unwrap_or_else(|| Contact::stranger(from.clone()));
        let step = subscription::inbound(before.subscription, request);
        let mut decision = Decision::default();
        if step.next != before.subscription {
            let shown = |state: Subscription| Subscription { is_asked: false, ..state };
            let is_shown_otherwise = shown(step.next) != shown(before.subscription);
            let contact = Contact {
                subscription: step.next,
                request: step.next.is_asked.then(|| payload.clone()),
                // That somebody waits for an answer is no news of the roster.
                version: if is_shown_otherwise { self.roster.version + 1 } else { before.version },
                ..before
            };
            let told = step.is_delivered.then(|| (request, payload.clone()));
            decision.changes.push(AccountChange::ContactSet { contact, told });
        }
        if let Some(answer) = step.answer {
            decision.approach(from, answer, Payload::default());
        }
        decision
    }
}

/// Applying.
impl Account {
    pub(super) fn apply_contact_set(
        &mut self,
        contact: &Contact,
        told: Option<&(SubscriptionRequest, Payload)>,
        effects: &mut Vec<Effect>,
    ) {
        let before = self.roster.subscription(&contact.jid);
        let was_listed = self.roster.lists(&contact.jid);
        let is_news = self.roster.contact(&contact.jid).is_none_or(|known| known.version < contact.version);
        Arc::make_mut(&mut self.roster).put(contact.clone());
        if let Some((request, payload)) = told {
            self.tell_subscription(&contact.jid, *request, payload, effects);
        }
        if is_news && (contact.is_listed || was_listed) {
            let push = RosterPush { version: contact.version, item: Ok(contact.clone()) };
            self.push_roster(&push, effects);
        }
        self.follow_subscription(&contact.jid, before, contact.subscription, effects);
    }

    pub(super) fn apply_contact_removed(&mut self, jid: &BareJid, version: i64, effects: &mut Vec<Effect>) {
        let removed = Arc::make_mut(&mut self.roster).take_off(jid, version);
        self.push_roster(&RosterPush { version, item: Err(jid.clone()) }, effects);
        let before = removed.map(|contact| contact.subscription).unwrap_or_default();
        self.follow_subscription(jid, before, Subscription::default(), effects);
    }

    fn push_roster(&self, push: &RosterPush, effects: &mut Vec<Effect>) {
        let sessions = self.sessions.iter().filter(|session| session.is_interested).map(|session| session.id);
        effects.extend(Effect::push(sessions, wire::roster_push(push)));
    }
}

fn check_item(item: &RosterItem) -> Result<(), AccountRefusal> {
    let is_long = |text: &str| text.len() > NAME_BYTES_MAX;
    let mut groups: Vec<&str> = item.groups.iter().map(|group| &**group).collect();
    if groups.iter().any(|group| group.is_empty()) {
        return Err(AccountRefusal::NotAcceptable("a group has no name"));
    }
    if item.name.as_deref().is_some_and(is_long) || groups.iter().any(|group| is_long(group)) {
        return Err(AccountRefusal::NotAcceptable("a name is too long"));
    }
    if groups.len() > GROUPS_MAX {
        return Err(AccountRefusal::NotAcceptable("the contact is in too many groups"));
    }
    groups.sort_unstable();
    if groups.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(AccountRefusal::BadRequest("a group is named twice"));
    }
    Ok(())
}
