//! What the rules are tried on: a room, what is said in it, who says it.

use std::sync::Arc;

use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::event::{AffiliationSet, Change, Departure, Extent, Joined, Left};
use perch::chat::id::{SessionId, Timestamp};
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::snapshot::RoomSnapshot;
use perch::store::Store;
use perch::store::account::{DigestKeys, Md5Keys, NewAccount, ScramHash, ScramRow};
use perch::store::administration::act::{Act, Outcome};
use perch::store::archive::ArchivedMessage;
use perch::store::error::AppendError;
use perch::store::room::{Append, Appended, NewRoom};
use perch_address::BareJid;

/// A room with ten messages, one a millisecond, and other events between them.
pub(crate) async fn chatty(store: &Store) -> RoomSnapshot {
    let room = make(store, "tea").await;
    for n in 0..10 {
        let who = ["alice", "bob"][n % 2];
        let changes = vec![
            post(who, &format!("m{n}")),
            Change::Posted { author: author(who), content: content("unkept", Retention::Transient) },
        ];
        let at = Timestamp(1_000 + n as i64);
        store.append(Append { at, ..decision(&room, changes) }).await.unwrap();
    }
    room
}

pub(crate) fn texts(messages: &[ArchivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.content.text.as_deref().unwrap_or("-")).collect()
}

pub(crate) async fn make(store: &Store, name: &str) -> RoomSnapshot {
    store.create_room(new_room(name)).await.unwrap()
}

pub(crate) fn new_room(name: &str) -> NewRoom {
    let created = Change::Created { by: author("alice").jid, settings: Box::default(), locked: true };
    let changes = [created, affiliation("alice", Affiliation::Owner, 1), join("alice", "alice", 1)];
    NewRoom {
        name: name.into(),
        secret: [9; 32],
        changes: Arc::new(changes),
        at: Timestamp(1_000),
        origin: None,
    }
}

pub(crate) async fn append<const N: usize>(
    store: &Store,
    room: &RoomSnapshot,
    changes: [Change; N],
) -> Result<Appended, AppendError> {
    store.append(decision(room, changes.to_vec())).await
}

pub(crate) fn decision(room: &RoomSnapshot, changes: Vec<Change>) -> Append {
    Append {
        room: room.id,
        rules: room.rules,
        changes: changes.into(),
        quiet: [].into(),
        at: Timestamp(1_000),
        origin: None,
    }
}

pub(crate) fn post(who: &str, text: &str) -> Change {
    Change::Posted { author: author(who), content: content(text, Retention::Kept) }
}

pub(crate) fn content(text: &str, retention: Retention) -> Content {
    Content {
        id: Some(format!("id-{text}").into()),
        lang: Some("en".into()),
        text: Some(text.into()),
        payload: payload(text),
        retention,
    }
}

pub(crate) fn payload(text: &str) -> Payload {
    Payload::from(format!("<body>{text}</body>"))
}

pub(crate) fn author(who: &str) -> Author {
    Author {
        nick: who.into(),
        jid: format!("{who}@localhost").parse().unwrap(),
        resource: Some("phone".into()),
        occupant_id: format!("occupant-{who}").into(),
    }
}

pub(crate) fn join(who: &str, nick: &str, session: i64) -> Change {
    Change::Joined(Joined {
        nick: nick.into(),
        nick_key: nick.into(),
        session: SessionId(session),
        jid: format!("{who}@localhost/phone").parse().unwrap(),
        occupant_id: format!("occupant-{who}").into(),
        affiliation: Affiliation::None,
        presents: false,
        role: Role::Participant,
        presence: payload("here"),
        has_created: false,
        nick_assigned: false,
    })
}

pub(crate) fn leave(nick: &str, session: i64) -> Change {
    Change::Left(Left {
        nick: nick.into(),
        nick_key: nick.into(),
        occupant_id: "".into(),
        session: SessionId(session),
        cause: Departure::Own,
        presence: payload("bye"),
    })
}

pub(crate) fn affiliation(who: &str, affiliation: Affiliation, version: i64) -> Change {
    Change::AffiliationSet(AffiliationSet {
        jid: author(who).jid,
        affiliation,
        by: Some(author("alice")),
        reason: "so it is".into(),
        nick: None,
        extent: Extent::default(),
        roles: Vec::new(),
        version,
    })
}

pub(crate) fn address(name: &str) -> BareJid {
    BareJid::from_parts(Some(name), "localhost").unwrap()
}

/// Something that the operator does.
pub(crate) fn act() -> Act {
    Act {
        at: Timestamp(1_000),
        who: "operator".into(),
        origin: "socket".into(),
        token: None,
        operation: "test",
        object: "it".into(),
        was: None,
        became: Some("{}".into()),
        outcome: Outcome::Done,
        is_trial: false,
    }
}

pub(crate) fn account(name: &str) -> NewAccount {
    let row = |hash, size| ScramRow {
        hash,
        iterations: 4096,
        salt: name.as_bytes().into(),
        stored_key: vec![1; size].into(),
        server_key: vec![2; size].into(),
    };
    NewAccount {
        address: address(name),
        credentials: vec![row(ScramHash::Sha1, 20), row(ScramHash::Sha256, 32), row(ScramHash::Sha512, 64)],
        digest: Some(DigestKeys {
            sha256: [3; 32],
            sha512_256: [4; 32],
            md5: Some(Md5Keys { of_name: [5; 16], of_address: [6; 16] }),
        }),
    }
}

/// Changes that the log does not have.
pub(crate) async fn quietly<const N: usize>(
    store: &Store,
    room: &RoomSnapshot,
    changes: [Change; N],
) -> Result<Appended, AppendError> {
    let append = Append { quiet: changes.into(), ..decision(room, Vec::new()) };
    store.append(append).await
}
