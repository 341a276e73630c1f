//! From an address to the task that runs its account: started once, on first need, and forgotten when idle.
//!
//! `pool` is what the members of a pool say to one another of accounts, and where packets in no log go.

mod pool;

use std::sync::Arc;

use dashmap::DashMap;
use perch_address::{BareJid, FullJid, Jid};
use perch_xmpp::stanza::error::StanzaCondition;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, debug_span, warn};

use crate::account::capability::CapabilityCache;
use crate::account::desk::Desk;
use crate::account::elsewhere::Elsewhere;
use crate::account::face::Face;
use crate::account::handle::{AccountHandle, Answer};
use crate::account::letters::{Draft, Incoming, packet, receive};
use crate::account::moving::Held;
use crate::account::pep::PepCommand;
use crate::account::state::Account;
use crate::account::task::{Arrival, Entries, Queues, Request, run};
use crate::bus::Bus;
use crate::chat::account::entry::{AccountAppend, AccountChange, AccountEvent};
use crate::chat::account::packet::{Packet, PacketKind, PresenceKind};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::note::Delivery;
use crate::clock::Clock;
use crate::fanout::mailbox::Mailbox;
use crate::store::Store;
use crate::store::account_log::AccountAppendError;
use crate::store::error::StoreError;

/// All accounts of this member's domain. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Services>);

/// What every account's task needs.
pub(super) struct Services {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) domain: BareJid,
    started: Timestamp,
    pub(super) capabilities: CapabilityCache,
    pub(super) bus: Bus,
    /// The sessions that other members have.
    pub(super) elsewhere: Elsewhere,
    /// The way to other domains, and to the rooms.
    foreign: mpsc::Sender<Packet>,
    running: DashMap<BareJid, Running>,
    tasks: TaskTracker,
}

/// The ends of a running task that others hold.
#[derive(Clone)]
struct Running {
    requests: mpsc::Sender<Box<Request>>,
    desk: Arc<Desk>,
}

/// Requests of an account's own sessions that may wait. A full queue holds up these sessions, and nobody else.
const REQUESTS: usize = 256;

impl Accounts {
    /// `foreign` takes what is for other domains.
    pub fn new(store: Store, bus: Bus, clock: Clock, domain: BareJid, foreign: mpsc::Sender<Packet>) -> Self {
        Self(Arc::new(Services {
            store,
            bus,
            elsewhere: Elsewhere::default(),
            started: clock.now(),
            clock,
            domain,
            capabilities: CapabilityCache::default(),
            foreign,
            running: DashMap::new(),
            tasks: TaskTracker::new(),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Takes a session in. The address is its own alone: a former session that had it is ended.
    pub async fn attach(
        &self,
        session: SessionId,
        jid: FullJid,
        mailbox: Mailbox,
    ) -> Result<AccountHandle, StanzaCondition> {
        let (reply, answer) = oneshot::channel();
        let requests = self.0.start_if_needed(&jid.bare()).requests;
        let attach = Request::Attach { session, jid: jid.clone(), mailbox, reply };
        if requests.send(Box::new(attach)).await.is_err() {
            return Err(StanzaCondition::ResourceConstraint);
        }
        let account = answer.await.unwrap_or(Err(StanzaCondition::ResourceConstraint))?;
        Ok(AccountHandle::new(self.0.clone(), requests, session, jid, account))
    }

    /// Takes in a session that was let go, here or on another member.
    pub(crate) async fn resume(
        &self,
        held: Held,
        mailbox: Mailbox,
    ) -> Result<AccountHandle, StanzaCondition> {
        let (session, jid) = (held.session, held.jid.clone());
        let (reply, answer) = oneshot::channel();
        let requests = self.0.start_if_needed(&jid.bare()).requests;
        let resume = Request::Resume { held: Box::new(held), mailbox, reply };
        if requests.send(Box::new(resume)).await.is_err() {
            return Err(StanzaCondition::ResourceConstraint);
        }
        let account = answer.await.unwrap_or(Err(StanzaCondition::ResourceConstraint))?;
        Ok(AccountHandle::new(self.0.clone(), requests, session, jid, account))
    }

    /// When this member began to serve them.
    pub(crate) fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Asks for a change of somebody's nodes.
    pub(crate) async fn ask_nodes(
        &self,
        owner: &BareJid,
        by: Jid,
        command: PepCommand,
    ) -> Result<Answer, AccountRefusal> {
        let (reply, answer) = oneshot::channel();
        let requests = self.0.start_if_needed(owner).requests;
        drop(requests.send(Box::new(Request::Nodes { by, command, reply })).await);
        answer.await.unwrap_or(Err(AccountRefusal::Unreachable))
    }

    /// Writes down what the accounts would lose, as the service does when it stops.
    pub async fn shutdown(&self) {
        let running: Vec<_> = self.0.running.iter().map(|entry| entry.value().requests.clone()).collect();
        for requests in running {
            let (done, noted) = oneshot::channel();
            if requests.send(Box::new(Request::Note { done })).await.is_ok() {
                drop(noted.await);
            }
        }
    }

    /// Hands in a message of a room or another server. It is taken once this returns, or refused.
    pub(crate) async fn deliver(&self, draft: Draft) -> Result<(), AccountRefusal> {
        self.0.deliver(draft).await
    }

    /// Hands in presence or an iq of another server.
    pub(crate) async fn hand_in(&self, packet: Packet) {
        let Some(local) = self.0.local(&packet.to) else { return };
        let PacketKind::Presence(PresenceKind::Subscription(request)) = packet.kind else {
            self.0.send(packet);
            return;
        };
        let change = AccountChange::Approached { from: packet.from.bare(), request, payload: packet.payload };
        let Ok(Some(face)) = self.0.face(&local).await else { return };
        if let Err(error) = self.0.append_alone(&face, change).await {
            warn!(%error, "a subscription stanza of another server was lost");
        }
    }

    /// The account of this address as others see it, running or not.
    pub(crate) async fn face(&self, jid: &BareJid) -> Result<Option<Arc<Face>>, StoreError> {
        self.0.face(jid).await
    }
}

impl Services {
    /// The account that an address belongs to, where the domain is ours.
    pub(super) fn local(&self, jid: &Jid) -> Option<BareJid> {
        (jid.domain() == self.domain.domain() && jid.local().is_some()).then(|| jid.bare())
    }

    pub(super) async fn face(&self, jid: &BareJid) -> Result<Option<Arc<Face>>, StoreError> {
        if let Some(face) = self.running_face(jid) {
            return Ok(Some(face));
        }
        // Nobody is signed in here, or it is just being loaded: then nobody is available here yet either.
        let Some(loaded) = self.store.load_account(jid).await? else { return Ok(None) };
        let mut account = Account::new(loaded.snapshot, loaded.waiting);
        account.arrange(self.elsewhere.sessions_of(jid));
        Ok(Some(Arc::new(account.face())))
    }

    /// The same for who is written to. One with sessions on other members is written to again soon: it is kept in mind.
    pub(super) async fn face_to_write_to(
        self: &Arc<Self>,
        jid: &BareJid,
    ) -> Result<Option<Arc<Face>>, StoreError> {
        let face = self.face(jid).await?;
        if !self.running.contains_key(jid) && !self.elsewhere.members_of(jid).is_empty() {
            self.start_if_needed(jid);
        }
        Ok(face)
    }

    pub(super) fn running_face(&self, jid: &BareJid) -> Option<Arc<Face>> {
        self.running.get(jid).and_then(|running| running.desk.face())
    }

    pub(super) async fn deliver(self: &Arc<Self>, draft: Draft) -> Result<(), AccountRefusal> {
        let local = self.local(&draft.to).ok_or(AccountRefusal::Unreachable)?;
        let face = self.face(&local).await.map_err(refusal_of)?.ok_or(AccountRefusal::Unreachable)?;
        let is_copied = draft.is_copied;
        let passing = packet(&draft);
        match receive(draft, &face)? {
            Incoming::Dropped => Ok(()),
            Incoming::Passing => {
                self.pass(&local, passing, Delivery::Addressed { is_copied });
                Ok(())
            }
            Incoming::Logged(_, letter) => {
                self.append_alone(&face, AccountChange::Received(letter)).await.map_err(refusal_of_append)
            }
        }
    }

    /// Appends what comes from nobody's log here, and wakes the account.
    async fn append_alone(
        self: &Arc<Self>,
        face: &Face,
        change: AccountChange,
    ) -> Result<(), AccountAppendError> {
        let changes = vec![change.clone()];
        let append = AccountAppend { account: face.id, origin: None, changes, handled: None, after: None };
        let appended = self.store.append_accounts(vec![append], self.clock.now()).await?;
        for place in appended {
            self.hint(
                &face.jid,
                AccountEvent { seq: place.first, at: place.at, origin: None, change: change.clone() },
            );
        }
        Ok(())
    }

    /// Tells an account, on every member, of an entry that was committed to its log from here. One that sleeps is woken
    /// only by what it has to answer; the rest it finds when it is loaded. It answers where it runs, so that what is for
    /// its sessions comes to them in the same order: here, or on another member, or here after all.
    pub(super) fn hint(self: &Arc<Self>, jid: &BareJid, event: AccountEvent) {
        let mut answerer = None;
        if matches!(event.change, AccountChange::Approached { .. }) && !self.running.contains_key(jid) {
            answerer = self.elsewhere.members_of(jid).into_iter().next();
            if answerer.is_none() {
                self.start_if_needed(jid);
            }
        }
        let is_to_answer = answerer.is_none();
        self.tell_of(jid, std::slice::from_ref(&event), answerer.as_deref());
        let entries = Entries { last: event.seq, events: vec![event], is_to_answer };
        self.hand_over(jid, Arrival::Entries(entries));
    }

    /// Never waits. Says whether somebody took it.
    pub(super) fn hand_over(&self, jid: &BareJid, arrival: Arrival) -> bool {
        let Some(running) = self.running.get(jid) else { return false };
        // A task that a bug has ended takes nothing from its desk.
        if !running.requests.is_closed() && running.desk.put(arrival) {
            return true;
        }
        if running.desk.note_behind() {
            warn!(%jid, "the account has too much waiting: it will read its log");
        }
        false
    }

    /// Sends a packet on its way: to a local account, or out.
    pub(super) fn send(&self, packet: Packet) {
        let Some(local) = self.local(&packet.to) else {
            if packet.to.domain() != self.domain.domain() && self.foreign.try_send(packet).is_err() {
                debug!("a stanza for another domain was dropped: too many are waiting");
            }
            return;
        };
        self.pass(&local, packet, Delivery::Addressed { is_copied: false });
    }

    fn start_if_needed(self: &Arc<Self>, jid: &BareJid) -> Running {
        if let Some(running) = self.running.get(jid)
            && !running.requests.is_closed()
        {
            return running.clone();
        }
        // A task that a bug has ended did not take itself out.
        self.running.remove_if(jid, |_, running| running.requests.is_closed());
        self.running.entry(jid.clone()).or_insert_with(|| self.start(jid)).clone()
    }

    fn start(self: &Arc<Self>, jid: &BareJid) -> Running {
        let (requests, request_queue) = mpsc::channel(REQUESTS);
        let desk = Arc::new(Desk::default());
        let queues = Queues { requests: request_queue, desk: desk.clone() };
        let span = debug_span!("account", %jid);
        self.tasks.spawn(run(jid.clone(), self.clone(), queues).instrument(span));
        Running { requests, desk }
    }

    /// Takes an account's task out of the directory, unless somebody is about to send to it: senders are cloned under
    /// the directory's lock only, so when these are the last and the queues are empty, nothing can be on its way.
    pub(super) fn forget(&self, jid: &BareJid, queues: &Queues) -> bool {
        let is_alone = |running: &Running| {
            running.requests.strong_count() == 1 && queues.requests.is_empty() && queues.desk.is_empty()
        };
        self.running.remove_if(jid, |_, running| is_alone(running)).is_some()
    }
}

pub(crate) fn refusal_of(error: StoreError) -> AccountRefusal {
    match error {
        StoreError::NoSpace => AccountRefusal::NoSpace,
        _ => AccountRefusal::TemporarilyUnavailable,
    }
}

pub(super) fn refusal_of_append(error: AccountAppendError) -> AccountRefusal {
    match error {
        AccountAppendError::Store(error) => refusal_of(error),
        AccountAppendError::Gone | AccountAppendError::AlreadyDone => AccountRefusal::Unreachable,
        AccountAppendError::Stale => AccountRefusal::TemporarilyUnavailable,
    }
}
