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
use crate::room::moderation::check_length;
use crate::room::rights::{Act, allowed};
use crate::room::state::Room;

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
        if !items.is_empty() {
            check_length(items.len())?;
        }
        let mut draft = Draft::new(self, now);
        // The settings first: who is to be in the room has to be in the scope of the category that it comes to.
        if let Some(settings) = settings {
            draft.configure(by, settings)?;
        }
        for item in items {
            let grant = draft.room().arranged(item)?;
            draft.grant(by, grant)?;
        }
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
        self.check_scope(&jid, affiliation)?;
        let extent = extent.unwrap_or_else(|| self.usual_grant(jid.clone(), affiliation).extent);
        Ok(Grant { jid, affiliation, extent, nick, reason })
    }
}

impl Draft<'_> {
    /// Sets what the room is, and lets go whom it is not for any more.
    pub(super) fn configure(&mut self, by: &Actor, settings: Settings) -> Result<(), Refusal> {
        let before = self.room().settings.clone();
        check_settings(&settings)?;
        self.room().check_bounds(by, &settings)?;
        let is_moved = settings.category != before.category;
        if is_moved {
            self.purge_for_move(by, &settings)?;
        }
        if settings.members_only && !before.members_only {
            self.put_out_strangers();
        }
        let silences = |settings: &Settings| settings.moderated || settings.is_auditorium();
        let gives_voice = silences(&before) && !silences(&settings);
        let falls_silent = settings.is_auditorium() && !before.is_auditorium();
        let is_closed = settings.disabled && !before.disabled;
        if self.room().is_locked || settings != *before {
            self.log(Change::Configured { by: by.jid.bare(), settings: Box::new(settings) });
        }
        if is_moved || is_closed {
            self.review(&[]);
        }
        if gives_voice {
            let author = self.room().author(by);
            self.give_voice(author);
        }
        if falls_silent {
            let author = self.room().author(by);
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
