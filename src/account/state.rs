//! [`Account`]: everything one account's decisions rest on. Pure: no waiting, no store, no clock.
//!
//! A command is decided against it without changing it; the changes are appended to the log; then each committed event
//! is applied, which says what is to be told to whom. Presence is in no log and is handled at once. Each feature's
//! rules are in a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use perch_address::{BareJid, FullJid, Jid};
use smallvec::SmallVec;

use crate::account::blocklist::BlockList;
use crate::account::face::{Face, Resource};
use crate::account::letters::Waiting;
use crate::account::refusal::refuse;
use crate::account::roster::Roster;
use crate::account::session::{Session, Sessions};
use crate::account::wire;
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::node::Node;
use crate::chat::account::packet::{Packet, PacketKind};
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::account::snapshot::AccountSnapshot;
use crate::chat::id::{AccountId, Epoch, MessageId, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;

/// One account with its sessions.
#[derive(Debug)]
pub(crate) struct Account {
    pub(super) id: AccountId,
    pub(super) jid: BareJid,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) handled: Seq,
    pub(super) sessions: Sessions,
    /// Sessions elsewhere that are over, though their member has not said so yet.
    pub(super) superseded: BTreeSet<SessionId>,
    pub(super) roster: Arc<Roster>,
    pub(super) blocked: Arc<BlockList>,
    pub(super) preferences: Arc<ArchivePreferences>,
    pub(super) nodes: Arc<BTreeMap<Box<str>, Node>>,
    pub(super) photo: Option<Box<str>>,
    pub(super) waiting: Waiting,
    pub(super) last_seen: Option<(Timestamp, Box<str>)>,
}

/// What a command leads to. The changes and approaches are appended in one transaction; nothing of it is seen before.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Decision {
    pub changes: Vec<AccountChange>,
    /// Subscription stanzas for others, which stand in their logs as soon as the changes stand in this one.
    pub approaches: Vec<Approach>,
    /// Told after the commit, without being part of it.
    pub effects: Vec<Effect>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approach {
    pub to: BareJid,
    pub request: SubscriptionRequest,
    pub payload: Payload,
}

/// What is to be done outside of the account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// To sessions of this account, with the address that the packet names.
    Tell { sessions: Recipients, packet: Packet },
    /// To sessions of this account, each by its own full address.
    Push { sessions: Recipients, notice: Notice },
    /// A message of the log, whose seq is to be reported when the client has taken it.
    Letter { sessions: Recipients, packet: Packet, seq: Seq },
    /// To somebody else.
    Send(Packet),
    /// What one of the sessions that are here said, to the account's sessions on other members.
    Elsewhere { packet: Packet },
    /// An event of one of this account's nodes, for the sessions of a local account that are interested in it.
    Notify { to: BareJid, node: Box<str>, packet: Packet },
    /// This session has just become available: it is shown the presence of its contacts.
    Probe { session: SessionId },
    /// Messages wait in the log for this session, from behind that seq on.
    Flood { session: SessionId, after: Seq },
    /// The last items that a session's interests ask for (XEP-0163 §4.3.2).
    SendLastItems { session: SessionId },
    /// Which rooms these sessions follow, or what they are told of them, has to be looked up.
    Follow { sessions: Recipients },
    /// What stands behind these entity capabilities is not known yet.
    AskCapabilities { session: SessionId },
}

pub(crate) type Recipients = SmallVec<[SessionId; 2]>;

/// A stanza of the account itself, to its own sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub kind: PacketKind,
    /// `None`: the account, by its bare address.
    pub from: Option<Jid>,
    pub id: Option<Box<str>>,
    pub payload: Payload,
}

impl Account {
    pub(crate) fn new(snapshot: AccountSnapshot, waiting: Vec<Seq>) -> Self {
        let roster = Roster::new(snapshot.contacts, snapshot.removed_contacts, snapshot.roster_version);
        Self {
            id: snapshot.id,
            jid: snapshot.jid,
            epoch: snapshot.epoch,
            seq: snapshot.seq,
            handled: snapshot.handled,
            sessions: Sessions::default(),
            superseded: BTreeSet::new(),
            roster: Arc::new(roster),
            blocked: Arc::new(BlockList::new(snapshot.blocked)),
            preferences: Arc::new(snapshot.preferences),
            nodes: Arc::new(snapshot.nodes.into_iter().map(|node| (node.name.clone(), node)).collect()),
            photo: snapshot.photo,
            waiting: Waiting::new(waiting),
            last_seen: snapshot.last_seen,
        }
    }

    /// What others may know.
    pub(crate) fn face(&self) -> Face {
        Face {
            id: self.id,
            jid: self.jid.clone(),
            roster: self.roster.clone(),
            blocked: self.blocked.clone(),
            preferences: self.preferences.clone(),
            resources: self.resources().into(),
            nodes: self.nodes.clone(),
            photo: self.photo.clone(),
            last_seen: self.last_seen.clone(),
            is_full: self.waiting.is_full(),
        }
    }

    pub(super) fn resources(&self) -> Vec<Resource> {
        let resource = |session: &Session| Resource {
            session: session.id,
            jid: session.jid.clone(),
            availability: session.availability.clone(),
        };
        self.sessions.iter().map(resource).collect()
    }

    pub(crate) fn id(&self) -> AccountId {
        self.id
    }

    pub(crate) fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// The last entry of the log that was applied.
    pub(crate) fn seq(&self) -> Seq {
        self.seq
    }

    pub(crate) fn attach(&mut self, session: SessionId, jid: FullJid) {
        self.sessions.insert(Session::new(session, jid));
    }

    pub(crate) fn session_at(&self, jid: &Jid) -> Option<SessionId> {
        self.sessions.by_jid(jid).map(|session| session.id)
    }

    /// What came for this account or one of its sessions, and is in no log.
    pub(crate) fn receive_packet(&self, packet: Packet, is_copied: bool) -> Vec<Effect> {
        match packet.kind {
            PacketKind::Message(kind) => self.receive_passing(packet, kind, is_copied),
            PacketKind::Presence(_) => self.receive_presence(packet),
            PacketKind::Iq(_) => self.receive_iq(packet),
        }
    }

    /// An iq for one session, as it is (RFC 6121 §8.5.3.1). What a blocked or gone one would have been asked is
    /// answered alike, so that nobody learns which it was (XEP-0191 §3.3).
    fn receive_iq(&self, packet: Packet) -> Vec<Effect> {
        let is_blocked = packet.from.bare() != self.jid && self.blocked.covers(&packet.from);
        // One on another member was asked there.
        let session = self.sessions.by_jid(&packet.to).filter(|session| !is_blocked && !session.is_remote());
        let effect = match session {
            Some(session) => Effect::tell([session.id], packet),
            None => refuse(&packet, AccountRefusal::Unreachable).map(Effect::Send),
        };
        effect.into_iter().collect()
    }

    /// Whether a session may send a stanza on (XEP-0191 §3.3: nothing goes to who is blocked).
    pub(crate) fn may_relay(&self, packet: &Packet) -> Result<(), AccountRefusal> {
        let is_blocked = packet.to.bare() != self.jid && self.blocked.covers(&packet.to);
        if is_blocked { Err(AccountRefusal::Blocked) } else { Ok(()) }
    }

    /// Takes a committed event, the next of the log, and says who is to be told.
    pub(crate) fn apply(&mut self, event: &AccountEvent) -> Vec<Effect> {
        assert_eq!(event.seq, self.seq.next(), "events are applied in the order of the log, each once");
        self.seq = event.seq;
        let mut effects = Vec::new();
        match &event.change {
            AccountChange::Sent(letter) => self.apply_sent(letter, event, &mut effects),
            AccountChange::Received(letter) => self.apply_received(letter, event, &mut effects),
            // An input: the task has it answered, which is a decision of its own.
            AccountChange::Approached { .. } => {}
            AccountChange::ContactSet { contact, told } => {
                self.apply_contact_set(contact, told.as_ref(), &mut effects);
            }
            AccountChange::ContactRemoved { jid, version } => {
                self.apply_contact_removed(jid, *version, &mut effects);
            }
            AccountChange::Blocked { jids } => self.apply_blocked(jids, &mut effects),
            AccountChange::Unblocked { jids } => self.apply_unblocked(jids, &mut effects),
            AccountChange::PreferencesSet(preferences) => self.preferences = Arc::new(preferences.clone()),
            AccountChange::PhotoSet { photo } => self.apply_photo(photo.as_deref(), &mut effects),
            AccountChange::VcardSet { .. } | AccountChange::PrivateSet { .. } => {}
            AccountChange::NodeSet(node) => self.apply_node_set(node, &mut effects),
            AccountChange::NodeDeleted { node } => self.apply_node_deleted(node, &mut effects),
            AccountChange::ItemPublished { node, item } => self.apply_published(node, item, &mut effects),
            AccountChange::ItemsRetracted { node, ids, is_told } => {
                self.apply_retracted(node, ids, *is_told, &mut effects);
            }
            AccountChange::NodePurged { node } => self.apply_purged(node, &mut effects),
        }
        effects.extend(self.follow_anew(&event.change));
        effects
    }

    /// Whether an input is answered.
    pub(crate) fn is_handled(&self, seq: Seq) -> bool {
        seq <= self.handled
    }

    /// Inputs of the log up to here are answered.
    pub(crate) fn mark_handled(&mut self, seq: Seq) {
        self.handled = self.handled.max(seq);
    }

    pub(super) fn message_id(&self, seq: Seq) -> MessageId {
        MessageId::new(self.epoch, seq)
    }

    /// A stanza-id of this account (XEP-0359) behind the payload of what its archive has.
    pub(super) fn with_stanza_id(&self, payload: &Payload, seq: Seq) -> Payload {
        wire::with_stanza_id(payload, &self.jid, self.message_id(seq))
    }
}

impl Decision {
    pub(crate) fn of(changes: impl IntoIterator<Item = AccountChange>) -> Self {
        Self { changes: changes.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn approach(&mut self, to: &BareJid, request: SubscriptionRequest, payload: Payload) {
        self.approaches.push(Approach { to: to.clone(), request, payload });
    }
}

impl Effect {
    /// The place in the log of a message that is shown.
    pub(super) fn letter(&self) -> Option<Seq> {
        match self {
            Self::Letter { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    /// Nothing for nobody.
    pub(super) fn tell(sessions: impl IntoIterator<Item = SessionId>, packet: Packet) -> Option<Self> {
        let sessions: Recipients = sessions.into_iter().collect();
        (!sessions.is_empty()).then_some(Self::Tell { sessions, packet })
    }

    pub(super) fn push(sessions: impl IntoIterator<Item = SessionId>, notice: Notice) -> Option<Self> {
        let sessions: Recipients = sessions.into_iter().collect();
        (!sessions.is_empty()).then_some(Self::Push { sessions, notice })
    }
}
