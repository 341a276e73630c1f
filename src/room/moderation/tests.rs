//! Roles and kicks, told as logs. Who may do what to whom is tested with the table of rights.

use super::*;
use crate::chat::affiliation::Role::{Moderator, None, Participant, Visitor};
use crate::chat::settings::Settings;
use crate::room::scene::{Scene, administrator, device, join, set_roles};

#[test]
fn roles_are_given_and_taken() {
    let check = |who: &str, items: &[(&str, Role)], expected: Result<&[&str], Refusal>| {
        Scene::open().full().check(who, set_roles(items), expected);
    };
    check("admin", &[("bob", Visitor)], Ok(&["bob is now visitor"]));
    check("admin", &[("BOB", Moderator)], Ok(&["bob is now moderator"]));
    check("admin", &[("bob", Participant)], Ok(&[]));
    check("admin", &[("bob", None)], Ok(&["bob leaves (kicked)"]));
    check("admin", &[("admin", None)], Ok(&["admin leaves (kicked)"]));
    check("admin", &[("owner", None)], Err(Refusal::TargetOutranks));
    check("member", &[("bob", None)], Err(Refusal::Forbidden));
    check("stranger", &[("bob", None)], Err(Refusal::Forbidden));
    check("admin", &[("nobody", None)], Err(Refusal::NoSuchOccupant));
    check("bob", &[("nobody", None)], Err(Refusal::Forbidden));
}

#[test]
fn a_list_is_applied_whole_or_not_at_all() {
    let check = |items: &[(&str, Role)], expected: Result<&[&str], Refusal>| {
        let mut scene = Scene::open().full();
        let before = scene.log.len();
        scene.check("admin", set_roles(items), expected.clone());
        assert_eq!(scene.log.len() - before, expected.map_or(0, <[_]>::len));
    };
    let all = ["bob is now visitor", "member leaves (kicked)"];
    check(&[("bob", Visitor), ("member", None)], Ok(&all));
    check(&[("bob", Visitor), ("owner", None)], Err(Refusal::TargetOutranks));
    check(&[("bob", Visitor), ("nobody", None)], Err(Refusal::NoSuchOccupant));
    check(&[("bob", Visitor), ("Bob", None)], Err(Refusal::BadRequest("the list names one nick twice")));
    check(&[], Err(Refusal::BadRequest("the list is empty")));
    check(&[("bob", Visitor); ITEMS_MAX + 1], Err(Refusal::BadRequest("the list is too long")));
}

#[test]
fn a_kick_takes_out_all_sessions_of_the_nick_and_no_other() {
    let mut scene = Scene::open().full();
    scene.act_as(&device("bob", "phone"), join("bob")).unwrap();
    scene.act_as(&device("bob", "tablet"), join("robert")).unwrap();
    let kicked = ["bob leaves (kicked)", "bob leaves (kicked)"];
    scene.check("admin", set_roles(&[("bob", None)]), Ok(&kicked));
    assert_eq!(scene.nicks(), ["admin", "member", "owner", "robert"]);
    scene.check("bob", join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
}

#[test]
fn a_moderator_acts_from_any_of_his_sessions() {
    let mut scene = Scene::open().full();
    scene.act("owner", set_roles(&[("member", Moderator)])).unwrap();
    scene.check_as(&device("member", "phone"), set_roles(&[("bob", None)]), Ok(&["bob leaves (kicked)"]));
}

#[test]
fn an_owner_need_not_be_in_the_room_and_an_administrator_passes_as_one() {
    let mut scene = Scene::open();
    scene.act("bob", join("bob")).unwrap();
    scene.check("owner", set_roles(&[("bob", Visitor)]), Ok(&["bob is now visitor"]));
    scene.check_as(&administrator(), set_roles(&[("bob", None)]), Ok(&["bob leaves (kicked)"]));
}

#[test]
fn a_temporary_room_ends_when_the_last_is_kicked() {
    let mut scene = Scene::with(Settings { persistent: false, ..Settings::default() });
    scene.act("bob", join("bob")).unwrap();
    scene.check("owner", set_roles(&[("bob", None)]), Ok(&["bob leaves (kicked)", "destroyed"]));
}

#[test]
fn rules_move_with_every_role_and_kick_and_with_nothing_ordinary() {
    let mut scene = Scene::open().full();
    let check = |scene: &mut Scene, who: &str, command, expected| {
        let before = scene.room.rules().0;
        scene.act(who, command).unwrap();
        assert_eq!(scene.room.rules().0 - before, expected);
    };
    check(&mut scene, "carol", join("carol"), 0);
    check(&mut scene, "owner", set_roles(&[("bob", Visitor)]), 1);
    check(&mut scene, "owner", set_roles(&[("bob", None), ("carol", None)]), 2);
    check(&mut scene, "bob", join("bob"), 0);
}
