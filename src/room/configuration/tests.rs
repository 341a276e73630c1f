//! A room's beginning, its settings and its end, told as logs.

use super::*;
use crate::chat::command::Command;
use crate::room::scene::{SECRET, Scene, actor, administrator, jid, join, tell, wish};

fn configure(settings: Settings) -> Command {
    Command::Configure { settings: Box::new(settings), people: People::default() }
}

fn lists(owners: Option<&[&str]>, admins: Option<&[&str]>) -> Command {
    let jids = |names: &[&str]| names.iter().map(|name| jid(name)).collect();
    Command::Configure {
        settings: Box::default(),
        people: People { owners: owners.map(jids), admins: admins.map(jids), presenters: None },
    }
}

#[test]
fn a_new_room_is_locked_and_its_creators() {
    let decision = Room::creation(&actor("bob"), &wish("Bob"), Settings::default(), true, &SECRET).unwrap();
    assert_eq!(
        tell(&decision),
        ["created locked", "bob is owner", "Bob joins as owner, moderator", "welcome"]
    );
    let Change::Joined(joined) = &decision.changes[2] else { panic!() };
    assert!(joined.has_created);
    let check = |join: &Join, expected| {
        let refused = Room::creation(&actor("bob"), join, Settings::default(), true, &SECRET);
        assert_eq!(refused, Err(expected));
    };
    check(&wish(""), Refusal::NickMissing);
    check(&wish(" "), Refusal::NickMalformed);
    check(&Join { has_muc_namespace: false, ..wish("bob") }, Refusal::NotAnOccupant);
}

#[test]
fn the_first_configuration_opens_the_room_even_if_it_changes_nothing() {
    let mut scene = Scene::locked();
    scene.check("bob", configure(Settings::default()), Err(Refusal::Forbidden));
    scene.check("bob", join("bob"), Err(Refusal::Locked));
    scene.check("owner", configure(Settings::default()), Ok(&["configured"]));
    assert!(!scene.room.is_locked());
    scene.check("owner", configure(Settings::default()), Ok(&[]));
    scene.check("bob", join("bob"), Ok(&["bob joins as none, participant", "welcome"]));
}

#[test]
fn cancelling_the_first_configuration_destroys_and_a_later_one_does_nothing() {
    Scene::locked().check("owner", Command::CancelConfiguration, Ok(&["destroyed"]));
    Scene::open().check("owner", Command::CancelConfiguration, Ok(&[]));
    Scene::open().full().check("admin", Command::CancelConfiguration, Err(Refusal::Forbidden));
}

#[test]
fn only_owners_configure() {
    let named = Settings { name: "Tea".into(), ..Settings::default() };
    let check = |who: &str, expected: Result<&[&str], Refusal>| {
        Scene::open().full().check(who, configure(named.clone()), expected);
    };
    check("owner", Ok(&["configured"]));
    check("admin", Err(Refusal::Forbidden));
    check("bob", Err(Refusal::Forbidden));
    Scene::open().check_as(&administrator(), configure(named.clone()), Ok(&["configured"]));
}

#[test]
fn a_room_that_becomes_members_only_loses_its_strangers() {
    let members_only = Settings { members_only: true, ..Settings::default() };
    let mut scene = Scene::open().full();
    scene.check("owner", configure(members_only.clone()), Ok(&["configured", "bob leaves (members only)"]));
    assert_eq!(scene.nicks(), ["admin", "member", "owner"]);
    let mut scene = Scene::open().full();
    let with_bob = Command::Configure {
        settings: Box::new(members_only),
        people: People { admins: Some(vec![jid("admin"), jid("bob")]), ..People::default() },
    };
    scene.check("owner", with_bob, Ok(&["configured", "bob is admin, bob: moderator"]));
}

#[test]
fn who_had_no_voice_for_want_of_affiliation_gets_it_when_moderation_ends() {
    let moderated = Settings { moderated: true, ..Settings::default() };
    let mut scene = Scene::with(moderated.clone()).full();
    scene.check("owner", configure(Settings::default()), Ok(&["configured", "bob is now participant"]));
    scene.check("owner", configure(moderated), Ok(&["configured"]));
    assert_eq!(scene.role_of("bob"), Some(Role::Participant));
}

#[test]
fn the_form_has_the_full_lists_of_owners_and_admins() {
    let check = |owners: Option<&[&str]>, admins: Option<&[&str]>, expected: Result<&[&str], Refusal>| {
        Scene::open().full().check("owner", lists(owners, admins), expected);
    };
    check(None, None, Ok(&[]));
    check(Some(&["owner"]), Some(&["admin"]), Ok(&[]));
    check(Some(&["owner", "admin"]), None, Ok(&["admin is owner, admin: moderator"]));
    check(None, Some(&[]), Ok(&["admin is none, admin: participant"]));
    check(None, Some(&["admin", "bob"]), Ok(&["bob is admin, bob: moderator"]));
    let handed_over = ["bob is owner, bob: moderator", "owner is admin, owner: moderator"];
    check(Some(&["bob"]), None, Ok(&handed_over));
    let left = ["bob is owner, bob: moderator", "owner is none, owner: participant"];
    check(Some(&["bob"]), Some(&["admin"]), Ok(&left));
    check(Some(&[]), None, Err(Refusal::LastOwner));
    let both = ["admin is owner, admin: moderator"];
    check(Some(&["owner", "admin"]), Some(&["admin"]), Ok(&both));
}

#[test]
fn an_admin_struck_from_a_members_only_room_stays_as_a_member() {
    let settings = Settings { members_only: true, ..Settings::default() };
    let strike = Command::Configure {
        settings: Box::new(settings.clone()),
        people: People { admins: Some(Vec::new()), ..People::default() },
    };
    let told = ["admin is member, admin: participant"];
    Scene::with(settings).full().check("owner", strike, Ok(&told));
}

#[test]
fn values_that_no_room_can_work_with_are_refused() {
    let plain = Settings::default;
    let check = |settings: Settings, expected: Option<&'static str>| {
        let verdict = check_settings(&settings);
        assert_eq!(verdict, expected.map_or(Ok(()), |fault| Err(Refusal::BadSetting(fault))));
    };
    check(plain(), None);
    check(Settings { password: Some("sesame".into()), ..plain() }, None);
    check(Settings { password: Some(String::new()), ..plain() }, Some("the password is empty"));
    check(Settings { password: Some("x".repeat(257)), ..plain() }, Some("the password is too long"));
    check(Settings { occupants_max: Some(0), ..plain() }, Some("a room for nobody"));
    check(Settings { name: "ü".repeat(256), ..plain() }, None);
    check(Settings { name: "ü".repeat(257), ..plain() }, Some("the name is too long"));
    check(Settings { description: "x".repeat(4097), ..plain() }, Some("the description is too long"));
    check(Settings { lang: "x".repeat(65), ..plain() }, Some("the language is no language tag"));
    check(Settings { history_max: 1001, ..plain() }, Some("the history is too long"));
    check(Settings { retention_days: Some(0), ..plain() }, Some("messages are kept for a day at least"));
    let contacts = vec!["x".to_string(); 33];
    check(Settings { contacts, ..plain() }, Some("there are too many contact addresses"));
    let nobody = Some("nobody has the role none in a room");
    check(Settings { member_list: vec![Role::None], ..plain() }, nobody);
    check(Settings { presence_broadcast: vec![], ..plain() }, None);
}

#[test]
fn changes_that_touch_privacy_are_announced_by_name() {
    let plain = Settings::default;
    let check = |old: Settings, new: Settings, expected: &[u16]| {
        assert_eq!(status_codes(&old, &new), expected);
    };
    let unlogged = || Settings { archived: false, ..plain() };
    let open_faced = || Settings { whois: Whois::Anyone, ..plain() };
    check(plain(), plain(), &[]);
    check(unlogged(), plain(), &[170]);
    check(plain(), unlogged(), &[171]);
    check(plain(), open_faced(), &[172]);
    check(open_faced(), plain(), &[173]);
    check(plain(), Settings { name: "Tea".into(), ..plain() }, &[104]);
    check(unlogged(), Settings { name: "Tea".into(), ..open_faced() }, &[170, 172, 104]);
}

#[test]
fn an_owner_ends_a_room() {
    let destroy = || Command::Destroy { reason: "moved".into(), alternate: Some(jid("new")), password: None };
    let mut scene = Scene::open().full();
    scene.check("admin", destroy(), Err(Refusal::Forbidden));
    scene.check("owner", destroy(), Ok(&["destroyed"]));
    assert!(scene.room.occupants().is_empty());
    let gone = Refusal::Destroyed { alternate: Some(jid("new")), reason: "moved".into() };
    scene.check("bob", join("bob"), Err(gone));
}

#[test]
fn a_temporary_room_that_becomes_members_only_for_nobody_ends() {
    let temporary = Settings { persistent: false, ..Settings::default() };
    let mut scene = Scene::with(temporary.clone());
    scene.act("bob", join("bob")).unwrap();
    let closed = Settings { members_only: true, ..temporary };
    scene.check("owner", configure(closed), Ok(&["configured", "bob leaves (members only)", "destroyed"]));
}
