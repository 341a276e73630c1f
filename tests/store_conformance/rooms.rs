//! Rooms and their logs: what is appended is there, and nothing else is.

use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::event::Change;
use perch::chat::id::{Origin, RoomGuid, RoomId, RulesVersion, Seq, SessionId, Timestamp};
use perch::chat::message::Retention;
use perch::chat::settings::Settings;
use perch::store::error::{AppendError, CreateRoomError};
use perch::store::room::Append;

use crate::Place;
use crate::scene::{
    affiliation, append, author, content, decision, join, leave, make, new_room, payload, post,
};

pub(crate) async fn a_room_is_loaded_as_it_was_made(place: Place) {
    let store = place.open().await;
    assert_eq!(store.load_room("tea").await.unwrap(), None);
    let made = make(&store, "tea").await;
    assert_eq!(store.load_room("tea").await.unwrap(), Some(made.clone()));
    assert_eq!((made.seq, made.rules, made.first_seq), (Seq(3), RulesVersion(2), Seq(1)));
    assert!(made.is_locked);
    assert_eq!(made.affiliations[0].affiliation, Affiliation::Owner);
    assert_eq!(made.affiliations_version, 1);
    let occupant = &made.occupants[0];
    assert_eq!(&*occupant.nick, "alice");
    assert_eq!(occupant.seats[0].jid.as_str(), "alice@localhost/phone");

    let settings = Box::new(Settings { name: "Tea".into(), ..Settings::default() });
    let configured = Change::Configured { by: author("alice").jid, settings };
    append(&store, &made, [configured]).await.unwrap();
    let room = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!((room.is_locked, &*room.settings.name, room.rules), (false, "Tea", RulesVersion(3)));
    let listed = store.public_rooms(&[], None, 10).await.unwrap();
    assert_eq!((listed.len(), &*listed[0].name, &*listed[0].title), (1, "tea", "Tea"));
}

pub(crate) async fn each_room_has_a_guid_for_good(place: Place) {
    let store = place.open().await;
    let (tea, coffee) = (make(&store, "tea").await, make(&store, "coffee").await);
    assert_ne!(tea.guid, coffee.guid);
    let text = tea.guid.to_string();
    assert!(text.len() == 36 && text.as_bytes()[14] == b'4', "of chance, says {text}");
    assert!(b"89ab".contains(&text.as_bytes()[19]), "as RFC 9562 has it: {text}");
    let settings = Box::new(Settings { name: "Tea".into(), ..Settings::default() });
    append(&store, &tea, [Change::Configured { by: author("alice").jid, settings }]).await.unwrap();
    store.close().await;
    let store = place.open().await;
    let again = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(again.guid, tea.guid);
    let of_guids = async || {
        let mut found = store.rooms_of_guids(&[coffee.guid, RoomGuid(7), tea.guid]).await.unwrap();
        found.sort_by(|(_, name), (_, other)| name.cmp(other));
        found
    };
    assert_eq!(of_guids().await, [(coffee.guid, "coffee".into()), (tea.guid, "tea".into())]);
    let destroyed = Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None };
    append(&store, &again, [destroyed]).await.unwrap();
    assert_eq!(of_guids().await, [(coffee.guid, "coffee".into())]);
    assert_ne!(make(&store, "tea").await.guid, tea.guid, "another room of the same name");
}

pub(crate) async fn names_are_unique_and_given_again_after_destruction(place: Place) {
    let store = place.open().await;
    let first = make(&store, "tea").await;
    let again = store.create_room(new_room("tea")).await;
    assert_eq!(again, Err(CreateRoomError::NameTaken));
    let destroyed = Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None };
    append(&store, &first, [destroyed]).await.unwrap();
    assert_eq!(store.load_room("tea").await.unwrap(), None);
    assert_eq!(append(&store, &first, [post("alice", "late")]).await, Err(AppendError::Gone));
    assert_eq!(store.room_count().await.unwrap(), 0);

    let second = make(&store, "tea").await;
    assert!(second.id > first.id);
    assert_eq!(second.occupants.len(), 1, "nobody is left over from the first");
    let log = store.events_after(first.id, Seq(0), 10).await.unwrap();
    assert_eq!(log.len(), 4, "the log of the first is still there");
}

pub(crate) async fn an_append_is_all_or_nothing(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    // The second change is refused, and with it the first.
    let refused = append(&store, &room, [post("alice", "one"), join("mallory", "alice", 9)]).await;
    assert_eq!(refused, Err(AppendError::NickTaken));
    assert_eq!(store.load_room("tea").await.unwrap(), Some(room.clone()));
    assert_eq!(store.events_after(room.id, room.seq, 10).await.unwrap(), []);
    let appended = append(&store, &room, [post("alice", "one"), join("bob", "bob", 9)]).await.unwrap();
    assert_eq!(appended.first, Seq(4));
    assert_eq!(store.load_room("tea").await.unwrap().unwrap().seq, Seq(5));
}

pub(crate) async fn decisions_against_older_rules_are_stale(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let ban = affiliation("mallory", Affiliation::Outcast, 2);
    let appended = append(&store, &room, [ban]).await.unwrap();
    assert_eq!(appended.rules, RulesVersion(3));
    assert_eq!(append(&store, &room, [post("mallory", "hi")]).await, Err(AppendError::Stale));
    let newer = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(newer.rules, appended.rules);
    append(&store, &newer, [post("alice", "hi")]).await.unwrap();
    append(&store, &newer, [post("alice", "posts do not move the rules")]).await.unwrap();
}

pub(crate) async fn what_was_written_before_is_found_again(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let origin = Some(Origin { session: SessionId(1), number: 7, settled: 6 });
    let keyed = |changes: Vec<Change>| Append { origin, ..decision(&room, changes) };
    let first = store.append(keyed(vec![post("alice", "hi"), post("alice", "ho")])).await.unwrap();
    let again = store.append(keyed(vec![post("alice", "hi")])).await;
    assert_eq!(again, Err(AppendError::AlreadyDone { seq: first.first }));
    append(&store, &room, [affiliation("bob", Affiliation::Member, 2)]).await.unwrap();
    let stale_too = store.append(keyed(vec![post("alice", "hi")])).await;
    assert_eq!(stale_too, Err(AppendError::AlreadyDone { seq: first.first }));
    // The key is the session's; in another room it is another stanza's.
    let other = make(&store, "coffee").await;
    store.append(Append { origin, ..decision(&other, vec![post("alice", "hi")]) }).await.unwrap();
}

pub(crate) async fn a_nick_has_one_owner(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    append(&store, &room, [join("bob", "bob", 2), join("bob", "bob", 3)]).await.unwrap();
    assert_eq!(append(&store, &room, [join("mallory", "bob", 4)]).await, Err(AppendError::NickTaken));
    let rename = |session, from: &str, to: &str| Change::Renamed {
        session: SessionId(session),
        nick_key: from.into(),
        nick: from.into(),
        new_nick_key: to.into(),
        new_nick: to.into(),
        presence: payload(""),
    };
    assert_eq!(append(&store, &room, [rename(2, "bob", "alice")]).await, Err(AppendError::NickTaken));
    append(&store, &room, [rename(2, "bob", "bill")]).await.unwrap();
    let loaded = store.load_room("tea").await.unwrap().unwrap();
    let nicks: Vec<_> = loaded.occupants.iter().map(|o| (&*o.nick, o.seats.len())).collect();
    assert_eq!(nicks, [("alice", 1), ("bill", 2)]);
    append(&store, &room, [leave("bill", 2), leave("bill", 3), join("mallory", "bill", 4)]).await.unwrap();
}

pub(crate) async fn one_refused_append_does_not_spoil_its_group(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let origin = |number| Some(Origin { session: SessionId(1), number, settled: 0 });
    let keyed = |number, change| Append { origin: origin(number), ..decision(&room, vec![change]) };
    let jobs = [
        keyed(1, post("alice", "one")),
        keyed(1, post("alice", "one again")),
        keyed(2, join("mallory", "alice", 5)),
        Append { rules: RulesVersion(99), ..keyed(3, post("alice", "stale")) },
        Append { room: RoomId(99), ..keyed(4, post("alice", "gone")) },
        keyed(5, post("alice", "two")),
    ];
    // Whether they meet in one group or not, each has its own outcome.
    let [a, b, c, d, e, f] = jobs.map(|job| store.append(job));
    let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
    assert_eq!(a.unwrap().first, Seq(4));
    assert_eq!(b, Err(AppendError::AlreadyDone { seq: Seq(4) }));
    assert_eq!(c, Err(AppendError::NickTaken));
    assert_eq!(d, Err(AppendError::Stale));
    assert_eq!(e, Err(AppendError::Gone));
    assert_eq!(f.unwrap().first, Seq(5));
    let log = store.events_after(room.id, room.seq, 10).await.unwrap();
    assert_eq!(log.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [4, 5]);
}

pub(crate) async fn words_for_many_rooms_stand_in_each_as_they_came(place: Place) {
    let store = place.open().await;
    let rooms = [make(&store, "tea").await, make(&store, "coffee").await];
    let origin = |number| Some(Origin { session: SessionId(1), number, settled: 0 });
    let say = |place: usize, number, changes| {
        store.append(Append { origin: origin(number), ..decision(&rooms[place], changes) })
    };
    let unkept = Change::Posted { author: author("bob"), content: content("unkept", Retention::Transient) };
    // What waits meanwhile is written together.
    let (_busy, a, b, c, d) = tokio::join!(
        say(0, 1, vec![post("alice", "one")]),
        say(0, 2, vec![post("alice", "two"), unkept]),
        say(1, 3, vec![post("alice", "one")]),
        say(0, 4, vec![post("alice", "three")]),
        say(1, 5, vec![post("alice", "two")]),
    );
    let firsts = [a, b, c, d].map(|appended| appended.unwrap().first.0);
    assert_eq!(firsts, [5, 4, 7, 5]);
    for (room, said) in rooms.iter().zip([["one", "two", "unkept", "three"].as_slice(), &["one", "two"]]) {
        let log = store.events_after(room.id, room.seq, 10).await.unwrap();
        let words = log.iter().filter_map(|event| match &event.change {
            Change::Posted { content, .. } => content.text.as_deref(),
            _ => None,
        });
        assert_eq!(words.collect::<Vec<_>>(), said);
        let keys = log.iter().filter(|event| event.origin.is_some()).count();
        assert_eq!(keys, said.iter().filter(|word| **word != "unkept").count(), "a key stands once");
    }
}

pub(crate) async fn the_log_gives_back_what_was_appended(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let changes = vec![
        post("alice", "hi <&'\"> there"),
        Change::SubjectSet {
            author: author("alice"),
            subject: "Tea".into(),
            content: content("s", Retention::Kept),
        },
        Change::Whispered {
            author: author("alice"),
            to: "bob".into(),
            to_jid: author("bob").jid,
            content: content("psst", Retention::Kept),
        },
        Change::Posted { author: author("bob"), content: content("unkept", Retention::Transient) },
        join("bob", "bob", 2),
        leave("bob", 2),
        affiliation("carol", Affiliation::Member, 2),
        Change::Invited { by: author("alice"), to: author("dave").jid, reason: "come".into() },
        Change::VoiceRequested { author: author("bob"), role: Role::Participant },
        Change::Detached { session: SessionId(1), deadline: Some(Timestamp(99)) },
    ];
    let origin = Some(Origin { session: SessionId(1), number: 1, settled: 0 });
    let appended = store
        .append(Append { origin, at: Timestamp(500), ..decision(&room, changes.clone()) })
        .await
        .unwrap();
    assert_eq!(appended.at, room.last_at, "stamps do not fall");
    let log = store.events_after(room.id, room.seq, 100).await.unwrap();
    assert_eq!(log.iter().map(|event| event.seq.0).collect::<Vec<_>>(), (4..14).collect::<Vec<_>>());
    assert!(log.iter().all(|event| event.at == room.last_at));
    assert_eq!(log[0].origin, origin);
    for (event, change) in log.iter().zip(&changes) {
        let mut expected = change.clone();
        if let Change::Whispered { content, .. } = &mut expected {
            content.retention = Retention::Transient;
        }
        assert_eq!(event.change, expected);
    }
    let two = store.events_after(room.id, Seq(5), 2).await.unwrap();
    assert_eq!(two, log[2..4]);
    let loaded = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(&*loaded.subject.unwrap().text, "Tea");
    assert_eq!(loaded.occupants[0].seats[0].deadline, Some(Timestamp(99)));
    let detached = store.rooms_with_detached_seats().await.unwrap();
    assert_eq!((&*detached[0].name, detached[0].deadline), ("tea", Timestamp(99)));
}
