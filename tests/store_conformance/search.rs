//! What was said is found by its words, and only where it may be found.

use perch::chat::affiliation::Affiliation;
use perch::chat::event::Change;
use perch::chat::id::{MessageId, RoomId, Seq, Timestamp};
use perch::chat::message::Retention;
use perch::chat::settings::Settings;
use perch::chat::snapshot::RoomSnapshot;
use perch::chat::words::{Matching, Wording};
use perch::store::Store;
use perch::store::archive::{ArchiveQuery, Log, PageAt, With};
use perch::store::room::Append;
use perch::store::room_search::{KnownRoom, RoomSearch, Seer};
use perch::store::search::{Found, Order, Scope, Search};

use crate::scene::{affiliation, append, author, chatty, content, decision, join, make, post, texts};
use crate::{Place, by_hand};

pub(crate) async fn words_are_found_in_every_script_without_case_and_accents(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    for text in ["Crème brûlée", "東京タワー", "Привет, мир", "creme fraiche", "well-known"]
    {
        say(&store, &room, "alice", 1_000, text).await;
    }
    let check = async |wanted: &str, matching, expected: &[&str]| {
        let wording = Wording { text: wanted.into(), matching, is_case_sensitive: false };
        let found = find(&store, Search { wording: Some(wording), ..Search::new(Scope::Everywhere) }).await;
        assert_eq!(said(&found), expected, "{wanted} {matching:?}");
    };
    check("CREME", Matching::All, &["creme fraiche", "Crème brûlée"]).await;
    check("creme brulee", Matching::All, &["Crème brûlée"]).await;
    check("brulee мир", Matching::Any, &["Привет, мир", "Crème brûlée"]).await;
    check("京タ", Matching::All, &["東京タワー"]).await;
    check("タ京", Matching::All, &[]).await;
    check("brûlée crème", Matching::Phrase, &[]).await;
    check("crème brûlée", Matching::Phrase, &["Crème brûlée"]).await;
    check("known well", Matching::All, &["well-known"]).await;
    check("wel", Matching::All, &[]).await;
    check("…", Matching::All, &[]).await;
    let wording = |text: &str| Wording { is_case_sensitive: true, ..Wording::typed(text) };
    let sensitive = async |text| {
        let search = Search { wording: Some(wording(text)), ..Search::new(Scope::Everywhere) };
        find(&store, search).await.hits.len()
    };
    assert_eq!((sensitive("Creme").await, sensitive("creme").await, sensitive("CREME").await), (1, 1, 0));
}

pub(crate) async fn what_is_found_comes_in_pages_by_time(place: Place) {
    let store = place.open().await;
    let (tea, coffee) = (make(&store, "tea").await, make(&store, "coffee").await);
    let mut expected = Vec::new();
    for n in 0..10 {
        let room = [&tea, &coffee][n % 2];
        // Two rooms have one stamp, so that it alone does not tell them apart.
        say(&store, room, "alice", 1_000 + n as i64 / 2, &format!("cup {n}")).await;
        expected.push(format!("cup {n}"));
    }
    for (order, expected) in
        [(Order::OldestFirst, expected.clone()), (Order::NewestFirst, expected.into_iter().rev().collect())]
    {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let wording = Some(Wording::typed("cup"));
            let search = Search { wording, order, after, max: 3, ..Search::new(Scope::Everywhere) };
            let found = find(&store, search).await;
            seen.extend(said(&found).into_iter().map(str::to_owned));
            assert!(found.hits.len() == 3 || found.next.is_none(), "pages are full");
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        let sorted = |texts: &[String]| {
            let mut texts = texts.to_vec();
            texts.sort();
            texts
        };
        assert_eq!(sorted(&seen), sorted(&expected), "each is found once");
        // Which of two rooms comes first in one millisecond is the engine's affair.
        let stamps = |texts: &[String]| {
            texts.iter().map(|text| text[4..].parse::<i64>().unwrap() / 2).collect::<Vec<_>>()
        };
        assert_eq!(stamps(&seen), stamps(&expected));
    }
}

pub(crate) async fn authors_dates_and_rooms_narrow_a_search(place: Place) {
    let store = place.open().await;
    let (tea, coffee) = (make(&store, "tea").await, make(&store, "coffee").await);
    for (room, who, at) in [(&tea, "alice", 2_000), (&tea, "bob", 3_000), (&coffee, "alice", 4_000)] {
        say(&store, room, who, at, &format!("cup of {who} {at}")).await;
    }
    let check = async |search: Search, expected: &[&str]| {
        let words = Search { wording: Some(Wording::typed("cup")), ..search.clone() };
        assert_eq!(said(&find(&store, words).await), expected, "{search:?}");
        assert_eq!(said(&find(&store, search).await), expected, "without words");
    };
    let everywhere = || Search::new(Scope::Everywhere);
    let [first, second, third] = ["cup of alice 2000", "cup of bob 3000", "cup of alice 4000"];
    check(everywhere(), &[third, second, first]).await;
    check(Search { authors: vec![author("alice").jid], ..everywhere() }, &[third, first]).await;
    let both = vec![author("alice").jid, author("bob").jid];
    check(Search { authors: both, ..everywhere() }, &[third, second, first]).await;
    check(Search { start: Some(Timestamp(3_000)), ..everywhere() }, &[third, second]).await;
    check(Search { end: Some(Timestamp(3_000)), ..everywhere() }, &[second, first]).await;
    check(Search::new(Scope::Rooms(vec![tea.id])), &[second, first]).await;
    check(Search::new(Scope::Rooms(vec![tea.id, coffee.id])), &[third, second, first]).await;
    check(Search::new(Scope::Rooms(Vec::new())), &[]).await;
    // More rooms than an expression names one by one.
    let many: Vec<RoomId> = (1_000..1_100).map(RoomId).chain([tea.id]).collect();
    check(Search::new(Scope::Rooms(many.clone())), &[second, first]).await;
    let fourth = "cup of alice 5000";
    say(&store, &tea, "alice", 5_000, fourth).await;
    check(Search::new(Scope::Rooms(many)), &[fourth, second, first]).await;
}

pub(crate) async fn what_is_gone_is_found_no_more(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    for n in 0..6 {
        say(&store, &room, "alice", 1_000 + n, &format!("cup {n}")).await;
    }
    let unkept =
        Change::Posted { author: author("alice"), content: content("cup unkept", Retention::Transient) };
    append(&store, &room, [unkept]).await.unwrap();
    let cups = async || {
        let search = Search { wording: Some(Wording::typed("cup")), ..Search::new(Scope::Everywhere) };
        said(&find(&store, search).await).join(", ")
    };
    assert_eq!(cups().await, "cup 5, cup 4, cup 3, cup 2, cup 1, cup 0");

    // The creation of the room has taken three places.
    for (target, retention) in [(Seq(8), Retention::Kept), (Seq(7), Retention::Transient)] {
        append(&store, &room, [removed(MessageId::new(room.epoch, target), retention)]).await.unwrap();
    }
    assert_eq!(cups().await, "cup 5, cup 2, cup 1, cup 0");
    assert_eq!(store.purge(room.id, Timestamp(1_001)).await.unwrap(), 4);
    assert_eq!(cups().await, "cup 5, cup 2, cup 1");
    append(&store, &room, [Change::Cleared { below: Seq(6), by: author("alice") }]).await.unwrap();
    assert_eq!(cups().await, "cup 5, cup 2");
    let destroyed = Change::Destroyed { by: None, reason: "".into(), alternate: None, password: None };
    append(&store, &room, [destroyed]).await.unwrap();
    assert_eq!(cups().await, "");
}

pub(crate) async fn an_archive_is_searched_by_words(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    for n in 0..6 {
        let who = ["alice", "bob"][n % 2];
        say(&store, &room, who, 1_000 + n as i64, &format!("{} {n}", ["cup", "pot", "cup"][n % 3])).await;
    }
    let page = async |words: &str, change: &dyn Fn(&mut ArchiveQuery)| {
        let wording = Some(Wording::typed(words));
        let mut query = ArchiveQuery { wording, ..ArchiveQuery::new(Log::Room(room.id)) };
        change(&mut query);
        store.archive_page(query).await.unwrap()
    };
    let all = page("cup", &|query| query.counts = true).await;
    assert_eq!(texts(&all.messages), ["cup 0", "cup 2", "cup 3", "cup 5"]);
    assert_eq!((all.is_complete, all.total, all.index), (true, Some(4), Some(0)));
    let first = page("cup", &|query| query.max = 2).await;
    assert_eq!((texts(&first.messages), first.is_complete), (vec!["cup 0", "cup 2"], false));
    let next = page("cup", &|query| (query.page, query.max) = (PageAt::After(first.messages[1].id), 2)).await;
    assert_eq!((texts(&next.messages), next.is_complete), (vec!["cup 3", "cup 5"], true));
    let last = page("cup", &|query| (query.page, query.max) = (PageAt::Last, 1)).await;
    assert_eq!((texts(&last.messages), last.is_complete), (vec!["cup 5"], false));
    let before = page("cup", &|query| query.page = PageAt::Before(last.messages[0].id)).await;
    assert_eq!((texts(&before.messages), before.is_complete), (vec!["cup 0", "cup 2", "cup 3"], true));
    let narrowed = page("cup", &|query| {
        query.with = Some(With::Jid("bob@localhost".into()));
        query.start = Some(Timestamp(1_003));
    });
    assert_eq!(texts(&narrowed.await.messages), ["cup 3", "cup 5"]);
    assert_eq!(
        texts(&page("cup", &|query| query.floor = all.messages[2].id.seq()).await.messages),
        ["cup 3", "cup 5"]
    );
    assert!(page("saucer", &|_| ()).await.messages.is_empty());
}

pub(crate) async fn rooms_are_found_by_name_and_lists(place: Place) {
    let store = place.open().await;
    for (name, title, is_public) in
        [("a", "Tea Party", true), ("b", "Thé dansant", true), ("c", "Secret tea", false)]
    {
        let room = make(&store, name).await;
        let settings = Settings { name: title.into(), public: is_public, ..Settings::default() };
        let by = author("alice").jid;
        let configured = Change::Configured { by, settings: Box::new(settings) };
        let changes = vec![configured, affiliation("bob", Affiliation::Member, 2), join("carol", "carol", 9)];
        // Alice is in each room since it was made; here only whether somebody else is counts.
        let changes = if name == "c" { changes } else { changes[..1].to_vec() };
        store.append(Append { ..decision(&room, changes) }).await.unwrap();
    }
    let base = RoomSearch { in_title: true, ..RoomSearch::default() };
    let check = async |search: RoomSearch, expected: &str| {
        assert_eq!(found(&store, &search).await, expected, "{search:?}");
    };
    check(base.clone(), "a b c").await;
    check(RoomSearch { text: "tea".into(), ..base.clone() }, "a c").await;
    check(RoomSearch { text: "the".into(), ..base.clone() }, "b").await;
    check(RoomSearch { text: "tea".into(), in_title: false, in_address: true, ..base.clone() }, "").await;
    check(RoomSearch { is_public: Some(false), ..base.clone() }, "c").await;
    check(RoomSearch { is_members_only: Some(true), ..base.clone() }, "").await;
    check(RoomSearch { member: Some(author("bob").jid), ..base.clone() }, "c").await;
    check(RoomSearch { manager: Some(author("bob").jid), ..base.clone() }, "").await;
    check(RoomSearch { manager: Some(author("alice").jid), ..base.clone() }, "a b c").await;
    check(RoomSearch { seen_by: Some(seer(&["carol"])), ..base.clone() }, "a b").await;
    check(RoomSearch { seen_by: Some(seer(&["x", "bob"])), ..base.clone() }, "a b c").await;
    let behind = store.find_rooms(&base, Some("a"), 1).await.unwrap();
    assert_eq!(&*behind[0].name, "b");

    let all: Vec<RoomId> =
        store.find_rooms(&base, None, 10).await.unwrap().iter().map(|room| room.id).collect();
    let found = store.found_rooms(&all).await.unwrap();
    assert_eq!(found[0].settings.name, "Tea Party");
    let counts = store.occupant_counts(&all).await.unwrap();
    assert_eq!(counts.iter().find(|(room, _)| *room == all[2]).unwrap().1, 2);
    let known = async |who: &str| {
        let known = store.known_rooms(&[author(who).jid]).await.unwrap();
        let of_c = known.iter().find(|room| room.id == all[2]);
        let listed = |room: &KnownRoom| room.entries.first().map(|(_, affiliation, _)| *affiliation);
        (known.len(), of_c.map(|room| (listed(room), room.is_inside)))
    };
    assert_eq!(known("bob").await, (3, Some((Some(Affiliation::Member), false))));
    assert_eq!(known("carol").await, (3, Some((None, true))));
    assert_eq!(known("dave").await, (2, None));
    assert_eq!(store.rooms_named(&["c", "x"]).await.unwrap().len(), 1);
}

pub(crate) async fn rooms_are_found_by_the_beginnings_of_words(place: Place) {
    let store = place.open().await;
    let room = make(&store, "fin-2").await;
    let configured = named("Café des Finances", "Talk of quarterly figures");
    append(&store, &room, [configured]).await.unwrap();
    make(&store, "other").await;
    let titles = RoomSearch { in_title: true, in_description: true, ..RoomSearch::default() };
    let addresses = RoomSearch { in_address: true, ..RoomSearch::default() };
    let check = async |search: &RoomSearch, text: &str, is_phrase, expected: &str| {
        let search = RoomSearch { text: text.into(), is_phrase, ..search.clone() };
        assert_eq!(found(&store, &search).await, expected, "{search:?}");
    };
    check(&titles, "", false, "fin-2 other").await;
    check(&titles, "fin", false, "fin-2").await;
    check(&titles, "cafe quarter", false, "fin-2").await;
    check(&titles, "CAFÉ Figu", false, "fin-2").await;
    check(&titles, "cafe other", false, "").await;
    check(&titles, "inance", false, "").await;
    check(&titles, "des finances", true, "fin-2").await;
    check(&titles, "cafe finances", true, "").await;
    check(&titles, "finances talk", true, "").await;
    check(&titles, "2", false, "").await;
    check(&addresses, "2", false, "fin-2").await;
    check(&addresses, "2 fin", false, "fin-2").await;
    check(&addresses, "2 cafe", false, "").await;
    check(&RoomSearch::default(), "fin", false, "").await;
}

pub(crate) async fn what_rooms_are_called_is_folded_before_it_is_searched(place: Place) {
    let store = place.open().await;
    let room = make(&store, "tea").await;
    let check = async |text: &str, expected: &str| {
        let search = RoomSearch { text: text.into(), in_title: true, ..RoomSearch::default() };
        assert_eq!(found(&store, &search).await, expected, "{text}");
    };
    append(&store, &room, [named("Thé", "")]).await.unwrap();
    check("the", "tea").await;
    let room = store.load_room("tea").await.unwrap().unwrap();
    append(&store, &room, [named("Maté", "")]).await.unwrap();
    check("the", "").await;
    check("mate", "tea").await;
    // As a member does that knows nothing of it, and as what was there before.
    for statement in [
        "UPDATE room SET settings = replace(settings, 'Maté', 'Café')",
        "UPDATE room SET address_words = NULL, title_words = NULL, description_words = NULL",
    ] {
        by_hand(&place, statement).await.unwrap();
        check("mate", "").await;
        check("cafe", "tea").await;
    }
}

async fn found(store: &Store, search: &RoomSearch) -> String {
    let found = store.find_rooms(search, None, 10).await.unwrap();
    found.iter().map(|room| &*room.name).collect::<Vec<_>>().join(" ")
}

fn named(name: &str, description: &str) -> Change {
    let settings = Settings { name: name.into(), description: description.into(), ..Settings::default() };
    Change::Configured { by: author("alice").jid, settings: Box::new(settings) }
}

pub(crate) async fn a_cleared_room_is_emptied_from_its_beginning_on(place: Place) {
    let store = place.open().await;
    let room = chatty(&store).await;
    let below = store.place_at(room.id, Timestamp(1_004)).await.unwrap();
    append(&store, &room, [Change::Cleared { below, by: author("alice") }]).await.unwrap();
    let head = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(head.first_seq, below);
    let history = store.history(room.id, head.seq, Default::default(), 100).await.unwrap();
    assert_eq!(texts(&history), ["m4", "m5", "m6", "m7", "m8", "m9"], "what lies below is shown to nobody");
    assert_eq!(store.rooms_half_cleared().await.unwrap(), [(room.id, below)]);
    let old = store.purge(room.id, Timestamp(1_002)).await.unwrap();
    assert!(old > 0);
    let head = store.load_room("tea").await.unwrap().unwrap();
    assert_eq!(head.first_seq, below, "what time takes of it does not bring the rest back");
    assert_eq!(store.purge_below(room.id, below).await.unwrap(), below.0 as u64 - 1 - old);
    assert_eq!(store.purge_below(room.id, below).await.unwrap(), 0);
    assert!(store.rooms_half_cleared().await.unwrap().is_empty());
    let left = store.archive_page(ArchiveQuery::new(Log::Room(room.id))).await.unwrap();
    assert_eq!(texts(&left.messages), ["m4", "m5", "m6", "m7", "m8", "m9"]);
}

async fn say(store: &Store, room: &RoomSnapshot, who: &str, at: i64, text: &str) {
    let append = Append { at: Timestamp(at), ..decision(room, vec![post(who, text)]) };
    store.append(append).await.unwrap();
}

async fn find(store: &Store, search: Search) -> Found {
    store.search(search).await.unwrap()
}

fn said(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.message.content.text.as_deref().unwrap()).collect()
}

fn removed(target: MessageId, retention: Retention) -> Change {
    Change::Retracted {
        target,
        author: author("alice"),
        is_moderation: true,
        reason: "".into(),
        content: content("", retention),
        is_replacement: false,
    }
}

fn seer(people: &[&str]) -> Seer {
    Seer { belongs: people.iter().map(|who| author(who).jid).collect(), categories: Vec::new() }
}
