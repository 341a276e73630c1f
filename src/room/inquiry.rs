//! What a room says of itself, and to whom (XEP-0045 §6.4–§6.6, §7.11, §7.12, §9, §10).

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::answer::{
    Answer, ArchiveAccess, Configuration, OccupantAddress, Overview, Registration, RoleEntry,
};
use crate::chat::command::{Actor, Query};
use crate::chat::refusal::Refusal;
use crate::chat::settings::Whois;
use crate::chat::snapshot::Standing;
use crate::room::rights::{Act, Rank, allowed};
use crate::room::state::{Room, nick_key};

impl Room {
    /// What the asker may know, from memory. Changes nothing.
    pub fn answer(&self, by: &Actor, query: &Query) -> Result<Answer, Refusal> {
        if let Some(destroyed) = &self.destroyed {
            return Err(destroyed.clone());
        }
        let rank = self.rank(by);
        if self.is_locked && rank.affiliation != Affiliation::Owner {
            return Err(Refusal::Locked);
        }
        let permit = |act| allowed(rank, act, &self.settings);
        match query {
            Query::Overview => Ok(Answer::Overview(Box::new(self.overview(by)))),
            Query::Configuration => {
                permit(Act::Configure)?;
                Ok(Answer::Configuration(self.configuration()))
            }
            Query::Affiliations(list) => {
                permit(Act::ListAffiliation(*list))?;
                Ok(Answer::Affiliations(self.standings.with(*list).cloned().collect()))
            }
            Query::Roles(role) => {
                permit(Act::ListRole(*role))?;
                Ok(Answer::Roles(self.role_list(*role)))
            }
            Query::Registration => self.registration(by).map(Answer::Registration),
            Query::Occupant { nick } => self.occupant_address(by, nick).map(Answer::Occupant),
            Query::ArchiveAccess => self.archive_access(by, rank).map(Answer::Archive),
        }
    }

    fn overview(&self, by: &Actor) -> Overview {
        let jid = by.jid.bare();
        let occupant = self.occupants.by_session(by.session);
        let is_inside = occupant.is_some() || self.occupants.by_jid(&jid).next().is_some();
        Overview {
            name: self.name().into(),
            settings: self.settings.clone(),
            occupant_count: self.occupants.len(),
            subject: self.subject.as_ref().map(|subject| subject.text.clone()),
            nicks: is_inside.then(|| self.occupants.iter().map(|o| o.nick.clone()).collect()),
            affiliation: self.standings.of(&jid),
            nick: occupant.map(|occupant| occupant.nick.clone()),
            reserved_nick: self.standings.get(&jid).and_then(|standing| standing.nick.clone()),
        }
    }

    fn configuration(&self) -> Configuration {
        let list = |affiliation| {
            let jid = |standing: &Standing| standing.jid.clone();
            self.standings.with(affiliation).map(jid).collect()
        };
        Configuration {
            settings: self.settings.clone(),
            owners: list(Affiliation::Owner),
            admins: list(Affiliation::Admin),
            is_locked: self.is_locked,
        }
    }

    fn role_list(&self, role: Role) -> Vec<RoleEntry> {
        let occupants = self.occupants.iter().filter(|occupant| occupant.role == role);
        occupants
            .filter_map(|occupant| {
                Some(RoleEntry {
                    nick: occupant.nick.clone(),
                    role,
                    affiliation: occupant.affiliation,
                    jid: occupant.seats.first()?.jid.clone(),
                })
            })
            .collect()
    }

    fn registration(&self, by: &Actor) -> Result<Registration, Refusal> {
        let jid = by.jid.bare();
        let affiliation = self.standings.of(&jid);
        allowed(Rank { affiliation, role: Role::None }, Act::Register, &self.settings)?;
        let nick = self.standings.get(&jid).and_then(|standing| standing.nick.clone());
        Ok(Registration { affiliation, nick })
    }

    /// For the session that is in the room only (§6.6): its person elsewhere is a stranger to the occupants.
    fn occupant_address(&self, by: &Actor, nick: &str) -> Result<OccupantAddress, Refusal> {
        let asker = self.occupant_of(by)?;
        let key = nick_key(nick).map_err(|_| Refusal::NoSuchOccupant)?;
        let occupant = self.occupants.by_nick_key(&key).ok_or(Refusal::NoSuchOccupant)?;
        Ok(OccupantAddress {
            jid: occupant.jid.clone(),
            sessions: occupant.seats.iter().map(|seat| seat.jid.clone()).collect(),
            is_asker: occupant.nick_key == asker.nick_key,
        })
    }

    /// Who could join may read, and a password has to be shown at the door first unless one belongs to the room. Who
    /// was banned could not join, whatever he still is sent (XEP-0313 §7.1.1).
    fn archive_access(&self, by: &Actor, rank: Rank) -> Result<ArchiveAccess, Refusal> {
        self.may_enter(by)?;
        let is_known = rank.affiliation >= Affiliation::Member || rank.role > Role::None;
        if self.settings.password.is_some() && !is_known {
            return Err(Refusal::PasswordRequired);
        }
        let sees_addresses = self.settings.whois == Whois::Anyone || rank.moderates();
        Ok(ArchiveAccess { from: self.first_seq, sees_addresses })
    }
}
