//! A session on a flow: what its client asks is handed in as stanzas, what its mailbox brings goes out as MESSAGEs.
//!
//! One MESSAGE is under way at a time, as RFC 3428 §8 wants it: what people and rooms say comes in order, and a message of
//! the account's log counts as taken when the client has answered it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use perch_address::BareJid;
use perch_sip::message::{Answer, Request};
use perch_sip::transaction::ServerKey;
use perch_sip::{Method, Status};
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::stream::StreamFailure;
use perch_xmpp::xml::Element;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::auth::AsOf;
use crate::chat::id::Seq;
use crate::fanout::mailbox::{Ending, Inbox, Item};
use crate::session::{Departure, Key, Opened, Session};
use crate::sip::Services;
use crate::sip::check::{Asked, tag};
use crate::sip::errand::Errands;
use crate::sip::exchanges::Outcome;
use crate::sip::flow::{Word, sleep_until, unavailable};
use crate::sip::letter::{self, Letter};
use crate::sip::registration::Binding;

/// A request that is for this device.
pub(super) struct Order {
    pub(super) key: ServerKey,
    pub(super) request: Request,
    pub(super) asked: Asked,
}

/// The connection under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) transport: &'static str,
    /// A front end is at the other end, and reaches its users by their addresses.
    pub(super) is_trusted: bool,
}

pub(super) struct Device {
    pub(super) services: Arc<Services>,
    pub(super) account: BareJid,
    pub(super) session: Session,
    pub(super) inbox: Inbox,
    items: VecDeque<Item>,
    orders: mpsc::Receiver<Order>,
    words: mpsc::Sender<Word>,
    way: Way,
    pub(super) errands: Errands,
    outbox: VecDeque<Letter>,
    under_way: Option<UnderWay>,
    /// Where the client is reached, while it is registered.
    pub(super) binding: Option<Binding>,
    /// The rooms that it is in, by localpart.
    rooms: BTreeSet<Box<str>>,
    /// Stanzas of its own that rooms send back to it, of late.
    posted: VecDeque<Box<str>>,
    /// What its requests have in common, and how many there were.
    call_id: String,
    sent: u32,
    last_used: Instant,
}

/// A MESSAGE that the client has not answered.
struct UnderWay {
    letter: Letter,
    outcome: oneshot::Receiver<Outcome>,
}

/// Why a device goes.
#[derive(Debug, Error)]
pub(super) enum End {
    #[error("its flow is gone, or nobody answers there")]
    FlowLost,
    #[error("the session was ended from inside: {0:?}")]
    Ended(Ending),
    #[error("it reads too slowly")]
    Overrun,
    #[error("it asked for what no session takes: {}", .0.condition())]
    Failed(StreamFailure),
    #[error("it took its registration back")]
    Deregistered,
    #[error("it did not renew its registration")]
    Expired,
    #[error("it is in no room, is not registered, and was not heard of for a while")]
    Idle,
}

impl From<StreamFailure> for End {
    fn from(failure: StreamFailure) -> Self {
        Self::Failed(failure)
    }
}

/// Begins a session of the account, and gives the way to it. `None`: there can be none now.
pub(super) async fn open(
    services: &Arc<Services>,
    account: &BareJid,
    as_of: AsOf,
    resource: Option<&str>,
    way: Way,
    words: mpsc::Sender<Word>,
) -> Option<mpsc::Sender<Order>> {
    let wanted = resource.and_then(|resource| account.with_resource(resource).ok());
    let Opened { session, inbox } = services.sessions.open(account, wanted).await.ok()?;
    if !services.accounts.is_current(as_of) {
        // Whoever was revoked meanwhile proved what no longer holds.
        session.end(Departure::Ended).await;
        return None;
    }
    let (sender, orders) = mpsc::channel(ORDERS);
    debug!(jid = %session.jid(), "a session begins");
    let device = Device {
        services: services.clone(),
        account: account.clone(),
        session,
        inbox,
        items: VecDeque::new(),
        orders,
        words,
        way,
        errands: Errands::default(),
        outbox: VecDeque::new(),
        under_way: None,
        binding: None,
        rooms: BTreeSet::new(),
        posted: VecDeque::new(),
        call_id: tag(),
        sent: 0,
        last_used: Instant::now(),
    };
    services.tasks.spawn(device.run());
    Some(sender)
}

impl Device {
    async fn run(mut self) {
        let end = loop {
            if let Err(end) = Box::pin(self.step()).await {
                break end;
            }
        };
        self.finish(end).await;
    }

    /// Waits for the next thing, and does it.
    async fn step(&mut self) -> Result<(), End> {
        let due = self.due();
        tokio::select! {
            biased;
            taken = self.inbox.take(&mut self.items), if self.outbox.len() < OUTBOX_MAX => {
                taken.map_err(|_overrun| End::Overrun)?;
                self.read_items().await?;
            }
            outcome = outcome(self.under_way.as_mut()) => self.note_sent(outcome).await?,
            order = self.orders.recv(), if !self.session.is_saturated() => {
                self.obey(order.ok_or_else(|| self.flow_end())?).await?;
            }
            () = sleep_until(due) => {
                return Err(if self.binding.is_some() { End::Expired } else { End::Idle });
            }
        }
        self.send_next().await
    }

    /// Why the flow has no more for it.
    fn flow_end(&self) -> End {
        match self.services.stop.is_cancelled() {
            true => End::Ended(Ending::Shutdown),
            false => End::FlowLost,
        }
    }

    /// When its time is over.
    fn due(&self) -> Option<Instant> {
        if let Some(binding) = &self.binding {
            return Some(binding.until);
        }
        let is_idle = self.rooms.is_empty() && self.errands.is_empty() && self.under_way.is_none();
        is_idle.then(|| self.last_used + IDLE_TIME)
    }

    async fn obey(&mut self, order: Order) -> Result<(), End> {
        self.last_used = Instant::now();
        match &order.asked {
            Asked::Registration => self.register(order).await,
            Asked::Message(to) => {
                let to = to.clone();
                self.take_message(order, &to).await
            }
            Asked::Capabilities | Asked::Provisioning | Asked::Invitation { .. } | Asked::InDialog(_) => {
                Ok(())
            }
        }
    }

    /// Hands in a stanza of the client's, and hears what is said to it at once.
    pub(super) async fn hand_in(&mut self, stanza: Stanza) -> Result<(), End> {
        self.session.handle(stanza).await?;
        self.hear_own().await
    }

    /// The same with a key, under which the message is found if it comes again.
    pub(super) async fn hand_in_again(&mut self, stanza: Stanza, key: Key) -> Result<(), End> {
        self.session.handle_again(stanza, key).await?;
        self.hear_own().await
    }

    /// What the session itself says to its client.
    async fn hear_own(&mut self) -> Result<(), End> {
        for element in own_words(&mut self.session) {
            Box::pin(self.hear(&element)).await?;
        }
        Ok(())
    }

    async fn read_items(&mut self) -> Result<(), End> {
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Frame(frame) => {
                    if let Some(element) = frame.element() {
                        self.hear(element).await?;
                    }
                }
                Item::Mark(seq) => self.mark(seq).await,
                Item::Settled { number, outcome } => {
                    self.settle(number, &outcome).await?;
                    self.session.settle(number, outcome);
                    self.hear_own().await?;
                }
                // Whoever uses SIP is in the rooms that he hears of.
                Item::Follow => {}
                Item::End(ending) => return Err(End::Ended(ending)),
            }
        }
        Ok(())
    }

    /// Takes a stanza for the client.
    async fn hear(&mut self, element: &Element) -> Result<(), End> {
        match (element.name(), element.attribute("type")) {
            (_, Some("error")) => self.fail(element).await,
            ("iq", Some("result")) => self.conclude(element).await,
            // What a client of SIP is asked in XML it cannot answer.
            ("iq", _) => match letter::refuse_request(element) {
                Some(refusal) => self.hand_in(refusal).await,
                None => Ok(()),
            },
            ("presence", _) => {
                self.note_presence(element);
                Ok(())
            }
            _ => {
                if !self.is_sent_back(element)
                    && let Some(letter) = Letter::read(element, &self.services.rooms_domain)
                {
                    self.outbox.push_back(letter);
                }
                Ok(())
            }
        }
    }

    /// Whether a room sends back what the client has just said in it; its history is something else. Each comes back once:
    /// whoever takes the same id after that says something else.
    fn is_sent_back(&mut self, message: &Element) -> bool {
        let Some(id) = message.attribute("id") else { return false };
        if message.child("delay", namespace::DELAY).is_some() {
            return false;
        }
        let place = self.posted.iter().position(|own| **own == *id);
        place.and_then(|place| self.posted.remove(place)).is_some()
    }

    /// The client's own place in a room.
    fn note_presence(&mut self, element: &Element) {
        let Some((room, news)) = letter::own_presence(element, &self.services.rooms_domain) else { return };
        if news.is_inside {
            self.rooms.insert(room);
        } else {
            self.rooms.remove(&room);
        }
        self.outbox.extend(news.letter);
    }

    /// A message that the room will send back, which the client need not be told.
    pub(super) fn expect_back(&mut self, id: &str) {
        if self.posted.len() >= POSTED_MAX {
            self.posted.pop_front();
        }
        self.posted.push_back(id.into());
    }

    /// Tells the client something in a room's name.
    pub(super) fn tell(&mut self, letter: Letter) {
        self.outbox.push_back(letter);
    }

    /// Everything before this was taken when the last of it is.
    async fn mark(&mut self, seq: Seq) {
        let last = self.outbox.back_mut().or(self.under_way.as_mut().map(|under_way| &mut under_way.letter));
        match last {
            Some(letter) => letter.mark = Some(seq),
            None => self.acknowledge(seq).await,
        }
    }

    async fn acknowledge(&mut self, seq: Seq) {
        self.session.mark(seq);
        self.session.note_written().await;
    }

    async fn send_next(&mut self) -> Result<(), End> {
        if self.under_way.is_some() {
            return Ok(());
        }
        let Some(letter) = self.outbox.pop_front() else { return Ok(()) };
        self.sent += 1;
        let branch = format!("{}{}", perch_sip::header::Via::COOKIE, tag());
        let envelope = letter::Envelope {
            binding: self.binding.as_ref(),
            account: &self.account,
            transport: self.way.transport,
            branch: &branch,
            call_id: &self.call_id,
            number: self.sent,
        };
        let request = letter.write(envelope);
        let (sender, outcome) = oneshot::channel();
        self.say(Word::Send { method: Method::Message, branch, request, outcome: sender }).await?;
        self.under_way = Some(UnderWay { letter, outcome });
        Ok(())
    }

    async fn note_sent(&mut self, outcome: Outcome) -> Result<(), End> {
        let Some(UnderWay { letter, .. }) = self.under_way.take() else { return Ok(()) };
        let status = outcome.ok_or(End::FlowLost)?.status;
        if status != Status::OK && status != Status::ACCEPTED {
            debug!(%status, "a message was refused");
            if let Some(error) = letter.bounce(status) {
                self.hand_in(error).await?;
            }
        }
        if let Some(seq) = letter.mark {
            self.acknowledge(seq).await;
        }
        Ok(())
    }

    pub(super) async fn answer(&self, key: ServerKey, answer: Answer) -> Result<(), End> {
        self.say(Word::Answer { key, answer }).await
    }

    pub(super) async fn say(&self, word: Word) -> Result<(), End> {
        self.words.send(word).await.map_err(|_closed| End::FlowLost)
    }

    pub(super) fn presence(type_: Option<&str>) -> Stanza {
        let mut stanza =
            Stanza::from_payload(Kind::Presence, bytes::Bytes::new()).expect("nothing is well-formed");
        stanza.type_ = type_.map(Into::into);
        stanza
    }

    async fn finish(mut self, end: End) {
        debug!(jid = %self.session.jid(), %end, "a session ends");
        let departure = match &end {
            End::Deregistered | End::Idle => Departure::Own,
            End::Ended(_) | End::Failed(_) => Departure::Ended,
            End::FlowLost | End::Overrun | End::Expired => Departure::Lost,
        };
        self.services.bindings.remove(&self.account, &self.inbox.mailbox());
        if matches!(end, End::Ended(Ending::Shutdown)) {
            // What was taken gets its outcome: it is committed in milliseconds, or the store is in trouble.
            let _ = timeout(SETTLING_TIME, self.settle_all()).await;
        }
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            let answer = unavailable(&order.request);
            let _ = self.answer(order.key, answer).await;
        }
        for (key, request) in self.errands.take_all() {
            let _ = self.answer(key, unavailable(&request)).await;
        }
        self.session.end(departure).await;
    }

    async fn settle_all(&mut self) -> Result<(), End> {
        while !self.errands.is_empty() {
            self.inbox.take(&mut self.items).await.map_err(|_overrun| End::Overrun)?;
            self.read_items().await?;
        }
        Ok(())
    }
}

/// What a session has said to its client at once.
pub(super) fn own_words(session: &mut Session) -> Vec<Element> {
    let bytes = session.take_bytes(true);
    if bytes.is_empty() {
        return Vec::new();
    }
    let whole = [b"<all>", &bytes[..], b"</all>"].concat();
    let all = Element::parse(&whole, namespace::CLIENT);
    all.map_or_else(|_| Vec::new(), |all| all.children().cloned().collect())
}

async fn outcome(under_way: Option<&mut UnderWay>) -> Outcome {
    match under_way {
        Some(under_way) => (&mut under_way.outcome).await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Requests of one account that may wait on one flow.
const ORDERS: usize = 64;
/// Messages taken from the mailbox and not sent; more wait there, where they are counted in bytes.
const OUTBOX_MAX: usize = 64;
/// Messages that may be on their way to a room and back.
const POSTED_MAX: usize = 256;
/// How long a session without registration and rooms stays for the next request.
const IDLE_TIME: Duration = Duration::from_secs(60);
const SETTLING_TIME: Duration = Duration::from_secs(5);
