//! Moves what the write-ahead log holds into the database file, beside the writer and out of its way.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

/// The task; ends, with the log emptied, when it is told to.
#[derive(Debug)]
pub(super) struct Checkpointer {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Checkpointer {
    pub(super) fn start(database: &Path, connection: SqliteConnection) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(PathBuf::from(log), connection, stop.clone()));
        Self { stop: stop.drop_guard(), task }
    }

    pub(super) async fn finish(self) {
        drop(self.stop);
        if let Err(fault) = self.task.await {
            warn!(%fault, "the last checkpoint of the store failed");
        }
    }
}

async fn run(log: PathBuf, mut connection: SqliteConnection, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Size::of(&log);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let now = Size::of(&log);
        if now.bytes >= LARGE || (now == before && now.bytes > 0) {
            // Everything is moved first while others write, so that the writer waits for the last few pages only.
            checkpoint(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
            checkpoint(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        } else if now.bytes >= WORTHWHILE && now != before {
            checkpoint(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await;
        }
        before = Size::of(&log);
    }
    checkpoint(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    if let Err(fault) = connection.close().await {
        warn!(%fault, "the store's checkpoint connection did not close cleanly");
    }
}

/// A failed checkpoint loses nothing: the log grows until the next one.
async fn checkpoint(connection: &mut SqliteConnection, sql: &'static str) {
    if let Err(fault) = sqlx::query(sql).execute(connection).await {
        warn!(%fault, "a checkpoint of the store failed");
    }
}

/// What tells a log that was written to from one that was not.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    bytes: u64,
    written: Option<SystemTime>,
}

impl Size {
    fn of(log: &Path) -> Self {
        let file = std::fs::metadata(log).ok();
        Self {
            bytes: file.as_ref().map_or(0, std::fs::Metadata::len),
            written: file.and_then(|file| file.modified().ok()),
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
/// A page that is written often is moved once: the longer the wait, the less there is to move.
const WORTHWHILE: u64 = 16 << 20;
/// A log that readers or load have kept from starting anew; from here on it is made to.
const LARGE: u64 = 128 << 20;
