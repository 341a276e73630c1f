//! A session and the connection that serves it now. One task per session: when the connection is lost and the client
//! may come back (XEP-0198), the task stays, keeps what the client has not acknowledged, and takes the next one over.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

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
pub(crate) struct Handovers(DashMap<Box<str>, Expected>);

/// Whose next connection is waited for, and where it is to go.
struct Expected {
    account: BareJid,
    sender: mpsc::Sender<Box<Handover>>,
}

impl Handovers {
    /// Gives the connection to the session of that id, or back. Of somebody else's session nobody learns that it exists.
    pub(super) fn offer(&self, id: &str, handover: Handover) -> Result<(), Box<Handover>> {
        let handover = Box::new(handover);
        let expected = self.0.get(id).filter(|expected| expected.account == handover.account);
        let Some(sender) = expected.map(|expected| expected.sender.clone()) else { return Err(handover) };
        sender.try_send(handover).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(handover) | mpsc::error::TrySendError::Closed(handover) => {
                handover
            }
        })
    }

    fn register(&self, id: &str, account: BareJid) -> mpsc::Receiver<Box<Handover>> {
        let (sender, receiver) = mpsc::channel(1);
        self.0.insert(id.into(), Expected { account, sender });
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
}

/// How long the peer may take to read what is written to it.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long it may take to answer when asked for a sign of life.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes put into one write at most, so that a long burst does not stand in memory twice.
const WRITE_BYTES: usize = 64 << 10;

/// Serves the session to its end.
pub(super) async fn run(services: &Arc<Services>, live: Live) {
    let Live { socket, framer, opened } = live;
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
    };
    debug!(jid = %task.session.jid(), "a session begins");
    // What came behind the bind request is already here.
    let mut end = task.process().await.err();
    loop {
        end = match end.take() {
            None => task.step().await.err(),
            Some(End::Lost) if task.session.is_resumable() => task.park(),
            Some(end) => return Box::pin(task.finish(end)).await,
        };
    }
}

impl Task<'_> {
    async fn step(&mut self) -> Result<(), End> {
        let can_read = self.socket.is_some() && !self.session.is_saturated();
        tokio::select! {
            biased;
            taken = self.inbox.take(&mut self.items) => {
                taken.map_err(|_overrun| slow_reader())?;
                self.deliver().await?;
                if can_read { Ok(()) } else { self.process().await }
            }
            read = read(self.socket.as_mut(), self.framer.buffer()), if can_read => {
                if read? == 0 {
                    return Err(End::Lost);
                }
                self.last_heard = Instant::now();
                self.is_asked = false;
                self.process().await
            }
            handover = next(self.handovers.as_mut()) => Box::pin(self.resume(*handover)).await,
            () = self.timer.as_mut() => self.tick().await,
        }
    }

    /// Handles every whole item that was read, unless too many of the session's stanzas wait for their outcome.
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
                        let account = self.session.jid().bare();
                        self.handovers = Some(self.services.handovers.register(&id, account));
                    }
                }
                Item::Open(_) => return Err(StreamFailure::from(StreamCondition::BadFormat).into()),
                Item::Close => return Err(End::Closed),
            }
        }
        self.write().await
    }

    async fn deliver(&mut self) -> Result<(), End> {
        while let Some(item) = self.items.pop_front() {
            match item {
                mailbox::Item::Frame(frame) => self.session.send(&frame)?,
                mailbox::Item::Mark(seq) => self.session.mark(seq),
                mailbox::Item::Settled { number, outcome } => self.session.settle(number, outcome),
                mailbox::Item::End(Ending::Replaced) => return Err(End::Replaced),
                mailbox::Item::End(ending) => return Err(StreamFailure::from(condition(ending)).into()),
            }
            if self.session.waiting_bytes() >= WRITE_BYTES {
                self.write().await?;
            }
        }
        self.write().await
    }

    /// Writes what the session has to say. Without a connection it stays in the session's queue of unacknowledged.
    async fn write(&mut self) -> Result<(), End> {
        let bytes = self.session.take_bytes(self.socket.is_some());
        let Some(socket) = &mut self.socket else { return Ok(()) };
        if bytes.is_empty() {
            return Ok(());
        }
        tokio::time::timeout(WRITE_TIME, socket.send(&bytes)).await.map_err(|_elapsed| End::Lost)??;
        self.session.note_written().await;
        Ok(())
    }

    /// The client comes back on another connection.
    async fn resume(&mut self, handover: Handover) -> Result<(), End> {
        let Handover { socket, framer, mut negotiation, account: _, h } = handover;
        if let Some(mut old) = self.socket.replace(socket) {
            let _ = old.send(&StreamFailure::from(StreamCondition::Conflict).to_bytes()).await;
            old.close().await;
        }
        self.framer = framer;
        self.session.acknowledge(h).await?;
        let mut greeting = Vec::new();
        for output in negotiation.handle_resumed(self.session.handled()) {
            if let Output::Send(bytes) = output {
                greeting.extend_from_slice(&bytes);
            }
        }
        self.session.resend();
        self.last_heard = Instant::now();
        self.is_asked = false;
        self.timer.as_mut().reset(self.last_heard + self.services.policy.idle_time);
        debug!(jid = %self.session.jid(), "a session is resumed");
        if let Some(socket) = &mut self.socket {
            socket.send(&greeting).await?;
        }
        self.process().await
    }

    /// Waits without a connection.
    fn park(&mut self) -> Option<End> {
        self.socket = None;
        self.timer.as_mut().reset(Instant::now() + self.services.policy.resumption_time);
        debug!(jid = %self.session.jid(), "a session waits for its client");
        None
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
        self.inbox.shrink();
        self.write().await
    }

    async fn finish(mut self, end: End) {
        if let Some(mut receiver) = self.handovers.take() {
            receiver.close();
        }
        if let Some(id) = self.session.resumption_id() {
            self.services.handovers.0.remove(id);
        }
        let departure = match &end {
            End::Closed => Departure::Own,
            End::Failed(_) | End::Replaced => Departure::Ended,
            End::Lost | End::Expired => Departure::Lost,
        };
        let farewell = match end {
            End::Closed => Some(STREAM_END.into()),
            End::Failed(failure) => {
                info!(jid = %self.session.jid(), condition = %failure.condition(), "a stream is ended");
                Some(failure.to_bytes())
            }
            End::Replaced => Some(StreamFailure::from(StreamCondition::Conflict).to_bytes()),
            End::Lost | End::Expired => None,
        };
        debug!(jid = %self.session.jid(), ?departure, "a session ends");
        let rest = self.session.take_bytes(self.socket.is_some());
        // The session ends first: who sees his stream closed may come back at once, and must not find it alive.
        self.session.end(departure).await;
        if let Some(mut socket) = self.socket.take() {
            let parting = async {
                // What was said before the end is said first.
                if !rest.is_empty() {
                    socket.send(&rest).await?;
                }
                if let Some(farewell) = farewell {
                    socket.send(&farewell).await?;
                }
                socket.close().await;
                io::Result::Ok(())
            };
            // A peer that no longer reads is not waited for.
            let _ = tokio::time::timeout(FAREWELL_TIME, parting).await;
        }
    }
}

const STREAM_END: &[u8] = b"</stream:stream>";
const FAREWELL_TIME: Duration = Duration::from_secs(2);

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

fn slow_reader() -> StreamFailure {
    StreamFailure::new(StreamCondition::ResourceConstraint).with_text("too much is waiting to be read")
}

fn condition(ending: Ending) -> StreamCondition {
    match ending {
        Ending::Shutdown => StreamCondition::SystemShutdown,
        Ending::Replaced => StreamCondition::Conflict,
        Ending::AccountGone => StreamCondition::NotAuthorized,
    }
}
