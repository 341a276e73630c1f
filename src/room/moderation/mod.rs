//! Roles and kicks (XEP-0045 §8.2–§8.5, §9.6–§9.8): lists of changes, applied all or none.

use std::collections::HashSet;

use crate::chat::affiliation::Role;
use crate::chat::command::{Actor, RoleItem};
use crate::chat::event::{Change, Decision, Departure};
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::room::draft::Draft;
use crate::room::occupancy::all_left;
use crate::room::rights::{Act, allowed};
use crate::room::state::{Room, nick_key};

/// Items of one list of roles, affiliations or invitations that a client sends.
pub(super) const ITEMS_MAX: usize = 100;

impl Room {
    pub(super) fn set_roles(
        &self,
        by: &Actor,
        items: Vec<RoleItem>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let rank = self.rank(by);
        // Who may not act at all learns nothing about who is here.
        if !rank.moderates() {
            return Err(Refusal::Forbidden);
        }
        check_length(items.len())?;
        let mut draft = Draft::new(self, now);
        let mut seen = HashSet::new();
        for RoleItem { nick, role, reason } in items {
            let key = nick_key(&nick).map_err(|_| Refusal::NoSuchOccupant)?;
            let target = self.occupants.by_nick_key(&key).ok_or(Refusal::NoSuchOccupant)?;
            if !seen.insert(key) {
                return Err(Refusal::BadRequest("the list names one nick twice"));
            }
            let act = Act::SetRole { target: (&**target).into(), to: role };
            allowed(rank, act, &self.settings)?;
            if role == Role::None {
                let cause = Departure::Kicked { by: Some(self.author(by)), reason };
                all_left(target, &cause).for_each(|change| draft.log(change));
            } else if role != target.role {
                draft.log(Change::RoleSet {
                    nick_key: (*target.nick_key).into(),
                    nick: (*target.nick).into(),
                    role,
                    by: Some(self.author(by)),
                    reason,
                });
            }
        }
        Ok(draft.finish())
    }
}

pub(super) fn check_length(items: usize) -> Result<(), Refusal> {
    match items {
        0 => Err(Refusal::BadRequest("the list is empty")),
        1..=ITEMS_MAX => Ok(()),
        _ => Err(Refusal::BadRequest("the list is too long")),
    }
}

#[cfg(test)]
mod tests;
