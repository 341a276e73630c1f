//! What time takes while the server runs: messages that were only passing through, when their time is over, and the
//! conversation of rooms that keep it for so many days.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chat::id::Timestamp;
use crate::clock::Clock;
use crate::store::Store;
use crate::store::error::StoreError;

/// Sweeps now and again until it is told to stop.
pub(super) async fn run(store: Store, clock: Clock, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            swept = sweep(&store, clock.now()) => {
                if let Err(error) = swept {
                    // What is too old by now will be by the next time, too.
                    warn!(%error, "what is too old cannot be removed");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn sweep(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let blanked = store.expire_messages(now).await?;
    let passed = store.expire_account_events(now).await?;
    let mut purged = 0;
    for room in store.rooms_with_retention().await? {
        purged += store.purge(room.id, Timestamp(now.0 - i64::from(room.days) * DAY_MS)).await?;
    }
    for (room, below) in store.rooms_half_cleared().await? {
        purged += store.purge_below(room, below).await?;
    }
    debug!(blanked, passed, purged, "removed what is too old");
    Ok(())
}

/// A day is the shortest retention, so that an hour more or less does not matter.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use perch_address::BareJid;

    use super::*;
    use crate::chat::event::Change;
    use crate::chat::id::RoomId;
    use crate::chat::message::{Author, Content, Payload, Retention};
    use crate::chat::settings::Settings;
    use crate::room::configuration::foundation;
    use crate::store::Options;
    use crate::store::archive::{ArchiveQuery, Log};
    use crate::store::room::{Append, NewRoom};

    async fn room(store: &Store, name: &str, retention_days: Option<u32>) -> RoomId {
        let owner = BareJid::new("alice@perch.test").unwrap();
        let settings = Settings { retention_days, ..Settings::default() };
        let changes = foundation(&owner, &[7; 32], settings, false).into();
        let new = NewRoom { name: name.into(), secret: [7; 32], changes, at: Timestamp(0), origin: None };
        let made = store.create_room(new).await.unwrap();
        for retention in [Retention::Kept, Retention::Transient] {
            let author =
                Author { nick: "alice".into(), jid: owner.clone(), resource: None, occupant_id: "o".into() };
            let payload = Payload::from("<body>hi</body>".to_owned());
            let content = Content { id: None, lang: None, text: Some("hi".into()), payload, retention };
            let append = Append {
                room: made.id,
                rules: made.rules,
                changes: [Change::Posted { author, content }].into(),
                quiet: [].into(),
                at: Timestamp(0),
                origin: None,
            };
            store.append(append).await.unwrap();
        }
        made.id
    }

    /// What the archive shows, and what the whole log still says.
    async fn left(store: &Store, room: RoomId) -> (usize, usize) {
        let page = store.archive_page(ArchiveQuery::new(Log::Room(room))).await.unwrap();
        let log = store.events_after(room, crate::chat::id::Seq(0), 100).await.unwrap();
        let says = |change: &Change| matches!(change, Change::Posted { content, .. } if !content.payload.as_str().is_empty());
        (page.messages.len(), log.iter().filter(|event| says(&event.change)).count())
    }

    #[tokio::test]
    async fn what_is_too_old_goes_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("perch.db").display());
        let store = Store::open(&url, &Options::new([1; 32])).await.unwrap();
        let for_ever = room(&store, "tea", None).await;
        let for_days = room(&store, "coffee", Some(3)).await;
        let check = async |now: Timestamp, expected: [(usize, usize); 2]| {
            sweep(&store, now).await.unwrap();
            assert_eq!([left(&store, for_ever).await, left(&store, for_days).await], expected, "{now:?}");
        };
        check(Timestamp(1), [(1, 2), (1, 2)]).await;
        check(Timestamp(2 * DAY_MS), [(1, 1), (1, 1)]).await;
        check(Timestamp(3 * DAY_MS + 1), [(1, 1), (0, 0)]).await;
        store.close().await;
    }
}
