//! Opens the file: refuses what is not ours or newer than this program, and brings an older one up to date.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tracing::info;

use crate::store::Options;
use crate::store::error::OpenError;

/// Forward only: a step that was released is never changed, the next one is put behind it.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_foundation.sql"),
    include_str!("migrations/0002_accounts.sql"),
    include_str!("migrations/0003_resumption.sql"),
    include_str!("migrations/0004_quiet.sql"),
    include_str!("migrations/0005_directory.sql"),
    include_str!("migrations/0006_categories.sql"),
    include_str!("migrations/0007_search.sql"),
    include_str!("migrations/0008_administration.sql"),
    include_str!("migrations/0009_digest.sql"),
    include_str!("migrations/0010_room_words.sql"),
    include_str!("migrations/0011_room_guid.sql"),
    include_str!("migrations/0012_digest_md5.sql"),
];

/// The schema that this program writes.
pub(super) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// Where the file is and how each connection to it is set up.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pages_max: Option<u32>,
}

impl Place {
    pub(super) fn new(path: &str, options: &Options) -> Self {
        Self { path: PathBuf::from(path), pages_max: options.pages_max }
    }

    /// The one connection that writes.
    pub(super) async fn connect_writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut options = self.connection(WRITER_CACHE_KIB).create_if_missing(true);
        if let Some(pages) = self.pages_max {
            options = options.pragma("max_page_count", pages.to_string());
        }
        options
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL loses the last commits when the power fails; they were acknowledged.
            .synchronous(SqliteSynchronous::Full)
            // A checkpoint inside a commit would make some posts wait for it; it has a connection of its own.
            .pragma("wal_autocheckpoint", "0")
            .connect()
            .await
    }

    pub(super) async fn connect_checkpointer(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.connection(READER_CACHE_KIB)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(CHECKPOINT_PATIENCE)
            .connect()
            .await
    }

    pub(super) async fn connect_readers(&self, connections: u32) -> Result<SqlitePool, sqlx::Error> {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(self.connection(READER_CACHE_KIB).read_only(true))
            .await
    }

    fn connection(&self, cache_kib: u32) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", format!("-{cache_kib}"))
            .pragma("temp_store", "memory")
            .statement_cache_capacity(STATEMENTS)
            .row_buffer_size(ROW_BUFFER)
            .thread_name(|id| format!("store-{id}"))
            .disable_statement_logging()
    }

    fn display(&self) -> String {
        self.path.display().to_string()
    }
}

/// Held as long as the store is open; the operating system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

/// The room heads are compared and moved by one task: a second process would sequence beside it.
pub(super) fn lock(place: &Place) -> Result<Lock, OpenError> {
    let mut path = place.path.clone().into_os_string();
    path.push("-lock");
    let file = File::create(path).map_err(|error| OpenError::Unavailable(error.into()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(place.display())),
        Err(std::fs::TryLockError::Error(error)) => Err(OpenError::Unavailable(error.into())),
    }
}

/// Looks without touching: a store of a newer program must survive a mistaken start of an older one.
pub(super) async fn examine(place: &Place) -> Result<(), OpenError> {
    if is_empty(&place.path) {
        return Ok(());
    }
    let not_ours = |_| OpenError::NotOurs(place.display());
    let mut connection =
        place.connection(READER_CACHE_KIB).read_only(true).connect().await.map_err(not_ours)?;
    let id: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await.map_err(not_ours)?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.map_err(not_ours)?;
    connection.close().await.map_err(unavailable)?;
    if id != APPLICATION_ID {
        return Err(OpenError::NotOurs(place.display()));
    }
    if found > SCHEMA {
        return Err(OpenError::TooNew { found, known: SCHEMA });
    }
    Ok(())
}

/// Takes the schema to this program's, all steps or none, and starts a new incarnation of the one member.
pub(super) async fn migrate(writer: &mut SqliteConnection, options: &Options) -> Result<i64, OpenError> {
    check_engine(writer).await?;
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(unavailable)?;
    let done = usize::try_from(found).unwrap_or(MIGRATIONS.len());
    for step in MIGRATIONS.iter().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(unavailable)?;
    }
    if found != SCHEMA {
        let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}");
        sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *transaction).await.map_err(unavailable)?;
        info!(from = found, to = SCHEMA, "the store's schema was brought up to date");
    }
    sqlx::query("INSERT INTO meta (only_row, epoch, secret) VALUES (1, 1, ?) ON CONFLICT DO NOTHING")
        .bind(&options.fresh_secret[..])
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    if options.is_restored {
        let epoch: i64 = sqlx::query_scalar(RAISE).fetch_one(&mut *transaction).await.map_err(unavailable)?;
        for raise in [RAISE_ROOMS, RAISE_ACCOUNTS] {
            sqlx::query(raise).bind(epoch).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        info!(epoch, "the store was put back: ids are counted anew");
    }
    let incarnation = sqlx::query_scalar(
        "INSERT INTO member (name, incarnation) VALUES ('', 1)
         ON CONFLICT (name) DO UPDATE SET incarnation = incarnation + 1 RETURNING incarnation",
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(incarnation)
}

/// Before 3.51.3 a reset of the write-ahead log could lose committed pages.
async fn check_engine(writer: &mut SqliteConnection) -> Result<(), OpenError> {
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(writer).await.map_err(unavailable)?;
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if parts.as_slice() < OLDEST_ENGINE {
        return Err(OpenError::Unavailable(format!("SQLite {version} is too old").into()));
    }
    Ok(())
}

pub(super) fn unavailable(error: sqlx::Error) -> OpenError {
    OpenError::Unavailable(error.into())
}

fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |file| file.len() == 0)
}

/// At least the number of days since the beginning of 2026: a copy that was put back does not know of the epochs after
/// it, whose ids were given too.
const RAISE: &str = "UPDATE meta SET epoch = max(epoch + 1, unixepoch() / 86400 - 20454) RETURNING epoch";
const RAISE_ROOMS: &str = "UPDATE room_log SET epoch = ?";
const RAISE_ACCOUNTS: &str = "UPDATE account_log SET epoch = ?";

/// "prch"; `file` and SQLite's own shell show it.
const APPLICATION_ID: i64 = 0x7072_6368;
const OLDEST_ENGINE: &[u32] = &[3, 51, 3];
/// How long a connection waits for another one's lock; only a checkpoint ever holds one against the writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A checkpoint that empties the log holds off the writer while it waits for readers: better it tries again later.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(50);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The operating system caches the file as well: these save calls, not disk reads.
const WRITER_CACHE_KIB: u32 = 8192;
const READER_CACHE_KIB: u32 = 1024;
const STATEMENTS: usize = 256;
/// A page of an archive fits, so that the reading thread does not wait for the task that takes the rows.
const ROW_BUFFER: usize = 128;
