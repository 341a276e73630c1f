//! Rooms of two members that do not hear one another, over one store.

use tempfile::TempDir;

use super::*;
use crate::chat::administration::level::Here;
use crate::chat::event::Change;
use crate::chat::id::{Epoch, MessageId};
use crate::room::scene::administrator;
use crate::store::Options;
use crate::store::room::NewRoom;

async fn rooms(store: &Store) -> Rooms {
    let policy = Policy {
        is_creation_open: true,
        locks_new_rooms: false,
        defaults: Settings::default(),
        administrators: Vec::new(),
    };
    let localhost = BareJid::new("localhost").unwrap();
    let here = Here { pool: "perch".into(), site: None };
    let directory = Directory::open(store.clone(), Bus::Local, localhost, here).await.unwrap();
    // Nobody here takes letters.
    let (letters, _bag) = crate::room::letters();
    let clock = Clock::manual(Timestamp(1_000_000));
    Rooms::new(store.clone(), Bus::Local, clock, "rooms.localhost", policy, directory, letters)
}

async fn store(folder: &TempDir) -> Store {
    let url = format!("sqlite:{}", folder.path().join("perch.db").display());
    Store::open(&url, &Options::new([7; 32])).await.unwrap()
}

fn new_room() -> NewRoom {
    let settings = Box::new(Settings::default());
    let changes = [Change::Created { by: administrator().jid.bare(), settings, locked: false }];
    NewRoom {
        name: "tea".into(),
        secret: [2; 32],
        changes: Arc::new(changes),
        at: Timestamp(1_000_000),
        origin: None,
    }
}

#[tokio::test]
async fn a_member_that_finds_a_room_gone_reads_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let (here, elsewhere) = (rooms(&store).await, rooms(&store).await);
    let by = administrator();
    store.create_room(new_room()).await.unwrap();
    let look = async || here.query("tea", by.clone(), Query::Overview).await.map(drop);
    assert_eq!(look().await, Ok(()));
    let destroy = Command::Destroy { reason: "".into(), alternate: None, password: None };
    elsewhere.execute("tea", by.clone(), destroy).await.unwrap();
    assert_eq!(look().await, Ok(()), "nobody has said so here");

    let targets = vec![MessageId::new(Epoch(1), Seq(1))];
    let expunge = Command::Expunge { targets, replacement: None, is_told: true };
    assert_eq!(here.execute("tea", by.clone(), expunge).await, Err(Refusal::NoSuchRoom));
    // Its log was read to the end; a task that has nothing else to do has forgotten the room by now.
    let seen = look().await;
    assert!(matches!(seen, Err(Refusal::Destroyed { .. } | Refusal::NoSuchRoom)), "{seen:?}");
}
