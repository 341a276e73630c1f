//! Sessions that go on on another member: let go here at one place of the log, taken in there, and shown what lies between.

use tokio::sync::oneshot;
use tracing::warn;

use super::RoomTask;
use super::catch_up::PAGE;
use crate::chat::command::{Actor, Command};
use crate::chat::id::{Seq, SessionId, Timestamp};
use crate::chat::refusal::Refusal;
use crate::fanout::audience::{Since, View};
use crate::fanout::mailbox::{Ending, Mailbox};
use crate::room::request::{Receipt, Request, refusal_of};
use crate::room::task::round::{Question, Round};
use crate::store::error::StoreError;

impl RoomTask {
    /// Shows a session nothing more, and says up to where it was, once the store has it that its seat waits: of a seat that
    /// waits for nobody, whose session is lost on its way, no member would know.
    pub(super) async fn release(
        &mut self,
        by: Actor,
        deadline: Timestamp,
        reply: oneshot::Sender<Option<Seq>>,
    ) {
        let (session, now) = (by.session, self.services.clock.now());
        let Some(loaded) = &self.state else {
            let _ = reply.send(None);
            return;
        };
        // Of a room that was given up here meanwhile it was not shown all.
        let is_shown = loaded.audience.holds(session);
        let mut round = Round::default();
        let (receipt, mut outcome) = oneshot::channel();
        let question = Question { by: by.clone(), command: Command::Detach { deadline }, mailbox: None };
        let is_shared = self.services.store.is_shared();
        round.decide(&loaded.room, question, Receipt::Reply(receipt), is_shared, now);
        self.settle(round).await;
        if !matches!(outcome.try_recv(), Ok(Ok(()))) {
            return self.owe(Request::Release { by, deadline, reply });
        }
        let place = self.state.as_mut().map(|loaded| {
            loaded.audience.detach(session);
            loaded.room.seq()
        });
        // Whoever has given up waiting has the session leave.
        let _ = reply.send(place.filter(|_| is_shown));
    }

    /// Takes a session in that was somewhere else, which may have told nobody yet.
    pub(super) async fn attach(&mut self, question: Question, receipt: Receipt) {
        if let Err(error) = self.catch_up(None).await {
            return receipt.give(Err(refusal_of(&error)));
        }
        let Some(loaded) = &self.state else { return receipt.give(Err(Refusal::NoSuchRoom)) };
        let mut round = Round::default();
        let is_shared = self.services.store.is_shared();
        round.decide(&loaded.room, question, receipt, is_shared, self.services.clock.now());
        self.settle(round).await;
    }

    /// Shows a session everything behind `after`, up to where the room is now; from there on it hears with the others.
    pub(super) async fn show_since(&mut self, session: SessionId, mailbox: Mailbox, after: Seq) {
        let since = match self.read_since(session, after).await {
            Ok(since) => since,
            Err(error) => {
                warn!(room = %self.name, %error, "what a session has missed cannot be read");
                return mailbox.end(Ending::Lost);
            }
        };
        let Some(loaded) = &mut self.state else { return };
        loaded.audience.attach(session, mailbox);
        let view =
            View::of(loaded.room.settings(), loaded.room.is_archived(), loaded.room.standings().version());
        loaded.audience.show_since(&since, loaded.room.occupants(), view);
    }

    async fn read_since(&self, session: SessionId, after: Seq) -> Result<Since, StoreError> {
        let mut since = Since::of(session);
        let Some(loaded) = &self.state else { return Ok(since) };
        let (room, end) = (loaded.room.id(), loaded.room.seq());
        let mut reached = after;
        while reached < end {
            let page = self.services.store.events_after(room, reached, PAGE).await?;
            let Some(last) = page.last() else { break };
            reached = last.seq;
            page.into_iter().filter(|event| event.seq <= end).for_each(|event| since.take(event));
        }
        Ok(since)
    }
}
