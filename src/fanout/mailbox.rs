//! The way up to one session: frames are pushed without waiting, and taken all at once.
//!
//! Bounded by bytes. Who does not read finds the mailbox closed, and its stream ends; the room never waits for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use thiserror::Error;

use crate::chat::id::Seq;
use crate::chat::refusal::Refusal;
use crate::fanout::frame::Frame;

/// What a session finds in its mailbox.
#[derive(Clone)]
pub enum Item {
    Frame(Frame),
    /// When the client has taken everything before this, its account wants to know: a message with that seq is among it.
    Mark(Seq),
    /// The inbound stanza with this number has its outcome: committed, or refused.
    Settled {
        number: u64,
        outcome: Result<(), Refusal>,
    },
    /// Which rooms its user follows, or what he wants to be told of them, has changed.
    Follow,
    /// The stream is to end.
    End(Ending),
}

/// Why a session's stream is ended from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server shuts down.
    Shutdown,
    /// Another stream took the resource, or resumed the session.
    Replaced,
    /// The account was removed or disabled.
    AccountGone,
    /// What it is owed cannot be read: its client finds it in the archive when it is back.
    Lost,
    /// Other members take this one's clients.
    Elsewhere,
    /// What became of something that it asked for cannot be told here: its client asks again when it is back.
    Unsure,
}

/// The frame was not taken: the reader is too slow, or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the mailbox is closed or full")]
pub struct Rejected;

/// The handle of those who send. Cheap to clone.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

/// The one end that reads; when it goes, the mailbox closes.
pub struct Inbox(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    reader: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Open,
    /// Something did not fit: what follows would leave a gap, so nothing more is taken.
    Overrun,
    /// The reader knows of the overrun. Outcomes are still told: what was under way is to be counted.
    Told,
    Closed,
}

/// Bytes of frames that may wait for one session. A joiner of a room of thousands gets its presences in one go,
/// so this is well above one burst, and still bounds what a slow reader can hold.
const BYTES_MAX: usize = 8 << 20;

const BYTES_BEHIND: usize = 64 << 10;

pub fn mailbox() -> (Mailbox, Inbox) {
    let shared = Arc::new(Shared { queue: Mutex::default(), reader: AtomicWaker::new() });
    (Mailbox(shared.clone()), Inbox(shared))
}

impl Mailbox {
    /// Never waits.
    pub fn push(&self, frame: Frame) -> Result<(), Rejected> {
        self.push_all([frame])
    }

    /// Several frames at once, under one lock and with one wake-up.
    pub fn push_all(&self, frames: impl IntoIterator<Item = Frame>) -> Result<(), Rejected> {
        let mut queue = self.0.queue.lock();
        let was_empty = queue.items.is_empty();
        let mut outcome = Ok(());
        for frame in frames {
            if queue.state != State::Open {
                outcome = Err(Rejected);
                break;
            }
            if queue.bytes + frame.size() > BYTES_MAX && !queue.items.is_empty() {
                queue.state = State::Overrun;
                outcome = Err(Rejected);
                break;
            }
            queue.bytes += frame.size();
            queue.items.push_back(Item::Frame(frame));
        }
        drop(queue);
        if was_empty || outcome.is_err() {
            self.0.reader.wake();
        }
        outcome
    }

    /// A message of the account's log, with the mark behind it that tells when the client has taken it.
    pub fn push_letter(&self, frame: Frame, seq: Seq) -> Result<(), Rejected> {
        self.push(frame)?;
        self.push_item(Item::Mark(seq));
        Ok(())
    }

    /// Whether so much waits that what can wait should not be added.
    pub fn is_behind(&self) -> bool {
        self.0.queue.lock().bytes > BYTES_BEHIND
    }

    /// What the session follows has changed.
    pub fn follow(&self) {
        self.push_item(Item::Follow);
    }

    /// Tells the session the outcome of one of its own stanzas. These are few: each session has a bounded number
    /// of stanzas under way, so they do not count against the bytes.
    pub fn settle(&self, number: u64, outcome: Result<(), Refusal>) {
        self.push_item(Item::Settled { number, outcome });
    }

    pub fn end(&self, ending: Ending) {
        self.push_item(Item::End(ending));
    }

    /// Do both lead to the same session?
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn push_item(&self, item: Item) {
        let mut queue = self.0.queue.lock();
        if queue.state == State::Closed {
            return;
        }
        queue.items.push_back(item);
        drop(queue);
        self.0.reader.wake();
    }
}

impl Inbox {
    /// Waits until something is there and moves all of it to `into`. `Err`: the reader was too slow and frames are lost.
    pub async fn take(&mut self, into: &mut VecDeque<Item>) -> Result<(), Rejected> {
        poll_fn(|context| self.poll_take(context, into)).await
    }

    pub fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        into: &mut VecDeque<Item>,
    ) -> Poll<Result<(), Rejected>> {
        if let Some(taken) = self.try_take(into) {
            return Poll::Ready(taken);
        }
        self.0.reader.register(context.waker());
        self.try_take(into).map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes what is there. `None`: nothing.
    pub fn try_take(&self, into: &mut VecDeque<Item>) -> Option<Result<(), Rejected>> {
        let mut queue = self.0.queue.lock();
        if queue.items.is_empty() {
            if queue.state == State::Overrun {
                queue.state = State::Told;
                return Some(Err(Rejected));
            }
            return None;
        }
        queue.bytes = 0;
        if into.is_empty() {
            // The reader's emptied buffer becomes the next queue: no allocation while the conversation flows.
            std::mem::swap(&mut queue.items, into);
        } else {
            into.append(&mut queue.items);
        }
        Some(Ok(()))
    }

    /// A second handle for who sends.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox(self.0.clone())
    }

    /// Gives back the queue's memory while nothing flows.
    pub fn shrink(&mut self) {
        let mut queue = self.0.queue.lock();
        if queue.items.is_empty() {
            queue.items = VecDeque::new();
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.state = State::Closed;
        queue.items = VecDeque::new();
        queue.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Frame {
        Frame::new(vec![b' '; bytes])
    }

    #[tokio::test]
    async fn frames_and_outcomes_come_in_the_order_of_pushing() {
        let (mailbox, mut inbox) = mailbox();
        mailbox.push_all([frame(1), frame(2)]).unwrap();
        mailbox.settle(7, Ok(()));
        let mut items = VecDeque::new();
        inbox.take(&mut items).await.unwrap();
        assert!(matches!(
            items.make_contiguous(),
            [Item::Frame(_), Item::Frame(_), Item::Settled { number: 7, outcome: Ok(()) }]
        ));
    }

    #[tokio::test]
    async fn who_does_not_read_gets_what_fitted_and_then_the_end() {
        let (mailbox, mut inbox) = mailbox();
        mailbox.push(frame(BYTES_MAX)).unwrap();
        assert_eq!(mailbox.push(frame(1)), Err(Rejected));
        assert_eq!(mailbox.push(frame(1)), Err(Rejected), "nothing may follow a gap");
        let mut items = VecDeque::new();
        inbox.take(&mut items).await.unwrap();
        assert_eq!(items.len(), 1);
        items.clear();
        assert_eq!(inbox.take(&mut items).await, Err(Rejected));
        mailbox.settle(7, Ok(()));
        inbox.take(&mut items).await.expect("the end is told once, and outcomes are told after it");
        assert_eq!(mailbox.push(frame(1)), Err(Rejected));
    }

    #[test]
    fn a_mailbox_without_reader_takes_nothing() {
        let (mailbox, inbox) = mailbox();
        drop(inbox);
        assert_eq!(mailbox.push(frame(1)), Err(Rejected));
    }

    #[tokio::test]
    async fn a_push_wakes_the_waiting_reader() {
        let (mailbox, mut inbox) = mailbox();
        let reader = tokio::spawn(async move {
            let mut items = VecDeque::new();
            inbox.take(&mut items).await.map(|()| items.len())
        });
        tokio::task::yield_now().await;
        mailbox.push(frame(3)).unwrap();
        assert_eq!(reader.await.unwrap(), Ok(1));
    }
}
