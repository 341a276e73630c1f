//! Mediated invitations (XEP-0045 §7.8.2, §9.5) and what the invited answer.

use perch_address::BareJid;

use crate::chat::affiliation::Affiliation;
use crate::chat::command::{Actor, Invitation};
use crate::chat::event::{Change, Decision, Parcel, ParcelKind};
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::room::affiliation::Grant;
use crate::room::draft::Draft;
use crate::room::moderation::check_length;
use crate::room::rights::Act;
use crate::room::state::Room;

impl Room {
    /// In a members-only room the invitation makes the invited a member, in an open one it must not (§9.5).
    pub(super) fn invite(
        &self,
        by: &Actor,
        invitations: Vec<Invitation>,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, Act::Invite)?;
        check_length(invitations.len())?;
        let mut draft = Draft::new(self, now);
        for Invitation { to, reason, continues } in invitations {
            let place = draft.room().standings.place(&to);
            if !place.is_enabled {
                return Err(Refusal::PrincipalNotEnabled { principal: to });
            }
            match place.affiliation {
                // An invitation is not a pardon.
                Affiliation::Outcast => return Err(Refusal::TargetOutranks),
                Affiliation::None if self.settings.members_only => {
                    let grant = self.usual_grant(to.clone(), Affiliation::Member);
                    draft.settle(by, &Grant { reason: reason.clone(), ..grant })?;
                }
                Affiliation::None | Affiliation::Member | Affiliation::Admin | Affiliation::Owner => {}
            }
            draft.log(Change::Invited { by: self.author(by), to: to.clone(), reason: reason.clone() });
            let password = self.settings.password.as_deref().map(Into::into);
            let kind = ParcelKind::Invitation { by: by.jid.clone(), reason, continues, password };
            draft.send(Parcel { to, kind });
        }
        Ok(draft.finish())
    }

    /// The answer goes to who is or could be in the room, so that a room is no relay for letters to strangers; and
    /// those who were put out of it do not write to those inside.
    pub(super) fn decline(&self, by: &Actor, to: BareJid, reason: Box<str>) -> Result<Decision, Refusal> {
        if self.rank(by).affiliation == Affiliation::Outcast {
            return Err(Refusal::Banned);
        }
        let is_known =
            self.standings.of(&to) >= Affiliation::Member || self.occupants.by_jid(&to).next().is_some();
        if !is_known {
            return Err(Refusal::NoSuchOccupant);
        }
        let kind = ParcelKind::Decline { by: by.jid.bare(), reason };
        Ok(Decision { parcels: vec![Parcel { to, kind }], ..Decision::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::settings::Settings;
    use crate::room::scene::{Scene, jid};

    fn invite(people: &[&str]) -> Command {
        let invitation = |who: &&str| Invitation { to: jid(who), reason: "come".into(), continues: None };
        Command::Invite { invitations: people.iter().map(invitation).collect() }
    }

    #[test]
    fn in_an_open_room_an_invitation_is_no_membership() {
        let check = |invitations, who: &str, expected: Result<&[&str], Refusal>| {
            let settings = Settings { invitations, ..Settings::default() };
            Scene::with(settings).full().check(who, invite(&["guest"]), expected);
        };
        check(true, "bob", Ok(&["bob invites guest", "to guest: invitation"]));
        check(true, "owner", Ok(&["owner invites guest", "to guest: invitation"]));
        check(false, "admin", Ok(&["admin invites guest", "to guest: invitation"]));
        check(false, "bob", Err(Refusal::Forbidden));
        check(false, "member", Err(Refusal::Forbidden));
        check(true, "stranger", Err(Refusal::NotAnOccupant));
    }

    #[test]
    fn in_a_members_only_room_the_invited_becomes_a_member() {
        let check = |invitations, who: &str, guest: &str, expected: Result<&[&str], Refusal>| {
            let settings = Settings { invitations, members_only: true, ..Settings::default() };
            Scene::with(settings).full().check(who, invite(&[guest]), expected);
        };
        check(
            false,
            "admin",
            "guest",
            Ok(&["guest is member", "admin invites guest", "to guest: invitation"]),
        );
        check(
            true,
            "member",
            "guest",
            Ok(&["guest is member", "member invites guest", "to guest: invitation"]),
        );
        check(false, "member", "guest", Err(Refusal::Forbidden));
        check(true, "member", "owner", Ok(&["member invites owner", "to owner: invitation"]));
        check(true, "admin", "outcast", Err(Refusal::TargetOutranks));
    }

    #[test]
    fn one_faulty_invitation_refuses_all() {
        Scene::open().full().check("owner", invite(&["guest", "outcast"]), Err(Refusal::TargetOutranks));
        Scene::open().full().check("owner", invite(&[]), Err(Refusal::BadRequest("the list is empty")));
    }

    #[test]
    fn a_password_travels_with_the_invitation() {
        let settings = Settings { password: Some("sesame".into()), ..Settings::default() };
        let mut scene = Scene::with(settings).full();
        let decision = scene.act("owner", invite(&["guest"])).unwrap();
        let ParcelKind::Invitation { password, .. } = &decision.parcels[0].kind else { panic!() };
        assert_eq!(password.as_deref(), Some("sesame"));
    }

    #[test]
    fn a_refusal_reaches_whom_the_room_knows() {
        let decline = |to: &str| Command::Decline {
            to: jid(to),
            reason: "busy".into(),
            content: crate::room::scene::content(crate::chat::message::Retention::Transient),
        };
        let check = |who: &str, to: &str, expected: Result<&[&str], Refusal>| {
            Scene::open().full().check(who, decline(to), expected);
        };
        check("stranger", "owner", Ok(&["to owner: decline of stranger"]));
        check("stranger", "bob", Ok(&["to bob: decline of stranger"]));
        check("stranger", "elsewhere", Err(Refusal::NoSuchOccupant));
        check("outcast", "owner", Err(Refusal::Banned));
    }
}
