//! A room that is made by who joins it first.

use std::sync::Arc;

use crate::chat::command::{Actor, Command, Join};
use crate::chat::event::{Change, Event};
use crate::chat::id::{Seq, Timestamp};
use crate::chat::refusal::Refusal;
use crate::fanout::audience::{Listing, Step, View, Welcome};
use crate::fanout::mailbox::Mailbox;
use crate::room::creation;
use crate::room::request::Receipt;
use crate::room::task::round::{Question, Round};
use crate::room::task::{Loaded, RoomTask};
use crate::store::error::CreateRoomError;

impl RoomTask {
    /// A join of a name that does not exist creates the room (XEP-0045 §10.1). Two members may do so at once: who is
    /// second joins the room of the first.
    pub(super) async fn create(&mut self, by: Actor, join: Join, mailbox: Option<Mailbox>, receipt: Receipt) {
        let services = self.services.clone();
        let at = services.clock.now();
        let new_room = match creation::new_room(&self.name, &by, &join, &services, at) {
            Ok(new_room) => new_room,
            Err(refusal) => return receipt.give(Err(refusal)),
        };
        let changes = Arc::clone(&new_room.changes);
        match services.store.create_room(new_room).await {
            Ok(snapshot) if snapshot.seq == Seq(changes.len() as i64) => {
                let mut loaded = Loaded::new(&self.address, snapshot, &services);
                if let Some(mailbox) = mailbox {
                    loaded.audience.attach(by.session, mailbox);
                }
                loaded.welcome_creator(&by, &join, &changes, at);
                self.state = Some(loaded);
                receipt.give(Ok(()));
            }
            // It was long until this was known, and others have come in: he is shown what he has missed.
            Ok(snapshot) => {
                self.state = Some(Loaded::new(&self.address, snapshot, &services));
                self.enter(Question { by, command: Command::Join(join), mailbox }, receipt).await;
            }
            Err(CreateRoomError::NameTaken) if services.store.is_shared() => {
                self.enter(Question { by, command: Command::Join(join), mailbox }, receipt).await;
            }
            Err(CreateRoomError::Store(error)) if error.leaves_open() => receipt.leave_open(),
            Err(error) => receipt.give(Err(creation::refusal_of(&error))),
        }
    }

    /// Joins a room that is there after all.
    pub(super) async fn enter(&mut self, question: Question, receipt: Receipt) {
        let loaded = self.be_current().await;
        let mut round = Round::default();
        match (loaded, &self.state) {
            (Ok(()), Some(loaded)) => {
                round.decide(&loaded.room, question, receipt, true, self.services.clock.now());
            }
            _ => return receipt.give(Err(Refusal::TemporarilyUnavailable)),
        }
        Box::pin(self.settle(round)).await;
    }
}

impl Loaded {
    /// Shows the one who made the room that he is in it.
    pub(super) fn welcome_creator(&mut self, by: &Actor, join: &Join, changes: &[Change], at: Timestamp) {
        let Some(joined) = changes.iter().rfind(|c| matches!(c, Change::Joined(_))) else { return };
        let after = self.room.occupants().by_session(by.session).cloned();
        let since = join.affiliations_since.as_deref();
        let listing = since.map_or(Listing::Unasked, |since| self.room.listing(by, since));
        let step = Step {
            event: Event { seq: self.room.seq(), at, origin: by.origin, change: joined.clone() },
            before: Vec::new(),
            after: after.into_iter().collect(),
            view: View::of(self.room.settings(), self.room.is_archived(), self.room.standings().version()),
            welcome: Some(Welcome::empty(listing)),
            everybody: Vec::new(),
            statuses: Vec::new(),
            list_version: None,
            list_notice: None,
            is_quiet: false,
        };
        self.audience.deliver(&step);
    }
}
