//! Affiliations and bans, told as logs. Who may give what is tested with the table of rights.

use super::*;
use crate::chat::affiliation::Affiliation::{Admin, Member, None, Outcast, Owner};
use crate::chat::affiliation::Role::Moderator;
use crate::chat::command::Command;
use crate::chat::settings::Settings;
use crate::room::scene::{Scene, administrator, affiliate, device, jid, join, set_roles};

fn members_only() -> Settings {
    Settings { members_only: true, ..Settings::default() }
}

fn moderated() -> Settings {
    Settings { moderated: true, ..Settings::default() }
}

fn item(who: &str, affiliation: Affiliation, nick: Option<&str>, reason: &str) -> Command {
    Command::SetAffiliations {
        items: vec![AffiliationItem {
            who: Person::Jid(jid(who)),
            affiliation,
            extent: Option::None,
            nick: nick.map(Into::into),
            reason: reason.into(),
        }],
    }
}

#[test]
fn affiliations_bring_and_take_roles() {
    let check = |settings: &Settings, who: &str, affiliation, expected: &[&str]| {
        let mut scene = Scene::with(settings.clone()).full();
        scene.check("owner", affiliate(&[(who, affiliation)]), Ok(expected));
    };
    let open = Settings::default();
    check(&open, "bob", Member, &["bob is member, bob: participant"]);
    check(&open, "bob", Admin, &["bob is admin, bob: moderator"]);
    check(&open, "admin", None, &["admin is none, admin: participant"]);
    check(&moderated(), "bob", Member, &["bob is member, bob: participant"]);
    check(&moderated(), "member", None, &["member is none, member: visitor"]);
    check(&moderated(), "admin", Member, &["admin is member, admin: participant"]);
    check(&open, "member", Member, &[]);
    check(&open, "stranger", None, &[]);
}

#[test]
fn a_role_given_by_hand_outlives_the_loss_of_membership() {
    let mut scene = Scene::open().full();
    scene.act("owner", set_roles(&[("member", Moderator)])).unwrap();
    scene.check("owner", affiliate(&[("member", None)]), Ok(&["member is none, member: moderator"]));
}

#[test]
fn those_who_are_not_there_are_told() {
    let check = |settings: &Settings, who: &str, affiliation, expected: &[&str]| {
        let mut scene = Scene::with(settings.clone());
        scene.act("owner", affiliate(&[("friend", Member), ("foe", Outcast)])).unwrap();
        scene.check("owner", affiliate(&[(who, affiliation)]), Ok(expected));
    };
    let open = Settings::default();
    check(&open, "guest", Member, &["guest is member", "to guest: now member"]);
    check(&open, "friend", None, &["friend is none", "to friend: now none"]);
    check(&open, "friend", Outcast, &["friend is outcast", "to friend: now outcast"]);
    check(&open, "guest", Outcast, &["guest is outcast"]);
    check(&open, "foe", None, &["foe is none"]);
    check(&members_only(), "guest", Member, &["guest is member", "to guest: invitation"]);
    check(&members_only(), "guest", Admin, &["guest is admin", "to guest: now admin"]);
    check(&members_only(), "friend", Admin, &["friend is admin", "to friend: now admin"]);
}

#[test]
fn who_is_banned_is_out_with_all_sessions_and_stays_out() {
    let mut scene = Scene::open().full();
    scene.act_as(&device("bob", "phone"), join("robert")).unwrap();
    scene.check(
        "admin",
        affiliate(&[("bob", Outcast)]),
        Ok(&["bob leaves (banned)", "robert leaves (banned)", "bob is outcast"]),
    );
    scene.check("bob", join("bob"), Err(Refusal::Banned));
    scene.check("admin", affiliate(&[("bob", None)]), Ok(&["bob is none"]));
    scene.check("bob", join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
}

#[test]
fn a_whole_domain_can_be_banned() {
    let mut scene = Scene::open().full();
    scene.act_as(&device("bob", "phone"), join("robert")).unwrap();
    let domain = [("bob.test", Outcast)];
    scene.check(
        "admin",
        affiliate(&domain),
        Ok(&["bob leaves (banned)", "robert leaves (banned)", "bob.test is outcast"]),
    );
    scene.check("bob", join("bob"), Err(Refusal::Banned));
    let exception = ["bob is member", "to bob: now member"];
    scene.check("admin", affiliate(&[("bob", Member)]), Ok(&exception));
    scene.check("bob", join("bob"), Ok(&["bob joins as member, participant", "welcome"]));
    scene.check("admin", affiliate(&[("bob", None)]), Ok(&["bob leaves (banned)", "bob is none"]));
}

#[test]
fn a_whole_domain_can_be_made_members_but_not_owners() {
    let mut scene = Scene::with(moderated()).full();
    let domain = |affiliation| affiliate(&[("bob.test", affiliation)]);
    scene.check("admin", domain(Member), Ok(&["bob.test is member, bob: participant"]));
    scene.check("admin", domain(None), Ok(&["bob.test is none, bob: visitor"]));
    let refused = Refusal::BadRequest("a whole domain cannot be admin or owner");
    scene.check("owner", domain(Owner), Err(refused));
}

#[test]
fn an_entry_for_a_domain_leaves_those_with_an_entry_of_their_own_alone() {
    let mut scene = Scene::open().full();
    scene.check("owner", affiliate(&[("member.test", Outcast)]), Ok(&["member.test is outcast"]));
    assert!(scene.nicks().contains(&"member"));
}

#[test]
fn nobody_bans_himself() {
    let check = |who: &str, target: &str, expected| {
        Scene::open().full().check(who, affiliate(&[(target, Outcast)]), Err(expected));
    };
    check("admin", "admin", Refusal::SelfBan);
    check("owner", "owner", Refusal::SelfBan);
    check("member", "member", Refusal::Forbidden);
    let mut scene = Scene::open();
    scene.check_as(&administrator(), affiliate(&[("root.test", Outcast)]), Err(Refusal::SelfBan));
}

#[test]
fn somebody_stays_owner() {
    let check = |items: &[(&str, Affiliation)], expected: Result<&[&str], Refusal>| {
        Scene::open().full().check("owner", affiliate(items), expected);
    };
    check(&[("owner", Admin)], Err(Refusal::LastOwner));
    check(&[("owner", None)], Err(Refusal::LastOwner));
    let handed_over = ["admin is owner, admin: moderator", "owner is admin, owner: moderator"];
    check(&[("admin", Owner), ("owner", Admin)], Ok(&handed_over));
    let also = ["owner is none, owner: participant", "admin is owner, admin: moderator"];
    check(&[("owner", None), ("admin", Owner)], Ok(&also));
    let mut scene = Scene::open();
    scene.check_as(&administrator(), affiliate(&[("owner", None)]), Err(Refusal::LastOwner));
}

#[test]
fn a_list_is_applied_whole_or_not_at_all() {
    let check = |who: &str, items: &[(&str, Affiliation)], expected: Refusal| {
        let mut scene = Scene::open().full();
        let before = scene.log.len();
        scene.check(who, affiliate(items), Err(expected));
        assert_eq!(scene.log.len(), before);
    };
    check("admin", &[("bob", Outcast), ("owner", Outcast)], Refusal::TargetOutranks);
    check("admin", &[("bob", Outcast), ("admin", Outcast)], Refusal::SelfBan);
    check("admin", &[("bob", Member), ("carol", Admin)], Refusal::Forbidden);
    let twice = Refusal::BadRequest("the list names one person twice");
    check("admin", &[("bob", Member), ("bob", None)], twice);
    check("admin", &[], Refusal::BadRequest("the list is empty"));
    check("bob", &[], Refusal::Forbidden);
}

#[test]
fn a_person_can_be_named_by_his_nick() {
    let by_nick = |nick: &str| Command::SetAffiliations {
        items: vec![AffiliationItem {
            who: Person::Nick(nick.into()),
            affiliation: Member,
            extent: Option::None,
            nick: Option::None,
            reason: "".into(),
        }],
    };
    let check = |nick: &str, expected: Result<&[&str], Refusal>| {
        Scene::open().full().check("admin", by_nick(nick), expected);
    };
    check("Bob", Ok(&["bob is member, bob: participant"]));
    check("nobody", Err(Refusal::NoSuchOccupant));
}

#[test]
fn who_loses_his_membership_leaves_a_members_only_room_without_being_shown_as_a_stranger() {
    let mut scene = Scene::with(members_only()).full();
    scene.check(
        "admin",
        affiliate(&[("member", None)]),
        Ok(&["member leaves (affiliation lost)", "member is none"]),
    );
    scene.check("member", join("member"), Err(Refusal::MembersOnly));
}

#[test]
fn a_nick_comes_with_membership_and_goes_with_it() {
    let mut scene = Scene::open().full();
    let told = |affiliation: &str| format!("guest is {affiliation}");
    scene.check(
        "admin",
        item("guest", Member, Some("Hecate"), ""),
        Ok(&["guest is member as Hecate", "to guest: now member"]),
    );
    scene.check("bob", join("hecate"), Err(Refusal::NickTaken));
    scene.check("admin", item("carol", Member, Some("HECATE"), ""), Err(Refusal::NickTaken));
    scene.check("admin", item("carol", Member, Some("bob"), ""), Err(Refusal::NickTaken));
    scene.check("admin", item("carol", Member, Some(" "), ""), Err(Refusal::NickMalformed));
    scene.check("admin", item("guest", Member, Option::None, ""), Ok(&[]));
    scene.check("admin", item("guest", Member, Some(""), ""), Ok(&[told("member").as_str()]));
    scene.act("admin", item("guest", Member, Some("Medea"), "")).unwrap();
    scene.check(
        "admin",
        item("guest", Outcast, Option::None, ""),
        Ok(&[told("outcast").as_str(), "to guest: now outcast"]),
    );
    assert_eq!(scene.room.standings().reserved_for("medea"), Option::None);
}

#[test]
fn the_reason_is_kept_and_can_be_changed() {
    let mut scene = Scene::open().full();
    let ban = |reason: &str| item("spammer", Outcast, Option::None, reason);
    let told: &[&str] = &["spammer is outcast"];
    scene.check("admin", ban("spam"), Ok(told));
    scene.check("admin", ban("spam"), Ok(&[]));
    scene.check("admin", ban(""), Ok(&[]));
    scene.check("admin", ban("more spam"), Ok(told));
    let reason = &scene.room.standings().get(&jid("spammer")).unwrap().reason;
    assert_eq!(&**reason, "more spam");
}

#[test]
fn the_list_has_a_version_that_tells_what_is_new() {
    let mut scene = Scene::open().full();
    let before = scene.room.standings().version();
    scene.act("admin", affiliate(&[("guest", Member), ("member", None)])).unwrap();
    assert_eq!(scene.room.standings().version(), before + 2);
    let mut news: Vec<_> =
        scene.room.standings().since(before).map(|s| (s.jid.clone(), s.affiliation)).collect();
    news.sort();
    assert_eq!(news, [(jid("guest"), Member), (jid("member"), None)]);
}
