//! A session and the connection that serves it now. One task per session: when the connection is lost and the client
//! may come back (XEP-0198), the task stays, keeps what the client has not acknowledged, and takes the next one over.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use perch_xmpp::stream::{Output, StreamCondition, StreamFailure};
use perch_xmpp::xml::{Framer, Item};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tracing::{debug, info, warn};

use crate::fanout::mailbox::{self, Ending, Inbox};
use crate::listener::socket::Socket;
use crate::session::{Departure, Opened, Session, Telling};
use crate::stream::Services;
use crate::stream::handover::{Claim, Handover};

/// A session with a connection.
pub(super) struct Live {
    pub(super) opened: Opened,
    pub(super) arrival: Arrival,
}

/// How a session comes to be served here.
pub(super) enum Arrival {
    /// It has just begun.
    New { socket: Socket, framer: Framer },
    /// It goes on where another member left it, under the id that its client has.
    Resumed { id: Box<str>, handover: Box<Handover> },
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
    /// It came back on another member.
    Wanted,
    /// It is to go to another member.
    SentAway,
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
    handovers: Option<mpsc::Receiver<Claim>>,
    timer: Pin<Box<Sleep>>,
    last_heard: Instant,
    /// A sign of life was asked for and has not come.
    is_asked: bool,
    /// Stanzas of which nobody will say what became of them.
    left_open: usize,
}

/// How long the peer may take to read what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long the store may take to have it that a session is let go. The member that asked for it waits hardly longer.
const RELEASE_TIME: Duration = Duration::from_secs(10);
/// How long it may take to answer when asked for a sign of life.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes put into one write at most, so that a long burst does not stand in memory twice.
const WRITE_BYTES: usize = 64 << 10;

/// Serves the session to its end. Boxed, as what is handed from future to future by value stands in each of them for as
/// long as the session lives.
pub(super) async fn run(services: &Arc<Services>, live: Box<Live>) {
    let Live { opened: Opened { session, inbox }, arrival } = *live;
    let (socket, framer, handovers, handover) = match arrival {
        Arrival::New { socket, framer } => (Some(socket), framer, None, None),
        Arrival::Resumed { id, handover } => {
            let handovers = services.handovers.register(&id, session.jid().bare());
            (None, Framer::new(services.policy.limits), Some(handovers), Some(handover))
        }
    };
    let mut task = Task {
        services,
        socket,
        framer,
        session,
        inbox,
        items: VecDeque::new(),
        handovers,
        timer: Box::pin(tokio::time::sleep(services.policy.idle_time)),
        last_heard: Instant::now(),
        is_asked: false,
        left_open: 0,
    };
    debug!(jid = %task.session.jid(), "a session begins");
    // What came behind the bind request is already here.
    let mut end = match handover {
        None => Box::pin(task.process()).await.err(),
        Some(handover) => match Box::pin(granted(&task.session, Claim::Client(handover))).await {
            Err(end) => Some(end),
            // It waits for somebody who says what is so.
            Ok(()) => Some(End::Lost),
        },
    };
    loop {
        end = match end.take() {
            None => task.step().await.err(),
            Some(End::Lost) if task.session.is_resumable() => Box::pin(task.park()).await.err(),
            Some(End::Resumed(handover)) => Box::pin(task.resume(*handover)).await.err(),
            Some(End::SentAway) => Box::pin(task.send_away()).await.err(),
            Some(End::Wanted) => return Box::pin(task.move_on()).await,
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
            claim = next(self.handovers.as_mut()) => Box::pin(granted(&self.session, claim)).await,
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
                mailbox::Item::Follow => self.session.follow_rooms(Telling::AsBefore).await,
                mailbox::Item::End(Ending::Replaced) => return Err(End::Replaced),
                mailbox::Item::End(Ending::Elsewhere) => return Err(End::SentAway),
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
                claim = next(self.handovers.as_mut()) => Box::pin(granted(&self.session, claim)).await?,
            }
        }
        self.session.note_written().await;
        Ok(())
    }

    /// The client comes back on another connection.
    async fn resume(&mut self, handover: Handover) -> Result<(), End> {
        let Handover { mut socket, framer, mut negotiation, h, peer, .. } = handover;
        self.session.set_peer(peer);
        if let Some(old) = self.socket.take() {
            bid_farewell(old, &[], Some(StreamFailure::from(StreamCondition::Conflict).to_bytes())).await;
        }
        tokio::time::timeout(WRITE_TIME, self.settle_all()).await.map_err(|_elapsed| End::Lost)??;
        self.session.acknowledge(h).await?;
        self.session.take_back_refusals();
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

    /// Its client is told to go to another member, and the session waits to be asked for from there. One that cannot be
    /// asked for ends.
    async fn send_away(&mut self) -> Result<(), End> {
        let Some(failure) = self.services.policy.directions.failure() else { return Ok(()) };
        if !self.session.is_resumable() {
            return Err(End::Failed(failure));
        }
        if let Some(socket) = self.socket.take() {
            let rest = self.session.take_bytes(true);
            bid_farewell(socket, &rest, Some(failure.to_bytes())).await;
        }
        self.park().await
    }

    /// Leaves the session to the member that asked for it.
    async fn move_on(mut self) {
        let old = self.socket.take();
        if let Err(end) = self.give_up().await {
            return self.finish(end).await;
        }
        if let Some(id) = self.session.resumption_id() {
            self.services.handovers.remove(id);
        }
        debug!(jid = %self.session.jid(), "a session goes on on another member");
        if let Some(socket) = old {
            let farewell = StreamFailure::from(StreamCondition::Conflict).to_bytes();
            bid_farewell(socket, &[], Some(farewell)).await;
        }
    }

    async fn give_up(&mut self) -> Result<(), End> {
        tokio::time::timeout(WRITE_TIME, self.settle_all()).await.map_err(|_elapsed| End::Lost)??;
        let released = tokio::time::timeout(RELEASE_TIME, self.session.release()).await;
        let place = released.ok().flatten().ok_or(End::Lost)?;
        // The last of what it was shown here.
        if let Some(taken) = self.inbox.try_take(&mut self.items) {
            taken.map_err(|_overrun| slow_reader())?;
            self.hand_on().await?;
        }
        for _ in 0..LEAVE_ATTEMPTS {
            match self.session.leave_behind(&place).await {
                Ok(()) => return Ok(()),
                Err(error) => warn!(%error, "a session cannot be left to another member yet"),
            }
        }
        Err(End::Lost)
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
            End::Lost | End::Expired | End::Resumed(_) | End::Wanted | End::SentAway => Departure::Lost,
        };
        // Whoever comes for it from here on asks the store, until it says that the session is over.
        self.handovers = None;
        if self.session.is_resumable() && departure != Departure::Own {
            // What is under way is committed in milliseconds, or the store is in trouble. Then it may be written for as
            // long as it is tried, and tried only when all that waits in its room before it was: a client that is told
            // before that it is not would send it again. In steps, or a process that was stopped for a while would find
            // all of the time used up.
            for _ in 0..SETTLE_STEPS {
                if tokio::time::timeout(SETTLE_STEP, self.settle()).await.is_ok() {
                    break;
                }
            }
        }
        // Before anybody can know that the session is over, what he will ask for then is there.
        self.session.save_end(departure).await;
        if let Some(id) = self.session.resumption_id() {
            self.services.handovers.remove(id);
        }
        let farewell = match end {
            End::Closed => Some(STREAM_END.into()),
            End::Failed(failure) => {
                info!(jid = %self.session.jid(), condition = %failure.condition(), "a stream is ended");
                Some(failure.to_bytes())
            }
            End::Replaced => Some(StreamFailure::from(StreamCondition::Conflict).to_bytes()),
            End::Lost | End::Expired | End::Resumed(_) | End::Wanted | End::SentAway => None,
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
/// How often the store is asked to keep a session for another member.
const LEAVE_ATTEMPTS: u32 = 3;
/// Together longer than a room is behind when a store that was away comes back. Before that the end could not be written
/// either.
const SETTLE_STEPS: u32 = 600;
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

async fn next(handovers: Option<&mut mpsc::Receiver<Claim>>) -> Claim {
    if let Some(receiver) = handovers
        && let Some(claim) = receiver.recv().await
    {
        return claim;
    }
    std::future::pending().await
}

/// Whether the session is to go on with what has come for it.
async fn granted(session: &Session, claim: Claim) -> Result<(), End> {
    match claim {
        Claim::Member => Err(End::Wanted),
        Claim::Client(handover) => match admitted(session, handover).await {
            Some(handover) => Err(End::Resumed(handover)),
            None => Ok(()),
        },
    }
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
        Ending::Elsewhere | Ending::Lost | Ending::Unsure => StreamCondition::ResourceConstraint,
    }
}
