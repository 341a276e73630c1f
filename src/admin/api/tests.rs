//! The operations over a real store.

use std::time::Duration;

use tempfile::TempDir;

use super::token::HolderName;
use super::*;
use crate::admin::caller::{Origin, Token};
use crate::admin::scene::{administration, here};
use crate::auth::Secret;
use crate::bus::Bus;
use crate::chat::administration::configuration::Values;
use crate::chat::administration::scope::Scope;
use crate::chat::event::Change;
use crate::chat::id::Timestamp;
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::settings::{Privacy, Settings};
use crate::chat::words::Wording;
use crate::room as rooms_module;
use crate::store::Options;
use crate::store::administration::act::{AuditQuery, LoggedAct};
use crate::store::member::MemberState;
use crate::store::room::NewRoom;
use crate::store::room_search::RoomSearch;
use crate::store::search::Order;

struct Scene {
    admin: Admin,
    clock: Clock,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::where_users_create(true).await
    }

    /// `root` administers by configuration.
    async fn where_users_create(is_creation_open: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("perch.db").display());
        let store = Store::open(&url, &Options::new([7; 32])).await.unwrap();
        let localhost = BareJid::new("localhost").unwrap();
        let clock = Clock::manual(Timestamp(1_000_000));
        let directory = Directory::open(store.clone(), Bus::Local, localhost, here()).await.unwrap();
        let rooms = rooms(&store, &clock, &directory, is_creation_open);
        let admin = administration(store, directory, rooms, clock.clone()).await;
        Self { admin, clock, _folder: folder }
    }

    async fn add(&self, name: &str) {
        let secret = Secret::Keys(Vec::new());
        self.admin.add_user(&Caller::operator(), name, secret).await.unwrap();
    }

    async fn grant(&self, role: Role, name: &str) {
        self.add(name).await;
        self.admin.grant_role(&Caller::operator(), role, name).await.unwrap();
    }

    async fn log(&self) -> Vec<LoggedAct> {
        let query = AuditQuery { limit: 100, ..AuditQuery::default() };
        self.admin.audit(&Caller::operator(), query).await.unwrap().items
    }
}

fn rooms(store: &Store, clock: &Clock, directory: &Directory, is_creation_open: bool) -> Rooms {
    let policy = rooms_module::Policy {
        is_creation_open,
        locks_new_rooms: false,
        defaults: Settings::default(),
        administrators: Vec::new(),
    };
    // Nobody here takes letters.
    let (letters, _bag) = crate::room::letters();
    let domain = "rooms.localhost";
    Rooms::new(store.clone(), Bus::Local, clock.clone(), domain, policy, directory.clone(), letters)
}

fn account(name: &str) -> Caller {
    Caller::new(Who::Account(BareJid::new(name).unwrap()), Origin::Network([192, 0, 2, 1].into()))
}

fn secret() -> Secret {
    Secret::Keys(Vec::new())
}

#[tokio::test]
async fn only_administrators_administer() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    for caller in [account("alice@localhost"), account("root@other.example")] {
        let refused = Some(AdminError::Forbidden);
        assert_eq!(admin.add_user(&caller, "bob", secret()).await.err(), refused);
        assert_eq!(admin.users(&caller, None, None).await.err(), refused);
        assert_eq!(admin.change_secret(&caller, "bob", secret()).await.err(), refused);
        assert_eq!(admin.set_user_disabled(&caller, "bob", true).await.err(), refused);
        assert_eq!(admin.remove_user(&caller, "bob").await.err(), refused);
        assert_eq!(admin.remove_user(&caller, "no address @").await.err(), refused);
        assert_eq!(admin.members(&caller).await.err(), refused);
        assert_eq!(admin.database(&caller).await.err(), refused);
        assert_eq!(admin.want_member(&caller, "perch", MemberState::Active).await.err(), refused);
        assert_eq!(admin.roles(&caller).await.err(), refused);
        assert_eq!(admin.grant_role(&caller, Role::Auditor, "alice").await.err(), refused);
        assert_eq!(admin.audit(&caller, AuditQuery::default()).await.err(), refused);
        assert_eq!(admin.put_policy(&caller, "global", true, "", Condition::Any).await.err(), refused);
        assert_eq!(admin.remove_addin(&caller, "x", Condition::Any, true).await.err(), refused);
    }
    for (caller, name) in [(Caller::operator(), "bob"), (account("root@localhost"), "carol")] {
        let user = admin.add_user(&caller, name, secret()).await.unwrap();
        assert_eq!(user.address.local(), Some(name));
    }
}

#[tokio::test]
async fn nobody_takes_over_who_is_more_than_he() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    scene.grant(Role::Administrator, "boss").await;
    scene.grant(Role::UserAdministrator, "help").await;
    scene.grant(Role::UserAdministrator, "aid").await;
    scene.add("alice").await;
    let help = account("help@localhost");
    admin.change_secret(&help, "alice", secret()).await.unwrap();
    for privileged in ["boss", "root", "aid", "help"] {
        let refused = admin.change_secret(&help, privileged, secret()).await;
        assert_eq!(refused.err(), Some(AdminError::Forbidden), "{privileged}");
        let refused = admin.add_token(
            &help,
            HolderName::Account(privileged.into()),
            vec![Scope::Admin],
            Duration::from_secs(60),
        );
        let is_own = privileged == "help";
        assert_eq!(refused.await.is_ok(), is_own, "{privileged}");
    }
    let refused = admin.grant_role(&help, Role::Administrator, "help").await;
    assert_eq!(refused.err(), Some(AdminError::Forbidden));
    admin.change_secret(&account("boss@localhost"), "help", secret()).await.unwrap();
}

#[tokio::test]
async fn a_token_gives_what_is_left_of_its_owners_rights() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    scene.grant(Role::Administrator, "boss").await;
    scene.add("alice").await;
    let peer = "192.0.2.1".parse().unwrap();
    let made = async |who: &Caller, holder: HolderName, scope: Scope| {
        admin.add_token(who, holder, vec![scope], Duration::from_secs(600)).await.unwrap().text.to_string()
    };
    let operator = Caller::operator();
    let narrow = made(&operator, HolderName::Account("boss".into()), Scope::UsersRead).await;
    let narrow = admin.by_token(&narrow, peer).await.unwrap();
    assert!(admin.users(&narrow, None, None).await.is_ok());
    let refused = admin.add_user(&narrow, "bob", secret()).await.err();
    assert_eq!(refused, Some(AdminError::OutOfScope(Scope::UsersWrite)));
    let wide = made(&operator, HolderName::Account("alice".into()), Scope::Admin).await;
    let alice = admin.by_token(&wide, peer).await.unwrap();
    assert_eq!(admin.users(&alice, None, None).await.err(), Some(AdminError::Forbidden));

    let service = made(&operator, HolderName::Service("export".into()), Scope::AuditRead).await;
    let service = admin.by_token(&service, peer).await.unwrap();
    assert_eq!(service.who, Who::Service("export".into()));
    assert!(admin.audit(&service, AuditQuery::default()).await.is_ok());
    assert!(admin.users(&service, None, None).await.is_err());

    // What it proves ends with time, with the account's rights, and with the account.
    admin.revoke_role(&operator, Role::Administrator, "boss").await.unwrap();
    assert_eq!(admin.users(&narrow, None, None).await.err(), Some(AdminError::Forbidden));
    scene.clock.advance(Duration::from_secs(600));
    assert_eq!(admin.by_token(&wide, peer).await.err(), Some(AdminError::Unauthenticated));
    let wide = made(&operator, HolderName::Account("alice".into()), Scope::Admin).await;
    assert!(admin.by_token(&wide, peer).await.is_ok());
    let other = wide.replace(&wide[30..31], if &wide[30..31] == "A" { "B" } else { "A" });
    assert_eq!(admin.by_token(&other, peer).await.err(), Some(AdminError::Unauthenticated));
    admin.set_user_disabled(&operator, "alice", true).await.unwrap();
    assert_eq!(admin.by_token(&wide, peer).await.err(), Some(AdminError::Unauthenticated));
}

#[tokio::test]
async fn a_user_has_tokens_of_his_own_and_no_others() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    scene.add("alice").await;
    scene.add("bob").await;
    let alice = account("alice@localhost");
    let day = Duration::from_secs(24 * 60 * 60);
    let add = async |holder, scopes, lifetime| admin.add_token(&alice, holder, scopes, lifetime).await;
    let own = add(HolderName::Asker, vec![Scope::UsersRead], day).await.unwrap();
    let operator = Caller::operator();
    let others = admin.add_token(&operator, HolderName::Account("bob".into()), vec![Scope::Admin], day);
    let others = others.await.unwrap().entry.number;
    for holder in [HolderName::Account("bob".into()), HolderName::Service("x".into())] {
        let refused = add(holder, vec![Scope::Admin], day).await.err();
        assert_eq!(refused, Some(AdminError::Forbidden));
    }
    for (scopes, lifetime, expected) in [
        (vec![], day, AdminError::NoScopes),
        (vec![Scope::Admin], Duration::from_secs(59), AdminError::BadExpiry),
        (vec![Scope::Admin], 367 * day, AdminError::BadExpiry),
    ] {
        assert_eq!(add(HolderName::Asker, scopes, lifetime).await.err(), Some(expected));
    }
    let listed = admin.tokens(&alice, Some("alice"), None, None).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&own.entry));
    assert_eq!(admin.tokens(&alice, None, None, None).await.err(), Some(AdminError::Forbidden));
    assert_eq!(admin.revoke_token(&alice, others).await.err(), Some(AdminError::Forbidden));
    // Nor is he told which there are.
    let nowhere = ActNumber(1 << 40);
    assert_eq!(admin.revoke_token(&alice, nowhere).await.err(), Some(AdminError::Forbidden));
    admin.revoke_token(&alice, own.entry.number).await.unwrap();
    let gone = admin.revoke_token(&Caller::operator(), own.entry.number).await.err();
    assert_eq!(gone, Some(AdminError::NotThere));
}

#[tokio::test]
async fn what_is_done_and_what_is_refused_is_in_the_log() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    scene.add("alice").await;
    let by_token = Caller {
        token: Some(Token { number: ActNumber(9), scopes: vec![Scope::Admin] }),
        ..account("root@localhost")
    };
    admin.set_user_disabled(&by_token, "alice", true).await.unwrap();
    let tried = Caller { is_trial: true, ..by_token.clone() };
    admin.remove_user(&tried, "alice").await.unwrap();
    admin.remove_user(&account("eve@localhost"), "alice").await.unwrap_err();
    admin.user(&Caller::operator(), "alice").await.unwrap();
    let log = scene.log().await;
    let told: Vec<_> = log
        .iter()
        .map(|act| {
            let change = (act.was.as_deref().unwrap_or("-"), act.became.as_deref().unwrap_or("-"));
            (&*act.who, &*act.origin, &*act.operation, &*act.object, act.outcome.as_str(), change)
        })
        .collect();
    let (on, off) = (r#"{"disabled":false}"#, r#"{"disabled":true}"#);
    assert_eq!(
        told,
        [
            ("operator", "socket", "user.add", "alice@localhost", "done", ("-", on)),
            ("root@localhost", "192.0.2.1", "user.change", "alice@localhost", "done", (on, off)),
            ("eve@localhost", "192.0.2.1", "user.remove", "alice@localhost", "forbidden", ("-", "-")),
        ]
    );
    assert_eq!(log[1].token, Some(ActNumber(9)));
    for _ in 0..100 {
        admin.remove_user(&account("eve@localhost"), "alice").await.unwrap_err();
    }
    let refusals = scene.log().await.iter().filter(|act| &*act.who == "eve@localhost").count();
    assert_eq!(refusals, REFUSALS_PER_MINUTE as usize, "nobody fills the log");
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    let scene = Scene::new().await;
    for name in ["a", "b", "c"] {
        scene.add(name).await;
    }
    let page = async |after: Option<&str>, limit| {
        let page = scene.admin.users(&Caller::operator(), after, Some(limit)).await.unwrap();
        (page.items.len(), page.next)
    };
    assert_eq!(page(None, 2).await, (2, Some("b".to_owned())));
    assert_eq!(page(Some("b"), 2).await, (1, None));
    assert_eq!(page(None, 3).await, (3, None));
    assert_eq!(page(None, 0).await, (1, Some("a".to_owned())), "a page of nothing would never end");
}

#[tokio::test]
async fn the_policy_in_force_is_that_of_the_nearest_level() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    scene.add("alice").await;
    let put = async |level: &str, is_enabled, condition| {
        admin.put_policy(&operator, level, is_enabled, "", condition).await
    };
    let in_force = async || {
        let found = admin.policy_of(&account("alice@localhost"), "alice").await.unwrap().effective;
        (found.level.to_string(), found.is_enabled)
    };
    assert_eq!(in_force().await, ("global".into(), true), "a server alone is for everybody");
    put("global", false, Condition::Versions(vec![ActNumber(0)])).await.unwrap();
    assert_eq!(in_force().await, ("global".into(), false));
    put("site:berlin", true, Condition::New).await.unwrap();
    assert_eq!(in_force().await, ("site:berlin".into(), true));
    let pool = put("pool:one", false, Condition::Any).await.unwrap();
    assert_eq!(in_force().await, ("pool:one".into(), false));
    put("tag:x", true, Condition::Any).await.unwrap();
    admin.grant_policy(&operator, "alice", Some("tag:x")).await.unwrap();
    assert_eq!(in_force().await, ("tag:x".into(), true));

    let refused = put("pool:one", true, Condition::Versions(vec![ActNumber(1)])).await.err();
    assert_eq!(refused, Some(AdminError::Stale));
    put("pool:one", true, Condition::Versions(vec![pool.version])).await.unwrap();
    let remove =
        async |level: &str, is_forced| admin.remove_policy(&operator, level, Condition::Any, is_forced).await;
    assert_eq!(remove("tag:x", false).await.err(), Some(AdminError::InUse(1)));
    remove("tag:x", true).await.unwrap();
    assert_eq!(in_force().await, ("pool:one".into(), true));
    assert_eq!(
        admin.grant_policy(&operator, "alice", Some("global")).await.err(),
        Some(AdminError::NotGranted)
    );
    for level in ["pool:one", "site:berlin", "global"] {
        remove(level, false).await.unwrap();
    }
    assert_eq!(in_force().await, ("global".into(), true));
    remove("global", false).await.unwrap();
    assert_eq!(remove("tag:x", false).await.err(), Some(AdminError::NotThere));
}

#[tokio::test]
async fn the_configuration_in_force_is_that_of_the_nearest_level() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    let history = async || admin.effective_configuration(&operator).await.unwrap().values.default_history;
    assert_eq!(history().await, 30);
    for (level, default_history) in [("global", 40), ("site:berlin", 50), ("pool:two", 1), ("pool:one", 60)] {
        let values = Values { default_history, ..Values::default() };
        admin.put_configuration(&operator, level, values, Condition::New).await.unwrap();
        assert_eq!(history().await, if default_history == 1 { 50 } else { default_history });
    }
    for (level, expected) in [("pool:one", 50), ("site:berlin", 40), ("global", 30), ("global", 30)] {
        admin.remove_configuration(&operator, level, Condition::Any).await.unwrap();
        assert_eq!(history().await, expected);
    }
    let gone = admin.remove_configuration(&operator, "pool:one", Condition::Any).await.err();
    assert_eq!(gone, Some(AdminError::NotThere));
}

fn only_allow(principals: &[&str]) -> category::CategoryChange {
    let list = |names: &[&str]| category::ListChange {
        add: names.iter().map(ToString::to_string).collect(),
        ..category::ListChange::default()
    };
    category::CategoryChange {
        allowed: list(principals),
        creators: list(&["alice"]),
        ..category::CategoryChange::default()
    }
}

#[tokio::test]
async fn a_category_is_made_changed_and_removed_when_it_is_empty() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    scene.add("alice").await;
    let refused = admin.add_category(&account("alice@localhost"), "Tea", only_allow(&["alice"])).await;
    assert_eq!(refused.err(), Some(AdminError::Forbidden));
    let made = admin.add_category(&operator, "Tea", only_allow(&["alice", "staff@groups.localhost"])).await;
    let made = made.unwrap();
    let again = admin.add_category(&operator, "TEA", only_allow(&[])).await;
    assert_eq!(again.err(), Some(AdminError::NameTaken));
    let change = || category::CategoryChange {
        denied: category::ListChange { add: vec!["bob".into()], ..Default::default() },
        ..Default::default()
    };
    let versions = |version| Condition::Versions(vec![ActNumber(version)]);
    let changed = admin.change_category(&operator, "tea", change(), versions(made.version)).await.unwrap();
    assert_eq!(changed.denied.len(), 1);
    let stale = admin.change_category(&operator, "tea", change(), versions(made.version)).await;
    assert_eq!(stale.err(), Some(AdminError::Stale));

    let room = room::RoomChange { title: Some("Green tea".into()), ..Default::default() };
    admin.add_room(&operator, "green", room).await.unwrap();
    let removed = admin.remove_category(&operator, "Tea", Condition::Any).await;
    assert_eq!(removed.err(), Some(AdminError::InUse(1)));
    admin.remove_room(&operator, "green").await.unwrap();
    admin.remove_category(&operator, "Tea", Condition::Any).await.unwrap();
    assert_eq!(admin.categories(&operator).await.unwrap(), []);
    let operations: Vec<_> = scene.log().await.into_iter().map(|act| act.operation).collect();
    assert!(operations.ends_with(&["room.remove".into(), "category.change".into()]), "{operations:?}");
}

#[tokio::test]
async fn a_room_is_managed_by_its_managers_and_by_administrators() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    for name in ["alice", "bob"] {
        scene.add(name).await;
    }
    let (alice, bob) = (account("alice@localhost"), account("bob@localhost"));
    admin.add_category(&operator, "Tea", only_allow(&["alice", "bob"])).await.unwrap();
    let nothing = room::RoomChange::default;
    let refused = admin.add_room(&bob, "tea", nothing()).await;
    assert_eq!(
        refused.err(),
        Some(AdminError::Room(error::RoomRefusal::CreationRestricted)),
        "he is no creator"
    );
    let made = admin.add_room(&alice, "tea", nothing()).await.unwrap();
    assert_eq!((made.settings.privacy(), &*made.category.clone().unwrap()), (Privacy::Closed, "Tea"));
    assert_eq!((made.managers.len(), made.members.len()), (1, 1), "who makes it manages it, and is a member");
    let taken = admin.add_room(&alice, "tea", nothing()).await;
    assert_eq!(taken.err(), Some(AdminError::NameTaken));
    assert_eq!(admin.room(&bob, "tea").await.err(), Some(AdminError::Forbidden));
    let list = |name: &str| category::ListChange { add: vec![name.into()], ..Default::default() };
    let with_bob =
        || room::RoomChange { members: list("bob"), presenters: list("bob"), ..Default::default() };
    for change in [with_bob(), nothing()] {
        let refused = admin.change_room(&bob, "tea", change, Condition::Any).await;
        assert_eq!(refused.err(), Some(AdminError::Forbidden));
    }
    let again = admin.change_room(&alice, "tea", with_bob(), Condition::New).await;
    assert_eq!(again.err(), Some(AdminError::Stale));
    let changed = admin.change_room(&alice, "tea", with_bob(), Condition::Any).await.unwrap();
    assert_eq!((changed.members.len(), changed.presenters.len()), (2, 1));
    let stale = Condition::Versions(vec![ActNumber(made.version.0)]);
    let late = admin.change_room(&alice, "tea", with_bob(), stale).await;
    assert_eq!(late.err(), Some(AdminError::Stale));
    let stranger = room::RoomChange { members: list("carol@elsewhere.example"), ..Default::default() };
    let out = admin.change_room(&operator, "tea", stranger, Condition::Any).await;
    assert_eq!(out.err(), Some(AdminError::Room(error::RoomRefusal::OutOfScope)));
    let disable = |disabled| room::RoomChange { disabled: Some(disabled), ..Default::default() };
    admin.change_room(&alice, "tea", disable(true), Condition::Any).await.unwrap();
    let enabled = admin.change_room(&alice, "tea", disable(false), Condition::Any).await;
    assert_eq!(enabled.err(), Some(AdminError::Forbidden));
    admin.change_room(&operator, "tea", disable(false), Condition::Any).await.unwrap();
    assert_eq!(admin.remove_room(&alice, "tea").await.err(), Some(AdminError::Forbidden));
}

#[tokio::test]
async fn where_administrators_alone_make_rooms_a_creator_makes_none() {
    let scene = Scene::where_users_create(false).await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    scene.add("alice").await;
    admin.add_category(&operator, "Tea", only_allow(&["alice"])).await.unwrap();
    let alice = account("alice@localhost");
    for category in [None, Some("Tea".to_owned())] {
        let change = room::RoomChange { category, ..Default::default() };
        let refused = admin.add_room(&alice, "tea", change).await;
        assert_eq!(refused.err(), Some(AdminError::Room(error::RoomRefusal::CreationRestricted)));
    }
    admin.add_room(&operator, "tea", room::RoomChange::default()).await.unwrap();
}

#[tokio::test]
async fn a_room_may_be_made_with_hundreds_of_members() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    admin.add_category(&operator, "Tea", only_allow(&["localhost"])).await.unwrap();
    let of = |count: usize| room::RoomChange {
        members: category::ListChange {
            add: (0..count).map(|n| format!("u{n}@localhost")).collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let made = admin.add_room(&operator, "tea", of(500)).await.unwrap();
    assert_eq!(made.members.len(), 500);
    let refused = admin.add_room(&operator, "coffee", of(501)).await;
    assert!(matches!(refused, Err(AdminError::Room(error::RoomRefusal::BadSetting(_)))), "{refused:?}");
}

#[tokio::test]
async fn of_a_room_that_was_not_made_as_asked_nothing_stays() {
    let scene = Scene::new().await;
    let (admin, operator) = (&scene.admin, Caller::operator());
    scene.add("alice").await;
    admin.add_category(&operator, "Tea", only_allow(&["alice"])).await.unwrap();
    let managers = category::ListChange { add: vec!["carol@elsewhere.example".into()], ..Default::default() };
    let change = room::RoomChange { managers, ..Default::default() };
    let refused = admin.add_room(&account("alice@localhost"), "tea", change).await;
    assert_eq!(refused.err(), Some(AdminError::Room(error::RoomRefusal::OutOfScope)));
    assert_eq!(admin.room(&operator, "tea").await.err(), Some(AdminError::NoSuchRoom));
}

/// A room in which one message was said.
async fn said_in(admin: &Admin, at: i64, name: &str, settings: Settings) {
    let by = BareJid::new("owner@localhost").unwrap();
    let author = Author { nick: "owner".into(), jid: by.clone(), resource: None, occupant_id: "o".into() };
    let content = Content {
        id: None,
        lang: None,
        text: Some(format!("tea in {name}").into()),
        payload: Payload::from("<body>tea</body>".to_owned()),
        retention: Retention::Kept,
    };
    let created = Change::Created { by, settings: Box::new(settings), locked: false };
    let changes = [created, Change::Posted { author, content }].into();
    let at = Timestamp(at);
    let new = NewRoom { name: name.into(), secret: [1; 32], changes, at, origin: None };
    admin.rooms.store().create_room(new).await.unwrap();
}

#[tokio::test]
async fn everybody_finds_what_he_may_read_and_no_more() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    said_in(admin, 1, "open", Settings::default()).await;
    said_in(admin, 2, "closed", Settings { members_only: true, ..Settings::default() }).await;
    said_in(admin, 3, "locked", Settings { password: Some("x".into()), ..Settings::default() }).await;
    said_in(admin, 4, "hidden", Settings { public: false, ..Settings::default() }).await;
    let alice = account("alice@localhost");
    let root = account("root@localhost");
    let found = async |caller: &Caller, rooms: &[&str], authors: &[&str]| {
        let filter = messages::MessageFilter {
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
            wording: Some(Wording::typed("TEA")),
            authors: authors.iter().map(|author| BareJid::new(author).unwrap()).collect(),
            ..Default::default()
        };
        let page = admin.search_messages(caller, &filter, Order::OldestFirst, None, 10).await?;
        let shown = page
            .items
            .iter()
            .map(|message| format!("{} {}", message.text, if message.author.is_some() { "+" } else { "-" }));
        Ok::<_, AdminError>(shown.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(found(&alice, &[], &[]).await, Ok("tea in open -".to_owned()));
    assert_eq!(found(&alice, &["closed"], &[]).await, Err(AdminError::Forbidden));
    assert_eq!(found(&alice, &["open", "locked"], &[]).await, Err(AdminError::Forbidden));
    // Who knows where it is may enter it.
    assert_eq!(found(&alice, &["hidden"], &[]).await, Ok("tea in hidden -".to_owned()));
    assert_eq!(found(&alice, &["none"], &[]).await, Err(AdminError::NoSuchRoom));
    assert_eq!(found(&alice, &[], &["owner@localhost"]).await, Err(AdminError::Forbidden));
    let all = "tea in open +, tea in closed +, tea in locked +, tea in hidden +";
    for caller in [&root, &Caller::operator()] {
        assert_eq!(found(caller, &[], &["owner@localhost"]).await, Ok(all.to_owned()));
    }
    assert_eq!(found(&root, &["closed"], &[]).await, Ok("tea in closed +".to_owned()));
    let rooms = async |caller: &Caller| {
        let page = admin.search_rooms(caller, RoomSearch::default(), None, Some(10)).await.unwrap();
        page.items.len()
    };
    assert_eq!((rooms(&alice).await, rooms(&root).await), (3, 4));

    fn of(name: &str) -> Option<BareJid> {
        Some(BareJid::new(name).unwrap())
    }
    let by_member: fn(&str) -> RoomSearch = |who| RoomSearch { member: of(who), ..RoomSearch::default() };
    let by_manager: fn(&str) -> RoomSearch = |who| RoomSearch { manager: of(who), ..RoomSearch::default() };
    for asked in [by_member, by_manager] {
        assert!(admin.search_rooms(&alice, asked("alice@localhost"), None, None).await.is_ok());
        assert!(admin.search_rooms(&root, asked("owner@localhost"), None, None).await.is_ok());
        let refused = admin.search_rooms(&alice, asked("owner@localhost"), None, None).await;
        assert_eq!(refused.err(), Some(AdminError::Forbidden), "who is in a room's lists is not everybody's");
    }
}

#[tokio::test]
async fn a_token_for_messages_alone_takes_them_out() {
    let scene = Scene::new().await;
    let admin = &scene.admin;
    scene.grant(Role::Administrator, "boss").await;
    said_in(admin, 1, "closed", Settings { members_only: true, ..Settings::default() }).await;
    let holder = HolderName::Account("boss".into());
    let minutes = Duration::from_secs(600);
    let made =
        admin.add_token(&Caller::operator(), holder, vec![Scope::MessagesWrite], minutes).await.unwrap();
    let boss = admin.by_token(&made.text.to_string(), "192.0.2.1".parse().unwrap()).await.unwrap();
    let filter = messages::MessageFilter { rooms: vec!["closed".into()], ..Default::default() };
    let tried = Caller { is_trial: true, ..boss.clone() };
    for (caller, count) in [(&tried, 1), (&boss, 1), (&boss, 0)] {
        let removed = admin.remove_messages(caller, &filter, None, None).await.unwrap();
        assert_eq!(removed.count, count);
    }
}
