//! A conversation: the dialog that an INVITE began with the contact object, and a session of its own that does what is
//! asked in it (XCCOS, by `perch-xccos`).
//!
//! What a client asks becomes stanzas of the session, and what rooms say to the session becomes replies, notices and
//! posts: rights, order and history are decided where they are for everybody. The session is not available: letters to its
//! user go to the devices that are registered.
//!
//! | module | what |
//! |---|---|
//! | [`upkeep`] | the dialog: requests within it, and its timers |
//! | [`speech`] | what is sent to the client: one request at a time |
//! | [`command`] | what an INFO asks for, as stanzas |
//! | [`job`], [`found`] | what was asked and is not answered; what came of it |
//! | [`room`] | who is in the rooms of the session, and what is said in them |

mod command;
mod found;
mod job;
mod room;
mod speech;
mod upkeep;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use perch_address::BareJid;
use perch_sip::dialog::{Agreement, Dialog};
use perch_sip::message::{Answer, Request};
use perch_sip::transaction::ServerKey;
use perch_sip::{Method, Status};
use perch_xmpp::stream::StreamFailure;
use perch_xmpp::xml::Element;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::auth::AsOf;
use crate::fanout::mailbox::{Ending, Inbox, Item};
use crate::session::{Departure, Opened, Session};
use crate::sip::Services;
use crate::sip::check::answer;
use crate::sip::device::{Way, own_words};
use crate::sip::diagnostics::Diagnostic;
use crate::sip::flow::{Word, sleep_until, unavailable};
use job::Jobs;
use room::Seat;
use speech::UnderWay;
use upkeep::Upkeep;

pub(super) use upkeep::agree;

/// What a flow has for a conversation.
pub(super) enum News {
    Request {
        key: ServerKey,
        request: Request,
    },
    /// The ACK of its 2xx has come.
    Acknowledged,
    /// The INVITE of that transaction was taken back, before its 2xx was sent.
    Cancelled(ServerKey),
}

/// An INVITE that may be accepted.
pub(super) struct Invitation {
    pub(super) key: ServerKey,
    pub(super) request: Request,
    pub(super) dialog: Dialog,
    /// Of the media.
    pub(super) description: String,
    pub(super) agreement: Agreement,
    pub(super) way: Way,
}

struct Conversation {
    services: Arc<Services>,
    account: BareJid,
    /// What the client calls its user, and so the rooms.
    nick: String,
    session: Session,
    inbox: Inbox,
    items: VecDeque<Item>,
    news: mpsc::Receiver<News>,
    words: mpsc::Sender<Word>,
    way: Way,
    dialog: Dialog,
    upkeep: Upkeep,
    jobs: Jobs,
    /// The rooms that the session is in, by localpart.
    rooms: HashMap<Box<str>, Seat>,
    /// What the client is to be told.
    outbox: VecDeque<Element>,
    /// Responses that are to be sent.
    answers: Vec<(ServerKey, Answer)>,
    under_way: VecDeque<UnderWay>,
    /// Of the last envelope that was sent.
    envelope: u64,
}

/// Why a conversation ends.
#[derive(Debug, Error)]
enum End {
    #[error("the client said BYE")]
    Bye,
    #[error("the client took its INVITE back")]
    Cancelled,
    #[error("the client knows nothing of it")]
    Forgotten,
    #[error("the client did not acknowledge that its INVITE was accepted")]
    Unacknowledged,
    #[error("nobody refreshed it")]
    Unrefreshed,
    #[error("its flow is gone, or nobody answers there")]
    FlowLost,
    #[error("the session was ended from inside: {0:?}")]
    Ended(Ending),
    #[error("it reads too slowly")]
    Overrun,
    #[error("it asked for what no session takes: {}", .0.condition())]
    Failed(StreamFailure),
}

impl From<StreamFailure> for End {
    fn from(failure: StreamFailure) -> Self {
        Self::Failed(failure)
    }
}

/// Accepts an invitation, and gives the way to the conversation; or the answer that refuses it.
pub(super) async fn open(
    services: &Arc<Services>,
    account: &BareJid,
    as_of: AsOf,
    invitation: Invitation,
    words: mpsc::Sender<Word>,
) -> Result<mpsc::Sender<News>, Answer> {
    let Invitation { key, request, dialog, description, agreement, way } = invitation;
    let refusal = || Diagnostic::CannotBegin.refuse(&request, &services.domain);
    let opened = services.sessions.open(account, None).await;
    let Opened { session, inbox } = opened.map_err(|_condition| refusal())?;
    if !services.accounts.is_current(as_of) {
        // Whoever was revoked meanwhile proved what no longer holds.
        session.end(Departure::Ended).await;
        return Err(refusal());
    }
    debug!(jid = %session.jid(), "a conversation begins");
    let (sender, news) = mpsc::channel(NEWS);
    let conversation = Conversation {
        services: services.clone(),
        account: account.clone(),
        nick: nick(&request, account),
        session,
        inbox,
        items: VecDeque::new(),
        news,
        words,
        way,
        dialog,
        upkeep: Upkeep::new(agreement, Instant::now()),
        jobs: Jobs::default(),
        rooms: HashMap::new(),
        outbox: VecDeque::new(),
        answers: Vec::new(),
        under_way: VecDeque::new(),
        envelope: rand::random::<u32>().into(),
    };
    services.tasks.spawn(conversation.run(key, request, description));
    Ok(sender)
}

/// What the client shows of its user; failing that, the first part of his address.
fn nick(request: &Request, account: &BareJid) -> String {
    let from = request.headers.from().ok();
    let display = from.and_then(|from| from.display_name().map(|name| name.trim().to_owned()));
    let display = display.filter(|name| !name.is_empty());
    display.unwrap_or_else(|| account.local().unwrap_or_default().to_owned())
}

impl Conversation {
    async fn run(mut self, key: ServerKey, invite: Request, description: String) {
        self.accept_invite(key, &invite, &description, true);
        let end = loop {
            if let Err(end) = Box::pin(self.step()).await {
                break end;
            }
        };
        Box::pin(self.finish(end)).await;
    }

    /// Does what there is to do, waits for the next thing, and takes it.
    async fn step(&mut self) -> Result<(), End> {
        self.hand_in_waiting().await?;
        self.speak().await?;
        let due = self.upkeep.due();
        tokio::select! {
            biased;
            taken = self.inbox.take(&mut self.items), if self.outbox.len() < OUTBOX_MAX => {
                taken.map_err(|_overrun| End::Overrun)?;
                self.read_items().await
            }
            outcome = speech::outcome(&mut self.under_way) => self.note_sent(outcome),
            news = self.news.recv() => match news {
                Some(news) => self.take(news).await,
                None if self.services.stop.is_cancelled() => Err(End::Ended(Ending::Shutdown)),
                None => Err(End::FlowLost),
            },
            () = sleep_until(due) => self.note_due(),
        }
    }

    async fn read_items(&mut self) -> Result<(), End> {
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Frame(frame) => {
                    if let Some(element) = frame.element() {
                        self.hear(element);
                    }
                }
                Item::Mark(seq) => {
                    self.session.mark(seq);
                    self.session.note_written().await;
                }
                Item::Settled { number, outcome } => {
                    if outcome.is_ok() {
                        self.succeed(number);
                    }
                    self.session.settle(number, outcome);
                    self.hear_own();
                }
                // It hears of the rooms that it is in.
                Item::Follow => {}
                Item::End(ending) => return Err(End::Ended(ending)),
            }
        }
        Ok(())
    }

    fn hear_own(&mut self) {
        for element in own_words(&mut self.session) {
            self.hear(&element);
        }
    }

    /// Takes a stanza for the client.
    fn hear(&mut self, element: &Element) {
        match (element.name(), element.attribute("type")) {
            (_, Some("error")) => self.fail(element),
            ("iq", Some("result")) => self.conclude(element),
            ("iq", _) => self.jobs.refuse(element),
            ("presence", _) => self.hear_presence(element),
            _ => self.hear_message(element),
        }
    }

    async fn finish(mut self, end: End) {
        debug!(jid = %self.session.jid(), %end, "a conversation ends");
        let departure = match &end {
            End::Bye | End::Cancelled => Departure::Own,
            End::Ended(_) | End::Failed(_) => Departure::Ended,
            End::Forgotten | End::Unacknowledged | End::Unrefreshed | End::FlowLost | End::Overrun => {
                Departure::Lost
            }
        };
        if matches!(end, End::Ended(Ending::Shutdown)) {
            // What was taken gets its outcome: it is committed in milliseconds, or the store is in trouble.
            let _ = timeout(SETTLING_TIME, self.settle_all()).await;
        }
        let is_bye = matches!(end, End::Bye);
        for (key, request) in self.jobs.take_requests() {
            // RFC 3261 §15.1.2: what waits when BYE comes was broken off.
            let answer = match is_bye {
                true => answer(&request, Status::REQUEST_TERMINATED).finish(),
                false => unavailable(&request),
            };
            self.answers.push((key, answer));
        }
        self.news.close();
        while let Ok(news) = self.news.try_recv() {
            if let News::Request { key, request } = news {
                self.answers.push((key, answer(&request, Status::NO_SUCH_DIALOG).finish()));
            }
        }
        let _ = self.send_answers().await;
        if !matches!(end, End::Bye | End::Cancelled | End::Forgotten | End::FlowLost) {
            // Whether it is heard changes nothing.
            let _ = self.send(&Method::Bye, |writer| writer.finish()).await;
        }
        self.session.end(departure).await;
    }

    async fn settle_all(&mut self) -> Result<(), End> {
        while self.jobs.has_requests() {
            self.inbox.take(&mut self.items).await.map_err(|_overrun| End::Overrun)?;
            self.read_items().await?;
        }
        Ok(())
    }
}

/// Requests of one dialog that may wait.
const NEWS: usize = 64;
/// Things that the client is to be told; more wait in the mailbox, where they are counted in bytes.
const OUTBOX_MAX: usize = 256;
const SETTLING_TIME: Duration = Duration::from_secs(5);
