//! What is to be said and not said yet. Whoever publishes puts it here and goes on; a carrier's task takes it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::packing::{Limits, Message, Packer, To};
use crate::chat::note::{Member, Note};

/// The publishers' side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    queue: mpsc::Sender<Waiting>,
    shared: Arc<Shared>,
}

/// The carrier's side.
#[derive(Debug)]
pub(super) struct Outgoing {
    queue: mpsc::Receiver<Waiting>,
    shared: Arc<Shared>,
    packer: Packer,
    beat: Interval,
    taken: Vec<Waiting>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Something did not fit into the queue since this was last looked at.
    has_overflowed: AtomicBool,
    sessions_digest: AtomicU64,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are notes")]
enum Waiting {
    Note(To, Note),
    /// Somebody wants to know when everything before is sent.
    Flush(oneshot::Sender<()>),
}

/// Messages to send, and whom to tell then.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) messages: Vec<Message>,
    flushed: Vec<oneshot::Sender<()>>,
}

pub(super) fn outbox(me: Member, limits: Limits) -> (Outbox, Outgoing) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let shared = Arc::new(Shared::default());
    let mut beat = interval(HEARTBEAT);
    // After a pause one sign of life is as good as ten.
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let packer = Packer::new(me, limits);
    let outgoing = Outgoing { queue, shared: shared.clone(), packer, beat, taken: Vec::new() };
    (Outbox { queue: sender, shared }, outgoing)
}

impl Outbox {
    /// Never waits. What finds the queue full is dropped, and missed by the others with the next message.
    pub(super) fn push(&self, to: To, note: Note) {
        if self.queue.try_send(Waiting::Note(to, note)).is_err() {
            self.shared.has_overflowed.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn set_sessions_digest(&self, digest: u64) {
        self.shared.sessions_digest.store(digest, Ordering::Relaxed);
    }

    /// Returns when what was pushed before is with the carrier, or could not be brought there in time.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let push = async {
            if self.queue.send(Waiting::Flush(done)).await.is_ok() {
                drop(flushed.await);
            }
        };
        drop(timeout(FLUSH_TIME, push).await);
    }
}

impl Outgoing {
    /// Waits for something to send: notes, or that it is time for a sign of life. `None` when nobody publishes any more.
    pub(super) async fn next(&mut self) -> Option<Load> {
        let has_notes = tokio::select! {
            biased;
            // First, or a member that is never silent would never show what it counts.
            _ = self.beat.tick() => false,
            count = self.queue.recv_many(&mut self.taken, TAKEN_TOGETHER) => {
                if count == 0 {
                    return None;
                }
                true
            }
        };
        if self.shared.has_overflowed.swap(false, Ordering::Relaxed) {
            self.packer.lose();
        }
        let mut load = Load::default();
        if has_notes {
            let notes = self.taken.drain(..).filter_map(|waiting| match waiting {
                Waiting::Note(to, note) => Some((to, note)),
                Waiting::Flush(done) => {
                    load.flushed.push(done);
                    None
                }
            });
            load.messages = self.packer.pack(notes);
        } else {
            load.messages.push(self.packer.heartbeat(self.shared.sessions_digest.load(Ordering::Relaxed)));
        }
        Some(load)
    }

    /// A message could not be sent.
    pub(super) fn lose(&mut self) {
        self.packer.lose();
    }
}

impl Load {
    /// Everything has been sent.
    pub(super) fn done(self) {
        for flushed in self.flushed {
            let _ = flushed.send(());
        }
    }
}

/// Notes that may wait to be sent.
const QUEUE: usize = 8192;

/// Notes that are looked at together: a message holds fewer, or not many more.
const TAKEN_TOGETHER: usize = 256;

/// How often a member that has nothing to say gives a sign of life.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

const FLUSH_TIME: Duration = Duration::from_secs(1);
