//! What others put down for an account, and what they may see of it without asking its task.
//!
//! A queue of its own kind: who puts something down never waits, and an account to which nothing comes, as most are
//! most of the time, holds no memory for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, RwLock};

use crate::account::face::Face;
use crate::account::task::Arrival;
use crate::chat::id::{AccountId, Seq};

/// Shared by an account's task and the directory.
#[derive(Default)]
pub(super) struct Desk {
    /// How the account looks, and up to which entry of its log; none while it is being loaded. Replaced as a whole.
    shown: RwLock<Option<(Arc<Face>, Seq)>>,
    arrivals: Mutex<VecDeque<Box<Arrival>>>,
    reader: AtomicWaker,
    /// Something did not fit, or was missed.
    is_behind: AtomicBool,
}

/// What others have for an account that may wait. What does not fit is dropped: messages are in the log, and are read
/// from there; presence is told again.
const ARRIVALS: usize = 4096;

impl Desk {
    pub(super) fn face(&self) -> Option<Arc<Face>> {
        self.shown.read().as_ref().map(|(face, _)| face.clone())
    }

    /// How far the account is in its log.
    pub(super) fn place(&self) -> Option<(AccountId, Seq)> {
        self.shown.read().as_ref().map(|(face, seq)| (face.id, *seq))
    }

    pub(super) fn show(&self, face: Arc<Face>, seq: Seq) {
        *self.shown.write() = Some((face, seq));
    }

    /// There is no such account any more.
    pub(super) fn hide(&self) {
        *self.shown.write() = None;
    }

    /// Says whether there was room for it.
    pub(super) fn put(&self, arrival: Arrival) -> bool {
        let mut arrivals = self.arrivals.lock();
        if arrivals.len() >= ARRIVALS {
            return false;
        }
        arrivals.push_back(Box::new(arrival));
        drop(arrivals);
        self.reader.wake();
        true
    }

    /// The next one, or a wake-up when there is one. For the one task that runs the account.
    pub(super) fn poll_next(&self, context: &Context<'_>) -> Poll<Box<Arrival>> {
        if let Some(arrival) = self.take() {
            return Poll::Ready(arrival);
        }
        self.reader.register(context.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    pub(super) fn len(&self) -> usize {
        self.arrivals.lock().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&self) {
        *self.arrivals.lock() = VecDeque::new();
    }

    /// Says whether that is new.
    pub(super) fn note_behind(&self) -> bool {
        !self.is_behind.swap(true, Ordering::Relaxed)
    }

    /// Whether something did not fit since this was asked last.
    pub(super) fn was_behind(&self) -> bool {
        self.is_behind.swap(false, Ordering::Relaxed)
    }

    pub(super) fn take(&self) -> Option<Box<Arrival>> {
        let mut arrivals = self.arrivals.lock();
        let arrival = arrivals.pop_front();
        if arrivals.is_empty() {
            *arrivals = VecDeque::new();
        }
        arrival
    }
}
