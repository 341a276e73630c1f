//! A session and the connection that serves it now. One task per session: when the connection is lost and the client
//! may come back (XEP-0198), the task stays, keeps what the client has not acknowledged, and takes the next one over.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use perch_address::BareJid;
use perch_xmpp::stream::{Negotiation, Output, StreamCondition, StreamFailure};
use perch_xmpp::xml::{Framer, Item};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tracing::{debug, info};

use crate::fanout::mailbox::{self, Ending, Inbox};
use crate::session::{Departure, Opened, Session};
use crate::stream::Services;
use crate::stream::socket::Socket;

/// A session with its first connection.
pub(super) struct Live {
    pub(super) socket: Socket,
    pub(super) framer: Framer,
    pub(super) opened: Opened,
}

/// A later connection for a session that is there already.
pub(super) struct Handover {
    pub(super) socket: Socket,
    pub(super) framer: Framer,
    pub(super) negotiation: Negotiation,
    pub(super) account: BareJid,
    pub(super) h: u32,
}

/// Where the sessions that can be resumed wait for their next connection, by the id that the client was given.
#[derive(Default)]
pub(crate) struct Handovers(DashMap<Box<str>, Waiting>);

struct Waiting {
    account: BareJid,
    sender: mpsc::Sender<Box<Handover>>,
}

impl Handovers {
    /// Gives the connection to the session of that id, or back. Nobody learns that somebody else's session exists.
    pub(super) fn offer(&self, id: &str, handover: Handover) -> Result<(), Box<Handover>> {
        let handover = Box::new(handover);
        let own = self.0.get(id).filter(|waiting| waiting.account == handover.account);
        let Some(sender) = own.map(|waiting| waiting.sender.clone()) else { return Err(handover) };
        sender.try_send(handover).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(handover) | mpsc::error::TrySendError::Closed(handover) => {
                handover
            }
        })
    }

    fn register(&self, id: &str, account: BareJid) -> mpsc::Receiver<Box<Handover>> {
        let (sender, receiver) = mpsc::channel(1);
        self.0.insert(id.into(), Waiting { account, sender });
        receiver
    }
}

/// Why a connection no longer serves its session.
enum End {
    /// The client closed the stream: it does not come back.
    Closed,
    /// We end the stream, and the session with it.
    Failed(StreamFailure),
    /// The connection broke: the client may come back.
    Lost,
    /// It came back on another connection.
    Resumed(Box<Handover>),
    /// It did not come back in time.
    Expired,
    Replaced,
}

impl From<io::Error> for End {
    fn from(_lost: io::Error) -> Self {
        Self::Lost
    }
}

impl From<StreamFailure> for End {
    fn from(failure: StreamFailure) -> Self {
        Self::Failed(failure)
    }
}

struct Task<'a> {
    services: &'a Arc<Services>,
    socket: Option<Socket>,
    framer: Framer,
    session: Session,
    inbox: Inbox,
    items: VecDeque<mailbox::Item>,
    handovers: Option<mpsc::Receiver<Box<Handover>>>,
    timer: Pin<Box<Sleep>>,
    last_heard: Instant,
    /// A sign of life was asked for and has not come.
    is_asked: bool,
    /// Stanzas of which nobody will say what became of them.
    left_open: usize,
}

/// How long the peer may take to read what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long it may take to answer when asked for a sign of life.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes put into one write at most, so that a long burst does not stand in memory twice.
const WRITE_BYTES: usize = 64 << 10;

/// Serves the session to its end. Boxed, as what is handed from future to future by value stands in each of them for as
/// long as the session lives.
pub(super) async fn run(services: &Arc<Services>, live: Box<Live>) {
    let Live { socket, framer, opened } = *live;
    let Opened { session, inbox } = opened;
    let mut task = Task {
        services,
        socket: Some(socket),
        framer,
        session,
        inbox,
        items: VecDeque::new(),
        handovers: None,
        timer: Box::pin(tokio::time::sleep(services.policy.idle_time)),
        last_heard: Instant::now(),
        is_asked: false,
        left_open: 0,
    };
    debug!(jid = %task.session.jid(), "a session begins");
    // What came behind the bind request is already here.
    let mut end = Box::pin(task.process()).await.err();
    loop {
        end = match end.take() {
            None => task.step().await.err(),
            Some(End::Lost) if task.session.is_resumable() => Box::pin(task.park()).await.err(),
            Some(End::Resumed(handover)) => Box::pin(task.resume(*handover)).await.err(),
            Some(end) => return Box::pin(task.finish(end)).await,
        };
    }
}

impl Task<'_> {
    /// Waits for the next thing, and does it. What doing it needs is boxed: of a silent session only the waiting stays.
    async fn step(&mut self) -> Result<(), End> {
        let can_read = self.socket.is_some() && !self.session.is_saturated();
        tokio::select! {
            biased;
            taken = self.inbox.take(&mut self.items) => {
                taken.map_err(|_overrun| slow_reader())?;
                Box::pin(self.deliver()).await?;
                if can_read { Ok(()) } else { Box::pin(self.process()).await }
            }
            read = read(self.socket.as_mut(), self.framer.buffer()), if can_read => {
                if read? == 0 {
                    return Err(End::Lost);
                }
                self.last_heard = Instant::now();
                self.is_asked = false;
                Box::pin(self.process()).await
            }
            handover = next(self.handovers.as_mut()) => match Box::pin(admitted(&self.session, handover)).await {
                Some(handover) => Err(End::Resumed(handover)),
                None => Ok(()),
            },
            () = self.timer.as_mut() => Box::pin(self.tick()).await,
        }
    }

    /// Handles every whole item that was read, unless too many of the session's stanzas wait for their outcome. What one
    /// of them made others tell the session goes before the answer to the next: there is one order, however they came in.
    async fn process(&mut self) -> Result<(), End> {
        while !self.session.is_saturated() && self.socket.is_some() {
            let Some(item) = self.framer.next().map_err(|error| StreamFailure::from(error.condition()))?
            else {
                break;
            };
            match item {
                // Boxed: what handling may need is not part of an idle session's memory.
                Item::Stanza(stanza) => Box::pin(self.session.handle(stanza)).await?,
                Item::Element(element) => {
                    if let Some(id) = Box::pin(self.session.handle_element(&element)).await? {
                        self.handovers =
                            Some(self.services.handovers.register(&id, self.session.jid().bare()));
                    }
                }
                Item::Open(_) => return Err(StreamFailure::from(StreamCondition::BadFormat).into()),
                Item::Close => return Err(End::Closed),
            }
            if let Some(taken) = self.inbox.try_take(&mut self.items) {
                taken.map_err(|_overrun| slow_reader())?;
                self.hand_on().await?;
            }
        }
        self.write().await
    }

    async fn deliver(&mut self) -> Result<(), End> {
        self.hand_on().await?;
        self.write().await
    }

    /// What came up goes into the session's bytes.
    async fn hand_on(&mut self) -> Result<(), End> {
        while let Some(item) = self.items.pop_front() {
            match item {
                mailbox::Item::Frame(frame) => self.session.send(&frame)?,
                mailbox::Item::Mark(seq) => self.session.mark(seq),
                mailbox::Item::Settled { number, outcome } => self.session.settle(number, outcome),
                mailbox::Item::End(Ending::Replaced) => return Err(End::Replaced),
                mailbox::Item::End(ending) => {
                    self.left_open += usize::from(ending == Ending::Unsure);
                    return Err(StreamFailure::from(condition(ending)).into());
                }
            }
            if self.session.waiting_bytes() >= WRITE_BYTES {
                self.write().await?;
            }
        }
        if self.items.capacity() > ITEMS_KEPT {
            // The mailbox's queue after a burst: it would stay for as long as the session is silent.
            self.items = VecDeque::new();
        }
        Ok(())
    }

    /// Writes what the session has to say. Without a connection it stays in the session's queue of unacknowledged.
    async fn write(&mut self) -> Result<(), End> {
        let bytes = self.session.take_bytes(self.socket.is_some());
        let Some(socket) = &mut self.socket else { return Ok(()) };
        if bytes.is_empty() {
            return Ok(());
        }
        let mut sending = pin!(tokio::time::timeout(WRITE_TIME, socket.send(&bytes)));
        loop {
            tokio::select! {
                biased;
                sent = sending.as_mut() => {
                    sent.map_err(|_elapsed| End::Lost)??;
                    break;
                }
                // Who is back need not wait until the connection he lost is known to be dead. What was being written
                // is among the unacknowledged.
                handover = next(self.handovers.as_mut()) => {
                    if let Some(handover) = Box::pin(admitted(&self.session, handover)).await {
                        return Err(End::Resumed(handover));
                    }
                }
            }
        }
        self.session.note_written().await;
        Ok(())
    }

    /// The client comes back on another connection.
    async fn resume(&mut self, handover: Handover) -> Result<(), End> {
        let Handover { mut socket, framer, mut negotiation, h, .. } = handover;
        if let Some(old) = self.socket.take() {
            bid_farewell(old, &[], Some(StreamFailure::from(StreamCondition::Conflict).to_bytes())).await;
        }
        tokio::time::timeout(WRITE_TIME, self.settle_all()).await.map_err(|_elapsed| End::Lost)??;
        self.session.acknowledge(h).await?;
        let mut greeting = Vec::new();
        for output in negotiation.handle_resumed(self.session.handled()) {
            if let Output::Send(bytes) = output {
                greeting.extend_from_slice(&bytes);
            }
        }
        self.session.resend();
        self.framer = framer;
        self.last_heard = Instant::now();
        self.is_asked = false;
        self.timer.as_mut().reset(self.last_heard + self.services.policy.idle_time);
        debug!(jid = %self.session.jid(), "a session is resumed");
        tokio::time::timeout(WRITE_TIME, socket.send(&greeting)).await.map_err(|_elapsed| End::Lost)??;
        self.socket = Some(socket);
        // What was taken from the mailbox and not looked at when the connection was lost.
        self.deliver().await?;
        self.process().await
    }

    /// What the lost connection brought last gets its outcome first: whatever the client is not told of now it sends
    /// again, and it would be taken for something new.
    async fn settle_all(&mut self) -> Result<(), End> {
        while !self.session.is_settled() {
            self.inbox.take(&mut self.items).await.map_err(|_overrun| slow_reader())?;
            self.hand_on().await?;
        }
        Ok(())
    }

    /// Waits without a connection.
    async fn park(&mut self) -> Result<(), End> {
        self.socket = None;
        self.timer.as_mut().reset(Instant::now() + self.session.resumption_time());
        debug!(jid = %self.session.jid(), "a session waits for its client");
        self.deliver().await
    }

    async fn tick(&mut self) -> Result<(), End> {
        if self.socket.is_none() {
            return Err(End::Expired);
        }
        let now = Instant::now();
        let (due, is_late) = if self.is_asked {
            (self.last_heard + self.services.policy.idle_time + ANSWER_TIME, true)
        } else {
            (self.last_heard + self.services.policy.idle_time, false)
        };
        if now < due {
            self.timer.as_mut().reset(due);
            return Ok(());
        }
        if is_late {
            return Err(End::Lost);
        }
        self.is_asked = true;
        self.timer.as_mut().reset(now + ANSWER_TIME);
        self.session.ask_for_life();
        self.items = VecDeque::new();
        self.inbox.shrink();
        self.write().await
    }

    async fn finish(mut self, end: End) {
        let departure = match &end {
            End::Closed => Departure::Own,
            End::Failed(_) | End::Replaced => Departure::Ended,
            End::Lost | End::Expired | End::Resumed(_) => Departure::Lost,
        };
        if self.session.is_resumable() && departure != Departure::Own {
            // What is under way is committed in milliseconds, or the store is in trouble. Then it may be written for as
            // long as it is tried: a client that is told before that it is not would send it again. In steps, or a
            // process that was stopped for a while would find all of the time used up.
            for _ in 0..SETTLE_STEPS {
                if tokio::time::timeout(SETTLE_STEP, self.settle()).await.is_ok() {
                    break;
                }
            }
        }
        // Before anybody can know that the session is over, what he will ask for then is there.
        self.session.save_end(departure).await;
        if let Some(mut receiver) = self.handovers.take() {
            receiver.close();
        }
        if let Some(id) = self.session.resumption_id() {
            self.services.handovers.0.remove(id);
        }
        let farewell = match end {
            End::Closed => Some(STREAM_END.into()),
            End::Failed(failure) => {
                info!(jid = %self.session.jid(), condition = %failure.condition(), "a stream is ended");
                Some(failure.to_bytes())
            }
            End::Replaced => Some(StreamFailure::from(StreamCondition::Conflict).to_bytes()),
            End::Lost | End::Expired | End::Resumed(_) => None,
        };
        debug!(jid = %self.session.jid(), ?departure, "a session ends");
        // What was said before the end is said first.
        let rest = self.session.take_bytes(self.socket.is_some());
        // Who sees his stream closed may come back at once, and must not find his session alive.
        self.session.end(departure).await;
        if let Some(socket) = self.socket.take() {
            bid_farewell(socket, &rest, farewell).await;
        }
    }

    /// Waits for the outcome of what the client sent last, so that its count is final.
    async fn settle(&mut self) {
        loop {
            for item in self.items.drain(..) {
                match item {
                    mailbox::Item::Settled { number, outcome } => self.session.settle(number, outcome),
                    mailbox::Item::End(Ending::Unsure) => self.left_open += 1,
                    _ => {}
                }
            }
            if self.session.is_settled() || self.session.waiting() <= self.left_open {
                return;
            }
            // After an overrun no frames come, but outcomes do.
            let _ = self.inbox.take(&mut self.items).await;
        }
    }
}

const STREAM_END: &[u8] = b"</stream:stream>";
const FAREWELL_TIME: Duration = Duration::from_secs(2);
/// Together longer than the store tries to append something.
const SETTLE_STEPS: u32 = 10;
const SETTLE_STEP: Duration = Duration::from_secs(1);
/// Items whose room is kept for the next ones: what the smallest queue has.
const ITEMS_KEPT: usize = 4;

/// A peer that no longer reads is not waited for.
async fn bid_farewell(mut socket: Socket, rest: &[u8], farewell: Option<Bytes>) {
    let parting = async {
        if !rest.is_empty() {
            socket.send(rest).await?;
        }
        if let Some(farewell) = farewell {
            socket.send(&farewell).await?;
        }
        socket.close().await;
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(FAREWELL_TIME, parting).await;
}

async fn read(socket: Option<&mut Socket>, into: &mut bytes::BytesMut) -> io::Result<usize> {
    match socket {
        Some(socket) => socket.read(into).await,
        None => std::future::pending().await,
    }
}

async fn next(handovers: Option<&mut mpsc::Receiver<Box<Handover>>>) -> Box<Handover> {
    if let Some(receiver) = handovers
        && let Some(handover) = receiver.recv().await
    {
        return handover;
    }
    std::future::pending().await
}

/// The next connection, unless it is turned away: who says that he has what he was never sent (XEP-0198 §6) cannot go
/// on. The session is none the worse for it, nor is the connection that it has.
async fn admitted(session: &Session, mut handover: Box<Handover>) -> Option<Box<Handover>> {
    let Err(too_high) = session.check_acknowledged(handover.h) else { return Some(handover) };
    let parting: Vec<u8> = handover
        .negotiation
        .close(too_high)
        .into_iter()
        .filter_map(|output| if let Output::Send(bytes) = output { Some(bytes) } else { None })
        .flatten()
        .collect();
    bid_farewell(handover.socket, &parting, None).await;
    None
}

fn slow_reader() -> StreamFailure {
    StreamFailure::new(StreamCondition::ResourceConstraint).with_text("too much is waiting to be read")
}

fn condition(ending: Ending) -> StreamCondition {
    match ending {
        Ending::Shutdown => StreamCondition::SystemShutdown,
        Ending::Replaced => StreamCondition::Conflict,
        Ending::AccountGone => StreamCondition::NotAuthorized,
        Ending::Lost | Ending::Unsure => StreamCondition::ResourceConstraint,
    }
}
