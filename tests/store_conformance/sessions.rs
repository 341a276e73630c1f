//! Sessions, as far as they outlive the server.

use perch::chat::id::{AccountId, Origin, Seq, SessionId, Timestamp};
use perch::store::administration::Deed;
use perch::store::room::Append;
use perch::store::session::{SavedSession, SessionRow};

use crate::Place;
use crate::scene::{account, act, address, decision, make, post};

pub(crate) async fn sessions_are_saved_and_found_again(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    let row = session(1, alice, 5);
    store.save_sessions(vec![row.clone(), session(2, alice, 0), session(3, AccountId(99), 0)]).await.unwrap();
    assert_eq!(store.session(SessionId(3)).await.unwrap(), None, "there is no such account");
    assert_eq!(store.sessions_of(alice).await.unwrap().len(), 2);

    // More was written than was saved: who resumes must not be asked to send it again.
    let room = make(&store, "tea").await;
    for (number, settled) in [(4, 3), (6, 5), (9, 7)] {
        let origin = Some(Origin { session: SessionId(1), number, settled });
        store.append(Append { origin, ..decision(&room, vec![post("alice", "hi")]) }).await.unwrap();
    }
    let saved = store.session(SessionId(1)).await.unwrap().unwrap();
    assert_eq!((&saved.row, saved.settled, numbers(&saved)), (&row, 7, vec![4, 6, 9]));
    assert_eq!(store.session_to_resume("hash 1").await.unwrap(), Some(saved));
    assert_eq!(store.session_to_resume("hash 3").await.unwrap(), None);

    // What lies far behind is not looked at any more: no client sends it again.
    let moved = SessionRow { handled: 900, acknowledged: Seq(3), ..row };
    store.save_sessions(vec![moved.clone()]).await.unwrap();
    let saved = store.session(SessionId(1)).await.unwrap().unwrap();
    assert_eq!((&saved.row, saved.settled, numbers(&saved)), (&moved, 900, vec![]));

    store.forget_sessions(&[SessionId(1)]).await.unwrap();
    assert_eq!(store.session(SessionId(1)).await.unwrap(), None);
    let remove = Deed::RemoveAccount { account: alice, address: address("alice") };
    store.administer(remove, act()).await.unwrap();
    assert_eq!(store.session(SessionId(2)).await.unwrap(), None, "they go with their account");
}

pub(crate) async fn sessions_lapse(place: Place) {
    let store = place.open().await;
    let alice = store.add_account(account("alice")).await.unwrap();
    store.save_sessions((0..500).map(|id| session(id, alice, 0)).collect()).await.unwrap();
    assert_eq!(store.detach_sessions(Timestamp(10)).await.unwrap(), 0, "they are of this incarnation");
    store.close().await;

    let store = place.open().await;
    store.save_sessions(vec![session(7, alice, 0)]).await.unwrap();
    assert_eq!(store.detach_sessions(Timestamp(10)).await.unwrap(), 499);
    assert_eq!(store.forget_lapsed_sessions(Timestamp(9)).await.unwrap(), 0);
    assert_eq!(store.forget_lapsed_sessions(Timestamp(10)).await.unwrap(), 499);
    let left = store.sessions_of(alice).await.unwrap();
    assert_eq!(left.iter().map(|row| row.id.0).collect::<Vec<_>>(), [7]);
}

fn session(id: i64, account: AccountId, handled: i64) -> SessionRow {
    SessionRow {
        id: SessionId(id),
        account,
        resource: "phone".into(),
        deadline: None,
        handled,
        acknowledged: Seq(0),
        counted_from: 0,
        resumption: Some(format!("hash {id}").into()),
        former: None,
    }
}

fn numbers(saved: &SavedSession) -> Vec<i64> {
    saved.written.iter().map(|written| written.number).collect()
}
