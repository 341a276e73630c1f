//! The running account: takes what its sessions ask and what others have for it, decides, appends, applies what was
//! committed in the order of the log, and tells whom it concerns. The only place here that waits for the store.
//!
//! Other members of a pool may run the same account and append to the same log. Each applies the whole of it and tells
//! its own sessions; everybody else is told by the member that appended.

mod catch_up;
mod effects;
mod pool;
mod requests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use perch_address::{BareJid, FullJid, Jid};
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{error, warn};

use crate::account::desk::Desk;
use crate::account::directory::Services;
use crate::account::elsewhere::Missed;
use crate::account::handle::{Answer, Command};
use crate::account::letters::Draft;
use crate::account::moving::Held;
use crate::account::pep::PepCommand;
use crate::account::presence::Appearance;
use crate::account::state::{Account, Approach, Decision, Effect};
use crate::account::task::catch_up::{Early, Input};
use crate::account::task::pool::Unsaid;
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange, AccountEvent};
use crate::chat::account::packet::Packet;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{AccountId, Origin, Seq, SessionId};
use crate::chat::message::Payload;
use crate::chat::note::{Delivery, LetterNews};
use crate::fanout::mailbox::{Ending, Mailbox};
use crate::store::account_log::{AccountAppendError, AccountNote, LoadedAccount};

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
    /// The session goes on on another member: nobody is told, and nothing more is shown to it here.
    Release {
        session: SessionId,
        reply: oneshot::Sender<Option<Held>>,
    },
    /// It goes on here, where it was left.
    Resume {
        held: Box<Held>,
        mailbox: Mailbox,
        reply: oneshot::Sender<Result<AccountId, StanzaCondition>>,
    },
    /// Its client may come back for it from now on (XEP-0198).
    Outlast {
        session: SessionId,
    },
    /// Writes down what would be lost.
    Note {
        done: oneshot::Sender<()>,
    },
}

/// What others have for the account.
pub(super) enum Arrival {
    /// Committed to this account's log by somebody else.
    Entries(Entries),
    /// In no log. `is_to_share`: the account's other members have still to be told.
    Packet { packet: Packet, delivery: Delivery, is_to_share: bool },
    /// The account's sessions on other members are others now.
    Elsewhere,
    /// Another session, on another member, has taken the address of this one.
    Replaced { session: SessionId },
    /// What became of messages that wait, as another member says.
    Letters { from: Box<str>, news: LetterNews },
    /// Who is gone, or looks otherwise, without that anybody was told.
    Missed(Arc<Missed>),
}

/// The log has grown up to `last`. Entries that do not stand here are to be read.
pub(super) struct Entries {
    pub(super) last: Seq,
    pub(super) events: Vec<AccountEvent>,
    /// What wants an answer is to be answered here.
    pub(super) is_to_answer: bool,
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
/// How often a command is decided anew when other members change the account meanwhile.
const ATTEMPTS_MAX: u32 = 16;

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
    early: BTreeMap<Seq, Early>,
    /// Applied, and to be answered.
    inputs: VecDeque<Input>,
    /// What other members have still to say before anybody here is shown what waits.
    unsaid: Unsaid,
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
        let mut task = Self {
            services,
            account: Account::new(loaded.snapshot, loaded.waiting),
            mailboxes: HashMap::new(),
            desk,
            early: BTreeMap::new(),
            inputs: loaded.inputs.into_iter().map(Input::to_answer_now).collect(),
            unsaid: Unsaid::default(),
            noted,
            is_fresh: true,
            is_gone: false,
            has_asked_again: false,
        };
        // Nobody is here yet who could be told anything.
        task.account.arrange(task.services.elsewhere.sessions_of(task.account.jid()));
        task.show_face();
        task
    }

    async fn serve(&mut self, queues: &mut Queues) {
        // What handling needs is boxed and given back: most accounts are idle most of the time.
        let mut batch = Vec::new();
        loop {
            let due = self.next_due();
            tokio::select! {
                count = queues.requests.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    // What others have done is taken in before anything is decided.
                    for _ in 0..queues.desk.len() {
                        let Some(arrival) = queues.desk.take() else { break };
                        Box::pin(self.arrive(*arrival)).await;
                    }
                    Box::pin(self.handle_batch(std::mem::take(&mut batch))).await;
                }
                arrival = poll_fn(|context| queues.desk.poll_next(context)) => Box::pin(self.arrive(*arrival)).await,
                () = until(due), if due.is_some() => Box::pin(self.go_on()).await,
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
        // Who signs in after this finds out what else has changed.
        self.is_fresh &= self.services.bus.is_local();
        match arrival {
            Arrival::Entries(entries) => self.take_entries(entries).await,
            Arrival::Packet { packet, delivery, is_to_share } => {
                if is_to_share {
                    self.services.tell_members(self.account.jid(), &packet, &delivery);
                }
                let effects = match delivery {
                    Delivery::Addressed { is_copied } => self.account.receive_packet(packet, is_copied),
                    Delivery::Interested { node } => self.account.receive_event(packet, &node),
                    Delivery::Own => self.account.receive_own(packet, self.services.clock.now()),
                };
                self.perform(effects).await;
            }
            Arrival::Elsewhere => self.look_elsewhere().await,
            Arrival::Replaced { session } => self.give_way(session).await,
            Arrival::Letters { from, news } => self.hear_of_letters(&from, news).await,
            Arrival::Missed(missed) => {
                let effects = self.account.see_missed(&missed);
                self.perform(effects).await;
            }
        }
    }

    /// Appends a decision and applies it. Nothing of it is seen by anybody if this fails.
    async fn commit(&mut self, decision: Decision, handled: Option<Seq>) -> Result<(), AccountAppendError> {
        let Decision { changes, approaches, effects } = decision;
        let mut appends = Vec::new();
        if !changes.is_empty() || handled.is_some() {
            let account = self.account.id();
            let after = self.services.store.is_shared().then_some(self.account.seq());
            appends.push(AccountAppend { account, origin: None, changes: changes.clone(), handled, after });
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
                    let Some(face) = self.services.face(&local).await? else { continue };
                    let (account, changes) = (face.id, vec![change.clone()]);
                    let append = AccountAppend { account, origin: None, changes, handled: None, after: None };
                    appends.push(append);
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
            self.accept_own(events(place, None, changes).collect()).await;
        }
        self.perform(sent.into_iter().chain(effects).collect()).await;
        Ok(())
    }

    async fn append(
        &mut self,
        appends: Vec<AccountAppend>,
    ) -> Result<Vec<AccountAppended>, AccountAppendError> {
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        let is_own = appends.iter().any(|append| append.account == self.account.id());
        let appended = self.services.store.append_accounts(appends, self.services.clock.now()).await;
        appended.inspect_err(|error| {
            self.is_gone |= is_own && *error == AccountAppendError::Gone;
            if !matches!(error, AccountAppendError::Stale | AccountAppendError::AlreadyDone) {
                warn!(%error, "an append was refused");
            }
        })
    }

    /// The account is no more: its sessions are ended, and whoever asks for it next asks the store.
    async fn end(&self, queues: &mut Queues) {
        for mailbox in self.mailboxes.values() {
            mailbox.end(Ending::AccountGone);
        }
        self.services.elsewhere.show(self.account.jid(), Vec::new(), &self.services.bus);
        self.desk.hide();
        turn_away(self.account.jid(), &self.services, queues, StanzaCondition::ItemNotFound).await;
    }

    /// Loads the account anew for who comes after a pause: it may have been removed and made again meanwhile.
    async fn refresh(&mut self) -> Result<(), StanzaCondition> {
        if self.is_fresh || !self.mailboxes.is_empty() {
            return Ok(());
        }
        match self.services.store.load_account(self.account.jid()).await {
            Ok(Some(loaded)) => {
                self.inputs = loaded.inputs.into_iter().map(Input::to_answer_now).collect();
                self.account = Account::new(loaded.snapshot, loaded.waiting);
                self.account.arrange(self.services.elsewhere.sessions_of(self.account.jid()));
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
        self.desk.show(Arc::new(self.account.face()), self.account.seq());
    }

    /// Lets a session in; whoever had its address before is ended.
    fn attach(&mut self, session: SessionId, jid: FullJid, mailbox: Mailbox) -> Option<SessionId> {
        let former = self.account.session_at(jid.as_jid());
        let former = former.filter(|former| !self.replace_elsewhere(*former));
        if let Some(mailbox) = former.and_then(|former| self.mailboxes.get(&former)) {
            mailbox.end(Ending::Replaced);
        }
        self.account.attach(session, jid);
        if self.mailboxes.is_empty() {
            self.wait_for_members();
        }
        self.mailboxes.insert(session, mailbox);
        self.is_fresh = false;
        former
    }
}

/// Until then, or for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
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
