//! Who works on a store, and what he has to end.

use perch::chat::event::Change;
use perch::chat::id::{AccountId, Seq, SessionId, Timestamp};
use perch::chat::snapshot::RoomSnapshot;
use perch::store::member::{MemberState, Showing};
use perch::store::room::RoomPlace;
use perch::store::session::SessionRow;

use crate::Place;
use crate::scene::{account, append, join, make, post, quietly};

pub(crate) async fn a_member_shows_what_it_is_at(place: Place) {
    let store = place.open().await;
    let shown = Showing { state: MemberState::Draining, rights: 7 };
    store.show_member(shown.state).await.unwrap();
    store.show_rights(shown.rights).await.unwrap();
    let members = store.members().await.unwrap();
    let [member] = members.as_slice() else { panic!("{members:?}") };
    assert_eq!((&*member.name, member.incarnation), ("perch", store.incarnation()));
    assert_eq!(member.showing, shown);
    assert!(member.lease.is_some(), "it is alive");
    assert!(!store.fence_member("perch", store.incarnation()).await.unwrap(), "and not to be fenced");
}

pub(crate) async fn what_is_due_is_claimed(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let room = make(&store, "tea").await;
    let detached =
        |session, at| Change::Detached { session: SessionId(session), deadline: Some(Timestamp(at)) };
    append(&store, &room, [join("bob", "bob", 2), detached(2, 50), detached(1, 90)]).await.unwrap();
    assert_eq!(store.claim_due_seats(Timestamp(49), 10).await.unwrap(), []);
    let due = store.claim_due_seats(Timestamp(60), 10).await.unwrap();
    assert_eq!(
        due.iter().map(|due| (due.room, &*due.name, due.session.0)).collect::<Vec<_>>(),
        [(room.id, "tea", 2)]
    );

    store.save_sessions(vec![session(1, alice, Some(50)), session(2, alice, None)]).await.unwrap();
    let due = store.claim_due_sessions(Timestamp(60), 10).await.unwrap();
    assert_eq!(due, [session(1, alice, Some(50))]);
}

pub(crate) async fn logs_that_are_ahead_are_found(place: Place) {
    let store = place.open().await;
    let (tea, coffee) = (make(&store, "tea").await, make(&store, "coffee").await);
    append(&store, &tea, [post("alice", "hi")]).await.unwrap();
    let place = |room: &RoomSnapshot| RoomPlace { room: room.id, seq: room.seq, quiet: room.quiet };
    let ahead = store.rooms_ahead(&[place(&coffee), place(&tea)]).await.unwrap();
    assert_eq!(ahead, [tea.id]);
    let quiet = quietly(&store, &coffee, [join("bob", "bob", 7)]).await.unwrap();
    assert_eq!((quiet.first, quiet.quiet), (coffee.seq.next(), coffee.quiet + 1));
    assert_eq!(store.rooms_ahead(&[place(&coffee)]).await.unwrap(), [coffee.id]);
    assert_eq!(store.rooms_ahead(&[]).await.unwrap(), []);
    assert_eq!(store.accounts_ahead(&[(AccountId(1), Seq(0))]).await.unwrap(), []);
}

pub(crate) fn session(id: i64, account: AccountId, deadline: Option<i64>) -> SessionRow {
    SessionRow {
        id: SessionId(id),
        account,
        resource: "phone".into(),
        deadline: deadline.map(Timestamp),
        handled: 0,
        acknowledged: Seq(0),
        counted_from: 0,
        resumption: None,
        former: None,
    }
}
