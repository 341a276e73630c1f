//! Registering with a room (XEP-0045 §7.10): membership of an open room for the asking, and the nick that goes with it.

use crate::chat::affiliation::Affiliation;
use crate::chat::command::Actor;
use crate::chat::event::Decision;
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::room::affiliation::Grant;
use crate::room::draft::Draft;
use crate::room::rights::{Act, Rank, allowed};
use crate::room::state::{Room, nick_key};

impl Room {
    pub(super) fn register(&self, by: &Actor, nick: Box<str>, now: Timestamp) -> Result<Decision, Refusal> {
        let jid = by.jid.bare();
        // An administrator of the service registers as the person he is.
        let place = self.standings.place(&jid);
        if !place.is_enabled {
            return Err(Refusal::NotEnabled);
        }
        allowed(Rank { affiliation: place.affiliation, ..self.rank(by) }, Act::Register, &self.settings)?;
        nick_key(&nick)?;
        // What he is by a group he is for as long as he belongs to it.
        self.reserve(by, self.standings.listed_as(&jid).max(Affiliation::Member), nick, now)
    }

    /// Ends what registering began. Admins and owners keep their affiliation, which was not theirs to take.
    pub(super) fn unregister(&self, by: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
        let jid = by.jid.bare();
        let listed = self.standings.listed_as(&jid);
        match listed {
            Affiliation::Member => self.reserve(by, Affiliation::None, "".into(), now),
            Affiliation::Admin | Affiliation::Owner
                if self.standings.get(&jid).is_some_and(|standing| standing.nick.is_some()) =>
            {
                self.reserve(by, listed, "".into(), now)
            }
            Affiliation::Admin | Affiliation::Owner | Affiliation::None | Affiliation::Outcast => {
                Err(Refusal::NotRegistered)
            }
        }
    }

    fn reserve(
        &self,
        by: &Actor,
        affiliation: Affiliation,
        nick: Box<str>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let grant = Grant { nick: Some(nick), ..self.usual_grant(by.jid.bare(), affiliation) };
        let mut draft = Draft::new(self, now);
        draft.grant(by, grant)?;
        Ok(draft.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::settings::Settings;
    use crate::room::scene::{Scene, jid};

    fn register(nick: &str) -> Command {
        Command::Register { nick: nick.into() }
    }

    #[test]
    fn an_open_room_takes_who_asks() {
        let check = |members_only, who: &str, nick: &str, expected: Result<&[&str], Refusal>| {
            let settings = Settings { members_only, ..Settings::default() };
            Scene::with(settings).full().check(who, register(nick), expected);
        };
        check(false, "stranger", "Hecate", Ok(&["stranger is member as Hecate"]));
        check(false, "bob", "bob", Ok(&["bob is member as bob, bob: participant"]));
        check(false, "bob", "Owner", Err(Refusal::NickTaken));
        check(false, "stranger", "", Err(Refusal::NickMissing));
        check(false, "outcast", "out", Err(Refusal::RegistrationClosed));
        check(true, "stranger", "Hecate", Err(Refusal::RegistrationClosed));
        check(true, "member", "Hecate", Ok(&["member is member as Hecate, member: participant"]));
        check(false, "owner", "boss", Ok(&["owner is owner as boss, owner: moderator"]));
    }

    #[test]
    fn a_reserved_nick_is_its_holders() {
        let mut scene = Scene::open().full();
        scene.act("stranger", register("Hecate")).unwrap();
        scene.check("bob", register("HECATE"), Err(Refusal::NickTaken));
        scene.check("stranger", register("Hecate"), Ok(&[]));
        scene.check("stranger", register("Medea"), Ok(&["stranger is member as Medea"]));
        scene.check("bob", register("Hecate"), Ok(&["bob is member as Hecate, bob: participant"]));
        assert_eq!(scene.room.standings().reserved_for("medea"), Some(&jid("stranger")));
    }

    #[test]
    fn registering_ends_as_it_began() {
        let mut scene = Scene::open().full();
        scene.check("stranger", Command::Unregister, Err(Refusal::NotRegistered));
        scene.check("owner", Command::Unregister, Err(Refusal::NotRegistered));
        scene.act("owner", register("boss")).unwrap();
        scene.check("owner", Command::Unregister, Ok(&["owner is owner, owner: moderator"]));
        scene.check("member", Command::Unregister, Ok(&["member is none, member: participant"]));
        assert_eq!(scene.room.standings().reserved_for("boss"), None);
    }

    #[test]
    fn who_gives_up_his_membership_leaves_a_members_only_room() {
        let settings = Settings { members_only: true, ..Settings::default() };
        Scene::with(settings).full().check(
            "member",
            Command::Unregister,
            Ok(&["member leaves (affiliation lost)", "member is none"]),
        );
    }
}
