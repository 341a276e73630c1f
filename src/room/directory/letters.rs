//! What rooms have for people outside them, on its way to whoever carries it. A room never waits for that: who asks it for
//! something that makes letters does, while many are waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

use crate::chat::event::Parcel;

/// Something that a room sends to a person outside it. It waits until it is dropped.
#[derive(Debug)]
pub struct Letter {
    pub room: Box<str>,
    pub parcel: Parcel,
    _place: Place,
}

/// Where rooms put them.
#[derive(Debug)]
pub struct Letters {
    sender: mpsc::UnboundedSender<Letter>,
    waiting: Arc<Waiting>,
}

/// Where whoever carries them finds them.
pub type Bag = mpsc::UnboundedReceiver<Letter>;

#[derive(Debug, Default)]
struct Waiting {
    count: AtomicUsize,
    eased: Notify,
}

#[derive(Debug)]
struct Place(Arc<Waiting>);

/// From here on, who asks for something that makes letters waits. What those make who were let through comes on top: a
/// few hundred each at most.
const WAITING_MAX: usize = 1024;

#[expect(clippy::disallowed_methods, reason = "its bound is where the letters come from")]
pub fn letters() -> (Letters, Bag) {
    let (sender, bag) = mpsc::unbounded_channel();
    (Letters { sender, waiting: Arc::default() }, bag)
}

impl Letters {
    /// Returns when not too many are waiting.
    pub(super) async fn eased(&self) {
        loop {
            let eased = self.waiting.eased.notified();
            if self.waiting.count.load(Ordering::Acquire) < WAITING_MAX {
                return;
            }
            eased.await;
        }
    }

    /// Never waits.
    pub(super) fn send(&self, room: &str, parcel: Parcel) {
        self.waiting.count.fetch_add(1, Ordering::AcqRel);
        let letter = Letter { room: room.into(), parcel, _place: Place(self.waiting.clone()) };
        // When the service stops nobody carries them any more.
        let _ = self.sender.send(letter);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == WAITING_MAX {
            self.0.eased.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::chat::affiliation::Affiliation;
    use crate::chat::event::ParcelKind;

    #[tokio::test]
    async fn who_makes_letters_waits_while_many_are_waiting_and_none_is_lost() {
        let (letters, mut bag) = letters();
        let kind = ParcelKind::AffiliationNotice { affiliation: Affiliation::Member };
        for _ in 0..=WAITING_MAX {
            letters.send("tea@x", Parcel { to: "bob@x".parse().unwrap(), kind: kind.clone() });
        }
        let mut eased = pin!(letters.eased());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(eased.as_mut().poll(&mut context), Poll::Pending);
        let carried = bag.recv().await.unwrap();
        assert_eq!(eased.as_mut().poll(&mut context), Poll::Pending, "it is still being carried");
        drop(carried);
        drop(bag.recv().await);
        eased.await;
        let mut rest = 0;
        while bag.try_recv().is_ok() {
            rest += 1;
        }
        assert_eq!(rest, WAITING_MAX - 1);
    }
}
