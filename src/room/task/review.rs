//! Looking at those inside again: the rights outside of rooms have changed, or another member changed what the room asks of
//! who is in it, and could not know of everybody here.

use tokio::sync::oneshot;

use crate::chat::command::{Actor, Command};
use crate::chat::event::{Change, Event};
use crate::chat::settings::Settings;
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
        let silences = std::mem::take(&mut loaded.has_become_auditorium);
        let (by, command) = (Actor::service(), Command::Review { silences });
        let (reply, mut outcome) = oneshot::channel();
        let mut round = Round::default();
        let question = Question { by, command, mailbox: None };
        round.decide(&loaded.room, question, Receipt::Reply(reply), true, self.services.clock.now());
        Box::pin(self.settle(round)).await;
        if let Ok(Err(_)) | Err(_) = outcome.try_recv()
            && let Some(loaded) = &mut self.state
        {
            loaded.is_reviewed = false;
            loaded.has_become_auditorium |= silences;
            return Err(StoreError::Unavailable);
        }
        Ok(())
    }
}

impl Loaded {
    /// Takes note of what another member did that may concern people whom it did not know to be here.
    pub(super) fn note_rules(&mut self, events: &[Event]) {
        let view = self.room.standings().view();
        let now = self.room.settings();
        let is_wide = |event: &Event| match &event.change {
            Change::Configured { settings, .. } => {
                settings.members_only && !now.members_only
                    || settings.disabled
                    || settings.category != now.category
                    || becomes_auditorium(event, now)
            }
            Change::AffiliationSet(set) => !view.is_person(&set.jid),
            _ => false,
        };
        if events.iter().any(is_wide) {
            self.is_reviewed = false;
        }
        self.has_become_auditorium |= events.iter().any(|event| becomes_auditorium(event, now));
    }
}

fn becomes_auditorium(event: &Event, now: &Settings) -> bool {
    let is_one = |settings: &Settings| settings.is_auditorium();
    matches!(&event.change, Change::Configured { settings, .. } if is_one(settings) && !is_one(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{Epoch, Seq, Timestamp};
    use crate::chat::settings::Kind;
    use crate::fanout::audience::Audience;
    use crate::room::scene::{SECRET, Scene, jid};

    #[test]
    fn what_may_concern_unknown_people_is_noted() {
        let check = |change: Settings, expected: (bool, bool)| {
            let mut loaded = Loaded {
                room: Scene::open().room,
                audience: Audience::new("tea@rooms.test", &SECRET, Epoch(0)),
                quiet: 0,
                moved: Seq(0),
                is_reviewed: true,
                has_become_auditorium: false,
            };
            let change = Change::Configured { by: jid("owner"), settings: Box::new(change) };
            loaded.note_rules(&[Event { seq: Seq(9), at: Timestamp(0), origin: None, change }]);
            assert_eq!((!loaded.is_reviewed, loaded.has_become_auditorium), expected);
        };
        let plain = Settings::default;
        check(plain(), (false, false));
        check(Settings { name: "Tea".into(), ..plain() }, (false, false));
        check(Settings { members_only: true, ..plain() }, (true, false));
        check(Settings { disabled: true, ..plain() }, (true, false));
        check(Settings { kind: Kind::Auditorium, ..plain() }, (true, true));
    }
}
