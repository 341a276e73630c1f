//! Looking at those inside again: the rights outside of rooms have changed, or another member changed what the room asks of
//! who is in it, and could not know of everybody here.

use tokio::sync::oneshot;

use crate::chat::command::{Actor, Command};
use crate::chat::event::{Change, Event};
use crate::room::request::Receipt;
use crate::room::task::round::{Question, Round};
use crate::room::task::{Loaded, RoomTask};
use crate::store::error::StoreError;

impl RoomTask {
    pub(super) fn is_reviewed(&self) -> bool {
        let version = self.services.directory.view().version();
        self.state.as_ref().is_none_or(|loaded| loaded.is_reviewed && loaded.room.rights_version() == version)
    }

    /// From here on the room goes by the rights that this member has now, and nobody is inside who may not be.
    pub(super) async fn review(&mut self) -> Result<(), StoreError> {
        if self.is_reviewed() {
            return Ok(());
        }
        let view = self.services.directory.view();
        let Some(loaded) = &mut self.state else { return Ok(()) };
        loaded.room.see(&view);
        loaded.is_reviewed = true;
        let spared = self.services.policy.administrators.clone();
        let (by, command) = (Actor::service(), Command::Review { spared });
        let (reply, mut outcome) = oneshot::channel();
        let mut round = Round::default();
        let question = Question { by, command, mailbox: None };
        round.decide(&loaded.room, question, Receipt::Reply(reply), true, self.services.clock.now());
        Box::pin(self.settle(round)).await;
        if let Ok(Err(_)) | Err(_) = outcome.try_recv()
            && let Some(loaded) = &mut self.state
        {
            loaded.is_reviewed = false;
            return Err(StoreError::Unavailable);
        }
        Ok(())
    }
}

impl Loaded {
    /// Takes note of what another member did that may concern people whom it did not know to be here.
    pub(super) fn note_rules(&mut self, events: &[Event]) {
        let view = self.room.standings().view();
        let is_wide = |event: &Event| match &event.change {
            Change::Configured { settings, .. } => {
                let now = self.room.settings();
                settings.members_only && !now.members_only
                    || settings.disabled
                    || settings.category != now.category
            }
            Change::AffiliationSet(set) => !view.is_person(&set.jid),
            _ => false,
        };
        if events.iter().any(is_wide) {
            self.is_reviewed = false;
        }
    }
}
