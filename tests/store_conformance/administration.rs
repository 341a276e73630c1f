//! What administrators do, and the log of it.

use std::time::{Duration, Instant};

use perch::chat::administration::ActNumber;
use perch::chat::administration::addin::Addin;
use perch::chat::administration::configuration::{Configuration, Values};
use perch::chat::administration::level::Level;
use perch::chat::administration::policy::Policy;
use perch::chat::administration::role::Role;
use perch::chat::administration::scope::Scope;
use perch::chat::category::{CategoryText, Rules};
use perch::chat::event::Change::Configured;
use perch::chat::id::{AccountId, Timestamp};
use perch::chat::principal::{Change, Kind};
use perch::chat::settings::Settings;
use perch::store::administration::act::{Act, AuditQuery, LoggedAct, Outcome};
use perch::store::administration::token::{Holder, NewHolder, NewToken};
use perch::store::administration::{Deed, DeedError};
use perch::store::error::PrincipalError;
use perch::store::principal::PrincipalQuery;
use perch::store::{Options, Store};
use perch_address::BareJid;
use sqlx::{Connection, PgConnection};

use crate::pool::member;
use crate::scene::{account, act, address, append, make};
use crate::{Place, by_hand};

/// Behind that line, once there are so many. Whoever else writes on the same server holds back what is shown.
pub(crate) async fn log(store: &Store, after: Option<ActNumber>, count: usize) -> Vec<LoggedAct> {
    let query = AuditQuery { after, limit: 1000, ..AuditQuery::default() };
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let acts = store.audit(&query).await.unwrap();
        if acts.len() >= count || Instant::now() > until {
            return acts;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn policy(level: &str, is_enabled: bool) -> Policy {
    Policy::new(Level::parse(level).unwrap(), is_enabled, "for a while").unwrap()
}

fn token(account: AccountId) -> Deed {
    Deed::AddToken(NewToken {
        holder: NewHolder::Account(account),
        hash: [7; 32],
        scopes: vec![Scope::UsersRead, Scope::Admin],
        created_at: Timestamp(1_000),
        expires_at: Timestamp(2_000),
    })
}

pub(crate) async fn every_deed_has_a_line_and_no_other_is_written(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let addin = Addin::new("Weather", "https://weather.example/").unwrap();
    let global = Level::Global;
    let configuration = Configuration::new(global.clone(), Values::default()).unwrap();
    let group = BareJid::new("staff@groups.localhost").unwrap();
    let staff = Change::Make { address: group.clone(), kind: Kind::Group, name: "Staff".into(), entry: None };
    let first = store.administer(Deed::Elsewhere, act()).await.unwrap();
    let deeds = [
        Deed::AddAccount(account("bob")),
        token(alice),
        Deed::SetCredentials { account: alice, credentials: Vec::new(), digest: None },
        Deed::GrantRole { account: alice, role: Role::Auditor },
        Deed::RevokeRole { account: alice, role: Role::Auditor },
        Deed::PutPolicy { policy: policy("tag:x", false), expected: None },
        Deed::GrantPolicy { account: alice, level: Level::parse("tag:x") },
        Deed::GrantPolicy { account: alice, level: None },
        Deed::PutConfiguration { configuration, expected: None },
        Deed::AddAddin(addin),
        Deed::ChangePrincipals(vec![staff]),
        Deed::SetAccountDisabled { account: alice, address: address("alice"), is_disabled: true },
        Deed::RemoveAccount { account: alice, address: address("alice") },
    ];
    let count = deeds.len();
    for (before, deed) in (1..).zip(deeds) {
        store.administer(deed.clone(), Act { is_trial: true, ..act() }).await.unwrap();
        assert_eq!(log(&store, None, before).await.len(), before, "{deed:?} was only tried");
        store.administer(deed.clone(), act()).await.unwrap();
        assert_eq!(log(&store, None, before + 1).await.len(), before + 1, "{deed:?}");
    }
    let refused = [
        (Deed::AddAccount(account("bob")), DeedError::NameTaken),
        (Deed::RemoveAccount { account: alice, address: address("alice") }, DeedError::NotThere),
        (Deed::RemoveToken(ActNumber(1 << 40)), DeedError::NotThere),
        (token(alice), DeedError::NotThere),
        (
            Deed::ChangePrincipals(vec![
                Change::Rename { address: group.clone(), name: "Crew".into() },
                Change::Admit { member: address("alice"), into: group.clone() },
            ]),
            DeedError::Principal(PrincipalError::NoSuchPrincipal(address("alice"))),
        ),
        (Deed::PutPolicy { policy: policy("tag:x", true), expected: None }, DeedError::Stale),
    ];
    for (deed, expected) in refused {
        assert_eq!(store.administer(deed, act()).await, Err(expected));
    }
    assert_eq!(*store.principal(&group).await.unwrap().unwrap().name, *"Staff");
    let lines = log(&store, None, count + 1).await;
    assert_eq!(lines.len(), count + 1);
    assert!(lines.is_sorted_by(|one, next| one.number < next.number));
    let forbidden = Act { outcome: Outcome::Forbidden, token: Some(first), ..act() };
    store.administer(Deed::Elsewhere, forbidden).await.unwrap();
    let last = log(&store, lines.last().map(|act| act.number), 1).await;
    assert_eq!(last.len(), 1);
    assert_eq!(
        (last[0].outcome, last[0].token, &*last[0].who),
        (Outcome::Forbidden, Some(first), "operator")
    );
    assert_eq!(last[0].became.as_deref(), Some("{}"));
}

pub(crate) async fn a_deed_takes_one_connection(place: Place) {
    let store = place.open_with(&Options { readers: 1, ..Options::new([7; 32]) }).await;
    store.administer(Deed::AddAccount(account("alice")), act()).await.unwrap();
}

/// Two of them could wait for each other otherwise.
pub(crate) async fn who_waits_for_an_account_holds_nothing_of_others(url: String) {
    let store = member(&url, "a").await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let bob = store.add_account(account("bob")).await.unwrap();
    store.administer(token(bob), act()).await.unwrap();
    let later = NewToken {
        holder: NewHolder::Account(alice),
        hash: [1; 32],
        scopes: vec![Scope::UsersRead],
        created_at: Timestamp(3_000),
        expires_at: Timestamp(4_000),
    };
    let address = address("alice");
    let deeds = [
        Deed::AddToken(later),
        Deed::SetAccountDisabled { account: alice, address: address.clone(), is_disabled: true },
        Deed::RemoveAccount { account: alice, address },
    ];
    let mut holder = PgConnection::connect(&url).await.unwrap();
    for deed in deeds {
        let hold = "BEGIN; UPDATE account SET name = name WHERE name = 'alice'";
        sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
        let waits = tokio::spawn({
            let (store, deed) = (store.clone(), deed.clone());
            async move { store.administer(deed, act()).await }
        });
        while !sqlx::query_scalar::<_, bool>(SOMEBODY_WAITS).fetch_one(&mut holder).await.unwrap() {
            assert!(!waits.is_finished(), "{deed:?}");
        }
        for held in ["SELECT FROM rights FOR UPDATE NOWAIT", "SELECT FROM token FOR UPDATE NOWAIT"] {
            let is_free = sqlx::raw_sql(held).execute(&mut holder).await;
            assert!(is_free.is_ok(), "{deed:?}: {is_free:?}");
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
        waits.await.unwrap().unwrap();
    }
}

const SOMEBODY_WAITS: &str = "SELECT EXISTS
    (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))";

pub(crate) async fn the_log_is_only_added_to(place: Place) {
    let store = place.open().await;
    for (at, who, object) in [(1, "a", "x"), (2, "b", "x"), (3, "a", "y")] {
        let act = Act { at: Timestamp(at), who: who.into(), object: object.into(), ..act() };
        store.administer(Deed::Elsewhere, act).await.unwrap();
    }
    let found = async |since: Option<i64>, who: Option<&str>, object: Option<&str>| {
        let query = AuditQuery {
            since: since.map(Timestamp),
            who: who.map(Into::into),
            object: object.map(Into::into),
            limit: 10,
            ..AuditQuery::default()
        };
        store.audit(&query).await.unwrap().iter().map(|act| act.at.0).collect::<Vec<_>>()
    };
    log(&store, None, 3).await;
    assert_eq!(found(None, None, None).await, [1, 2, 3]);
    assert_eq!(found(Some(2), None, None).await, [2, 3]);
    assert!(found(Some(4), None, None).await.is_empty());
    assert_eq!(found(None, Some("a"), None).await, [1, 3]);
    assert_eq!(found(None, Some("a"), Some("x")).await, [1]);
    for statement in ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"] {
        let refused = by_hand(&place, statement).await.err();
        let refused = refused.expect("refused").to_string();
        assert!(refused.contains("the audit log is only added to"), "{refused}");
    }
    assert_eq!(found(None, None, None).await, [1, 2, 3]);
}

pub(crate) async fn tokens_go_with_their_account(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let add = async || store.administer(token(alice), act()).await.unwrap();
    let number = add().await;
    let found = store.token(number).await.unwrap().unwrap();
    assert_eq!(found.holder, Holder::Account { id: alice, name: "alice".into() });
    assert_eq!((found.hash, found.scopes), ([7; 32], vec![Scope::UsersRead, Scope::Admin]));
    assert_eq!(store.tokens(Some(alice), ActNumber(0), 10).await.unwrap().len(), 1);
    assert_eq!(store.tokens(None, number, 10).await.unwrap().len(), 0);

    // By its end, and by that of what it rests on.
    store.administer(Deed::RemoveToken(number), act()).await.unwrap();
    assert_eq!(store.token(number).await.unwrap(), None);
    let disable =
        |is_disabled| Deed::SetAccountDisabled { account: alice, address: address("alice"), is_disabled };
    for deed in
        [disable(true), Deed::SetCredentials { account: alice, credentials: Vec::new(), digest: None }]
    {
        let number = add().await;
        store.administer(deed, act()).await.unwrap();
        assert_eq!(store.token(number).await.unwrap(), None);
        assert_eq!(store.tokens(None, ActNumber(0), 10).await.unwrap(), []);
        let able = store.administer(token(alice), act()).await.is_ok();
        assert_eq!(able, !store.account("alice").await.unwrap().unwrap().is_disabled);
        store.administer(disable(false), act()).await.unwrap();
    }
    let number = add().await;
    store.administer(Deed::RemoveAccount { account: alice, address: address("alice") }, act()).await.unwrap();
    assert_eq!(store.token(number).await.unwrap(), None);

    let bob = store.add_account(account("bob")).await.unwrap();
    for _ in 0..100 {
        store.administer(token(bob), act()).await.unwrap();
    }
    assert_eq!(store.administer(token(bob), act()).await, Err(DeedError::TooMany));
    let later = NewToken {
        holder: NewHolder::Service("export".into()),
        hash: [1; 32],
        scopes: vec![Scope::AuditRead],
        created_at: Timestamp(2_000),
        expires_at: Timestamp(3_000),
    };
    store.administer(Deed::AddToken(later), act()).await.unwrap();
    let left = store.tokens(None, ActNumber(0), 1000).await.unwrap();
    assert_eq!(left.len(), 1, "what has expired is gone");
    assert_eq!(left[0].holder, Holder::Service("export".into()));
}

pub(crate) async fn what_was_changed_meanwhile_is_not_overwritten(place: Place) {
    let store = place.open().await;
    let put = async |is_enabled, expected| {
        store.administer(Deed::PutPolicy { policy: policy("global", is_enabled), expected }, act()).await
    };
    let first = put(true, None).await.unwrap();
    let second = put(false, Some(first)).await.unwrap();
    assert!(second > first);
    assert_eq!(put(true, Some(first)).await, Err(DeedError::Stale));
    assert_eq!(put(true, None).await, Err(DeedError::Stale));
    let remove = async |expected| {
        let deed = Deed::RemovePolicy { level: Level::Global, expected, is_forced: false };
        store.administer(deed, act()).await
    };
    assert_eq!(remove(first).await, Err(DeedError::Stale));
    let found = store.policies().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].version, &found[0].value), (second, &policy("global", false)));
    remove(second).await.unwrap();
    assert_eq!(store.policies().await.unwrap(), []);
    let third = put(true, None).await.unwrap();
    assert!(third > second, "no version comes twice");

    let level = Level::parse("pool:one").unwrap();
    let values = Values { room_management_url: Some("https://rooms.example/".into()), ..Values::default() };
    let configuration = Configuration::new(level.clone(), values).unwrap();
    let put = async |expected| {
        let deed = Deed::PutConfiguration { configuration: configuration.clone(), expected };
        store.administer(deed, act()).await
    };
    let first = put(None).await.unwrap();
    assert_eq!(put(None).await, Err(DeedError::Stale));
    assert_eq!(store.configurations().await.unwrap()[0].value, configuration);
    let second = put(Some(first)).await.unwrap();
    let remove = |expected| Deed::RemoveConfiguration { level: level.clone(), expected };
    assert_eq!(store.administer(remove(first), act()).await, Err(DeedError::Stale));
    store.administer(remove(second), act()).await.unwrap();
    assert_eq!(store.configurations().await.unwrap(), []);
}

pub(crate) async fn a_policy_that_was_granted_stays(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let level = Level::parse("tag:x").unwrap();
    let grant = |level| Deed::GrantPolicy { account: alice, level };
    assert_eq!(store.administer(grant(Some(level.clone())), act()).await, Err(DeedError::NotThere));
    let put = Deed::PutPolicy { policy: policy("tag:x", true), expected: None };
    let version = store.administer(put, act()).await.unwrap();
    store.administer(grant(Some(level.clone())), act()).await.unwrap();
    assert_eq!(store.granted_policy("alice").await.unwrap(), Some(level.clone()));
    assert_eq!(store.policy_grants(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.policy_grants(Some("alice"), 10).await.unwrap().len(), 0);
    let remove = |is_forced| Deed::RemovePolicy { level: level.clone(), expected: version, is_forced };
    assert_eq!(store.administer(remove(false), act()).await, Err(DeedError::InUse(1)));
    store.administer(remove(true), act()).await.unwrap();
    assert_eq!(store.granted_policy("alice").await.unwrap(), None);
    assert_eq!(store.administer(grant(None), act()).await, Err(DeedError::NotThere));
}

pub(crate) async fn an_addin_that_rooms_have_stays(place: Place) {
    let store = place.open().await;
    let weather = Addin::new("Weather", "https://weather.example/").unwrap();
    let number = store.administer(Deed::AddAddin(weather.clone()), act()).await.unwrap();
    let namesake = Addin::new("WEATHER", "https://other.example/").unwrap();
    assert_eq!(store.administer(Deed::AddAddin(namesake), act()).await, Err(DeedError::NameTaken));
    let news = Addin::new("News", "https://news.example/").unwrap();
    let other = store.administer(Deed::AddAddin(news), act()).await.unwrap();
    let change = |number, expected| {
        let addin = Addin::new("weather", "https://better.example/").unwrap();
        Deed::ChangeAddin { number, addin, expected }
    };
    assert_eq!(store.administer(change(other, other), act()).await, Err(DeedError::NameTaken));
    let version = store.administer(change(number, number), act()).await.unwrap();
    assert_eq!(store.administer(change(number, number), act()).await, Err(DeedError::Stale));
    let names: Vec<_> =
        store.addins(None, 10).await.unwrap().into_iter().map(|found| found.addin.value.name).collect();
    assert_eq!(names, ["News".into(), Box::from("weather")]);
    assert_eq!(store.addins(Some("news"), 10).await.unwrap().len(), 1);
    assert_eq!(store.addin("WeaTher").await.unwrap().unwrap().number, number);

    let room = make(&store, "tea").await;
    let json = format!("UPDATE room SET settings = '{{\"addin\":{}}}' WHERE id = {}", number.0, room.id.0);
    by_hand(&place, &json).await.unwrap();
    let remove = |is_forced| Deed::RemoveAddin { number, expected: version, is_forced };
    assert_eq!(store.administer(remove(false), act()).await, Err(DeedError::InUse(1)));
    store.administer(remove(true), act()).await.unwrap();
    assert_eq!(store.addin("weather").await.unwrap(), None);
}

pub(crate) async fn names_are_the_same_in_whatever_capitals(place: Place) {
    let store = place.open().await;
    let named = |name: &str| {
        Deed::AddCategory(CategoryText {
            name: name.into(),
            description: "".into(),
            allowed: Vec::new(),
            denied: Vec::new(),
            creators: Vec::new(),
            rules: Rules::default(),
        })
    };
    store.administer(named("Café"), act()).await.unwrap();
    assert_eq!(store.administer(named("CAFÉ"), act()).await, Err(DeedError::NameTaken));
    let room = make(&store, "tea").await;
    let settings = Settings { name: "Übung".into(), ..Settings::default() };
    let by = address("alice");
    append(&store, &room, [Configured { by, settings: Box::new(settings) }]).await.unwrap();
    assert!(store.is_room_called("ÜBUNG").await.unwrap());
    assert!(!store.is_room_called("Ubung").await.unwrap());
    assert_eq!(store.administer(named("übung"), act()).await, Err(DeedError::NameTaken));
    let group = BareJid::new("press@groups.localhost").unwrap();
    let press = |name: &str| Change::Make {
        address: group.clone(),
        kind: Kind::Group,
        name: name.into(),
        entry: None,
    };
    let rename = Change::Rename { address: group.clone(), name: "Öffentlichkeit".into() };
    store.change_principals(&[press("Presse"), rename], None).await.unwrap();
    let found = async |words| {
        let query = PrincipalQuery { words: Some(words), limit: 10, ..PrincipalQuery::default() };
        store.principals(query).await.unwrap().len()
    };
    assert_eq!((found("öFFENT").await, found("presse").await), (1, 0));
}
