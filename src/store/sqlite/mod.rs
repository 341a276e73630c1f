//! The embedded engine: one file, one task that writes, a few connections that read.
//!
//! One file per aggregate beside this one, the schema's steps in `migrations/`. Reads go to `readers`, each sees
//! what was committed when it began; writes go through [`writer::Writer`].

mod account_log;
mod account_project;
mod accounts;
mod administration;
mod append;
mod archive;
mod batch;
mod checkpoint;
mod events;
pub(super) mod fault;
mod indexing;
mod journal;
mod members;
mod nodes;
mod open;
mod pages;
mod principals;
mod project;
mod retention;
mod room_search;
mod rooms;
mod search;
mod sessions;
mod writer;

use std::sync::Arc;

use parking_lot::Mutex;
use sqlx::sqlite::SqlitePool;
use tokio::sync::watch;

use crate::store::Options;
use crate::store::error::{AppendError, OpenError};
use crate::store::index::Unread;
use crate::store::member::{MemberState, Showing};
use crate::store::notes::Notes;
use crate::store::room::{Append, Appended};
use crate::store::sqlite::append::Rules;
use crate::store::sqlite::checkpoint::Checkpointer;
use crate::store::sqlite::open::{Lock, Place};
use crate::store::sqlite::writer::Writer;

/// A handle; clones share the connections.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Writer,
    readers: SqlitePool,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    incarnation: i64,
    member: Box<str>,
    showing: Mutex<Showing>,
    wanted: Mutex<MemberState>,
    newest_rights: watch::Sender<i64>,
    notes: Notes,
    /// Logs that have grown since the index was last made to follow.
    unread: Unread,
    /// Whose turn it is to make it follow.
    indexing: tokio::sync::Mutex<()>,
    rules: Rules,
    secret: [u8; 32],
    checkpointer: Mutex<Option<Checkpointer>>,
    lock: Mutex<Option<Lock>>,
}

impl Sqlite {
    pub(super) async fn open(path: &str, options: &Options) -> Result<Self, OpenError> {
        let place = Place::new(path, options);
        let lock = open::lock(&place)?;
        open::examine(&place).await?;
        let mut connection = place.connect_writer().await.map_err(open::unavailable)?;
        let incarnation = open::migrate(&mut connection, options).await?;
        let secret: Vec<u8> = sqlx::query_scalar("SELECT secret FROM meta")
            .fetch_one(&mut connection)
            .await
            .map_err(open::unavailable)?;
        let secret = secret.try_into().map_err(|_| OpenError::NotOurs(path.to_owned()))?;
        let rules =
            Rules { has_journal: options.has_journal, transient_lifetime: options.transient_lifetime };
        let readers = place.connect_readers(options.readers).await.map_err(open::unavailable)?;
        let checkpoints = place.connect_checkpointer().await.map_err(open::unavailable)?;
        Ok(Self {
            readers,
            shared: Arc::new(Shared {
                incarnation,
                member: options.member.clone(),
                showing: Mutex::default(),
                wanted: Mutex::new(MemberState::Active),
                newest_rights: watch::Sender::new(0),
                notes: Notes::default(),
                unread: Unread::default(),
                indexing: tokio::sync::Mutex::default(),
                rules,
                secret,
                checkpointer: Mutex::new(Some(Checkpointer::start(&place.path, checkpoints))),
                lock: Mutex::new(Some(lock)),
            }),
            writer: Writer::start(place, connection, rules),
        })
    }

    pub(super) fn incarnation(&self) -> i64 {
        self.shared.incarnation
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.shared.secret
    }

    pub(super) async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (room, changes) = (append.room, append.changes.clone());
        let appended = self.writer.append(append).await?;
        self.shared.unread.note_room(room, &changes);
        Ok(appended)
    }

    /// Writers first, so that all they were given is in the file; then the log is emptied; readers only keep it open.
    pub(super) async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
        let checkpointer = self.shared.checkpointer.lock().take();
        if let Some(checkpointer) = checkpointer {
            checkpointer.finish().await;
        }
        self.shared.lock.lock().take();
    }
}

#[cfg(test)]
mod tests;
