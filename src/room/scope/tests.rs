//! Whom rooms are for: categories, groups, and what follows for those inside when either changes.

use super::*;
use crate::chat::affiliation::Role;
use crate::chat::category::{CategoryId, Rules};
use crate::chat::command::{AffiliationItem, Command, Invitation, People, Person, Query};
use crate::chat::event::Extent;
use crate::chat::message::Retention;
use crate::chat::settings::{Kind, Privacy};
use crate::room::scene::{Scene, actor, administrator, affiliate, content, jid, join, set_roles};

const STAFF: &str = "staff@groups.example.org";
const ANALYSTS: &str = "analysts@groups.example.org";

fn bare(text: &str) -> BareJid {
    if text.contains('@') { text.parse().unwrap() } else { jid(text) }
}

fn category(id: i64, allowed: &[&str], denied: &[&str], creators: &[&str]) -> Category {
    let jids = |texts: &[&str]| texts.iter().map(|text| bare(text)).collect();
    Category {
        id: CategoryId(id),
        name: format!("Category {id}").into(),
        description: "".into(),
        allowed: jids(allowed),
        denied: jids(denied),
        creators: jids(creators),
        rules: Rules { invitations: true, ..Rules::default() },
        version: 1,
    }
}

fn view(version: i64, staff: &[&str], analysts: &[&str]) -> Arc<View> {
    let addresses = |names: &[&str]| names.iter().map(|name| jid(name).to_string()).collect::<Vec<_>>();
    let (staff, analysts) = (addresses(staff), addresses(analysts));
    let staff: Vec<&str> = staff.iter().map(String::as_str).collect();
    let analysts: Vec<&str> = analysts.iter().map(String::as_str).collect();
    let categories = vec![
        category(1, &[STAFF], &[ANALYSTS], &["owner"]),
        category(2, &[ANALYSTS, "owner"], &[], &["owner"]),
    ];
    Arc::new(View::sketch(version, &[(STAFF, &staff), (ANALYSTS, &analysts)], categories))
}

/// A room of the first category, which is for the staff but for its analysts.
fn scene(settings: Settings) -> Scene {
    let mut scene = Scene::with(Settings { category: Some(CategoryId(1)), ..settings });
    scene.room.see(&view(1, &["owner", "admin", "bob", "member"], &["carol"]));
    scene
}

fn private(privacy: Privacy) -> Settings {
    let mut settings = Settings::default();
    settings.set_privacy(privacy);
    settings
}

fn give(who: &str, affiliation: Affiliation, extent: Extent) -> Command {
    let item = AffiliationItem {
        who: Person::Jid(bare(who)),
        affiliation,
        extent: Some(extent),
        nick: None,
        reason: "".into(),
    };
    Command::SetAffiliations { items: vec![item] }
}

const PLAIN: Extent = Extent { attends: true, presents: false };

#[test]
fn who_enters_depends_on_scope_and_privacy() {
    let check = |privacy, who: &str, expected: Result<(), Refusal>| {
        let mut scene = scene(private(privacy));
        scene.act("owner", affiliate(&[("member", Affiliation::Member)])).unwrap();
        let found = scene.room.decide(&actor(who), join(who), scene.now).map(drop);
        assert_eq!(found, expected, "{who} into {privacy:?}");
    };
    for privacy in [Privacy::Open, Privacy::Unlisted] {
        check(privacy, "bob", Ok(()));
        check(privacy, "member", Ok(()));
        check(privacy, "carol", Err(Refusal::OutOfScope));
        check(privacy, "stranger", Err(Refusal::OutOfScope));
    }
    for privacy in [Privacy::Closed, Privacy::Secret] {
        check(privacy, "bob", Err(Refusal::MembersOnly));
        check(privacy, "member", Ok(()));
        check(privacy, "carol", Err(Refusal::OutOfScope));
    }
    let scene = scene(private(Privacy::Secret));
    assert!(
        scene.room.decide(&administrator(), join("root"), scene.now).is_ok(),
        "administrators are let in"
    );
}

#[test]
fn who_is_out_of_scope_learns_nothing_of_the_room() {
    let mut scene = scene(private(Privacy::Open));
    for query in [Query::Overview, Query::Registration, Query::ArchiveAccess] {
        let ask = |scene: &Scene, by: &Actor| scene.room.answer(by, &query).map(drop);
        assert_eq!(ask(&scene, &actor("carol")), Err(Refusal::OutOfScope), "{query:?}");
        assert_eq!(ask(&scene, &actor("bob")), Ok(()), "{query:?}");
        assert_eq!(ask(&scene, &administrator()), Ok(()), "{query:?}");
    }
    scene.act("owner", affiliate(&[("bob", Affiliation::Owner)])).unwrap();
    scene.room.see(&view(2, &["owner"], &["bob"]));
    let asked = scene.room.answer(&actor("bob"), &Query::Configuration).map(drop);
    assert_eq!(asked, Err(Refusal::OutOfScope), "he manages nothing there now");
}

#[test]
fn rights_are_given_to_groups_and_only_within_the_scope() {
    let mut scene = scene(private(Privacy::Closed));
    let refused = |who: &str| Refusal::PrincipalOutOfScope { principal: bare(who) };
    scene.check("owner", give(ANALYSTS, Affiliation::Member, PLAIN), Err(refused(ANALYSTS)));
    scene.check("owner", give("carol", Affiliation::Member, PLAIN), Err(refused("carol")));
    scene.act("owner", give(ANALYSTS, Affiliation::Outcast, PLAIN)).expect("a ban is no right");
    scene.act("owner", give(STAFF, Affiliation::Member, PLAIN)).unwrap();
    scene.act("bob", join("bob")).expect("he is of the staff");
    assert_eq!(scene.room.affiliation_of(&jid("bob")), Affiliation::Member);
    scene.act("owner", give("bob", Affiliation::Outcast, PLAIN)).unwrap();
    assert!(!scene.nicks().contains(&"bob"), "his own entry goes before that of his group");
}

#[test]
fn who_manages_a_room_is_not_in_it_by_that() {
    let mut scene = scene(private(Privacy::Closed));
    let manager = Extent { attends: false, presents: false };
    scene.act("owner", give("bob", Affiliation::Owner, manager)).unwrap();
    assert_eq!(scene.room.decide(&actor("bob"), join("bob"), scene.now), Err(Refusal::MembersOnly));
    scene.act("bob", give("bob", Affiliation::Owner, PLAIN)).expect("he may put himself on the list");
    scene.act("bob", join("bob")).unwrap();
}

#[test]
fn in_an_auditorium_presenters_speak() {
    let mut scene = scene(Settings { kind: Kind::Auditorium, ..Settings::default() });
    for who in ["owner", "member", "bob"] {
        scene.act(who, join(who)).unwrap();
    }
    let speak = || Command::Post { content: content(Retention::Kept) };
    for who in ["owner", "member", "bob"] {
        assert_eq!(scene.room.decide(&actor(who), speak(), scene.now), Err(Refusal::NoVoice), "{who}");
    }
    let presenter = Extent { attends: true, presents: true };
    scene.act("owner", give("member", Affiliation::Member, presenter)).unwrap();
    scene.act("owner", give("owner", Affiliation::Owner, presenter)).unwrap();
    scene.act("member", speak()).unwrap();
    scene.act("owner", speak()).unwrap();
    scene.act("owner", give("member", Affiliation::Member, PLAIN)).unwrap();
    assert_eq!(scene.room.decide(&actor("member"), speak(), scene.now), Err(Refusal::NoVoice));
    assert_eq!(scene.room.occupants().by_nick("member").unwrap().role, Role::Visitor);
}

#[test]
fn who_presents_by_a_group_does_so_for_as_long_as_he_is_in_it() {
    let mut scene = Scene::with(Settings { kind: Kind::Auditorium, ..Settings::default() });
    scene.room.see(&view(1, &["owner", "bob"], &["carol"]));
    scene.act("owner", affiliate(&[("carol", Affiliation::Member)])).unwrap();
    scene
        .act("owner", give(ANALYSTS, Affiliation::Member, Extent { attends: true, presents: true }))
        .unwrap();
    scene.act("owner", give(STAFF, Affiliation::Member, PLAIN)).unwrap();
    for who in ["bob", "carol"] {
        scene.act(who, join(who)).unwrap();
    }
    let may_speak = |scene: &Scene, who: &str| {
        scene.room.decide(&actor(who), Command::Post { content: content(Retention::Kept) }, scene.now).is_ok()
    };
    assert_eq!((may_speak(&scene, "bob"), may_speak(&scene, "carol")), (false, true));
    scene.room.see(&view(2, &["owner"], &["bob"]));
    let told = ["bob counts as member, now participant", "carol counts as member, now visitor"];
    scene.check_as(&Actor::service(), Command::Review { silences: false }, Ok(&told));
    assert_eq!((may_speak(&scene, "bob"), may_speak(&scene, "carol")), (true, false));
}

#[test]
fn a_room_that_becomes_an_auditorium_falls_silent() {
    let mut scene = Scene::open().full();
    scene.act("owner", give("carol", Affiliation::Member, Extent { attends: true, presents: true })).unwrap();
    scene.act("carol", join("carol")).unwrap();
    let settings = Settings { kind: Kind::Auditorium, ..Settings::default() };
    let changed = Command::Configure { settings: Box::new(settings), people: Default::default() };
    let told = ["configured", "bob is now visitor", "member is now visitor"];
    scene.check("owner", changed, Ok(&told));
    scene.act("owner", set_roles(&[("bob", Role::Participant)])).unwrap();
    let review = |silences| Command::Review { silences };
    scene.check_as(&Actor::service(), review(false), Ok(&[]));
    scene.check_as(&Actor::service(), review(true), Ok(&["bob is now visitor"]));
}

/// By whom the lists are as they are: `bob` owns the room too, and is out of its scope for now.
fn with_an_owner_out_of_scope(settings: Settings) -> Scene {
    let mut scene = scene(settings);
    scene.act("owner", affiliate(&[("bob", Affiliation::Owner), ("admin", Affiliation::Admin)])).unwrap();
    scene.room.see(&view(2, &["owner", "admin"], &[]));
    scene
}

fn lists(settings: Settings, owners: Option<&[&str]>) -> Command {
    let owners = owners.map(|names| names.iter().map(|name| bare(name)).collect());
    let settings = Box::new(Settings { category: Some(CategoryId(1)), ..settings });
    Command::Configure { settings, people: People { owners, ..People::default() } }
}

#[test]
fn who_is_struck_from_a_list_while_he_is_out_of_scope_does_not_come_back() {
    let mut scene = with_an_owner_out_of_scope(Settings::default());
    scene.check("owner", lists(Settings::default(), Some(&["owner"])), Ok(&["bob is admin"]));
    scene.room.see(&view(3, &["owner", "admin", "bob"], &[]));
    assert_eq!(scene.room.affiliation_of(&jid("bob")), Affiliation::Admin);
}

#[test]
fn a_form_without_lists_leaves_them_alone() {
    let mut scene = with_an_owner_out_of_scope(private(Privacy::Closed));
    let named = Settings { name: "Tea".into(), ..private(Privacy::Closed) };
    scene.check("owner", lists(named, None), Ok(&["configured"]));
}

#[test]
fn a_group_is_replaced_by_one_of_its_own() {
    let mut scene = scene(Settings::default());
    scene.act("owner", give(STAFF, Affiliation::Owner, PLAIN)).unwrap();
    scene.act("owner", affiliate(&[("owner", Affiliation::None)])).unwrap();
    scene.check("owner", lists(Settings::default(), Some(&["bob"])), Ok(&["bob is owner", "staff is admin"]));
}

#[test]
fn no_admin_takes_the_place_of_an_owner_who_is_out_of_scope() {
    let mut scene = with_an_owner_out_of_scope(Settings::default());
    for affiliation in [Affiliation::None, Affiliation::Member] {
        scene.check("admin", affiliate(&[("bob", affiliation)]), Err(Refusal::Forbidden));
    }
    scene.check("admin", affiliate(&[("bob", Affiliation::Outcast)]), Err(Refusal::TargetOutranks));
}

#[test]
fn nobody_behind_the_wall_becomes_anything_by_whatever_way() {
    let mut scene = scene(Settings::default());
    let refused = |who: &str| Refusal::PrincipalOutOfScope { principal: bare(who) };
    scene.check("carol", Command::Register { nick: "Carol".into() }, Err(refused("carol")));
    scene.check("owner", lists(Settings::default(), Some(&["owner", "carol"])), Err(refused("carol")));
    let people = People { presenters: Some(vec![jid("carol")]), ..People::default() };
    let settings = Box::new(Settings { category: Some(CategoryId(1)), ..Settings::default() });
    scene.check("owner", Command::Configure { settings, people }, Err(refused("carol")));
}

#[test]
fn a_room_is_moved_together_with_its_lists() {
    let moved = |owners: &[&str]| {
        let settings = Box::new(Settings { category: Some(CategoryId(2)), ..Settings::default() });
        let owners = Some(owners.iter().map(|name| bare(name)).collect());
        Command::Configure { settings, people: People { owners, ..People::default() } }
    };
    let check = |owners: &[&str], expected: Result<&[&str], Refusal>| {
        let mut scene = scene(Settings::default());
        scene.act("owner", affiliate(&[("bob", Affiliation::Owner)])).unwrap();
        scene.check("owner", moved(owners), expected);
    };
    let told = ["configured", "carol is owner", "bob is none", "to carol: now owner"];
    check(&["owner", "bob", "carol"], Ok(&told));
    let stranger = Refusal::PrincipalOutOfScope { principal: jid("stranger") };
    check(&["owner", "bob", "stranger"], Err(stranger));
    check(&["bob"], Err(Refusal::LastOwner));
}

#[test]
fn what_a_group_makes_of_somebody_is_not_his_own_by_registering() {
    let mut scene = scene(Settings::default());
    scene.check("bob", Command::Unregister, Err(Refusal::NotRegistered));
    scene.act("owner", give(STAFF, Affiliation::Owner, PLAIN)).unwrap();
    scene.check("bob", Command::Unregister, Err(Refusal::NotRegistered));
    scene.act("bob", Command::Register { nick: "Bob".into() }).unwrap();
    assert_eq!(scene.room.standings().listed_as(&jid("bob")), Affiliation::Member);
    assert_eq!(scene.room.affiliation_of(&jid("bob")), Affiliation::Owner);
}

#[test]
fn who_leaves_the_group_leaves_the_room() {
    let mut scene = scene(private(Privacy::Open)).full();
    let review = || Command::Review { silences: false };
    let service = Actor::service();
    assert_eq!(scene.act_as(&service, review()).unwrap(), Decision::default(), "nothing has changed");
    scene.room.see(&view(2, &["owner", "admin", "member", "bob"], &["bob"]));
    scene.check_as(&service, review(), Ok(&["bob leaves (affiliation lost)"]));
    scene.room.see(&view(3, &["owner", "member"], &[]));
    scene.room.spare([jid("admin")].into());
    let told = ["admin counts as none, now participant"];
    scene.check_as(&service, review(), Ok(&told));
    scene.room.spare([].into());
    scene.check_as(&service, review(), Ok(&["admin leaves (affiliation lost)"]));
}

#[test]
fn a_room_that_closes_is_left_by_all_who_could_not_enter_it() {
    let mut scene = scene(private(Privacy::Open)).full();
    let manager = Extent { attends: false, presents: false };
    scene.act("owner", give("bob", Affiliation::Admin, manager)).unwrap();
    scene.act("owner", affiliate(&[("member", Affiliation::None)])).unwrap();
    scene.act_as(&administrator(), join("root")).unwrap();
    scene.room.spare([jid("root")].into());
    let told = ["configured", "bob leaves (members only)", "member leaves (members only)"];
    scene.check("owner", lists(private(Privacy::Closed), None), Ok(&told));
}

#[test]
fn who_joins_a_group_is_shown_as_what_it_makes_him() {
    let mut scene = scene(private(Privacy::Open)).full();
    scene.act("owner", give(ANALYSTS, Affiliation::None, PLAIN)).unwrap();
    scene.act("owner", affiliate(&[("member", Affiliation::None)])).unwrap();
    scene.act("owner", give(STAFF, Affiliation::Member, PLAIN)).unwrap();
    let shown = |scene: &Scene, nick: &str| scene.room.occupants().by_nick(nick).unwrap().affiliation;
    assert_eq!((shown(&scene, "bob"), shown(&scene, "member")), (Affiliation::Member, Affiliation::Member));
    scene.act("owner", give(STAFF, Affiliation::None, PLAIN)).unwrap();
    assert_eq!(shown(&scene, "bob"), Affiliation::None);
}

#[test]
fn a_role_goes_with_the_group_also_where_the_room_is_read_again_meanwhile() {
    let mut scene = Scene::open();
    scene.room.see(&view(1, &["bob"], &[]));
    scene.act("owner", give(STAFF, Affiliation::Admin, PLAIN)).unwrap();
    scene.act("bob", join("bob")).unwrap();
    scene.room.see(&view(2, &["owner"], &[]));
    let before = scene.room.occupants().clone();
    scene.read_again();
    scene.room.recall(&before);
    let told = ["bob counts as none, now participant"];
    scene.check_as(&Actor::service(), Command::Review { silences: false }, Ok(&told));
}

#[test]
fn a_move_takes_what_does_not_reach_into_the_new_category() {
    let mut scene = scene(private(Privacy::Open)).full();
    let moved = |category| Command::Configure {
        settings: Box::new(Settings { category: Some(CategoryId(category)), ..private(Privacy::Open) }),
        people: Default::default(),
    };
    scene.check("bob", moved(2), Err(Refusal::Forbidden));
    scene.act("owner", moved(2)).unwrap();
    assert_eq!(scene.nicks(), ["owner"], "the others are out of scope");
    assert_eq!(scene.room.affiliation_of(&jid("member")), Affiliation::None);
    assert!(scene.room.standings().get(&jid("member")).unwrap().affiliation == Affiliation::None);
    scene.check("owner", moved(3), Err(Refusal::CreationRestricted));
}

#[test]
fn a_disabled_room_is_empty_and_only_administrators_enable_it() {
    let mut scene = scene(private(Privacy::Open)).full();
    let set = |disabled| Command::Configure {
        settings: Box::new(Settings { disabled, category: Some(CategoryId(1)), ..private(Privacy::Open) }),
        people: Default::default(),
    };
    scene.act("owner", set(true)).unwrap();
    assert!(scene.nicks().is_empty());
    scene.check("bob", join("bob"), Err(Refusal::Disabled));
    scene.check("owner", set(false), Err(Refusal::Forbidden));
    scene.act_as(&administrator(), set(false)).unwrap();
    scene.act("bob", join("bob")).unwrap();
}

#[test]
fn rooms_are_destroyed_by_whom_the_category_lets() {
    let mut scene = scene(private(Privacy::Open)).full();
    let destroy = || Command::Destroy { reason: "".into(), alternate: None, password: None };
    scene.check("owner", destroy(), Err(Refusal::DestructionRestricted));
    scene.act_as(&administrator(), destroy()).unwrap();
    assert!(scene.room.is_destroyed());
}

#[test]
fn a_category_without_history_keeps_none() {
    let mut scene = scene(private(Privacy::Open)).full();
    let mut silent = category(1, &[STAFF], &[], &[]);
    silent.rules.history = false;
    let staff = jid("bob").to_string();
    scene.room.see(&Arc::new(View::sketch(4, &[(STAFF, &[&staff])], vec![silent])));
    let decision = scene.act("bob", Command::Post { content: content(Retention::Kept) }).unwrap();
    let Change::Posted { content, .. } = &decision.changes[0] else { panic!("{decision:?}") };
    assert_eq!(content.retention, Retention::Transient);
}

/// The policy is for all, or for nobody, but for these accounts of `example.org`.
fn under_policy(is_enabled: bool, exceptions: &[&str]) -> Arc<View> {
    Arc::new(View::sketch(2, &[], Vec::new()).under_policy(is_enabled, exceptions))
}

#[test]
fn who_may_not_use_rooms_at_all_does_nothing_in_any() {
    let mut scene = Scene::open().full();
    scene.room.see(&under_policy(false, &[]));
    let stranger = actor("stranger");
    let register = || Command::Register { nick: "Hecate".into() };
    for command in [join("stranger"), register()] {
        let decided = scene.room.decide(&stranger, command, scene.now).map(drop);
        assert_eq!(decided, Err(Refusal::NotEnabled));
    }
    for query in [Query::Overview, Query::Registration, Query::ArchiveAccess] {
        for who in ["stranger", "owner"] {
            let asked = scene.room.answer(&actor(who), &query).map(drop);
            assert_eq!(asked, Err(Refusal::NotEnabled), "{who} {query:?}");
        }
        assert!(scene.room.answer(&administrator(), &query).is_ok(), "{query:?}");
    }
    assert!(scene.room.decide(&administrator(), join("root"), scene.now).is_ok());
    let ban = affiliate(&[("bob", Affiliation::Outcast)]);
    assert_eq!(scene.room.decide(&actor("owner"), ban, scene.now), Err(Refusal::Forbidden));
}

#[test]
fn who_may_no_longer_use_rooms_leaves_and_stays_on_the_lists() {
    let mut scene = Scene::open().full();
    scene.room.see(&under_policy(false, &[]));
    let gone = ["admin", "bob", "member", "owner"].map(|who| format!("{who} leaves (affiliation lost)"));
    let told: Vec<_> = gone.iter().map(String::as_str).collect();
    let review = || Command::Review { silences: false };
    scene.check_as(&Actor::service(), review(), Ok(&told));
    scene.room.see(&under_policy(true, &[]));
    assert_eq!(scene.room.affiliation_of(&jid("member")), Affiliation::Member);
    assert!(scene.act("member", join("member")).is_ok());

    let spared = [jid("member")];
    scene.room.spare(Arc::new(spared));
    scene.room.see(&under_policy(false, &[]));
    scene.check_as(&Actor::service(), review(), Ok(&["member counts as none, now participant"]));
}

#[test]
fn who_may_not_use_rooms_is_listed_and_not_invited() {
    let mut scene = Scene::open().full();
    scene.room.see(&under_policy(true, &["guest"]));
    let invite = |who: &str| {
        let to = bare(who);
        Command::Invite { invitations: vec![Invitation { to, reason: "".into(), continues: None }] }
    };
    let guest = "guest@example.org";
    let refused = Refusal::PrincipalNotEnabled { principal: bare(guest) };
    scene.check("owner", invite(guest), Err(refused));
    assert!(scene.act("owner", invite("host@example.org")).is_ok());
    let granted = scene.act("owner", give(guest, Affiliation::Member, PLAIN)).unwrap();
    assert_eq!((granted.changes.len(), granted.parcels.len()), (1, 0));
    assert_eq!(scene.room.affiliation_of(&bare(guest)), Affiliation::None);
    scene.room.see(&under_policy(true, &[]));
    assert_eq!(scene.room.affiliation_of(&bare(guest)), Affiliation::Member);
}
