//! Settings and lists set in one go, as administrators do it: all of it or nothing, and only if the room is still what they
//! have seen.

use crate::chat::affiliation::Affiliation;
use crate::chat::command::{Actor, AffiliationItem, Person};
use crate::chat::event::{Change, Decision, Extent};
use crate::chat::id::{RulesVersion, Timestamp};
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::room::affiliation::Grant;
use crate::room::configuration::check_settings;
use crate::room::draft::Draft;
use crate::room::rights::{Act, allowed};
use crate::room::state::Room;

/// People in the lists of one request. They are written together, and the room takes nothing else meanwhile.
const ITEMS_MAX: usize = 500;

impl Room {
    pub(super) fn arrange(
        &self,
        by: &Actor,
        seen: Option<RulesVersion>,
        settings: Option<Settings>,
        items: Vec<AffiliationItem>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Configure, &self.settings)?;
        if seen.is_some_and(|seen| seen != self.rules) {
            return Err(Refusal::Stale);
        }
        if items.len() > ITEMS_MAX {
            return Err(Refusal::BadRequest("the lists are too long: 500 people at a time"));
        }
        let mut draft = Draft::new(self, now);
        if let Some(settings) = settings {
            draft.set(by, settings)?;
        }
        for item in items {
            let grant = draft.room().arranged(item)?;
            draft.grant(by, grant)?;
        }
        draft.adapt(by, &self.settings)?;
        if !by.is_administrator {
            draft.check_owners(self)?;
        }
        Ok(draft.finish())
    }

    fn arranged(&self, item: AffiliationItem) -> Result<Grant, Refusal> {
        let AffiliationItem { who, affiliation, extent, nick, reason } = item;
        let jid = match who {
            Person::Jid(jid) => jid,
            Person::Nick(_) => return Err(Refusal::BadRequest("people are named by their addresses here")),
        };
        let extent = extent.unwrap_or_else(|| self.usual_grant(jid.clone(), affiliation).extent);
        Ok(Grant { jid, affiliation, extent, nick, reason })
    }
}

impl Draft<'_> {
    /// Sets what the room is. Before who is what in it: that has to be in the scope of the category that it comes to.
    pub(super) fn set(&mut self, by: &Actor, settings: Settings) -> Result<(), Refusal> {
        check_settings(&settings)?;
        let room = self.room();
        room.check_bounds(by, &settings)?;
        if room.is_locked || settings != *room.settings {
            self.log(Change::Configured { by: by.jid.bare(), settings: Box::new(settings) });
        }
        Ok(())
    }

    /// What follows from the settings being others than before: lets go whom the room is not for any more, and gives and
    /// takes voices.
    pub(super) fn adapt(&mut self, by: &Actor, before: &Settings) -> Result<(), Refusal> {
        let (now, author) = (self.room().settings.clone(), self.room().author(by));
        let is_moved = now.category != before.category;
        if is_moved {
            self.purge_after_move(by)?;
        }
        let closes = now.members_only && !before.members_only;
        if is_moved || closes || now.disabled && !before.disabled {
            self.review(closes);
        }
        let silences = |settings: &Settings| settings.moderated || settings.is_auditorium();
        if silences(before) && !silences(&now) {
            self.give_voice(author);
        } else if now.is_auditorium() && !before.is_auditorium() {
            self.silence(Some(author));
        }
        Ok(())
    }
}

/// What an entry of the lists of managers, members and presenters comes to.
pub fn standing_of(manages: bool, attends: bool, presents: bool) -> (Affiliation, Extent) {
    let affiliation = match (manages, attends || presents) {
        (true, _) => Affiliation::Owner,
        (false, true) => Affiliation::Member,
        (false, false) => Affiliation::None,
    };
    (affiliation, Extent { attends: attends || presents, presents })
}
