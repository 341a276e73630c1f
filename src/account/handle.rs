//! The way from a session to its account.

use perch_address::{BareJid, FullJid, Jid};
use perch_xmpp::xml::Element;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

use crate::account::directory::Services;
use crate::account::face::Face;
use crate::account::letters::Draft;
use crate::account::moving::Held;
use crate::account::pep::PepCommand;
use crate::account::presence::Appearance;
use crate::account::roster::{RosterAnswer, RosterItem};
use crate::account::task::Request;
use crate::account::wire;
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::packet::Packet;
use crate::chat::account::preferences::ArchivePreferences;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{AccountId, Origin, Seq, SessionId};
use crate::chat::message::Payload;

/// What a session asks of its account, and is answered when it is committed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Nothing, once everything that was asked before is done.
    Settle,
    /// From now on the session is told of changes.
    Roster {
        since: Option<i64>,
    },
    SetContact(RosterItem),
    RemoveContact(BareJid),
    Subscription {
        to: BareJid,
        request: SubscriptionRequest,
        payload: Payload,
    },
    /// From now on the session is told of changes.
    BlockList,
    Block(Vec<Jid>),
    Unblock(Vec<Jid>),
    Preferences,
    SetPreferences(ArchivePreferences),
    SetCarbons(bool),
    SetVcard(Payload),
    SetPrivate {
        namespace: Box<str>,
        name: Box<str>,
        payload: Payload,
    },
    Pep(PepCommand),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Done,
    Roster(RosterAnswer),
    BlockList(Vec<Jid>),
    Preferences(Arc<ArchivePreferences>),
    /// The id of the item that was published.
    Published(Box<str>),
    /// The id of a subscription, and whether the owner has yet to agree.
    Subscribed {
        id: Box<str>,
        is_pending: bool,
    },
}

/// One session's way to its account. When it is dropped, the account goes to sleep sooner or later.
#[derive(Clone)]
pub struct AccountHandle {
    services: Arc<Services>,
    requests: mpsc::Sender<Box<Request>>,
    session: SessionId,
    jid: FullJid,
    account: AccountId,
}

impl AccountHandle {
    pub(super) fn new(
        services: Arc<Services>,
        requests: mpsc::Sender<Box<Request>>,
        session: SessionId,
        jid: FullJid,
        account: AccountId,
    ) -> Self {
        Self { services, requests, session, jid, account }
    }

    pub fn account(&self) -> AccountId {
        self.account
    }

    /// A presence for everybody who may see it.
    pub(crate) async fn appear(&self, appearance: Appearance) {
        self.send(Request::Appear { session: self.session, appearance }).await;
    }

    pub(crate) async fn vanish(&self, payload: Payload) {
        self.send(Request::Vanish { session: self.session, payload }).await;
    }

    /// Presence for one address: an appearance, or the end of one.
    pub(crate) async fn direct(
        &self,
        to: Jid,
        appearance: Option<Appearance>,
        payload: Payload,
    ) -> Result<(), AccountRefusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Direct { session: self.session, to, appearance, payload, reply }).await;
        answer.await.unwrap_or(Err(AccountRefusal::TemporarilyUnavailable))
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, AccountRefusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Ask { session: self.session, command, reply }).await;
        answer.await.unwrap_or(Err(AccountRefusal::TemporarilyUnavailable))
    }

    /// Sends a message. The outcome comes by the mailbox under this number, after the commit; a refusal comes there as an
    /// error stanza before it.
    pub(crate) async fn post(&self, draft: Draft, origin: Origin, number: u64) {
        self.send(Request::Post { session: self.session, draft, origin, number }).await;
    }

    /// Passes a stanza on as it is, behind what the session sent before: an iq for another session, or its answer.
    pub(crate) async fn relay(&self, packet: Packet) {
        self.send(Request::Relay { session: self.session, packet }).await;
    }

    /// The client's answer to what was asked about its capabilities.
    pub(crate) async fn learn(&self, info: Element) {
        self.send(Request::Learn { session: self.session, info }).await;
    }

    /// The client has taken everything up to this message of the account's log.
    pub async fn acknowledge(&self, seq: Seq) {
        self.send(Request::Acknowledge { session: self.session, seq }).await;
    }

    /// The session's client may come back for it from now on (XEP-0198).
    pub(crate) async fn outlast(&self) {
        self.send(Request::Outlast { session: self.session }).await;
    }

    /// The session goes on on another member, with what its account knows of it.
    pub(crate) async fn release(&self) -> Option<Held> {
        let (reply, held) = oneshot::channel();
        self.send(Request::Release { session: self.session, reply }).await;
        held.await.ok().flatten()
    }

    /// The session is over: its contacts are told, and what it has not acknowledged waits for others.
    pub async fn detach(&self) {
        self.send(Request::Detach { session: self.session, payload: Payload::default() }).await;
    }

    /// A presence that goes around the account, as one to a room does, with the photo that it has to tell (XEP-0398 §5).
    pub(crate) fn dress(&self, payload: Payload) -> Payload {
        let photo = self.face().and_then(|face| face.photo.clone());
        if photo.is_none() && !wire::speaks_of_photo(&payload) {
            return payload;
        }
        wire::replace_photo(&payload, photo.as_deref()).unwrap_or(payload)
    }

    /// The account as others see it; fresh after each answered command.
    pub(crate) fn face(&self) -> Option<Arc<Face>> {
        self.services.running_face(&self.jid.bare())
    }

    async fn send(&self, request: Request) {
        // A closed queue is a task that a bug has ended: the session is told by the silence of what it asked.
        drop(self.requests.send(Box::new(request)).await);
    }
}
