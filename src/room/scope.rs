//! For whom a room is: the policy in force, the scope of its category, and what follows for those inside when these
//! change, or when somebody belongs to other principals than before.

use std::cmp::Ordering;
use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::affiliation::Affiliation;
use crate::chat::category::{Category, CategoryId};
use crate::chat::command::Actor;
use crate::chat::event::{Change, Decision, Departure, Extent};
use crate::chat::id::Timestamp;
use crate::chat::occupant::Occupant;
use crate::chat::refusal::Refusal;
use crate::chat::settings::Settings;
use crate::directory::View;
use crate::room::affiliation::Grant;
use crate::room::draft::Draft;
use crate::room::occupancy::all_left;
use crate::room::rights::role_after;
use crate::room::standings::Place;
use crate::room::state::Room;

impl Place {
    /// Whether the room is for him at all, whatever its lists say of him.
    pub(super) fn admitted(self) -> Result<(), Refusal> {
        match (self.is_enabled, self.is_in_scope) {
            (false, _) => Err(Refusal::NotEnabled),
            (true, false) => Err(Refusal::OutOfScope),
            (true, true) => Ok(()),
        }
    }
}

impl Room {
    /// By this people are known from now on. Whoever is inside is looked at by [`Command::Review`].
    ///
    /// [`Command::Review`]: crate::chat::command::Command::Review
    pub fn see(&mut self, view: &Arc<View>) {
        let limit = self.participant_update_limit();
        Arc::make_mut(&mut self.standings).see(view.clone(), self.settings.category);
        // What another limit made of the room counts no more.
        self.is_crowded &= limit == self.participant_update_limit();
        self.count_crowd();
    }

    /// Above so many occupants arrivals and departures are told to few.
    pub(super) fn participant_update_limit(&self) -> u32 {
        self.standings.view().values().participant_update_limit
    }

    /// The version of what people are known by.
    pub fn rights_version(&self) -> i64 {
        self.standings.view().version()
    }

    pub fn category(&self) -> Option<&Category> {
        self.settings.category.and_then(|id| self.standings.view().category(id))
    }

    /// Where the room is, and where else he may bring it.
    pub(super) fn homes(&self, by: &Actor) -> Vec<(CategoryId, Box<str>)> {
        let (view, creator) = (self.standings.view(), by.jid.bare());
        let is_open = |category: &&Category| {
            Some(category.id) == self.settings.category
                || by.is_administrator
                || view.lets_create(category.id, &creator)
        };
        view.categories().filter(is_open).map(|category| (category.id, category.name.clone())).collect()
    }

    /// Whether what is said is kept for those who may read it.
    pub fn is_archived(&self) -> bool {
        self.settings.archived && self.category().is_none_or(|category| category.rules.history)
    }

    /// Whether new members are invited.
    pub(super) fn invites_members(&self) -> bool {
        self.settings.invites_members && self.category().is_none_or(|category| category.rules.invitations)
    }

    /// Whether those who own the room may end it, as XEP-0045 has it.
    pub(super) fn may_be_destroyed_by(&self, by: &Actor) -> Result<(), Refusal> {
        let is_theirs = self.category().is_none_or(|category| category.rules.managers_destroy);
        if is_theirs || by.is_administrator { Ok(()) } else { Err(Refusal::DestructionRestricted) }
    }

    /// No right is given to anybody whom the category is not for. A ban is no right, and an entry may keep what it has.
    /// Whom the policy keeps out may stand in a list: it counts as soon as the policy lets him in.
    pub(super) fn check_scope(&self, grant: &Grant) -> Result<(), Refusal> {
        let Grant { jid, affiliation, extent, .. } = grant;
        let had = self.standings.get(jid).map_or(Extent::default(), |standing| standing.extent);
        let gives_more = match affiliation.cmp(&self.standings.listed_as(jid).max(Affiliation::None)) {
            Ordering::Less => false,
            Ordering::Equal => extent.attends && !had.attends || extent.presents && !had.presents,
            Ordering::Greater => true,
        };
        let is_fine =
            *affiliation <= Affiliation::None || !gives_more || self.standings.place(jid).is_in_scope;
        if is_fine { Ok(()) } else { Err(Refusal::PrincipalOutOfScope { principal: jid.clone() }) }
    }

    /// What only some owners may change: where the room belongs, and whether it comes back into service.
    pub(super) fn check_bounds(&self, by: &Actor, settings: &Settings) -> Result<(), Refusal> {
        if by.is_administrator {
            return Ok(());
        }
        if self.settings.disabled && !settings.disabled {
            return Err(Refusal::Forbidden);
        }
        let is_moved = settings.category != self.settings.category;
        let view = self.standings.view();
        let may_move = || settings.category.is_some_and(|id| view.lets_create(id, &by.jid.bare()));
        if is_moved && !may_move() { Err(Refusal::CreationRestricted) } else { Ok(()) }
    }

    /// Who is inside and may be so no longer leaves; who is something else now is shown so.
    pub(super) fn review(&self, silences: bool, now: Timestamp) -> Decision {
        let mut draft = Draft::new(self, now);
        draft.review(false);
        if silences {
            draft.silence(None);
        }
        draft.finish()
    }
}

impl Draft<'_> {
    /// What was set in the category that the room left, and does not reach into the one that it came to.
    pub(super) fn purge_after_move(&mut self, by: &Actor) -> Result<(), Refusal> {
        let standings = &self.room().standings;
        let outside: Vec<BareJid> = standings
            .listed()
            .filter(|standing| standing.affiliation > Affiliation::None)
            .filter(|standing| !standings.place(&standing.jid).is_in_scope)
            .map(|standing| standing.jid.clone())
            .collect();
        for jid in outside {
            let grant = self.room().usual_grant(jid, Affiliation::None);
            self.settle(by, &grant)?;
        }
        Ok(())
    }

    /// `closes`: the room is members-only from now on.
    pub(super) fn review(&mut self, closes: bool) {
        let occupants: Vec<Arc<Occupant>> = self.room().occupants.iter().cloned().collect();
        for occupant in occupants {
            let place = self.room().standings.place(&occupant.jid);
            match self.room().cause_to_leave(&occupant.jid, &place, closes) {
                Some(cause) => all_left(&occupant, &cause).for_each(|change| self.log(change)),
                None => self.regrade(&occupant, &place),
            }
        }
    }

    fn regrade(&mut self, occupant: &Occupant, place: &Place) {
        let presents = place.extent.presents;
        if occupant.affiliation == place.affiliation && occupant.presents == presents {
            return;
        }
        let role = role_after(occupant.into(), occupant.presents, place, &self.room().settings);
        self.log(Change::Regraded {
            nick_key: (*occupant.nick_key).into(),
            nick: (*occupant.nick).into(),
            affiliation: place.affiliation,
            presents,
            role,
        });
    }
}

impl Room {
    /// Why somebody who is inside may not be so, by all that is known of him now: by the rule of [`may_enter`].
    ///
    /// [`may_enter`]: crate::room::rights::may_enter
    fn cause_to_leave(&self, jid: &BareJid, place: &Place, closes: bool) -> Option<Departure> {
        let lost = |reason: &str| Some(Departure::AffiliationLost { by: None, reason: reason.into() });
        if place.affiliation == Affiliation::Outcast {
            return Some(Departure::Banned { by: None, reason: "".into() });
        }
        if self.settings.disabled {
            return Some(Departure::Kicked { by: None, reason: "The room was disabled".into() });
        }
        if self.spared.contains(jid) {
            return None;
        }
        match place.admitted() {
            Err(refusal @ Refusal::NotEnabled) => return lost(&refusal.to_string()),
            Err(_) => return lost("The room is no longer for you"),
            Ok(()) => {}
        }
        let is_member = place.affiliation >= Affiliation::Member && place.extent.attends;
        match self.settings.members_only && !is_member {
            true if closes => Some(Departure::MembersOnly),
            true => lost(""),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests;
