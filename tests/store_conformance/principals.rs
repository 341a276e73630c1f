//! Who belongs where, and by which version of the rights.

use std::collections::BTreeSet;

use perch::bus::Bus;
use perch::chat::administration::configuration::{Configuration, Values};
use perch::chat::administration::level::{Here, Level};
use perch::chat::administration::policy::Policy;
use perch::chat::affiliation::Affiliation;
use perch::chat::category::{CategoryId, CategoryText, Rules};
use perch::chat::id::AccountId;
use perch::chat::principal::{Change, Entry, Kind, Standing};
use perch::directory::Directory;
use perch::store::Store;
use perch::store::administration::{Deed, DeedError};
use perch::store::error::{AppendError, PrincipalError};
use perch::store::principal::{PrincipalQuery, RightsPage};
use perch_address::BareJid;

use crate::Place;
use crate::scene::{account, act, address, affiliation, append, join, make, post};

fn group(name: &str) -> BareJid {
    BareJid::from_parts(Some(name), "groups.localhost").unwrap()
}

fn made(name: &str) -> Change {
    Change::Make { address: group(name), kind: Kind::Group, name: name.into(), entry: None }
}

fn admit(member: &BareJid, into: &str) -> Change {
    Change::Admit { member: member.clone(), into: group(into) }
}

fn dismiss(member: &BareJid, from: &str) -> Change {
    Change::Dismiss { member: member.clone(), from: group(from) }
}

pub(crate) async fn directory(store: &Store) -> Directory {
    let domain = BareJid::new("localhost").unwrap();
    let here = Here { pool: "perch".into(), site: None };
    Directory::open(store.clone(), Bus::Local, domain, here).await.unwrap()
}

fn belongs(directory: &Directory, who: &BareJid) -> Vec<String> {
    let view = directory.view();
    let found: BTreeSet<_> = view.belongs(who).addresses().map(str::to_owned).collect();
    found.into_iter().collect()
}

pub(crate) async fn changes_of_principals_are_all_or_nothing(place: Place) {
    let store = place.open().await;
    let before = store.rights_version().await.unwrap();
    let (alice, bob) = (address("alice"), address("bob"));
    let changes =
        [made("staff"), made("dev"), admit(&group("dev"), "staff"), admit(&alice, "dev"), admit(&bob, "dev")];
    let applied = store.change_principals(&changes, None).await.unwrap();
    assert_eq!((applied.version, applied.has_changed), (before + 1, true));
    assert_eq!(store.rights_version().await.unwrap(), before + 1);

    // What is so already is left so, and is no other version.
    let again = [admit(&alice, "dev"), dismiss(&alice, "staff")];
    let applied = store.change_principals(&again, None).await.unwrap();
    assert_eq!((applied.version, applied.has_changed), (before + 1, false));

    for (refused, expected) in [
        (made("dev"), PrincipalError::AddressTaken(group("dev"))),
        (admit(&bob, "nowhere"), PrincipalError::NoSuchPrincipal(group("nowhere"))),
        (admit(&group("nobody"), "dev"), PrincipalError::NoSuchPrincipal(group("nobody"))),
        (
            Change::Rename { address: group("nobody"), name: "x".into() },
            PrincipalError::NoSuchPrincipal(group("nobody")),
        ),
    ] {
        let changes = [dismiss(&alice, "dev"), refused];
        assert_eq!(store.change_principals(&changes, None).await, Err(expected));
    }
    let unit = BareJid::new("munich@units.localhost").unwrap();
    let held = Change::Admit { member: unit.clone(), into: group("dev") };
    let refused = PrincipalError::CannotHold { parent: group("dev"), member: unit };
    assert_eq!(store.change_principals(&[held], None).await, Err(refused));

    let directory = directory(&store).await;
    let staff = group("staff");
    assert!(directory.view().belongs(&alice).includes(&staff), "what was refused took nothing with it");
    assert_eq!(directory.view().version(), before + 1);
}

pub(crate) async fn a_view_follows_what_changes(place: Place) {
    let store = place.open().await;
    let directory = directory(&store).await;
    let (alice, bob) = (address("alice"), address("bob"));
    let own = |name: &str, groups: &[&str]| {
        let mut all = vec![format!("{name}@localhost"), "localhost".to_owned()];
        all.extend(groups.iter().map(|group| format!("{group}@groups.localhost")));
        all.sort();
        all
    };
    let changes = [
        made("staff"),
        made("dev"),
        admit(&group("dev"), "staff"),
        admit(&alice, "dev"),
        admit(&bob, "staff"),
    ];
    directory.change(&changes).await.unwrap();
    assert_eq!(belongs(&directory, &alice), own("alice", &["dev", "staff"]));
    assert_eq!(belongs(&directory, &bob), own("bob", &["staff"]));

    directory.change(&[dismiss(&alice, "dev"), admit(&bob, "dev")]).await.unwrap();
    assert_eq!(belongs(&directory, &alice), own("alice", &[]));
    assert_eq!(belongs(&directory, &bob), own("bob", &["dev", "staff"]));
    directory.change(&[admit(&alice, "dev")]).await.unwrap();
    assert_eq!(belongs(&directory, &alice), own("alice", &["dev", "staff"]));

    directory.change(&[Change::Remove { address: group("dev") }]).await.unwrap();
    assert_eq!(belongs(&directory, &alice), own("alice", &[]));
    assert_eq!(belongs(&directory, &group("dev")), [""; 0]);
    let given = PrincipalError::AddressTaken(group("dev"));
    assert_eq!(directory.change(&[made("dev")]).await, Err(given), "an address is given once");

    // Who comes later reads the same at once.
    let newcomer = crate::principals::directory(&store).await;
    assert_eq!(newcomer.view().version(), directory.view().version());
    for who in [&alice, &bob, &group("dev"), &group("staff")] {
        assert_eq!(belongs(&newcomer, who), belongs(&directory, who));
    }
    let [member] = &store.members().await.unwrap()[..] else { panic!("one member") };
    assert_eq!(member.showing.rights, directory.view().version());
}

pub(crate) async fn memberships_that_ended_are_forgotten_once_all_know(place: Place) {
    let store = place.open().await;
    let directory = directory(&store).await;
    let alice = address("alice");
    directory.change(&[made("staff"), admit(&alice, "staff")]).await.unwrap();
    directory.change(&[dismiss(&alice, "staff")]).await.unwrap();
    let kept = async |since| {
        let mut kept = 0;
        let mut take = |page| {
            if let RightsPage::Belongs(rows) = page {
                kept += rows.len();
            }
        };
        store.read_rights(since, &mut take).await.unwrap();
        kept
    };
    assert_eq!(kept(0).await, 1, "this member's own row showed an older version when it ended");
    directory.change(&[made("dev")]).await.unwrap();
    assert_eq!(kept(0).await, 0);
}

pub(crate) async fn an_account_that_does_not_count_belongs_to_nothing(place: Place) {
    let store = place.open().await;
    let directory = directory(&store).await;
    let alice = address("alice");
    let id = store.add_account(account("alice")).await.unwrap();
    directory.change(&[made("staff"), admit(&alice, "staff")]).await.unwrap();
    let all = ["alice@localhost", "localhost", "staff@groups.localhost"];

    set_disabled(&store, id, &alice, true).await;
    directory.settle().await.unwrap();
    assert_eq!(belongs(&directory, &alice), [""; 0]);
    set_disabled(&store, id, &alice, false).await;
    directory.settle().await.unwrap();
    assert_eq!(belongs(&directory, &alice), all);

    remove(&store, id, &alice).await;
    directory.settle().await.unwrap();
    assert_eq!(belongs(&directory, &alice), [""; 0]);
    let gone = PrincipalError::NoSuchPrincipal(alice.clone());
    assert_eq!(directory.change(&[admit(&alice, "staff")]).await, Err(gone));
    store.add_account(account("alice")).await.unwrap();
    directory.settle().await.unwrap();
    assert_eq!(belongs(&directory, &alice), all[..2], "somebody else, who only has the name");
}

pub(crate) async fn what_an_address_may_ends_with_its_account(place: Place) {
    let store = place.open().await;
    let bob = store.add_account(account("bob")).await.unwrap();
    let (tea, coffee) = (make(&store, "tea").await, make(&store, "coffee").await);
    append(&store, &tea, [affiliation("bob", Affiliation::Owner, 1), join("alice", "alice", 1)])
        .await
        .unwrap();
    append(&store, &coffee, [affiliation("bob", Affiliation::Outcast, 1)]).await.unwrap();
    let milk = make(&store, "milk").await;
    let (come, go) = (affiliation("bob", Affiliation::Member, 1), affiliation("bob", Affiliation::None, 2));
    append(&store, &milk, [come, join("alice", "alice", 1), go]).await.unwrap();
    let unconcerned = store.load_room("milk").await.unwrap().unwrap();
    let before = store.load_room("tea").await.unwrap().unwrap();
    let guests = CategoryText {
        name: "Guests".into(),
        description: "".into(),
        allowed: vec![address("bob"), address("alice")],
        denied: vec![address("bob")],
        creators: vec![address("bob")],
        rules: Rules::default(),
    };
    let added = store.administer(Deed::AddCategory(guests.clone()), act()).await.unwrap();
    let id = CategoryId(added.0);

    let listed = store.rooms_listing(&address("bob")).await.unwrap();
    remove(&store, bob, &address("bob")).await;
    let rooms: Vec<_> = listed.iter().map(|room| (room.id, &*room.name)).collect();
    assert_eq!(rooms, [(tea.id, "tea")]);
    let room = store.load_room("tea").await.unwrap().unwrap();
    let standing = room.affiliations.iter().find(|standing| standing.jid == address("bob"));
    assert!(standing.is_none_or(|standing| standing.affiliation == Affiliation::None), "{standing:?}");
    assert!(room.affiliations_version > before.affiliations_version);
    let late = append(&store, &before, [post("alice", "hi")]).await;
    assert_eq!(late.err(), Some(AppendError::Stale), "it was decided with the old list in hand");
    append(&store, &unconcerned, [post("alice", "hi")])
        .await
        .expect("a right that had ended before moves nothing");
    let room = store.load_room("coffee").await.unwrap().unwrap();
    let banned = room
        .affiliations
        .iter()
        .any(|standing| standing.jid == address("bob") && standing.affiliation == Affiliation::Outcast);
    assert!(banned, "who is kept out does not get in by a new account of the name");
    let categories = store.categories().await.unwrap();
    let left = categories.iter().find(|category| category.id == id).unwrap();
    assert_eq!((&left.allowed[..], &left.creators[..]), (&[address("alice")][..], &[][..]));
    assert_eq!(left.denied, [address("bob")]);
    let late = Deed::ChangeCategory { id, becomes: guests, expected: added };
    let late = store.administer(late, act()).await;
    assert_eq!(late, Err(DeedError::Stale), "it would bring the address back");
}

pub(crate) async fn principals_are_found_by_what_they_are_called(place: Place) {
    let store = place.open().await;
    let entry = |id: &str| Some(Entry { id: id.into(), dn: format!("cn={id}").into() });
    let make = |name: &str, shown: &str, id: &str| Change::Make {
        address: group(name),
        kind: Kind::Group,
        name: shown.into(),
        entry: entry(id),
    };
    let changes = [
        make("a", "Alpha", "1"),
        make("b", "Beta", "2"),
        admit(&address("alice"), "a"),
        made("c"),
        admit(&address("alice"), "c"),
    ];
    store.change_principals(&changes, None).await.unwrap();
    let taken = PrincipalError::EntryTaken(group("a"));
    assert_eq!(store.change_principals(&[make("d", "Delta", "1")], None).await, Err(taken));

    let first = store.directory_memberships(None, 10).await.unwrap();
    let pairs: Vec<_> = first.iter().map(|found| (&found.member, &found.parent)).collect();
    assert_eq!(pairs, [(&address("alice"), &group("a"))], "c is not of the directory");
    assert_eq!(store.directory_memberships(Some(first[0].place), 10).await.unwrap(), []);

    let found = async |query: PrincipalQuery<'_>| {
        let found = store.principals(PrincipalQuery { limit: 10, ..query }).await.unwrap();
        found.iter().map(|found| found.address.local().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = PrincipalQuery::default();
    assert_eq!(found(all).await, ["a", "alice", "b", "c"]);
    assert_eq!(found(PrincipalQuery { kind: Some(Kind::Group), ..all }).await, ["a", "b", "c"]);
    assert_eq!(found(PrincipalQuery { words: Some("BET"), ..all }).await, ["b"]);
    assert_eq!(found(PrincipalQuery { words: Some("alice@"), ..all }).await, ["alice"]);
    assert_eq!(found(PrincipalQuery { after: Some("alice@localhost"), ..all }).await, ["b", "c"]);

    let changes = [
        Change::Rename { address: group("a"), name: "Omega".into() },
        Change::Bind { address: group("b"), entry: entry("3") },
        Change::Remove { address: group("b") },
    ];
    store.change_principals(&changes, None).await.unwrap();
    let renamed = store.principal(&group("a")).await.unwrap().unwrap();
    assert_eq!((&*renamed.name, renamed.entry), ("Omega", entry("1")));
    assert_eq!(found(PrincipalQuery { kind: Some(Kind::Group), ..all }).await, ["a", "c"]);
    let entries = store.directory_entries("", 10).await.unwrap();
    let entries: Vec<_> =
        entries.into_iter().map(|found| (found.entry.unwrap().id, found.standing)).collect();
    assert_eq!(entries, [("1".into(), Standing::Present), ("3".into(), Standing::Removed)]);
    store.change_principals(&[Change::Restore { address: group("b") }], None).await.unwrap();
    assert_eq!(found(PrincipalQuery { words: Some("b@"), ..all }).await, ["b"]);
}

async fn set_disabled(store: &Store, account: AccountId, address: &BareJid, is_disabled: bool) {
    let deed = Deed::SetAccountDisabled { account, address: address.clone(), is_disabled };
    store.administer(deed, act()).await.unwrap();
}

async fn remove(store: &Store, account: AccountId, address: &BareJid) {
    let deed = Deed::RemoveAccount { account, address: address.clone() };
    store.administer(deed, act()).await.unwrap();
}

pub(crate) async fn policies_and_configuration_go_with_the_rights(place: Place) {
    let store = place.open().await;
    let directory = directory(&store).await;
    let id = store.add_account(account("alice")).await.unwrap();
    let (alice, bob) = (address("alice"), address("bob"));
    let policy = |level: &str, is_enabled| {
        let policy = Policy::new(Level::parse(level).unwrap(), is_enabled, "").unwrap();
        Deed::PutPolicy { policy, expected: None }
    };
    let check = async |deed: Option<Deed>, expected: (bool, bool, u32)| {
        let before = directory.view().version();
        if let Some(deed) = deed {
            store.administer(deed, act()).await.unwrap();
            directory.settle().await.unwrap();
            assert_eq!(directory.view().version(), before + 1);
        }
        let view = directory.view();
        let found = (view.is_enabled(&alice), view.is_enabled(&bob), view.values().default_history);
        assert_eq!(found, expected);
    };
    let by_default = !store.is_shared();
    check(None, (by_default, by_default, 30)).await;
    check(Some(policy("global", true)), (true, true, 30)).await;
    check(Some(policy("tag:none", false)), (true, true, 30)).await;
    let grant = |level| Some(Deed::GrantPolicy { account: id, level });
    check(grant(Level::parse("tag:none")), (false, true, 30)).await;
    let values = Values { default_history: 7, ..Values::default() };
    let configuration = Configuration::new(Level::Pool("perch".into()), values).unwrap();
    let put = Deed::PutConfiguration { configuration, expected: None };
    check(Some(put), (false, true, 7)).await;
    check(grant(None), (true, true, 7)).await;
    check(grant(Level::parse("tag:none")), (false, true, 7)).await;
    // Whoever gets the name next is somebody else.
    check(Some(Deed::RemoveAccount { account: id, address: alice.clone() }), (true, true, 7)).await;
}
