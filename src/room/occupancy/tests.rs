//! Coming and going, told as logs.

use super::*;
use crate::chat::administration::configuration::Values;
use crate::chat::affiliation::Affiliation;
use crate::chat::command::Command;
use crate::chat::settings::Settings;
use crate::directory::View;
use crate::room::scene::{Scene, actor, administrator, affiliate, device, jid, join, set_roles, wish};

fn leave() -> Command {
    Command::Leave { presence: Payload::default() }
}

fn rename(nick: &str) -> Command {
    Command::Rename { nick: nick.into(), presence: Payload::default() }
}

fn presence(text: &str) -> Payload {
    Payload::from(format!("<status>{text}</status>"))
}

fn detach(deadline: i64) -> Command {
    Command::Detach { deadline: Timestamp(deadline) }
}

#[test]
fn the_first_role_shows_in_the_join() {
    let check = |moderated, who: &str, expected: &str| {
        let settings = Settings { moderated, ..Settings::default() };
        let mut scene = Scene::with(settings);
        let people = [("admin", Affiliation::Admin), ("member", Affiliation::Member)];
        scene.act("owner", affiliate(&people)).unwrap();
        scene.check(who, join(who), Ok(&[expected, "welcome"]));
    };
    check(false, "bob", "bob joins as none, participant");
    check(true, "bob", "bob joins as none, visitor");
    check(true, "member", "member joins as member, participant");
    check(false, "admin", "admin joins as admin, moderator");
    check(false, "owner", "owner joins as owner, moderator");
}

#[test]
fn a_door_has_many_locks() {
    let closed = Settings {
        members_only: true,
        password: Some("sesame".into()),
        occupants_max: Some(1),
        ..Settings::default()
    };
    let check = |settings: &Settings, who: &str, join: Join, expected: Refusal| {
        let mut scene = Scene::with(settings.clone());
        let people = [("member", Affiliation::Member), ("outcast", Affiliation::Outcast)];
        scene.act("owner", affiliate(&people)).unwrap();
        scene.act("owner", Command::Join(Join { password: Some("sesame".into()), ..wish("owner") })).unwrap();
        scene.check(who, Command::Join(join), Err(expected));
    };
    let with_password = |nick: &str| Join { password: Some("sesame".into()), ..wish(nick) };
    let wrong = Join { password: Some("Sesame".into()), ..wish("member") };
    check(&closed, "bob", wish(""), Refusal::NickMissing);
    check(&closed, "bob", wish("  "), Refusal::NickMalformed);
    check(&closed, "outcast", wish("out"), Refusal::Banned);
    check(&closed, "bob", with_password("bob"), Refusal::MembersOnly);
    check(&closed, "member", wish("member"), Refusal::PasswordRequired);
    check(&closed, "member", wrong, Refusal::PasswordRequired);
    check(&closed, "member", with_password("Owner"), Refusal::NickTaken);
    check(&closed, "member", with_password("member"), Refusal::Full);
    check(&closed, "bob", Join { has_muc_namespace: false, ..wish("bob") }, Refusal::NotAnOccupant);
}

#[test]
fn a_locked_room_lets_in_its_owner_only() {
    let mut scene = Scene::locked();
    assert_eq!(scene.nicks(), ["owner"]);
    scene.check("bob", join("bob"), Err(Refusal::Locked));
    scene.check_as(
        &device("owner", "phone"),
        join("owner"),
        Ok(&["owner joins as owner, moderator", "welcome"]),
    );
}

#[test]
fn a_full_room_still_lets_in_who_may_clear_it() {
    let mut scene = Scene::with(Settings { occupants_max: Some(1), ..Settings::default() });
    scene.act("owner", affiliate(&[("admin", Affiliation::Admin)])).unwrap();
    scene.act("bob", join("bob")).unwrap();
    scene.check("carol", join("carol"), Err(Refusal::Full));
    scene.check("owner", join("owner"), Ok(&["owner joins as owner, moderator", "welcome"]));
    scene.check("admin", join("admin"), Ok(&["admin joins as admin, moderator", "welcome"]));
    let phone = device("bob", "phone");
    scene.check_as(&phone, join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
}

#[test]
fn an_administrator_of_the_service_passes_every_door_without_showing_a_rank() {
    let settings = Settings {
        members_only: true,
        password: Some("sesame".into()),
        occupants_max: Some(3),
        ..Settings::default()
    };
    let mut scene = Scene::with(settings).full();
    scene.check_as(&administrator(), join("root"), Ok(&["root joins as none, moderator", "welcome"]));
}

#[test]
fn nicks_that_look_alike_are_one_nick() {
    let check = |nick: &str, expected: Result<&[&str], Refusal>| {
        let mut scene = Scene::open();
        scene.act("bob", join("Bob the Builder")).unwrap();
        scene.check("carol", join(nick), expected);
    };
    check("bob THE builder", Err(Refusal::NickTaken));
    check("Ｂｏｂ the Builder", Err(Refusal::NickTaken));
    check("bobthebuilder", Ok(&["bobthebuilder joins as none, participant", "welcome"]));
}

#[test]
fn a_reserved_nick_waits_for_its_holder() {
    let mut scene = Scene::open();
    scene.act("bob", Command::Register { nick: "Bob".into() }).unwrap();
    scene.check("carol", join("bob"), Err(Refusal::NickTaken));
    scene.check("carol", join("carol"), Ok(&["carol joins as none, participant", "welcome"]));
    scene.check("carol", rename("BOB"), Err(Refusal::NickTaken));
    scene.check("bob", join("bobby"), Ok(&["bobby joins as member, participant", "welcome"]));
}

#[test]
fn sessions_of_one_person_share_a_nick() {
    let (desk, phone) = (device("bob", "desk"), device("bob", "phone"));
    let mut scene = Scene::open();
    scene.check_as(&desk, join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
    scene.check_as(&phone, join("Bob"), Ok(&["bob joins as none, participant (assigned)", "welcome"]));
    assert_eq!(scene.nicks(), ["bob"]);
    scene.check_as(&desk, leave(), Ok(&["bob leaves (own)"]));
    assert_eq!(scene.nicks(), ["bob"]);
    scene.check_as(&phone, leave(), Ok(&["bob leaves (own)"]));
    assert!(scene.nicks().is_empty());
}

#[test]
fn one_person_may_hold_several_nicks() {
    let (desk, phone) = (device("bob", "desk"), device("bob", "phone"));
    let mut scene = Scene::open();
    scene.act_as(&desk, join("bob")).unwrap();
    scene.act_as(&phone, join("robert")).unwrap();
    assert_eq!(scene.nicks(), ["bob", "robert"]);
    scene.check_as(&desk, rename("robert"), Err(Refusal::NickTaken));
}

#[test]
fn a_nick_has_only_so_many_sessions() {
    let mut scene = Scene::open();
    for number in 0..SEATS_MAX {
        scene.act_as(&device("bob", &format!("d{number}")), join("bob")).unwrap();
    }
    scene.check_as(&device("bob", "one more"), join("bob"), Err(Refusal::Full));
}

#[test]
fn a_role_given_by_hand_holds_for_all_sessions_of_the_nick() {
    let mut scene = Scene::open().full();
    scene.act("owner", set_roles(&[("bob", Role::Moderator)])).unwrap();
    let phone = device("bob", "phone");
    scene.check_as(&phone, join("bob"), Ok(&["bob joins as none, moderator", "welcome"]));
}

#[test]
fn a_new_nick_moves_all_sessions() {
    let (desk, phone) = (device("bob", "desk"), device("bob", "phone"));
    let mut scene = Scene::open();
    scene.act_as(&desk, join("bob")).unwrap();
    scene.act_as(&phone, join("bob")).unwrap();
    scene.check_as(&phone, rename("rob"), Ok(&["bob is now rob"]));
    assert_eq!(scene.nicks(), ["rob"]);
    scene.check_as(&desk, rename("Rob"), Ok(&["rob is now Rob"]));
    scene.check_as(&desk, rename("Rob"), Ok(&["ephemeral: presence"]));
    let check = |nick: &str, expected| scene.clone().check_as(&desk, rename(nick), Err(expected));
    check("", Refusal::NickMissing);
    check("\u{200b}", Refusal::NickMalformed);
    scene.check("carol", rename("carol"), Err(Refusal::NotAnOccupant));
}

#[test]
fn presence_from_inside_is_news_a_new_nick_or_a_wish_to_see_everything_again() {
    let mut scene = Scene::open().full();
    let plain = |nick: &str| Join { has_muc_namespace: false, ..wish(nick) };
    scene.check("bob", Command::Join(plain("bob")), Ok(&["ephemeral: presence"]));
    scene.check("bob", Command::Join(plain("rob")), Ok(&["bob is now rob"]));
    scene.check("bob", join("rob"), Ok(&["welcome"]));
    let away = Join { presence: presence("away"), ..wish("rob") };
    scene.check("bob", Command::Join(away.clone()), Ok(&["ephemeral: presence", "welcome"]));
    scene.check("bob", Command::Join(away), Ok(&["welcome"]));
    scene.check("bob", join("bob"), Ok(&["rob is now bob", "welcome"]));
    scene.check("bob", join("owner"), Err(Refusal::NickTaken));
}

#[test]
fn the_session_that_spoke_last_is_shown() {
    let (desk, phone) = (device("bob", "desk"), device("bob", "phone"));
    let mut scene = Scene::open();
    scene.act_as(&desk, join("bob")).unwrap();
    scene.act_as(&phone, join("bob")).unwrap();
    let shown = |scene: &Scene| {
        let seat = &scene.room.occupants().by_nick_key("bob").unwrap().seats[0];
        (seat.session, seat.presence.as_str().to_string())
    };
    assert_eq!(shown(&scene).0, phone.session);
    let set = Command::SetPresence { presence: presence("away") };
    scene.check_as(&desk, set.clone(), Ok(&["ephemeral: presence"]));
    assert_eq!(shown(&scene), (desk.session, "<status>away</status>".into()));
    scene.check("carol", set, Err(Refusal::NotAnOccupant));
}

#[test]
fn leaving_from_outside_is_ignored() {
    Scene::open().full().check("stranger", leave(), Ok(&[]));
}

#[test]
fn a_temporary_room_ends_with_its_last_occupant() {
    let mut scene = Scene::with(Settings { persistent: false, ..Settings::default() });
    scene.act("bob", join("bob")).unwrap();
    scene.act("carol", join("carol")).unwrap();
    scene.check("bob", leave(), Ok(&["bob leaves (own)"]));
    scene.check("carol", leave(), Ok(&["carol leaves (own)", "destroyed"]));
    assert!(scene.room.is_destroyed());
    scene.check("carol", leave(), Ok(&[]));
    let gone = Refusal::Destroyed { alternate: None, reason: "".into() };
    scene.check("carol", join("carol"), Err(gone));
}

#[test]
fn a_temporary_room_outlives_the_loss_of_one_of_two_sessions() {
    let (desk, phone) = (device("bob", "desk"), device("bob", "phone"));
    let mut scene = Scene::with(Settings { persistent: false, ..Settings::default() });
    scene.act_as(&desk, join("bob")).unwrap();
    scene.act_as(&phone, join("bob")).unwrap();
    scene.check_as(&desk, leave(), Ok(&["bob leaves (own)"]));
    scene.check_as(&phone, leave(), Ok(&["bob leaves (own)", "destroyed"]));
}

#[test]
fn a_room_that_was_never_configured_ends_with_its_creator() {
    Scene::locked().check("owner", leave(), Ok(&["destroyed"]));
    let mut scene = Scene::locked();
    scene.act("owner", detach(2_000)).unwrap();
    scene.now = Timestamp(2_000);
    scene.check("owner", expire(&["owner", "bob", "member"]), Ok(&["destroyed"]));
}

#[test]
fn a_lost_connection_keeps_its_seat_until_the_deadline() {
    let mut scene = Scene::open().full();
    scene.check("bob", detach(2_000), Ok(&["detached until 2000"]));
    scene.check("member", detach(3_000), Ok(&["detached until 3000"]));
    scene.check("stranger", detach(2_000), Ok(&[]));
    assert_eq!(scene.room.next_deadline(), Some(Timestamp(2_000)));
    scene.now = Timestamp(1_999);
    scene.check("owner", expire(&["owner", "bob", "member"]), Ok(&[]));
    scene.now = Timestamp(2_000);
    scene.check("owner", expire(&["member"]), Ok(&[]));
    scene.check("owner", expire(&["owner", "bob", "member"]), Ok(&["bob leaves (lapsed)"]));
    let attach = || Command::Attach { after: Seq(0) };
    scene.check("member", attach(), Ok(&["attached"]));
    // Also where another member's word that it lost its connection never came.
    scene.check("member", attach(), Ok(&["attached"]));
    scene.check("stranger", attach(), Err(Refusal::NotAnOccupant));
    assert_eq!(scene.room.next_deadline(), None);
    scene.now = Timestamp(9_000);
    scene.check("owner", expire(&["owner", "bob", "member"]), Ok(&[]));
}

#[test]
fn who_comes_back_finds_his_seat() {
    let (desk, phone, tablet) = (device("bob", "desk"), device("bob", "phone"), device("bob", "tablet"));
    let mut scene = Scene::open();
    scene.act_as(&desk, join("bob")).unwrap();
    scene.act_as(&desk, detach(2_000)).unwrap();
    scene.check_as(&phone, join("bob"), Ok(&["bob@bob.test/phone takes over", "welcome"]));
    scene.check_as(&tablet, join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
    assert_eq!(scene.nicks(), ["bob"]);
    assert_eq!(scene.room.occupants().session_count(), 2);
    scene.act_as(&phone, detach(2_000)).unwrap();
    let away = Join { presence: presence("away"), ..wish("bob") };
    scene.check_as(
        &desk,
        Command::Join(away),
        Ok(&["bob@bob.test/desk takes over", "ephemeral: presence", "welcome"]),
    );
    scene.act_as(&tablet, detach(2_000)).unwrap();
    scene.check_as(&tablet, join("bob"), Ok(&["attached", "welcome"]));
}

#[test]
fn an_address_has_one_session_and_the_newer_one_has_it() {
    let old = device("bob", "desk");
    let new = Actor { session: SessionId(42), ..old.clone() };
    let mut scene = Scene::open();
    scene.act_as(&old, join("bob")).unwrap();
    scene.clone().check_as(&new, join("bob"), Ok(&["bob@bob.test/desk takes over", "welcome"]));
    scene.check_as(
        &new,
        join("rob"),
        Ok(&["bob leaves (technical)", "rob joins as none, participant", "welcome"]),
    );
    assert_eq!(scene.nicks(), ["rob"]);
}

#[test]
fn the_service_takes_sessions_out() {
    let check = |cause, expected: &str| {
        Scene::open().full().check("bob", Command::Remove { cause }, Ok(&[expected]));
    };
    check(Departure::Technical, "bob leaves (technical)");
    check(Departure::Shutdown, "bob leaves (shutdown)");
}

#[test]
fn a_crowd_comes_and_goes_unannounced_until_it_has_thinned_out() {
    let mut scene = Scene::open();
    scene.room.see(&limited(10));
    let name = |number: usize| format!("p{number}");
    let come = |scene: &mut Scene, number: usize, prefix: &str| {
        let told = format!("{prefix}p{number} joins as none, participant");
        scene.check(&name(number), join(&name(number)), Ok(&[told.as_str(), "welcome"]));
    };
    let go = |scene: &mut Scene, number: usize, prefix: &str| {
        let told = format!("{prefix}p{number} leaves (own)");
        scene.check(&name(number), leave(), Ok(&[told.as_str()]));
    };
    (1..=11).for_each(|number| come(&mut scene, number, ""));
    assert!(scene.room.is_crowded());
    come(&mut scene, 12, "quiet: ");
    // Eight are 80 % of ten: not yet under it.
    [12, 11, 10, 9].iter().for_each(|&number| go(&mut scene, number, "quiet: "));
    assert_eq!((scene.room.occupants().len(), scene.room.is_crowded()), (8, true));
    go(&mut scene, 8, "quiet: ");
    assert_eq!((scene.room.occupants().len(), scene.room.is_crowded()), (7, false));
    (8..=11).for_each(|number| come(&mut scene, number, ""));
    come(&mut scene, 12, "quiet: ");
    // Another limit holds from when it is known on, whatever the last one made of the room.
    scene.room.see(&limited(12));
    go(&mut scene, 12, "");
    scene.room.see(&limited(5));
    go(&mut scene, 11, "quiet: ");
}

fn limited(participant_update_limit: u32) -> Arc<View> {
    let values = Values { participant_update_limit, ..Values::default() };
    Arc::new(View::sketch(2, &[], Vec::new()).under_configuration(values))
}

#[test]
fn everybody_has_an_id_of_his_own_in_each_room() {
    let id = |secret: u8, who: &str| occupant_id(&[secret; 32], &jid(who));
    assert_eq!(id(1, "bob"), id(1, "bob"));
    assert_ne!(id(1, "bob"), id(1, "carol"));
    assert_ne!(id(1, "bob"), id(2, "bob"));
    assert_eq!(id(1, "bob").len(), 43);
}

fn expire(people: &[&str]) -> Command {
    Command::Expire { sessions: people.iter().map(|who| actor(who).session).collect() }
}
