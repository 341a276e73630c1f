//! Accounts that talk to each other without a store or a task: every rule in its effect on what sessions are sent.

use std::collections::{BTreeMap, VecDeque};

use MessageKind::{Chat, Headline, Normal};
use Retention::{Ephemeral, Kept, Transient};
use perch_address::{BareJid, Jid};

use crate::account::handle::{Answer, Command};
use crate::account::letters::{Draft, Peer};
use crate::account::pep::{Field, PepCommand, Publication};
use crate::account::presence::Appearance;
use crate::account::roster::{RosterAnswer, RosterItem};
use crate::account::state::{Account, Decision, Effect};
use crate::account::wire;
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::packet::MessageKind;
use crate::chat::account::preferences::{ArchiveDefault, ArchivePreferences};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Epoch, Seq, SessionId, Timestamp};
use crate::chat::message::{Content, Payload, Retention};

/// Some accounts with their logs, and what their sessions were sent.
struct World {
    accounts: BTreeMap<BareJid, Account>,
    logs: BTreeMap<BareJid, Vec<AccountEvent>>,
    /// By the number of the session.
    sent: BTreeMap<i64, Vec<String>>,
    now: Timestamp,
}

impl World {
    /// `romeo` and `juliet`, each with session 1 or 2 that has asked for the roster and sent presence.
    fn of_two() -> Self {
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
    fn of_friends() -> Self {
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
        let accounts = ["romeo", "juliet"].into_iter().zip(1..).map(|(name, id)| {
            let snapshot = AccountSnapshot {
                id: AccountId(id),
                jid: bare(name),
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
            (bare(name), Account::new(snapshot, Vec::new()))
        });
        let accounts: BTreeMap<_, _> = accounts.collect();
        let logs = accounts.keys().map(|jid| (jid.clone(), Vec::new())).collect();
        Self { accounts, logs, sent: BTreeMap::new(), now: Timestamp(1_031_699_305_000) }
    }

    fn attach(&mut self, name: &str, session: i64, resource: &str) {
        let jid = bare(name).with_resource(resource).unwrap();
        self.account(name).attach(SessionId(session), jid);
    }

    fn account(&mut self, name: &str) -> &mut Account {
        self.accounts.get_mut(&bare(name)).unwrap()
    }

    /// The account that a session belongs to.
    fn owner(&self, session: i64) -> BareJid {
        let has = |account: &&Account| account.sessions.by_id(SessionId(session)).is_some();
        self.accounts.values().find(has).unwrap().jid().clone()
    }

    fn of(&mut self, session: i64) -> &mut Account {
        let owner = self.owner(session);
        self.accounts.get_mut(&owner).unwrap()
    }

    fn appear(&mut self, session: i64, priority: i8) {
        self.appear_with(session, priority, "");
    }

    fn appear_with(&mut self, session: i64, priority: i8, payload: &str) {
        let appearance =
            Appearance { priority, payload: text(payload), capabilities: None, hides_photo: false };
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).appear(SessionId(session), &appearance, now);
        self.perform(&owner, effects);
    }

    fn vanish(&mut self, session: i64) {
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).vanish(SessionId(session), &text(""), now);
        self.perform(&owner, effects);
    }

    fn lose(&mut self, session: i64) {
        let (owner, now) = (self.owner(session), self.now);
        let effects = self.of(session).detach(SessionId(session), &text(""), now);
        self.perform(&owner, effects);
    }

    fn ask(&mut self, session: i64, command: Command) -> Result<Answer, AccountRefusal> {
        let (owner, now) = (self.owner(session), self.now);
        let (answer, decision) = self.of(session).decide(SessionId(session), command, now)?;
        self.commit(&owner, decision);
        Ok(answer)
    }

    fn subscription(
        &mut self,
        session: i64,
        to: &str,
        request: SubscriptionRequest,
    ) -> Result<Answer, AccountRefusal> {
        self.ask(session, Command::Subscription { to: bare(to), request, payload: text("") })
    }

    fn say(
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
            is_kept_offline: retention == Kept,
            is_copied: kind == Chat,
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

    fn commit(&mut self, owner: &BareJid, decision: Decision) {
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

    fn perform(&mut self, owner: &BareJid, effects: Vec<Effect>) {
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
                Effect::SendLastItems { .. } | Effect::AskCapabilities { .. } | Effect::Elsewhere { .. } => {}
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
    fn take(&mut self, session: i64) -> Vec<String> {
        self.sent.remove(&session).unwrap_or_default()
    }

    fn take_all(&mut self) {
        self.sent.clear();
    }

    /// How many stanzas a session was sent that hold this text.
    fn count(&mut self, session: i64, part: &str) -> usize {
        self.take(session).iter().filter(|line| line.contains(part)).count()
    }
}

fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@localhost")).unwrap()
}

fn jid(text: &str) -> Jid {
    Jid::new(&text.replace('@', "@localhost")).unwrap()
}

fn text(text: &str) -> Payload {
    Payload::from(text.to_owned())
}

#[test]
fn a_request_is_told_again_at_each_login_until_it_is_answered() {
    let mut world = World::of_two();
    world.vanish(2);
    world.subscription(1, "juliet", SubscriptionRequest::Subscribe).unwrap();
    world.take_all();
    for _ in 0..2 {
        world.appear(2, 0);
        assert_eq!(world.count(2, "type='subscribe'"), 1);
        world.vanish(2);
    }
    world.appear(2, 0);
    world.subscription(2, "romeo", SubscriptionRequest::Unsubscribed).unwrap();
    world.vanish(2);
    world.take_all();
    world.appear(2, 0);
    assert_eq!(world.count(2, "type='subscribe'"), 0);
    assert_eq!(world.count(1, "type='unsubscribed'"), 0, "told before, and once");
}

#[test]
fn an_approval_beforehand_lets_in_without_a_question() {
    let mut world = World::of_two();
    world.subscription(2, "romeo", SubscriptionRequest::Subscribed).unwrap();
    assert_eq!(world.count(2, "approved='true'"), 1);
    world.subscription(1, "juliet", SubscriptionRequest::Subscribe).unwrap();
    let romeo = world.take(1).join("\n");
    assert!(romeo.contains("type='subscribed'") && romeo.contains("juliet@localhost/home"), "{romeo}");
    let juliet = world.take(2).join("\n");
    assert!(!juliet.contains("type='subscribe'") && juliet.contains("subscription='from'"), "{juliet}");
}

#[test]
fn presence_goes_to_who_may_see_it_and_ends_for_who_may_not() {
    let mut world = World::of_friends();
    world.appear_with(1, 0, "<show>dnd</show>");
    assert_eq!(world.count(2, "<show>dnd</show>"), 1);
    assert_eq!(world.count(1, "<show>dnd</show>"), 1, "one's own as well");
    world.subscription(1, "juliet", SubscriptionRequest::Unsubscribed).unwrap();
    let juliet = world.take(2).join("\n");
    assert!(juliet.contains("type='unsubscribed'") && juliet.contains("type='unavailable'"), "{juliet}");
    world.appear_with(1, 0, "<show>xa</show>");
    assert_eq!(world.count(2, "<show>xa</show>"), 0);
    assert_eq!(world.count(1, "romeo@localhost/home"), 1);
}

#[test]
fn who_comes_sees_who_is_there() {
    let mut world = World::of_friends();
    world.attach("romeo", 3, "phone");
    world.appear(3, 0);
    let seen = world.take(3).join("\n");
    for who in ["romeo@localhost/phone", "romeo@localhost/home", "juliet@localhost/home"] {
        assert!(seen.contains(who), "{who} in {seen}");
    }
    assert_eq!(world.count(2, "romeo@localhost/phone"), 1);
    world.lose(3);
    assert_eq!(world.count(2, "type='unavailable'"), 1);
    assert_eq!(world.count(1, "presence unavailable romeo@localhost/phone"), 1);
}

#[test]
fn removing_a_contact_ends_both_directions() {
    let mut world = World::of_friends();
    world.ask(1, Command::RemoveContact(bare("juliet"))).unwrap();
    let juliet = world.take(2).join("\n");
    for part in ["type='unsubscribe'", "type='unsubscribed'", "type='unavailable'", "subscription='none'"] {
        assert!(juliet.contains(part), "{part} in {juliet}");
    }
    assert_eq!(world.count(1, "subscription='remove'"), 1);
    assert_eq!(world.ask(1, Command::RemoveContact(bare("juliet"))), Err(AccountRefusal::NoSuchItem));
}

#[test]
fn directed_presence_ends_with_the_session() {
    let mut world = World::of_two();
    let appearance = Appearance { priority: 0, payload: text(""), capabilities: None, hides_photo: false };
    let effects = world.of(1).direct(SessionId(1), jid("juliet@"), Some(&appearance), &text("")).unwrap();
    world.perform(&bare("romeo"), effects);
    assert_eq!(world.count(2, "to='juliet@localhost'"), 1, "a bare address is not rewritten");
    world.lose(1);
    assert_eq!(world.count(2, "type='unavailable'"), 1);
}

#[test]
fn a_roster_tells_what_changed_since_a_version() {
    let mut world = World::of_two();
    let set = |name: &str| {
        Command::SetContact(RosterItem { jid: bare(name), name: None, groups: vec!["A".into()] })
    };
    for name in ["a", "b", "c"] {
        world.ask(1, set(name)).unwrap();
    }
    world.ask(1, Command::RemoveContact(bare("b"))).unwrap();
    world.ask(1, set("c")).unwrap();
    let mut check = |since: Option<i64>, expected: Result<&[&str], usize>| {
        let found = match world.ask(1, Command::Roster { since }).unwrap() {
            Answer::Roster(RosterAnswer::Since { pushes }) => Ok(pushes
                .iter()
                .map(|push| match &push.item {
                    Ok(contact) => contact.jid.local().unwrap().to_owned(),
                    Err(jid) => format!("-{}", jid.local().unwrap()),
                })
                .collect::<Vec<_>>()),
            Answer::Roster(RosterAnswer::Full { contacts, .. }) => Err(contacts.len()),
            other => panic!("{other:?}"),
        };
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found, expected, "since {since:?}");
    };
    check(None, Err(2));
    check(Some(5), Ok(&[]));
    check(Some(4), Ok(&["c"]));
    check(Some(3), Ok(&["-b", "c"]));
    check(Some(0), Err(2));
    check(Some(99), Err(2));
}

#[test]
fn a_message_to_the_account_reaches_all_that_take_messages_and_copies_the_rest() {
    let mut world = World::of_two();
    for (session, resource) in [(3, "phone"), (4, "tv")] {
        world.attach("juliet", session, resource);
        world.ask(session, Command::SetCarbons(true)).unwrap();
    }
    world.appear(3, 5);
    world.appear(4, -1);
    world.attach("romeo", 5, "car");
    world.ask(5, Command::SetCarbons(true)).unwrap();
    world.take_all();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    let mut check = |session, plain, copies| {
        let lines = world.take(session);
        let is_copy = |line: &&String| line.contains("urn:xmpp:carbons:2");
        assert_eq!(lines.iter().filter(is_copy).count(), copies, "copies for {session}: {lines:?}");
        assert_eq!(lines.len() - copies, plain, "to {session}: {lines:?}");
    };
    check(2, 1, 0);
    check(3, 1, 0);
    check(4, 0, 1);
    check(5, 0, 1);
    check(1, 0, 0);
}

#[test]
fn a_message_to_one_session_is_copied_to_the_others() {
    let mut world = World::of_two();
    world.attach("juliet", 3, "phone");
    world.ask(3, Command::SetCarbons(true)).unwrap();
    for retention in [Kept, Transient, Ephemeral] {
        world.say(1, "juliet@/home", Chat, retention).unwrap();
        assert_eq!(world.count(2, "<body>"), 1, "{retention:?}");
        assert_eq!(world.count(3, "<received"), 1, "{retention:?}");
    }
    world.say(1, "juliet@/home", Normal, Kept).unwrap();
    assert_eq!(world.count(3, "<received"), 0, "not every message is copied");
}

#[test]
fn what_cannot_be_delivered_is_refused_or_waits() {
    let mut world = World::of_two();
    world.lose(2);
    let mut check = |to: &str, kind, retention, expected| {
        assert_eq!(world.say(1, to, kind, retention), expected, "{to} {kind:?} {retention:?}");
    };
    check("juliet@", Chat, Kept, Ok(()));
    check("juliet@", Normal, Kept, Ok(()));
    check("juliet@/gone", Chat, Kept, Ok(()));
    check("juliet@", Headline, Ephemeral, Ok(()));
    check("juliet@", Chat, Ephemeral, Ok(()));
    check("juliet@", Chat, Transient, Err(AccountRefusal::Unreachable));
    check("juliet@/gone", Normal, Kept, Err(AccountRefusal::Unreachable));
    check("juliet@", MessageKind::Groupchat, Ephemeral, Err(AccountRefusal::Unreachable));
    check("nobody@", Chat, Kept, Err(AccountRefusal::Unreachable));
    check("nobody@", MessageKind::Error, Ephemeral, Ok(()));
    world.attach("juliet", 2, "home");
    world.appear(2, -5);
    assert_eq!(world.count(2, "<body>"), 0, "not to who takes no messages");
    world.appear(2, 0);
    assert_eq!(world.count(2, "<delay"), 3);
}

#[test]
fn what_was_not_acknowledged_waits_again_and_comes_once() {
    let mut world = World::of_two();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(2, "<body>"), 2);
    world.account("juliet").acknowledge(SessionId(2), Seq(1));
    assert_eq!(world.account("juliet").delivered(), Seq(1));
    world.lose(2);
    world.attach("juliet", 3, "phone");
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 1, "the second only");
    world.account("juliet").acknowledge(SessionId(3), Seq(2));
    assert_eq!(world.account("juliet").delivered(), Seq(2));
    world.vanish(3);
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 0);
}

#[test]
fn what_a_lost_session_leaves_goes_to_who_is_there() {
    let mut world = World::of_two();
    world.say(1, "juliet@/home", Chat, Kept).unwrap();
    world.attach("juliet", 3, "phone");
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 0, "it may still be acknowledged");
    world.lose(2);
    assert_eq!(world.count(3, "<body>"), 1);
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(3, "<body>"), 1, "the next one is live again");
}

#[test]
fn a_blocked_one_reaches_nobody_and_sees_nothing() {
    let mut world = World::of_friends();
    world.ask(2, Command::Block(vec![jid("romeo@")])).unwrap();
    assert_eq!(world.count(1, "type='unavailable'"), 1, "she is gone for him");
    world.appear_with(1, 0, "<show>away</show>");
    assert_eq!(world.count(2, "<show>away</show>"), 0);
    assert_eq!(world.say(1, "juliet@", Chat, Kept), Err(AccountRefusal::Unreachable));
    assert_eq!(world.say(2, "romeo@", Chat, Kept), Err(AccountRefusal::Blocked));
    assert_eq!(world.subscription(2, "romeo", SubscriptionRequest::Subscribe), Err(AccountRefusal::Blocked));
    world.take_all();
    world.appear_with(2, 0, "<show>chat</show>");
    assert_eq!(world.count(1, "<show>chat</show>"), 0);
    world.ask(2, Command::Unblock(Vec::new())).unwrap();
    assert_eq!(world.count(1, "<show>chat</show>"), 1, "she is there again");
    assert_eq!(world.say(1, "juliet@", Chat, Kept), Ok(()));
}

#[test]
fn preferences_keep_a_conversation_out_of_one_archive() {
    let mut world = World::of_two();
    let preferences = ArchivePreferences { default: ArchiveDefault::Never, ..ArchivePreferences::default() };
    world.ask(2, Command::SetPreferences(preferences)).unwrap();
    world.take_all();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(2, "<stanza-id"), 0);
    let is_archived = |event: &AccountEvent| match &event.change {
        AccountChange::Sent(letter) | AccountChange::Received(letter) => letter.is_archived,
        _ => false,
    };
    assert_eq!(world.logs[&bare("juliet")].iter().filter(|event| is_archived(event)).count(), 0);
    assert_eq!(world.logs[&bare("romeo")].iter().filter(|event| is_archived(event)).count(), 1);
}

#[test]
fn a_note_to_oneself_is_kept_once() {
    let mut world = World::of_two();
    world.say(1, "romeo@", Chat, Kept).unwrap();
    assert_eq!(world.count(1, "<body>"), 1);
    assert_eq!(world.logs[&bare("romeo")].len(), 1);
}

fn publication(node: &str, options: &[(&str, &str)]) -> Command {
    let field = |(name, value): &(&str, &str)| Field { name: (*name).into(), values: vec![(*value).into()] };
    let options = (!options.is_empty()).then(|| options.iter().map(field).collect());
    let payload = Some(text("<x xmlns='u'/>"));
    Command::Pep(PepCommand::Publish(Publication { node: node.into(), id: "i".into(), payload, options }))
}

#[test]
fn an_event_reaches_who_is_interested_and_may_read() {
    let mut world = World::of_friends();
    world.of(1).set_interests(SessionId(1), ["open".into(), "closed".into()].into());
    world.of(2).set_interests(SessionId(2), ["open".into(), "closed".into()].into());
    let mut check = |command, own, friends| {
        world.ask(1, command).unwrap();
        assert_eq!(world.count(1, "#event"), own);
        assert_eq!(world.count(2, "#event"), friends);
    };
    check(publication("open", &[]), 1, 1);
    check(publication("closed", &[("access_model", "whitelist")]), 1, 0);
    check(publication("of no interest", &[]), 0, 0);
    let retract = PepCommand::Retract { node: "open".into(), ids: vec!["i".into()], is_told: true };
    check(Command::Pep(retract), 1, 1);
    check(Command::Pep(PepCommand::Purge { node: "closed".into() }), 1, 0);
    check(Command::Pep(PepCommand::Delete { node: "open".into() }), 1, 1);
}

#[test]
fn a_publisher_insists_on_the_configuration_it_asked_for() {
    let mut world = World::of_two();
    let whitelisted = publication("n", &[("access_model", "whitelist")]);
    assert_eq!(world.ask(1, whitelisted.clone()), Ok(Answer::Published("i".into())));
    assert_eq!(world.ask(1, whitelisted), Ok(Answer::Published("i".into())));
    let open = publication("n", &[("access_model", "open")]);
    assert_eq!(world.ask(1, open), Err(AccountRefusal::PreconditionNotMet));
    assert_eq!(world.ask(1, publication("n", &[])), Ok(Answer::Published("i".into())));
}

#[test]
fn nobody_changes_anothers_nodes_without_being_let() {
    let mut world = World::of_two();
    world.ask(1, publication("n", &[("access_model", "open")])).unwrap();
    let now = world.now;
    let mut check = |command: PepCommand, expected| {
        let found = world.account("romeo").decide_pep_by(&jid("juliet@/home"), command.clone(), now);
        assert_eq!(found.map(|_| ()), expected, "{command:?}");
    };
    let publish = |node: &str| {
        PepCommand::Publish(Publication {
            node: node.into(),
            id: "j".into(),
            payload: Some(text("<x/>")),
            options: None,
        })
    };
    let (node, id): (Box<str>, Box<str>) = ("n".into(), "s".into());
    check(publish("n"), Err(AccountRefusal::Forbidden));
    check(publish("new"), Err(AccountRefusal::NoSuchItem));
    check(PepCommand::Delete { node: node.clone() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Purge { node: node.clone() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Create { node: "new".into(), fields: Vec::new() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Subscribe { node: node.clone(), jid: jid("juliet@"), id: id.clone() }, Ok(()));
    check(
        PepCommand::Subscribe { node: node.clone(), jid: jid("romeo@"), id },
        Err(AccountRefusal::InvalidJid),
    );
    check(PepCommand::Unsubscribe { node, jid: jid("juliet@") }, Err(AccountRefusal::NotSubscribed));
}

#[test]
fn a_vcards_photo_is_told_in_presence() {
    let mut world = World::of_friends();
    let vcard = "<vCard xmlns='vcard-temp'><FN>R</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>";
    world.ask(1, Command::SetVcard(text(vcard))).unwrap();
    let hash = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    assert_eq!(world.count(2, hash), 1);
    world.appear_with(1, 0, "<show>away</show>");
    assert_eq!(world.count(2, hash), 1);
    let nodes: Vec<_> = world.account("romeo").nodes.keys().map(|name| name.to_string()).collect();
    assert_eq!(nodes, ["urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"]);
    world.ask(1, Command::Pep(PepCommand::Delete { node: nodes[1].as_str().into() })).unwrap();
    let last = world.take(2).pop().unwrap_or_default();
    assert!(!last.contains(hash) && last.contains("<show>away</show>"), "{last}");
}
