//! Affiliations and bans (XEP-0045 §9.1–§9.5, §10.3–§10.8): lists of changes, applied all or none, with what follows
//! from them for those who are in the room.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::{Actor, AffiliationItem, Person};
use crate::chat::event::{AffiliationSet, Change, Decision, Departure, Extent, Parcel, ParcelKind};
use crate::chat::id::Timestamp;
use crate::chat::occupant::Occupant;
use crate::chat::refusal::Refusal;
use crate::room::draft::Draft;
use crate::room::moderation::check_length;
use crate::room::occupancy::all_left;
use crate::room::rights::{Act, allowed, role_after};
use crate::room::standings::Place;
use crate::room::state::{Room, nick_key};

/// One person's new affiliation, resolved and permitted.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) jid: BareJid,
    pub(super) affiliation: Affiliation,
    pub(super) extent: Extent,
    pub(super) nick: Option<Box<str>>,
    pub(super) reason: Box<str>,
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Unchanged,
    /// Somebody concerned is, or was until now, in the room.
    Here,
    /// Nobody concerned is in the room.
    Absent {
        was: Affiliation,
    },
}

impl Room {
    pub(super) fn set_affiliations(
        &self,
        by: &Actor,
        items: Vec<AffiliationItem>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        if !self.rank(by).administrates() {
            return Err(Refusal::Forbidden);
        }
        check_length(items.len())?;
        let mut draft = Draft::new(self, now);
        let mut seen = HashSet::new();
        for item in items {
            let grant = self.permitted(by, item)?;
            if !seen.insert(grant.jid.clone()) {
                return Err(Refusal::BadRequest("the list names one person twice"));
            }
            draft.grant(by, grant)?;
        }
        draft.check_owners(self)?;
        Ok(draft.finish())
    }

    fn permitted(&self, by: &Actor, item: AffiliationItem) -> Result<Grant, Refusal> {
        let AffiliationItem { who, affiliation, extent, nick, reason } = item;
        let jid = match who {
            Person::Jid(jid) => jid,
            Person::Nick(nick) => self.jid_of(&nick)?,
        };
        // §9.1: whoever is named by his own address or that of his domain would be out.
        let own = by.jid.bare();
        let bans_himself = affiliation == Affiliation::Outcast && self.standings.would_ban(&own, &jid);
        if bans_himself {
            return Err(Refusal::SelfBan);
        }
        if jid.local().is_none() && affiliation >= Affiliation::Admin {
            return Err(Refusal::BadRequest("a whole domain cannot be admin or owner"));
        }
        // Who manages the room by his entry stays above mere admins while he is disabled or out of scope.
        let from = self.standings.of(&jid).max(self.standings.listed_as(&jid));
        let act = Act::SetAffiliation { from, to: affiliation };
        allowed(self.rank(by), act, &self.settings)?;
        let extent = extent.unwrap_or_else(|| self.usual_grant(jid.clone(), affiliation).extent);
        Ok(Grant { jid, affiliation, extent, nick, reason })
    }

    /// An affiliation as those give it who know no more of it: whoever has one may enter, and a presenter stays one.
    pub(super) fn usual_grant(&self, jid: BareJid, affiliation: Affiliation) -> Grant {
        let presents = affiliation >= Affiliation::Member
            && self.standings.get(&jid).is_some_and(|standing| standing.extent.presents);
        Grant { jid, affiliation, extent: Extent { attends: true, presents }, nick: None, reason: "".into() }
    }

    fn jid_of(&self, nick: &str) -> Result<BareJid, Refusal> {
        let key = nick_key(nick).map_err(|_| Refusal::NoSuchOccupant)?;
        let occupant = self.occupants.by_nick_key(&key).ok_or(Refusal::NoSuchOccupant)?;
        Ok(occupant.jid.clone())
    }

    /// The occupants whom an entry of the list speaks of: one person, or all who belong to the principal.
    fn concerned<'a>(&'a self, jid: &'a BareJid) -> impl Iterator<Item = &'a Arc<Occupant>> {
        self.occupants.iter().filter(move |occupant| self.standings.concerns(jid, &occupant.jid))
    }

    pub(super) fn take_affiliation(&mut self, set: &AffiliationSet) {
        Arc::make_mut(&mut self.standings).set(set);
        let roles: BTreeMap<&str, Role> = set.roles.iter().map(|(key, role)| (&**key, *role)).collect();
        let concerned: Vec<_> = self
            .concerned(&set.jid)
            .map(|occupant| (occupant.nick_key.clone(), occupant.jid.clone()))
            .collect();
        for (nick_key, jid) in concerned {
            let Place { affiliation, extent, .. } = self.standings.place(&jid);
            self.occupants.update(&nick_key, |occupant| {
                occupant.affiliation = affiliation;
                occupant.presents = extent.presents;
                occupant.role = roles.get(&*nick_key).copied().unwrap_or(occupant.role);
            });
        }
    }
}

impl Draft<'_> {
    /// Sets one affiliation and lets the person know, if he is not here to see it.
    pub(super) fn grant(&mut self, by: &Actor, grant: Grant) -> Result<(), Refusal> {
        match self.settle(by, &grant)? {
            Settled::Absent { was } => self.notify(by, was, grant),
            Settled::Here | Settled::Unchanged => {}
        }
        Ok(())
    }

    /// Sets one affiliation and puts out whom it puts out. Does nothing where all is so already.
    pub(super) fn settle(&mut self, by: &Actor, grant: &Grant) -> Result<Settled, Refusal> {
        let Grant { jid, affiliation, extent, reason, .. } = grant;
        let room = self.room();
        let nick = room.nick_after(grant)?;
        if room.is_settled(grant, nick.as_deref()) {
            return Ok(Settled::Unchanged);
        }
        room.check_scope(grant)?;
        let was = room.standings.of(jid);
        let is_here = room.concerned(jid).next().is_some();
        self.put_out(by, grant);
        let room = self.room();
        let set = AffiliationSet {
            jid: jid.clone(),
            affiliation: *affiliation,
            by: Some(room.author(by)),
            reason: reason.clone(),
            nick,
            extent: *extent,
            roles: room.roles_after(grant),
            version: room.standings.version() + 1,
        };
        self.log(Change::AffiliationSet(set));
        Ok(if is_here { Settled::Here } else { Settled::Absent { was } })
    }

    /// Refuses what leaves nobody to own the room: it has an owner for as long as it exists (§10).
    pub(super) fn check_owners(&self, before: &Room) -> Result<(), Refusal> {
        let is_owned = |room: &Room| room.standings.with(Affiliation::Owner).next().is_some();
        if is_owned(before) && !is_owned(self.room()) { Err(Refusal::LastOwner) } else { Ok(()) }
    }

    /// Those who may not be here with the new affiliation go before it is set: nobody is shown as an outcast, or as a
    /// stranger in a members-only room (§9.4).
    fn put_out(&mut self, by: &Actor, grant: &Grant) {
        let room = self.room();
        let author = Some(room.author(by));
        let mut parts = Vec::new();
        for occupant in room.concerned(&grant.jid) {
            let reason = grant.reason.clone();
            let place = room.standings.place_if(&occupant.jid, Some(grant.into()));
            let cause = match place.affiliation {
                Affiliation::Outcast => Departure::Banned { by: author.clone(), reason },
                _ if room.settings.members_only
                    && !place.extent.attends
                    && occupant.affiliation > Affiliation::None =>
                {
                    Departure::AffiliationLost { by: author.clone(), reason }
                }
                Affiliation::None | Affiliation::Member | Affiliation::Admin | Affiliation::Owner => continue,
            };
            parts.extend(all_left(occupant, &cause));
        }
        parts.into_iter().for_each(|change| self.log(change));
    }

    /// A new member of a members-only room is invited (§9.5); others who are not here get a notice (§18.1, code 101),
    /// but nobody who had nothing to do with the room is written to for being banned from it, nor whom it is not for.
    fn notify(&mut self, by: &Actor, was: Affiliation, grant: Grant) {
        let Grant { jid, affiliation, reason, .. } = grant;
        let is_a_stranger = was.max(affiliation) < Affiliation::Member;
        let standings = &self.room().standings;
        if !standings.view().is_person(&jid)
            || standings.place(&jid).admitted().is_err()
            || jid == by.jid.bare()
            || was == affiliation
            || is_a_stranger
        {
            return;
        }
        let settings = &self.room().settings;
        let is_new_member = was == Affiliation::None && affiliation == Affiliation::Member;
        let kind = if is_new_member && settings.members_only && self.room().invites_members() {
            let password = settings.password.as_deref().map(Into::into);
            ParcelKind::Invitation { by: by.jid.clone(), reason, continues: None, password }
        } else {
            ParcelKind::AffiliationNotice { affiliation }
        };
        self.send(Parcel { to: jid, kind });
    }
}

impl Room {
    fn is_settled(&self, grant: &Grant, nick: Option<&str>) -> bool {
        let Some(standing) = self.standings.get(&grant.jid) else {
            return grant.affiliation == Affiliation::None;
        };
        standing.affiliation == grant.affiliation
            && standing.extent == grant.extent
            && standing.nick.as_deref() == nick
            && (grant.reason.is_empty() || grant.reason == standing.reason)
    }

    /// The nick that a person has reserved after a grant: a new one, none (an empty one unsets it, §9.5), or the old.
    /// Who is nothing in the room has no nick in it (§9.1).
    fn nick_after(&self, grant: &Grant) -> Result<Option<Box<str>>, Refusal> {
        if grant.affiliation < Affiliation::Member {
            return Ok(None);
        }
        match grant.nick.as_deref() {
            None => Ok(self.standings.get(&grant.jid).and_then(|standing| standing.nick.clone())),
            Some("") => Ok(None),
            Some(nick) => {
                self.check_nick(&grant.jid, &nick_key(nick)?)?;
                Ok(Some(nick.into()))
            }
        }
    }

    fn roles_after(&self, grant: &Grant) -> Vec<(Box<str>, Role)> {
        self.concerned(&grant.jid)
            .filter_map(|occupant| {
                let before = self.standings.place(&occupant.jid);
                let after = self.standings.place_if(&occupant.jid, Some(grant.into()));
                let is_meant = occupant.jid == grant.jid || after != before;
                let role = role_after((&**occupant).into(), occupant.presents, &after, &self.settings);
                is_meant.then(|| ((*occupant.nick_key).into(), role))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
