//! Several members on one store: what each writes, and what a dead one leaves behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use perch::chat::account::entry::{AccountAppend, AccountChange};
use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::event::{Change, Departure, Event, Left};
use perch::chat::id::{Origin, Seq, SessionId, Timestamp};
use perch::chat::principal::{Change as PrincipalChange, Kind};
use perch::chat::snapshot::RoomSnapshot;
use perch::room::state::Room;
use perch::store::administration::{Deed, DeedError};
use perch::store::error::{AppendError, PrincipalError, StoreError};
use perch::store::member::{Deadlines, Detached, HeldRoom, Member, MemberState};
use perch::store::room::Append;
use perch::store::session::SessionRow;
use perch::store::{Options, Store};
use perch_address::BareJid;
use sqlx::{Connection, PgConnection};

use crate::Place;
use crate::members::session;
use crate::proxy::Proxy;
use crate::scene::{
    account, act, address, affiliation, append, author, decision, join, leave, make, payload, post,
};

const LEASE: Duration = Duration::from_millis(900);

pub(crate) async fn member(url: &str, name: &str) -> Store {
    let options = Options { member: name.into(), lease: LEASE, ..Options::new([7; 32]) };
    Store::open(url, &options).await.unwrap()
}

/// The address of the same database behind another port.
pub(crate) fn at_port(url: &str, port: u16) -> String {
    let (start, database) = url.rsplit_once('/').unwrap();
    let (start, _) = start.rsplit_once(':').unwrap();
    format!("{start}:{port}/{database}")
}

pub(crate) fn port_of(url: &str) -> u16 {
    let (start, _) = url.rsplit_once('/').unwrap();
    start.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn deadlines(at: i64) -> Deadlines {
    Deadlines { sessions: Timestamp(at), seats: Timestamp(at) }
}

/// The row of a member once its lease has expired.
async fn expired(store: &Store, name: &str) -> Member {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let members = store.members().await.unwrap();
        let found = members.into_iter().find(|member| &*member.name == name).unwrap();
        if found.lease.is_none() {
            return found;
        }
        assert!(Instant::now() < until, "it never expires: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn a_zombie_writes_nothing(url: String) {
    let proxy = Proxy::start(port_of(&url)).await;
    let zombie = member(&at_port(&url, proxy.port), "a").await;
    let survivor = member(&url, "b").await;
    let room = make(&zombie, "tea").await;
    append(&zombie, &room, [post("alice", "alive")]).await.unwrap();

    // What it has begun holds its row: whoever ends its incarnation has to wait for that.
    let mut statement = PgConnection::connect(&url).await.unwrap();
    let stands = "SELECT stand_1('a', 1)::text";
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0; BEGIN")
        .execute(&mut statement)
        .await
        .unwrap();
    sqlx::raw_sql(stands).execute(&mut statement).await.unwrap();
    proxy.silence();
    let dead = expired(&survivor, "a").await;
    let held = survivor.fence_member("a", dead.incarnation).await;
    assert_eq!(held, Err(StoreError::Unavailable), "a statement of it is under way");
    sqlx::raw_sql("COMMIT; BEGIN; SELECT 1").execute(&mut statement).await.unwrap();
    assert!(survivor.fence_member("a", dead.incarnation).await.unwrap());
    assert!(!survivor.fence_member("a", dead.incarnation).await.unwrap(), "once is enough");
    let refused = sqlx::raw_sql(stands).execute(&mut statement).await.unwrap_err();
    assert!(
        refused.to_string().contains("no longer at incarnation"),
        "fenced between two statements: {refused}"
    );

    proxy.heal();
    let refused = append(&zombie, &room, [post("alice", "undead")]).await;
    assert_eq!(refused, Err(AppendError::Store(StoreError::Fenced)));
    let several = (0..5).map(|_| append(&zombie, &room, [post("alice", "undead")]));
    for refused in join_all(several).await {
        assert_eq!(refused, Err(AppendError::Store(StoreError::Fenced)));
    }
    let alice = survivor.add_account(account("alice")).await.unwrap();
    assert_eq!(zombie.save_sessions(vec![session(1, alice, None)]).await, Err(StoreError::Fenced));
    tokio::time::timeout(Duration::from_secs(10), zombie.fenced()).await.expect("it is told");
    assert_eq!(survivor.load_room("tea").await.unwrap().unwrap().seq, room.seq.next());
    append(&survivor, &room, [post("alice", "goes on")]).await.unwrap();

    // It comes back as another.
    zombie.close().await;
    let risen = member(&url, "a").await;
    assert!(risen.incarnation() > dead.incarnation + 1);
    append(&risen, &room, [post("alice", "back")]).await.unwrap();
}

pub(crate) async fn a_member_that_lives_is_not_fenced(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    let until = Instant::now() + LEASE * 3;
    while Instant::now() < until {
        assert!(!b.fence_member("a", a.incarnation()).await.unwrap());
    }
    let room = make(&a, "tea").await;
    append(&a, &room, [post("alice", "hi")]).await.unwrap();
    a.close().await;
    let members = b.members().await.unwrap();
    assert_eq!(members.iter().map(|member| member.lease.is_some()).collect::<Vec<_>>(), [false, true]);
}

pub(crate) async fn what_a_dead_member_held_is_detached(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    let alice = a.add_account(account("alice")).await.unwrap();
    let room = make(&a, "tea").await;
    append(&b, &room, [join("bob", "bob", 2)]).await.unwrap();
    a.save_sessions(vec![session(1, alice, None)]).await.unwrap();
    b.save_sessions(vec![session(2, alice, None)]).await.unwrap();
    let incarnation = a.incarnation();
    drop(a);
    expired(&b, "a").await;
    let nothing = Detached::default();
    assert_eq!(b.detach_member("a", incarnation, deadlines(50)).await.unwrap(), nothing, "not fenced yet");
    assert!(b.fence_member("a", incarnation).await.unwrap());
    let detached = b.detach_member("a", incarnation, deadlines(50)).await.unwrap();
    let tea = HeldRoom { id: room.id, name: "tea".into() };
    assert_eq!(detached, Detached { sessions: 1, seats: 1, rooms: vec![tea] });
    assert_eq!(b.detach_member("a", incarnation, deadlines(60)).await.unwrap(), nothing);
    let due = b.claim_due_seats(Timestamp(50), 9).await.unwrap();
    assert_eq!(due.iter().map(|due| due.session.0).collect::<Vec<_>>(), [1]);
    let due = b.claim_due_sessions(Timestamp(50), 9).await.unwrap();
    assert_eq!(due.iter().map(|due| due.id.0).collect::<Vec<_>>(), [1]);

    // Whoever comes back is held by the member that he comes back to.
    append(&b, &room, [Change::Detached { session: SessionId(1), deadline: None }]).await.unwrap();
    let a = member(&url, "a").await;
    assert_eq!(a.detach_seats(Timestamp(70)).await.unwrap(), 0);
    assert_eq!(a.detach_sessions(Timestamp(70)).await.unwrap(), 0);
    assert_eq!(b.detach_seats(Timestamp(70)).await.unwrap(), 2);
}

/// With the epoch everybody was fenced, and somebody does not know it yet.
pub(crate) async fn a_member_of_an_older_epoch_reads_nothing_of_a_newer(url: String) {
    let a = member(&url, "a").await;
    let room = make(&a, "tea").await;
    let old = append(&a, &room, [post("alice", "old")]).await.unwrap();
    let alice = a.add_account(account("alice")).await.unwrap();
    let given = SessionRow { resumption: Some("given".into()), ..session(7, alice, Some(99)) };
    a.save_sessions(vec![given.clone()]).await.unwrap();
    a.leave_session(&given, "its places").await.unwrap();

    let options = Options { member: "b".into(), is_restored: true, ..Options::new([7; 32]) };
    let b = Store::open(&url, &options).await.unwrap();
    let log = async |store: &Store, after| store.events_after(room.id, after, 10).await;
    assert_eq!(log(&a, Seq(0)).await, log(&b, Seq(0)).await, "what was written before is known to both");
    let raised = b.load_room("tea").await.unwrap().unwrap();
    append(&b, &raised, [post("alice", "new")]).await.unwrap();
    assert_eq!(log(&a, old.first).await, Err(StoreError::Fenced));
    assert_eq!(a.load_room("tea").await, Err(StoreError::Fenced));
    assert_eq!(log(&b, old.first).await.unwrap().len(), 1);

    let jid = BareJid::new("alice@localhost").unwrap();
    let blocked = AccountChange::Blocked { jids: vec![jid.clone().into()] };
    let entry =
        AccountAppend { account: alice, origin: None, changes: vec![blocked], handled: None, after: None };
    b.append_accounts(vec![entry], Timestamp(1)).await.unwrap();
    assert_eq!(a.load_account(&jid).await, Err(StoreError::Fenced));
    assert_eq!(a.account_events(alice, Seq(0), 10).await, Err(StoreError::Fenced));

    // The places of a session that was given away are those of the logs that were.
    assert_eq!(b.take_session("given").await, Ok(None));
    let over = b.session_to_resume("given").await.unwrap().unwrap();
    assert_eq!(over.row.deadline, given.deadline);
}

pub(crate) async fn what_is_due_is_given_to_one_member(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    let room = make(&a, "tea").await;
    let alice = a.add_account(account("alice")).await.unwrap();
    for n in 10..60 {
        let detached = Change::Detached { session: SessionId(n), deadline: Some(Timestamp(n)) };
        append(&a, &room, [join("bob", &format!("bob{n}"), n), detached]).await.unwrap();
    }
    a.save_sessions((10..60).map(|id| session(id, alice, Some(id))).collect()).await.unwrap();
    let claims = (0..10).map(|n| {
        let store = if n % 2 == 0 { &a } else { &b };
        async move {
            let seats = store.claim_due_seats(Timestamp(99), 7).await.unwrap();
            let sessions = store.claim_due_sessions(Timestamp(99), 7).await.unwrap();
            (seats, sessions)
        }
    });
    let (seats, sessions): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().unzip();
    let seats: Vec<i64> = seats.into_iter().flatten().map(|due| due.session.0).collect();
    let sessions: Vec<i64> = sessions.into_iter().flatten().map(|due| due.id.0).collect();
    for given in [seats, sessions] {
        assert_eq!(given.len(), 50, "all are given");
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 50, "none twice");
    }
}

pub(crate) async fn a_nick_is_given_to_one_of_two_members(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    let room = make(&a, "tea").await;
    for n in 0..50 {
        let nick = format!("nick {n}");
        let (one, two) = tokio::join!(
            append(&a, &room, [join("bob", &nick, 100 + n)]),
            append(&b, &room, [join("carol", &nick, 200 + n)]),
        );
        match (one, two) {
            (Ok(_), Err(AppendError::NickTaken)) | (Err(AppendError::NickTaken), Ok(_)) => {}
            other => panic!("{nick}: {other:?}"),
        }
    }
    assert_eq!(a.load_room("tea").await.unwrap().unwrap().occupants.len(), 51);
}

pub(crate) async fn nobody_posts_after_his_ban(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    for round in 0..20 {
        let room = make(&a, &format!("tea {round}")).await;
        let posting = async {
            let mut last = Seq(0);
            loop {
                match append(&b, &room, [post("mallory", "spam")]).await {
                    Ok(appended) => last = appended.first,
                    Err(AppendError::Stale) => return last,
                    Err(other) => panic!("{other:?}"),
                }
            }
        };
        let banning = async {
            for _ in 0..round {
                append(&a, &room, [post("alice", "hm")]).await.unwrap();
            }
            append(&a, &room, [affiliation("mallory", Affiliation::Outcast, 2)]).await.unwrap().first
        };
        let (last, ban) = tokio::join!(posting, banning);
        assert!(last < ban, "{last:?} came after the ban {ban:?}");
        let log = b.events_after(room.id, ban, 100).await.unwrap();
        assert_eq!(log, [], "nothing was said after it");
    }
}

pub(crate) async fn members_that_share_a_room_give_each_seq_once(url: String) {
    let (a, b) = (member(&url, "a").await, member(&url, "b").await);
    let mut rooms = Vec::new();
    for name in ["tea", "coffee", "cocoa"] {
        rooms.push(make(&a, name).await);
    }
    let say = |store: Store, room: RoomSnapshot, session: i64| async move {
        let mut seqs = Vec::new();
        for n in 0..60 {
            let origin = Some(Origin { session: SessionId(session), number: n, settled: 0 });
            let text = format!("{session} {n}");
            // A clock that runs behind, and one that jumps.
            let at = Timestamp(1_000 + n * (session % 3) - 500 * (n % 2));
            let append = Append { origin, at, ..decision(&room, vec![post("alice", &text)]) };
            seqs.push(store.append(append).await.unwrap().first);
        }
        assert!(seqs.is_sorted(), "one after the other");
    };
    let mut tasks = Vec::new();
    for (place, room) in rooms.iter().enumerate() {
        for (n, store) in [&a, &b, &a, &b].into_iter().enumerate() {
            tasks.push(tokio::spawn(say(store.clone(), room.clone(), (place * 10 + n) as i64)));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    for room in &rooms {
        let log = b.events_after(room.id, room.seq, 1_000).await.unwrap();
        assert_eq!(log.len(), 240);
        assert!(log.iter().zip(room.seq.0 + 1..).all(|(event, seq)| event.seq.0 == seq), "without gaps");
        assert!(log.iter().map(|event| event.at).is_sorted(), "stamps do not fall");
        assert!(
            log.iter().all(
                |event| matches!(&event.change, Change::Posted { author: a, .. } if *a == author("alice"))
            )
        );
    }
}

pub(crate) async fn what_another_member_changed_is_decided_again(url: String) {
    what_a_decision_rested_on_is_looked_for_again(Place::Postgres(url)).await;
}

pub(crate) async fn nobody_gains_a_role_at_another_member(url: String) {
    who_sits_down_beside_himself_keeps_his_role(Place::Postgres(url)).await;
}

/// Who is in does not move the rules: what rests on it is compared with the seats themselves.
pub(crate) async fn what_a_decision_rested_on_is_looked_for_again(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let away = Change::Detached { session: SessionId(2), deadline: Some(Timestamp(5)) };
    let back = Change::Detached { session: SessionId(2), deadline: None };
    append(&store, &room, [join("bob", "bob", 2), join("bob", "rob", 3), away]).await.unwrap();
    let stale = async |what: &str, changes: Vec<Change>| {
        let refused = store.append(decision(&room, changes)).await;
        assert_eq!(refused, Err(AppendError::Stale), "{what}");
    };
    let takes_over = |session: i64, by: i64, device: &str| Change::TakenOver {
        session: SessionId(session),
        by: SessionId(by),
        jid: format!("bob@localhost/{device}").parse().unwrap(),
        presence: payload("here"),
    };
    let left = |nick: &str, session: i64, cause: Departure| match leave(nick, session) {
        Change::Left(left) => Change::Left(Left { cause, ..left }),
        other => other,
    };
    let kicked = || Departure::Kicked { by: None, reason: "".into() };
    let renamed = |nick: &str, new_nick: &str| Change::Renamed {
        session: SessionId(2),
        nick_key: nick.into(),
        nick: nick.into(),
        new_nick_key: new_nick.into(),
        new_nick: new_nick.into(),
        presence: payload("here"),
    };
    stale("nobody's seat", vec![takes_over(9, 10, "desk")]).await;
    stale("the seat of a device that is there", vec![takes_over(3, 10, "desk")]).await;
    stale("nobody's coming back", vec![Change::Detached { session: SessionId(9), deadline: None }]).await;
    stale("a departure under a nick that he has not", vec![left("bo", 2, Departure::Own)]).await;
    stale("a nick that he has not", vec![renamed("bo", "bobby")]).await;
    stale("a nick that his other device has", vec![renamed("bob", "rob")]).await;
    stale("one of two nicks is passed over", vec![affiliation("bob", Affiliation::Admin, 2)]).await;
    let ban = affiliation("bob", Affiliation::Outcast, 2);
    stale("a ban that leaves him in", vec![left("bob", 2, kicked()), ban]).await;
    append(&store, &room, [join("bob", "bob", 4), back]).await.unwrap();
    stale("one device of two is put out", vec![left("bob", 2, kicked())]).await;
    stale("he is back", vec![left("bob", 2, Departure::Lapsed)]).await;
    let loaded = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!((loaded.seq.0, loaded.rules), (room.seq.0 + 5, room.rules), "nothing of it was written");
    append(&store, &room, [renamed("bob", "bobby"), takes_over(2, 10, "phone")]).await.unwrap();
    append(&store, &room, [left("bobby", 10, kicked()), left("bobby", 4, kicked())]).await.unwrap();
}

pub(crate) async fn a_duty_is_one_members(url: String) {
    let (one, two) = (member(&url, "one").await, member(&url, "two").await);
    let long = Duration::from_secs(60);
    let duty = one.take_duty("directory", long).await.unwrap().unwrap();
    assert_eq!(one.take_duty("directory", long).await.unwrap(), Some(duty), "it is kept");
    assert_eq!(two.take_duty("directory", long).await.unwrap(), None);
    assert!(two.take_duty("export", long).await.unwrap().is_some());
    let made = |name: &str| PrincipalChange::Make {
        address: BareJid::from_parts(Some(name), "groups.localhost").unwrap(),
        kind: Kind::Group,
        name: name.into(),
        entry: None,
    };
    one.change_principals(&[made("a")], Some(duty)).await.unwrap();
    // The life of its holder is over: another has it at once, and whatever the former one writes for it comes to nothing.
    one.close().await;
    let next = two.take_duty("directory", Duration::from_millis(1)).await.unwrap().unwrap();
    assert!(next.term > duty.term);
    let late = two.change_principals(&[made("b")], Some(duty)).await;
    assert_eq!(late, Err(PrincipalError::OffDuty));
    let address = address("bob");
    let bob = two.add_account(account("bob")).await.unwrap();
    let remove = || Deed::RemoveAccount { account: bob, address: address.clone() };
    let late = two.administer_on_duty(remove(), act(), duty).await;
    assert_eq!(late, Err(DeedError::OffDuty));
    assert!(two.account("bob").await.unwrap().is_some());
    let late = two.add_accounts(vec![account("carol")], Some(duty)).await;
    assert_eq!(late, Err(DeedError::OffDuty));
    assert_eq!(two.account("carol").await.unwrap(), None);
    two.administer_on_duty(remove(), act(), next).await.unwrap();
    two.add_accounts(vec![account("carol")], Some(next)).await.unwrap();
    two.change_principals(&[made("b")], Some(next)).await.unwrap();
    two.close().await;
}

pub(crate) async fn who_goes_by_old_rights_loses_his_lease(url: String) {
    let (one, two) = (member(&url, "one").await, member(&url, "two").await);
    for store in [&one, &two] {
        store.show_member(MemberState::Active).await.unwrap();
        store.show_rights(store.rights_version().await.unwrap()).await.unwrap();
    }
    let address = BareJid::new("a@groups.localhost").unwrap();
    let make = PrincipalChange::Make { address, kind: Kind::Group, name: "a".into(), entry: None };
    let applied = one.change_principals(&[make], None).await.unwrap();
    one.show_rights(applied.version).await.unwrap();
    let left_behind = expired(&one, "two").await;
    assert!(left_behind.showing.rights < applied.version);
    assert!(one.fence_member("two", left_behind.incarnation).await.unwrap());
    let members = one.members().await.unwrap();
    assert!(members.iter().any(|member| &*member.name == "one" && member.lease.is_some()));
}

/// Two members let the devices of one person in under a nick, of which one had not heard of the other's: he has one role,
/// as the room that applies the log has it.
pub(crate) async fn who_sits_down_beside_himself_keeps_his_role(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let muted = |nick: &str| Change::RoleSet {
        nick: nick.into(),
        nick_key: nick.into(),
        role: Role::Visitor,
        by: Some(author("alice")),
        reason: "".into(),
    };
    append(&store, &room, [join("bob", "bob", 2), muted("bob")]).await.unwrap();
    let seen = store.load_room("tea").await.unwrap().unwrap();
    let mut applied = Room::load(seen.clone(), &Arc::default());
    // Decided where nobody was known to be called so: a newcomer has a voice.
    let joined = join("bob", "bob", 3);
    let append = Append { at: Timestamp(2_000), ..decision(&seen, vec![joined.clone()]) };
    let appended = store.append(append).await.unwrap();
    applied.apply(&Event { seq: appended.first, at: appended.at, origin: None, change: joined });
    let loaded = Room::load(store.load_room("tea").await.unwrap().unwrap(), &Arc::default());
    let roles = |room: &Room| -> Vec<Role> {
        let both = [2, 3].map(|session| room.occupants().by_session(SessionId(session)).unwrap().role);
        both.into()
    };
    assert_eq!(roles(&loaded), [Role::Visitor, Role::Visitor]);
    assert_eq!(roles(&loaded), roles(&applied));
}
