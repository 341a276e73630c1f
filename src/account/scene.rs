//! For tests: accounts that talk to each other without a store or a task, and what their sessions are sent.

use std::collections::{BTreeMap, VecDeque};

use perch_address::{BareJid, Jid};

use crate::account::handle::{Answer, Command};
use crate::account::letters::{Draft, Peer};
use crate::account::presence::Appearance;
use crate::account::state::{Account, Decision, Effect};
use crate::account::wire;
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::packet::MessageKind;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Epoch, Seq, SessionId, Timestamp};
use crate::chat::message::{Content, Payload, Retention};

/// Some accounts with their logs, and what their sessions were sent.
pub(super) struct World {
    pub(super) accounts: BTreeMap<BareJid, Account>,
    pub(super) logs: BTreeMap<BareJid, Vec<AccountEvent>>,
    /// By the number of the session.
    sent: BTreeMap<i64, Vec<String>>,
    pub(super) now: Timestamp,
}

impl World {
    /// `romeo` and `juliet`, each with session 1 or 2 that has asked for the roster and sent presence.
    pub(super) fn of_two() -> Self {
        let mut world = Self::empty();
        for (name, session) in [("romeo", 1), ("juliet", 2)] {
            world.attach(name, session, "home");
            world.ask(session, Command::Roster { since: None }).unwrap();
            world.appear(session, 0);
        }
        world.take_all();
        world
    }

    /// The same, and they see each other's presence.
    pub(super) fn of_friends() -> Self {
        let mut world = Self::of_two();
        for (one, other) in [(1, "juliet"), (2, "romeo")] {
            world.subscription(one, other, SubscriptionRequest::Subscribe).unwrap();
        }
        world.subscription(1, "juliet", SubscriptionRequest::Subscribed).unwrap();
        world.subscription(2, "romeo", SubscriptionRequest::Subscribed).unwrap();
        world.take_all();
        world
    }

    fn empty() -> Self {
        let accounts = ["romeo", "juliet"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| (bare(name), new_account(id, bare(name))));
        let accounts: BTreeMap<_, _> = accounts.collect();
        let logs = accounts.keys().map(|jid| (jid.clone(), Vec::new())).collect();
        Self { accounts, logs, sent: BTreeMap::new(), now: Timestamp(1_031_699_305_000) }
    }

    pub(super) fn attach(&mut self, name: &str, session: i64, resource: &str) {
        let jid = bare(name).with_resource(resource).unwrap();
        self.account(name).attach(SessionId(session), jid);
    }

    pub(super) fn account(&mut self, name: &str) -> &mut Account {
        self.accounts.get_mut(&bare(name)).unwrap()
    }

    /// The account that a session belongs to.
    fn owner(&self, session: i64) -> BareJid {
        let has = |account: &&Account| account.sessions.by_id(SessionId(session)).is_some();
        self.accounts.values().find(has).unwrap().jid().clone()
    }

    pub(super) fn of(&mut self, session: i64) -> &mut Account {
        let owner = self.owner(session);
        self.accounts.get_mut(&owner).unwrap()
    }

    pub(super) fn appear(&mut self, session: i64, priority: i8) {
        self.appear_with(session, priority, "");
    }

    pub(super) fn appear_with(&mut self, session: i64, priority: i8, payload: &str) {
        let appearance =
            Appearance { priority, payload: text(payload), capabilities: None, hides_photo: false };
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).appear(SessionId(session), &appearance, now);
        self.perform(&owner, effects);
    }

    pub(super) fn vanish(&mut self, session: i64) {
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).vanish(SessionId(session), &text(""), now);
        self.perform(&owner, effects);
    }

    pub(super) fn lose(&mut self, session: i64) {
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).detach(SessionId(session), &text(""), now);
        self.perform(&owner, effects);
    }

    pub(super) fn ask(&mut self, session: i64, command: Command) -> Result<Answer, AccountRefusal> {
        let (owner, now) = (self.owner(session), self.now);
        let (answer, decision) = self.of(session).decide(SessionId(session), command, now)?;
        self.commit(&owner, decision);
        Ok(answer)
    }

    pub(super) fn subscription(
        &mut self,
        session: i64,
        to: &str,
        request: SubscriptionRequest,
    ) -> Result<Answer, AccountRefusal> {
        self.ask(session, Command::Subscription { to: bare(to), request, payload: text("") })
    }

    pub(super) fn say(
        &mut self,
        session: i64,
        to: &str,
        kind: MessageKind,
        retention: Retention,
    ) -> Result<(), AccountRefusal> {
        let from: Jid = self.of(session).sessions.by_id(SessionId(session)).unwrap().jid.clone().into();
        let content =
            Content { id: None, lang: None, text: None, payload: text("<body>hi</body>"), retention };
        let draft = Draft {
            kind,
            from,
            to: jid(to),
            content,
            is_kept_offline: retention == Retention::Kept,
            is_copied: kind == MessageKind::Chat,
        };
        let owner = self.owner(session);
        let face = self.accounts.get(&jid(to).bare()).map(Account::face);
        let peer = face.as_ref().map_or(Peer::Nobody, Peer::Local);
        let posting = self.of(session).post(draft.clone(), peer)?;
        if let Some(sent) = posting.sent {
            self.append(&owner, vec![sent]);
        }
        if let Some((id, received)) = posting.received {
            let to = self.accounts.values().find(|account| account.id() == id).unwrap().jid().clone();
            self.append(&to, vec![received]);
        }
        if let Some(packet) = posting.passing {
            let to = packet.to.bare();
            let effects = self.accounts[&to].receive_packet(packet, draft.is_copied);
            self.perform(&to, effects);
        }
        self.perform(&owner, posting.copies);
        Ok(())
    }

    pub(super) fn commit(&mut self, owner: &BareJid, decision: Decision) {
        let Decision { changes, approaches, effects } = decision;
        self.append(owner, changes);
        for approach in approaches {
            let change = AccountChange::Approached {
                from: owner.clone(),
                request: approach.request,
                payload: approach.payload,
            };
            if self.accounts.contains_key(&approach.to) {
                self.append(&approach.to, vec![change]);
            }
        }
        self.perform(owner, effects);
    }

    /// What the task does: applies in the order of the log, and answers what wants an answer.
    fn append(&mut self, owner: &BareJid, changes: Vec<AccountChange>) {
        for change in changes {
            let account = self.accounts.get_mut(owner).unwrap();
            let event = AccountEvent { seq: account.seq().next(), at: self.now, origin: None, change };
            self.logs.get_mut(owner).unwrap().push(event.clone());
            let effects = account.apply(&event);
            self.perform(owner, effects);
            if let AccountChange::Approached { from, request, payload } = &event.change {
                let decision = self.accounts[owner].answer_approach(from, *request, payload);
                self.commit(owner, decision);
            }
        }
    }

    pub(super) fn perform(&mut self, owner: &BareJid, effects: Vec<Effect>) {
        let mut waiting = VecDeque::from(effects);
        while let Some(effect) = waiting.pop_front() {
            match effect {
                Effect::Tell { sessions, packet } | Effect::Letter { sessions, packet, .. } => {
                    let stanza = wire::element(&packet).to_bytes(perch_xmpp::namespace::CLIENT);
                    self.note(&sessions, str::from_utf8(&stanza).unwrap());
                }
                Effect::Push { sessions, notice } => {
                    let from = notice.from.unwrap_or_else(|| owner.clone().into());
                    let kind = notice.kind.type_attribute().unwrap_or("-");
                    let line = format!("{} {kind} {from} {}", notice.kind.name(), notice.payload.as_str());
                    self.note(&sessions, &line);
                }
                Effect::Send(packet) => {
                    let to = packet.to.bare();
                    if let Some(account) = self.accounts.get(&to) {
                        let effects = account.receive_packet(packet, false);
                        self.perform(&to, effects);
                    }
                }
                Effect::Notify { to, node, packet } => {
                    if let Some(account) = self.accounts.get(&to) {
                        let effects = account.receive_event(packet, &node);
                        self.perform(&to, effects);
                    }
                }
                Effect::Flood { session, after } => {
                    let log = &self.logs[owner];
                    let page: Vec<_> = log.iter().filter(|event| event.seq > after).cloned().collect();
                    waiting.extend(self.accounts.get_mut(owner).unwrap().flood(session, &page, true));
                }
                Effect::Probe { session } => self.probe(owner, session),
                Effect::SendLastItems { .. }
                | Effect::AskCapabilities { .. }
                | Effect::Elsewhere { .. }
                | Effect::Follow { .. } => {}
            }
        }
    }

    fn probe(&mut self, owner: &BareJid, session: SessionId) {
        let watched: Vec<_> = self.accounts[owner].watched().collect();
        for contact in watched {
            let face = self.accounts[&contact].face();
            let seen = face.resources.iter().filter(|resource| resource.availability.is_some());
            let seen: Vec<_> = seen.map(|resource| format!("presence - {} ", resource.jid)).collect();
            if face.shows_presence_to(owner) {
                seen.iter().for_each(|line| self.note(&[session], line));
            }
        }
    }

    fn note(&mut self, sessions: &[SessionId], line: &str) {
        for session in sessions {
            self.sent.entry(session.0).or_default().push(line.to_owned());
        }
    }

    /// What a session was sent since the last look.
    pub(super) fn take(&mut self, session: i64) -> Vec<String> {
        self.sent.remove(&session).unwrap_or_default()
    }

    pub(super) fn take_all(&mut self) {
        self.sent.clear();
    }

    /// How many stanzas a session was sent that hold this text.
    pub(super) fn count(&mut self, session: i64, part: &str) -> usize {
        self.take(session).iter().filter(|line| line.contains(part)).count()
    }
}

pub(super) fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@localhost")).unwrap()
}

pub(super) fn jid(text: &str) -> Jid {
    Jid::new(&text.replace('@', "@localhost")).unwrap()
}

pub(super) fn text(text: &str) -> Payload {
    Payload::from(text.to_owned())
}

/// An account of which nothing is written yet.
pub(super) fn new_account(id: i64, jid: BareJid) -> Account {
    let snapshot = AccountSnapshot {
        id: AccountId(id),
        jid,
        epoch: Epoch(1),
        seq: Seq(0),
        last_at: Timestamp(0),
        handled: Seq(0),
        delivered: Seq(0),
        contacts: Vec::new(),
        removed_contacts: Vec::new(),
        roster_version: 0,
        blocked: Vec::new(),
        preferences: ArchivePreferences::default(),
        photo: None,
        nodes: Vec::new(),
        last_seen: None,
    };
    Account::new(snapshot, Vec::new())
}
