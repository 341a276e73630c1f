//! Those who leave without a word of their own: whose time to come back is over, and who has gone while the store could
//! not be told.

use tokio::time::Instant;
use tracing::warn;

use crate::chat::command::Command;
use crate::room::directory::by_room;
use crate::room::request::{Receipt, Request, expire};
use crate::room::task::round::Question;
use crate::room::task::{CLAIM_PAUSE, CLAIMS_MAX, RoomTask};

impl RoomTask {
    /// Whoever is past his deadline has to leave, here or in another room. Other members see the same deadlines: one of
    /// them is given each.
    pub(super) async fn claim_departures(&mut self) -> Option<Request> {
        self.next_claim = Instant::now() + CLAIM_PAUSE;
        let now = self.services.clock.now();
        let due = match self.services.store.claim_due_seats(now, CLAIMS_MAX).await {
            Ok(due) => due,
            Err(error) => {
                warn!(room = %self.name, %error, "who has to leave cannot be read");
                return None;
            }
        };
        let mut departures = by_room(due);
        let own = departures.remove(&self.name);
        self.services.expire(departures);
        own.map(expire)
    }

    /// Whether seats were claimed that are due by the rows alone: that a dead member's were detached is in no log, and
    /// the word of it may be lost.
    pub(super) fn lacks_deadline(&self, request: &Request) -> bool {
        let Request::Command { command: Command::Expire { sessions }, .. } = request else { return false };
        let Some(loaded) = &self.state else { return false };
        let now = self.services.clock.now();
        let mut seats = sessions.iter().filter_map(|session| loaded.room.occupants().seat(*session));
        seats.any(|seat| seat.deadline.is_none_or(|deadline| deadline > now))
    }

    /// Whether something could not be said to the store, or heard of it, and is to be tried again.
    pub(super) fn is_owing(&self) -> bool {
        !self.owed.is_empty() || self.mark.is_behind()
    }

    /// Whoever has gone has to leave, and can say so only once.
    pub(super) fn owe_if_farewell(&mut self, question: Question) {
        let Question { by, command, .. } = question;
        let request = Request::Command { by, command, mailbox: None, receipt: Receipt::None };
        if request.is_farewell() {
            self.owe(request);
        }
    }

    pub(super) fn owe(&mut self, request: Request) {
        self.next_claim = Instant::now() + CLAIM_PAUSE;
        self.owed.push(request);
    }

    /// Who comes in again takes his farewell back.
    pub(super) fn forgive(&mut self, request: &Request) {
        if let Request::Command { by, command: Command::Join(_) | Command::Attach { .. }, .. } = request {
            let is_his = |owed: &Request| {
                matches!(owed, Request::Command { by: other, .. } | Request::Release { by: other, .. }
                    if other.session == by.session)
            };
            self.owed.retain(|owed| !is_his(owed));
        }
    }
}
