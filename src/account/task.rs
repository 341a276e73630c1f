//! The running account: takes what its sessions ask and what others have for it, decides, appends, applies what was
//! committed in the order of the log, and tells whom it concerns. The only place here that waits for the store.

mod effects;
mod requests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use perch_address::{BareJid, FullJid, Jid};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::account::desk::Desk;
use crate::account::directory::{Services, refusal_of_append};
use crate::account::handle::{Answer, Command};
use crate::account::letters::Draft;
use crate::account::pep::PepCommand;
use crate::account::presence::Appearance;
use crate::account::state::{Account, Approach, Decision, Effect};
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange, AccountEvent};
use crate::chat::account::packet::Packet;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{AccountId, Origin, Seq, SessionId};
use crate::chat::message::Payload;
use crate::fanout::mailbox::{Ending, Mailbox};
use crate::store::account_log::{AccountAppendError, AccountNote, LoadedAccount};
use crate::store::error::StoreError;

/// What the account's own sessions ask.
pub(super) enum Request {
    Attach {
        session: SessionId,
        jid: FullJid,
        mailbox: Mailbox,
        reply: oneshot::Sender<Result<AccountId, StanzaCondition>>,
    },
    Detach {
        session: SessionId,
        payload: Payload,
    },
    Appear {
        session: SessionId,
        appearance: Appearance,
    },
    Vanish {
        session: SessionId,
        payload: Payload,
    },
    Direct {
        session: SessionId,
        to: Jid,
        appearance: Option<Appearance>,
        payload: Payload,
        reply: oneshot::Sender<Result<(), AccountRefusal>>,
    },
    Ask {
        session: SessionId,
        command: Command,
        reply: oneshot::Sender<Result<Answer, AccountRefusal>>,
    },
    Post {
        session: SessionId,
        draft: Draft,
        origin: Origin,
        number: u64,
    },
    /// Somebody else asks for a change of the account's nodes.
    Nodes {
        by: Jid,
        command: PepCommand,
        reply: oneshot::Sender<Result<Answer, AccountRefusal>>,
    },
    Relay {
        session: SessionId,
        packet: Packet,
    },
    Learn {
        session: SessionId,
        info: Element,
    },
    Acknowledge {
        session: SessionId,
        seq: Seq,
    },
    /// Writes down what would be lost.
    Note {
        done: oneshot::Sender<()>,
    },
}

/// What others have for the account.
pub(super) enum Arrival {
    /// Committed to this account's log by somebody else.
    Entry(AccountEvent),
    /// In no log.
    Packet { packet: Packet, is_copied: bool },
    /// An event of a node, for the sessions that are interested in it.
    Event { packet: Packet, node: Box<str> },
}

pub(super) struct Queues {
    /// Boxed, as a queue holds room for dozens of them however few come.
    pub(super) requests: mpsc::Receiver<Box<Request>>,
    pub(super) desk: Arc<Desk>,
}

/// An account without sessions sleeps after this.
const IDLE: Duration = Duration::from_secs(30);
/// Requests that are looked at together: messages among them that follow one another share a commit.
const BATCH: usize = 64;
/// Entries read from the log at a time.
const PAGE: u32 = 256;

/// Runs one account until it is idle.
pub(super) async fn run(jid: BareJid, services: Arc<Services>, mut queues: Queues) {
    let loaded = match Box::pin(services.store.load_account(&jid)).await {
        Ok(Some(loaded)) => loaded,
        Ok(None) => {
            return Box::pin(turn_away(&jid, &services, &mut queues, StanzaCondition::ItemNotFound)).await;
        }
        Err(error) => {
            error!(%error, "the account cannot be loaded");
            return Box::pin(turn_away(&jid, &services, &mut queues, StanzaCondition::ResourceConstraint))
                .await;
        }
    };
    let mut task = AccountTask::new(services, queues.desk.clone(), loaded);
    Box::pin(task.answer_inputs()).await;
    task.serve(&mut queues).await;
}

/// Nobody can be let in; who waits is told so.
async fn turn_away(jid: &BareJid, services: &Services, queues: &mut Queues, condition: StanzaCondition) {
    while !services.forget(jid, queues) {
        match timeout(IDLE, queues.requests.recv()).await {
            Ok(Some(request)) => {
                if let Request::Attach { reply, .. } = *request {
                    let _ = reply.send(Err(condition));
                }
            }
            Ok(None) => return,
            Err(_idle) => queues.desk.clear(),
        }
    }
}

pub(super) struct AccountTask {
    services: Arc<Services>,
    account: Account,
    mailboxes: HashMap<SessionId, Mailbox>,
    desk: Arc<Desk>,
    /// Committed entries that came before their predecessors.
    early: BTreeMap<Seq, AccountEvent>,
    /// Applied, and to be answered.
    inputs: VecDeque<AccountEvent>,
    /// What the store knows of it.
    noted: AccountNote,
    /// Nobody has been signed in since it was loaded.
    is_fresh: bool,
    /// The account was removed: nothing of it can be written any more.
    is_gone: bool,
    /// Subscription requests that were sent again in this run, as nobody answers them (RFC 6121 §3.1.2).
    has_asked_again: bool,
}

impl AccountTask {
    fn new(services: Arc<Services>, desk: Arc<Desk>, loaded: LoadedAccount) -> Self {
        let noted = AccountNote {
            delivered: loaded.snapshot.delivered,
            last_seen: loaded.snapshot.last_seen.clone(),
        };
        let task = Self {
            services,
            account: Account::new(loaded.snapshot, loaded.waiting),
            mailboxes: HashMap::new(),
            desk,
            early: BTreeMap::new(),
            inputs: loaded.inputs.into(),
            noted,
            is_fresh: true,
            is_gone: false,
            has_asked_again: false,
        };
        task.show_face();
        task
    }

    async fn serve(&mut self, queues: &mut Queues) {
        // What handling needs is boxed and given back: most accounts are idle most of the time.
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                count = queues.requests.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    Box::pin(self.handle_batch(std::mem::take(&mut batch))).await;
                }
                arrival = poll_fn(|context| queues.desk.poll_next(context)) => Box::pin(self.arrive(*arrival)).await,
                // An account at peace, with a device that listens, does not wake up for nothing.
                () = tokio::time::sleep(IDLE), if self.mailboxes.is_empty() || self.note_to_write().is_some() => {
                    Box::pin(self.note()).await;
                    if self.mailboxes.is_empty() && self.services.forget(self.account.jid(), queues) {
                        return;
                    }
                }
            }
            if queues.desk.was_behind() {
                Box::pin(self.recover()).await;
            }
            if self.is_gone {
                return Box::pin(self.end(queues)).await;
            }
        }
    }

    /// Messages that follow one another are committed together; everything else is done one by one.
    #[expect(clippy::vec_box, reason = "the queue gives them boxed")]
    async fn handle_batch(&mut self, batch: Vec<Box<Request>>) {
        let mut posts = Vec::new();
        for request in batch {
            match *request {
                Request::Post { session, draft, origin, number } => {
                    posts.push(requests::Post { session, draft, origin, number });
                }
                other => {
                    self.post_all(std::mem::take(&mut posts)).await;
                    self.handle(other).await;
                }
            }
        }
        self.post_all(posts).await;
    }

    async fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Entry(event) => {
                self.accept([event]).await;
                self.answer_inputs().await;
            }
            Arrival::Packet { packet, is_copied } => {
                let effects = self.account.receive_packet(packet, is_copied);
                self.perform(effects).await;
            }
            Arrival::Event { packet, node } => {
                let effects = self.account.receive_event(packet, &node);
                self.perform(effects).await;
            }
        }
    }

    /// Appends a decision and applies it. Nothing of it is seen by anybody if this fails.
    async fn commit(&mut self, decision: Decision, handled: Option<Seq>) -> Result<(), AccountRefusal> {
        let Decision { changes, approaches, effects } = decision;
        let mut appends = Vec::new();
        if !changes.is_empty() || handled.is_some() {
            let account = self.account.id();
            appends.push(AccountAppend { account, origin: None, changes: changes.clone(), handled });
        }
        let has_own = !appends.is_empty();
        let mut told = Vec::new();
        let mut sent = Vec::new();
        for approach in approaches {
            let change = AccountChange::Approached {
                from: self.account.jid().clone(),
                request: approach.request,
                payload: approach.payload.clone(),
            };
            match self.services.local(approach.to.as_jid()) {
                None => sent.push(Effect::Send(self.account.subscription_packet(&approach))),
                Some(local) => {
                    // A request to nobody is not answered: it would tell which accounts exist (RFC 6121 §8.5.1).
                    let face = self.services.face(&local).await.map_err(super::directory::refusal_of)?;
                    let Some(face) = face else { continue };
                    let changes = vec![change.clone()];
                    appends.push(AccountAppend { account: face.id, origin: None, changes, handled: None });
                    told.push((local, change));
                }
            }
        }
        let places = self.append(appends).await?;
        let (own, others) = places.split_at(usize::from(has_own));
        for ((jid, change), place) in told.into_iter().zip(others) {
            let event = AccountEvent { seq: place.first, at: place.at, origin: None, change };
            self.services.hint(&jid, event);
        }
        if let Some(seq) = handled {
            self.account.mark_handled(seq);
        }
        if let Some(place) = own.first() {
            self.accept(events(place, None, changes)).await;
        }
        self.perform(sent.into_iter().chain(effects).collect()).await;
        Ok(())
    }

    async fn append(&mut self, appends: Vec<AccountAppend>) -> Result<Vec<AccountAppended>, AccountRefusal> {
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        let is_own = appends.iter().any(|append| append.account == self.account.id());
        let appended = self.services.store.append_accounts(appends, self.services.clock.now()).await;
        appended.map_err(|error| {
            warn!(%error, "an append was refused");
            self.is_gone |= is_own && error == AccountAppendError::Gone;
            refusal_of_append(error)
        })
    }

    /// The account is no more: its sessions are ended, and whoever asks for it next asks the store.
    async fn end(&self, queues: &mut Queues) {
        for mailbox in self.mailboxes.values() {
            mailbox.end(Ending::AccountGone);
        }
        self.desk.show(None);
        turn_away(self.account.jid(), &self.services, queues, StanzaCondition::ItemNotFound).await;
    }

    /// Loads the account anew for who comes after a pause: it may have been removed and made again meanwhile.
    async fn refresh(&mut self) -> Result<(), StanzaCondition> {
        if self.is_fresh || !self.mailboxes.is_empty() {
            return Ok(());
        }
        match self.services.store.load_account(self.account.jid()).await {
            Ok(Some(loaded)) => {
                self.inputs = loaded.inputs.into();
                self.account = Account::new(loaded.snapshot, loaded.waiting);
                self.early.clear();
                self.is_fresh = true;
                Ok(())
            }
            Ok(None) => {
                self.is_gone = true;
                Err(StanzaCondition::ItemNotFound)
            }
            Err(error) => {
                error!(%error, "the account cannot be loaded");
                Err(StanzaCondition::ResourceConstraint)
            }
        }
    }

    /// Takes committed entries, in whatever order they come, and applies them in the order of the log.
    async fn accept(&mut self, events: impl IntoIterator<Item = AccountEvent>) {
        self.early.extend(events.into_iter().map(|event| (event.seq, event)));
        self.early = self.early.split_off(&self.account.seq().next());
        if self.early.first_key_value().is_some_and(|(seq, _)| *seq > self.account.seq().next())
            && let Err(error) = self.fill_gap().await
        {
            // What came early stays; the next entry tries again.
            error!(%error, "the account's log cannot be read");
        }
        while let Some(event) = self.early.remove(&self.account.seq().next()) {
            let effects = self.account.apply(&event);
            if matches!(event.change, AccountChange::Approached { .. }) {
                self.inputs.push_back(event);
            }
            self.show_face();
            self.perform(effects).await;
        }
    }

    /// Reads what lies between the last applied entry and the first that came early.
    async fn fill_gap(&mut self) -> Result<(), StoreError> {
        let mut after = self.account.seq();
        while let Some((first, _)) = self.early.first_key_value()
            && after.next() < *first
        {
            let page = self.services.store.account_events(self.account.id(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            self.early.extend(page.into_iter().map(|event| (event.seq, event)));
        }
        Ok(())
    }

    /// Something was dropped: the log says what is new, and the contacts' faces how they are.
    async fn recover(&mut self) {
        match self.services.store.account_events(self.account.id(), self.account.seq(), PAGE).await {
            Ok(events) => self.accept(events).await,
            Err(error) => error!(%error, "the account's log cannot be read"),
        }
        self.answer_inputs().await;
        let effects = self.account.probes();
        self.perform(effects).await;
    }

    /// Answers what other accounts asked for.
    async fn answer_inputs(&mut self) {
        while let Some(event) = self.inputs.pop_front() {
            let AccountChange::Approached { from, request, payload } = &event.change else { continue };
            let decision = self.account.answer_approach(from, *request, payload);
            if let Err(refusal) = self.commit(decision, Some(event.seq)).await {
                // It stays in the log unanswered, and is found there at the next start.
                warn!(%refusal, request = request.as_str(), "a subscription stanza waits for the store");
                return;
            }
        }
    }

    /// Sends unanswered requests again, once in a run (RFC 6121 §3.1.2).
    fn ask_again(&mut self) -> Vec<Effect> {
        if std::mem::replace(&mut self.has_asked_again, true) {
            return Vec::new();
        }
        // A local contact has it in his log, where nothing is lost.
        let foreign =
            self.account.unanswered().into_iter().filter(|to| self.services.local(to.as_jid()).is_none());
        let approach =
            |to| Approach { to, request: SubscriptionRequest::Subscribe, payload: Payload::default() };
        foreign.map(|to| Effect::Send(self.account.subscription_packet(&approach(to)))).collect()
    }

    /// Writes down how far messages were delivered, and when somebody was last here.
    async fn note(&mut self) {
        let Some(note) = self.note_to_write() else { return };
        match self.services.store.note_account(self.account.id(), note.clone()).await {
            Ok(()) => self.noted = note,
            Err(error) => warn!(%error, "the account's cursors were not noted"),
        }
    }

    fn note_to_write(&self) -> Option<AccountNote> {
        let note = AccountNote { delivered: self.account.delivered(), last_seen: self.account.last_seen() };
        let is_new = note != self.noted;
        is_new.then_some(note)
    }

    fn show_face(&self) {
        self.desk.show(Some(Arc::new(self.account.face())));
    }

    /// Lets a session in; whoever had its address before is ended.
    fn attach(&mut self, session: SessionId, jid: FullJid, mailbox: Mailbox) -> Option<SessionId> {
        let former = self.account.session_at(jid.as_jid());
        if let Some(mailbox) = former.and_then(|former| self.mailboxes.get(&former)) {
            mailbox.end(Ending::Replaced);
        }
        self.account.attach(session, jid);
        self.mailboxes.insert(session, mailbox);
        self.is_fresh = false;
        former
    }
}

/// Changes with the places that the store gave them.
fn events(
    place: &AccountAppended,
    origin: Option<Origin>,
    changes: Vec<AccountChange>,
) -> impl Iterator<Item = AccountEvent> + use<> {
    let AccountAppended { first, at } = *place;
    changes.into_iter().enumerate().map(move |(index, change)| AccountEvent {
        seq: Seq(first.0 + index as i64),
        at,
        origin: origin.filter(|_| index == 0),
        change,
    })
}
