//! What a room says of itself, and to whom (XEP-0045 §6.4–§6.6, §7.11, §7.12, §9, §10).

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::answer::{
    Answer, ArchiveAccess, Configuration, OccupantAddress, Overview, Registration, RoleEntry,
};
use crate::chat::command::{Actor, Query};
use crate::chat::refusal::Refusal;
use crate::chat::settings::Whois;
use crate::chat::snapshot::Standing;
use crate::room::rights::{Act, Rank, allowed, may_read};
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
        if self.settings.disabled && rank.affiliation != Affiliation::Owner {
            return Err(Refusal::Disabled);
        }
        if !by.is_administrator {
            self.standings.place(&by.jid.bare()).admitted()?;
        }
        let permit = |act| allowed(rank, act, &self.settings);
        match query {
            Query::Overview => Ok(Answer::Overview(Box::new(self.overview(by)))),
            Query::Configuration => {
                permit(Act::Configure)?;
                Ok(Answer::Configuration(self.configuration(by)))
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
            guid: self.guid,
            management_url: self.management_url(),
            settings: self.settings.clone(),
            category: self.category().map(|category| category.name.clone()),
            occupant_count: self.occupants.len(),
            subject: self.subject.as_ref().map(|subject| subject.text.clone()),
            nicks: is_inside.then(|| self.occupants.iter().map(|o| (*o.nick).into()).collect()),
            affiliation: self.standings.of(&jid),
            nick: occupant.map(|occupant| (*occupant.nick).into()),
            reserved_nick: self.standings.get(&jid).and_then(|standing| standing.nick.clone()),
        }
    }

    fn configuration(&self, by: &Actor) -> Configuration {
        let list = |affiliation| {
            let jid = |standing: &Standing| standing.jid.clone();
            self.standings.with(affiliation).map(jid).collect()
        };
        Configuration {
            management_url: self.management_url(),
            settings: self.settings.clone(),
            owners: list(Affiliation::Owner),
            admins: list(Affiliation::Admin),
            presenters: self
                .standings
                .listed()
                .filter(|s| s.extent.presents)
                .map(|s| s.jid.clone())
                .collect(),
            categories: self.homes(by),
            is_locked: self.is_locked,
        }
    }

    fn management_url(&self) -> Option<Box<str>> {
        self.standings.view().values().room_management_url.clone()
    }

    fn role_list(&self, role: Role) -> Vec<RoleEntry> {
        let occupants = self.occupants.iter().filter(|occupant| occupant.role == role);
        occupants
            .filter_map(|occupant| {
                Some(RoleEntry {
                    nick: (*occupant.nick).into(),
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

    fn archive_access(&self, by: &Actor, rank: Rank) -> Result<ArchiveAccess, Refusal> {
        may_read(self.door(), self.comer(by))?;
        let sees_addresses = self.settings.whois == Whois::Anyone || rank.moderates();
        Ok(ArchiveAccess { room: self.id, from: self.first_seq, sees_addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::settings::Settings;
    use crate::room::scene::{Scene, actor, administrator, device, jid, join};

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(
        scene: &Scene,
        who: &str,
        query: Query,
        view: impl Fn(Answer) -> T,
        expected: Result<T, Refusal>,
    ) {
        let answer = scene.room.answer(&actor(who), &query).map(view);
        assert_eq!(answer, expected, "{who} asks {query:?}");
    }

    #[test]
    fn occupants_are_shown_to_occupants() {
        let nicks = |answer| {
            let Answer::Overview(overview) = answer else { panic!() };
            (overview.occupant_count, overview.nicks.map(|nicks| nicks.join(" ")))
        };
        let scene = Scene::open().full();
        let all = Some("admin bob member owner".to_string());
        check(&scene, "bob", Query::Overview, nicks, Ok((4, all)));
        check(&scene, "stranger", Query::Overview, nicks, Ok((4, None)));
    }

    #[test]
    fn the_asker_learns_what_he_is_in_the_room() {
        let own = |answer| {
            let Answer::Overview(overview) = answer else { panic!() };
            let text = |nick: Option<Box<str>>| nick.map(String::from);
            (overview.affiliation, text(overview.nick), text(overview.reserved_nick))
        };
        let mut scene = Scene::open().full();
        scene.act("member", Command::Register { nick: "Hecate".into() }).unwrap();
        let nick = |nick: &str| Some(nick.to_string());
        let known = (Affiliation::Member, nick("member"), nick("Hecate"));
        check(&scene, "member", Query::Overview, own, Ok(known));
        check(&scene, "stranger", Query::Overview, own, Ok((Affiliation::None, None, None)));
    }

    #[test]
    fn the_configuration_is_the_owners() {
        let lists = |answer| {
            let Answer::Configuration(configuration) = answer else { panic!() };
            (configuration.owners, configuration.admins, configuration.is_locked)
        };
        let scene = Scene::open().full();
        let expected = (vec![jid("owner")], vec![jid("admin")], false);
        check(&scene, "owner", Query::Configuration, lists, Ok(expected));
        check(&scene, "admin", Query::Configuration, lists, Err(Refusal::Forbidden));
        check(&Scene::locked(), "bob", Query::Configuration, lists, Err(Refusal::Locked));
        let first = (vec![jid("owner")], vec![], true);
        check(&Scene::locked(), "owner", Query::Configuration, lists, Ok(first));
    }

    #[test]
    fn lists_hold_who_belongs_there() {
        let people = |answer| {
            let Answer::Affiliations(standings) = answer else { panic!() };
            standings.into_iter().map(|standing| standing.jid).collect::<Vec<_>>()
        };
        let mut scene = Scene::open().full();
        scene.act("outcast", Command::Leave { presence: Default::default() }).unwrap();
        let list = Query::Affiliations;
        check(&scene, "admin", list(Affiliation::Outcast), people, Ok(vec![jid("outcast")]));
        check(&scene, "admin", list(Affiliation::Member), people, Ok(vec![jid("member")]));
        check(&scene, "owner", list(Affiliation::Owner), people, Ok(vec![jid("owner")]));
        check(&scene, "bob", list(Affiliation::Outcast), people, Err(Refusal::Forbidden));
    }

    #[test]
    fn role_lists_have_full_addresses() {
        let entries = |answer| {
            let Answer::Roles(entries) = answer else { panic!() };
            entries.iter().map(|entry| format!("{} {}", entry.nick, entry.jid)).collect::<Vec<_>>()
        };
        let scene = Scene::open().full();
        let voices = ["bob bob@bob.test/x", "member member@member.test/x"].map(String::from).to_vec();
        check(&scene, "admin", Query::Roles(Role::Participant), entries, Ok(voices));
        check(&scene, "admin", Query::Roles(Role::Visitor), entries, Ok(vec![]));
        check(&scene, "bob", Query::Roles(Role::Participant), entries, Err(Refusal::Forbidden));
    }

    #[test]
    fn an_occupant_is_reached_by_occupants() {
        let address = |answer| {
            let Answer::Occupant(address) = answer else { panic!() };
            (address.sessions.len(), address.is_asker)
        };
        let occupant = |nick: &str| Query::Occupant { nick: nick.into() };
        let mut scene = Scene::open().full();
        scene.act_as(&device("bob", "phone"), join("bob")).unwrap();
        check(&scene, "owner", occupant("BOB"), address, Ok((2, false)));
        check(&scene, "bob", occupant("bob"), address, Ok((2, true)));
        check(&scene, "bob", occupant("nobody"), address, Err(Refusal::NoSuchOccupant));
        check(&scene, "stranger", occupant("bob"), address, Err(Refusal::NotAnOccupant));
        let elsewhere = device("bob", "tablet");
        assert_eq!(scene.room.answer(&elsewhere, &occupant("bob")), Err(Refusal::NotAnOccupant));
    }

    #[test]
    fn registration_is_offered_where_it_is_possible() {
        let nick = |answer| {
            let Answer::Registration(registration) = answer else { panic!() };
            (registration.affiliation, registration.nick.map(String::from))
        };
        let mut scene = Scene::open().full();
        check(&scene, "bob", Query::Registration, nick, Ok((Affiliation::None, None)));
        scene.act("bob", Command::Register { nick: "Bob".into() }).unwrap();
        let registered = (Affiliation::Member, Some("Bob".to_string()));
        check(&scene, "bob", Query::Registration, nick, Ok(registered));
        check(&scene, "outcast", Query::Registration, nick, Err(Refusal::RegistrationClosed));
        let closed = Scene::with(Settings { members_only: true, ..Settings::default() });
        check(&closed, "bob", Query::Registration, nick, Err(Refusal::RegistrationClosed));
    }

    #[test]
    fn who_could_join_may_read_the_archive() {
        let sight = |answer| {
            let Answer::Archive(access) = answer else { panic!() };
            access.sees_addresses
        };
        let query = Query::ArchiveAccess;
        let open = Scene::open().full();
        check(&open, "stranger", query.clone(), sight, Ok(false));
        check(&open, "admin", query.clone(), sight, Ok(true));
        check(&open, "outcast", query.clone(), sight, Err(Refusal::Forbidden));
        let closed = Scene::with(Settings { members_only: true, ..Settings::default() }).full();
        check(&closed, "stranger", query.clone(), sight, Err(Refusal::Forbidden));
        check(&closed, "member", query.clone(), sight, Ok(false));
        let secret = Scene::with(Settings { password: Some("sesame".into()), ..Settings::default() });
        check(&secret.clone().full(), "bob", query.clone(), sight, Ok(false));
        check(&secret, "bob", query.clone(), sight, Err(Refusal::Forbidden));
        check(&secret, "owner", query.clone(), sight, Ok(true));
        check(&Scene::locked(), "bob", query.clone(), sight, Err(Refusal::Locked));
        let by_service = open.room.answer(&administrator(), &query).map(sight);
        assert_eq!(by_service, Ok(true));
    }
}
