//! The lists as joiners are told of them.

use super::*;
use crate::chat::command::Command;
use crate::chat::settings::{Settings, Whois};
use crate::room::scene::{Scene, actor, affiliate};

/// What a joiner is told, as `since -> until: name affiliation, …`.
fn told(scene: &Scene, who: &str, since: &str) -> String {
    match scene.room.listing(&actor(who), since) {
        Listing::Unasked => "unasked".into(),
        Listing::Forbidden => "forbidden".into(),
        Listing::Shown { since, until, items, .. } => {
            let from = since.map_or_else(|| "all".into(), |version| version.to_string());
            let items = items.iter().map(|item| {
                let name = item.jid.local().unwrap_or(item.jid.as_str());
                format!("{name} {}", item.affiliation.as_str())
            });
            format!("{from} -> {until}: {}", items.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The version that someone of that name is given who joins now.
fn version(scene: &Scene, who: &str) -> String {
    let room = &scene.room;
    match room.listing(&actor(who), "") {
        Listing::Shown { lists, until, .. } => Versions::new(&room.secret, room.epoch).write(until, lists),
        Listing::Unasked | Listing::Forbidden => String::new(),
    }
}

fn family() -> Scene {
    Scene::with(Settings { members_only: true, whois: Whois::Anyone, ..Settings::default() }).full()
}

#[test]
fn everybody_is_told_what_he_may_see() {
    let check =
        |scene: &Scene, who: &str, expected: &str| assert_eq!(told(scene, who, ""), expected, "{who}");
    let open = Scene::open().full();
    check(&open, "owner", "all -> 4: owner owner, admin admin, member member, outcast outcast");
    check(&open, "admin", "all -> 4: member member, outcast outcast");
    check(&open, "bob", "forbidden");
    let family = family();
    check(&family, "admin", "all -> 4: owner owner, admin admin, member member, outcast outcast");
    check(&family, "member", "all -> 4: member member");
}

#[test]
fn who_has_a_version_is_told_what_changed_since() {
    let mut scene = family();
    let (of_owner, of_member) = (version(&scene, "owner"), version(&scene, "member"));
    assert_eq!(told(&scene, "owner", &of_owner), "4 -> 4: ");
    scene.act("owner", affiliate(&[("carol", Affiliation::Member)])).unwrap();
    assert_eq!(told(&scene, "owner", &of_owner), "4 -> 5: carol member");
    assert_eq!(told(&scene, "member", &of_member), "4 -> 5: carol member");
    scene.act("owner", affiliate(&[("carol", Affiliation::None), ("dan", Affiliation::Admin)])).unwrap();
    assert_eq!(told(&scene, "owner", &of_owner), "4 -> 7: carol none, dan admin");
    // He may not be told that somebody is an admin, nor of somebody who may have been banned.
    assert_eq!(told(&scene, "member", &of_member), "all -> 7: member member");
}

#[test]
fn a_version_that_is_of_no_use_brings_everything() {
    let mut scene = family();
    let of_member = version(&scene, "member");
    let everything = "all -> 5: owner owner, admin admin, outcast outcast, member admin";
    scene.act("owner", affiliate(&[("member", Affiliation::Admin)])).unwrap();
    // He sees more lists by now than he was shown then.
    assert_eq!(told(&scene, "member", &of_member), everything);
    for unknown in ["", "5", "9pacabr2q1", &of_member.to_lowercase()] {
        assert_eq!(told(&scene, "owner", unknown), everything, "{unknown}");
    }
    let restored = version(&scene, "owner");
    scene.room.epoch.0 += 1;
    assert_eq!(told(&scene, "owner", &restored), everything);
}

#[test]
fn a_change_to_who_is_absent_is_told_to_those_who_see_the_lists() {
    let check = |scene: &Scene, was, is, expected: &[(&str, Affiliation)]| {
        let mut told = scene.room.listeners(was, is);
        let mut wanted: Vec<_> = expected.iter().map(|&(who, shown)| (actor(who).session, shown)).collect();
        told.sort_by_key(|(session, _)| session.0);
        wanted.sort_by_key(|(session, _)| session.0);
        assert_eq!(told, wanted, "{was:?} to {is:?}");
    };
    let (none, member, outcast) = (Affiliation::None, Affiliation::Member, Affiliation::Outcast);
    let open = Scene::open().full();
    check(&open, none, member, &[("owner", member), ("admin", member)]);
    check(&open, none, Affiliation::Admin, &[("owner", Affiliation::Admin)]);
    let family = family();
    check(&family, none, outcast, &[("owner", outcast), ("admin", outcast)]);
    check(&family, member, outcast, &[("owner", outcast), ("admin", outcast), ("member", none)]);
    let mut alone = Scene::open().full();
    for who in ["owner", "admin", "member"] {
        alone.act(who, Command::Leave { presence: Default::default() }).unwrap();
    }
    check(&alone, none, member, &[]);
}
