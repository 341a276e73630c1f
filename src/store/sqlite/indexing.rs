//! The index of words, kept behind the logs: stretches of them are read and cut into words beside the writer, and put in
//! by slices, each a job among others.

use std::collections::VecDeque;
use std::time::Instant;

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnection;

use crate::store::archive::Log;
use crate::store::error::StoreError;
use crate::store::index::{Behind, Document, LOGS_MAX, Slice};
use crate::store::record::json;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::pages::{as_page, page_rows};

impl Sqlite {
    pub(in crate::store) async fn index_new(&self) -> Result<(), StoreError> {
        self.catch_up(self.shared.unread.take(), None).await.map(drop)
    }

    pub(in crate::store) async fn index_all(&self) -> Result<(), StoreError> {
        self.fold_rooms().await?;
        let behind = self.all_behind().await?;
        self.catch_up(behind, None).await.map(drop)
    }

    /// All logs of rooms that are ahead of the index, and all of accounts.
    async fn all_behind(&self) -> Result<VecDeque<Log>, StoreError> {
        let mut logs = self.rooms_behind().await?;
        let rows = sqlx::query(ALL_ACCOUNTS_BEHIND).fetch_one(&self.readers).await?;
        for row in page_rows(&rows)? {
            logs.push_back(Behind::of(&row)?.log);
        }
        Ok(logs)
    }

    pub(super) async fn rooms_behind(&self) -> Result<VecDeque<Log>, StoreError> {
        let rows = sqlx::query(ALL_ROOMS_BEHIND).fetch_one(&self.readers).await?;
        page_rows(&rows)?.iter().map(|row| Ok(Behind::of(row)?.log)).collect()
    }

    /// Takes these logs into the index, up to where each is when its turn comes. False when there was not enough time.
    pub(super) async fn catch_up(
        &self,
        mut logs: VecDeque<Log>,
        until: Option<Instant>,
    ) -> Result<bool, StoreError> {
        while !logs.is_empty() {
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
            // One slice after the other, or two would read the same stretch. Whoever searches gets in between.
            let _turn = self.shared.indexing.lock().await;
            self.index_slice(&mut logs).await?;
        }
        Ok(true)
    }

    /// What is read no further than a stretch comes again; last, so that a long log holds up no other.
    async fn index_slice(&self, logs: &mut VecDeque<Log>) -> Result<(), StoreError> {
        let next: Vec<Log> = logs.drain(..logs.len().min(LOGS_MAX)).collect();
        let mut slice = Slice::default();
        let mut reader = self.readers.acquire().await?;
        for behind in behind(&mut reader, &next).await? {
            if slice.is_full() {
                logs.push_front(behind.log);
                continue;
            }
            let end = behind.stretch();
            read(&mut reader, behind, end, &mut slice).await?;
            slice.places.push((behind.log, end));
            if end < behind.head {
                logs.push_back(behind.log);
            }
        }
        drop(reader);
        if slice.places.is_empty() {
            return Ok(());
        }
        self.writer
            .transact(move |connection| {
                async move {
                    write(connection, &slice).await?;
                    Ok(Ok::<_, StoreError>(()))
                }
                .boxed()
            })
            .await
    }
}

async fn behind(connection: &mut SqliteConnection, logs: &[Log]) -> Result<Vec<Behind>, StoreError> {
    let mut found = Vec::new();
    for (sql, kind) in [(ROOMS_BEHIND, 0), (ACCOUNTS_BEHIND, 1)] {
        let ids: Vec<i64> =
            logs.iter().map(|log| log.key()).filter(|key| key.0 == kind).map(|key| key.1).collect();
        if !ids.is_empty() {
            let rows = sqlx::query(sql).bind(json(&ids)).fetch_one(&mut *connection).await?;
            for row in page_rows(&rows)? {
                found.push(Behind::of(&row)?);
            }
        }
    }
    Ok(found)
}

async fn read(
    connection: &mut SqliteConnection,
    behind: Behind,
    end: i64,
    slice: &mut Slice,
) -> Result<(), StoreError> {
    let sql = match behind.log {
        Log::Room(_) => READ_ROOM,
        Log::Account(_) => READ_ACCOUNT,
    };
    let query = sqlx::query(sql).bind(behind.log.key().1).bind(behind.read).bind(end);
    for row in page_rows(&query.fetch_one(connection).await?)? {
        slice.take(behind.log, &row)?;
    }
    Ok(())
}

async fn write(connection: &mut SqliteConnection, slice: &Slice) -> Result<(), StoreError> {
    let documents = &slice.documents;
    let ids = give_ids(connection, documents).await?;
    let key = |document: &Document| (document.log.key(), document.seq);
    let entries: Vec<_> = ids.iter().zip(documents).map(|(id, document)| (id, key(document))).collect();
    let words: Vec<_> = ids.iter().zip(documents).map(|(id, document)| (id, document.as_text())).collect();
    let gone: Vec<_> = slice.gone.iter().map(|(log, seq)| (log.key(), seq)).collect();
    let places: Vec<_> = slice.places.iter().map(|(log, seq)| (log.key(), seq)).collect();
    for (sql, rows) in
        [(ENTER, json(&entries)), (ENTER_WORDS, json(&words)), (TAKE_OUT, json(&gone)), (MOVE, json(&places))]
    {
        if rows != "[]" {
            sqlx::query(sql).bind(rows).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// An id for each, behind what was said in the same millisecond.
async fn give_ids(connection: &mut SqliteConnection, documents: &[Document]) -> Result<Vec<i64>, StoreError> {
    let mut stamps: Vec<i64> = documents.iter().map(|document| document.at).collect();
    stamps.sort_unstable();
    stamps.dedup();
    let lasts: Vec<(i64, i64)> = sqlx::query_as(LAST_IDS).bind(json(&stamps)).fetch_all(connection).await?;
    let mut lasts: std::collections::BTreeMap<i64, i64> = lasts.into_iter().collect();
    let next = |document: &Document| {
        let last = lasts.entry(document.at).or_default();
        *last = (*last + 1).max(document.at << COUNT_BITS);
        *last
    };
    Ok(documents.iter().map(next).collect())
}

/// Of an id, below the stamp.
pub(super) const COUNT_BITS: u32 = 20;

macro_rules! rooms_behind {
    ($which:literal) => {
        as_page!(
            "0, room, reached, seq",
            concat!(
                "(SELECT head.room, head.seq, max(coalesce(place.seq, 0), head.first_seq - 1) AS reached
                FROM room_log AS head LEFT JOIN search_place AS place ON place.kind = 0 AND place.log = head.room",
                $which,
                ") WHERE seq > reached"
            )
        )
    };
}
macro_rules! accounts_behind {
    ($which:literal) => {
        as_page!(
            "1, account, reached, seq",
            concat!(
                "(SELECT head.account, head.seq, coalesce(place.seq, 0) AS reached
                FROM account_log AS head LEFT JOIN search_place AS place
                    ON place.kind = 1 AND place.log = head.account",
                $which,
                ") WHERE seq > reached"
            )
        )
    };
}
const ALL_ROOMS_BEHIND: &str = rooms_behind!("");
const ALL_ACCOUNTS_BEHIND: &str = accounts_behind!("");
const ROOMS_BEHIND: &str = rooms_behind!(" WHERE head.room IN (SELECT value FROM json_each(?))");
const ACCOUNTS_BEHIND: &str = accounts_behind!(" WHERE head.account IN (SELECT value FROM json_each(?))");
/// What was said, and what was taken back, in whichever part of the log that is.
const READ_ROOM: &str = as_page!(
    "seq, at, kind, jid, text, target",
    "(SELECT seq, at, kind, jid, text, data ->> '$.target' AS target FROM room_event
            WHERE room = ?1 AND class = 0 AND seq > ?2 AND seq <= ?3 AND kind IN (1, 4)
        UNION ALL SELECT seq, at, kind, jid, NULL, data ->> '$.target' FROM room_event
            WHERE room = ?1 AND class = 1 AND seq > ?2 AND seq <= ?3 AND kind = 4
        ORDER BY seq)"
);
const READ_ACCOUNT: &str = as_page!(
    "seq, at, 1, jid, text, NULL",
    "(SELECT * FROM account_event WHERE account = ?1 AND class = 0 AND seq > ?2 AND seq <= ?3 ORDER BY seq)"
);
const LAST_IDS: &str = "SELECT value, coalesce((SELECT max(id) FROM search_entry WHERE id < (value + 1) << 20), 0) FROM json_each(?)";
const ENTER: &str = "INSERT INTO search_entry (id, kind, log, seq)
    SELECT value ->> 0, value ->> '$[1][0][0]', value ->> '$[1][0][1]', value ->> '$[1][1]' FROM json_each(?)";
const ENTER_WORDS: &str =
    "INSERT INTO search_words (rowid, words) SELECT value ->> 0, value ->> 1 FROM json_each(?)";
/// The entry stays: it says where its message was, for who was shown it last.
const TAKE_OUT: &str = "DELETE FROM search_words WHERE rowid IN (
    SELECT entry.id FROM json_each(?) AS gone CROSS JOIN search_entry AS entry
        ON entry.kind = gone.value ->> '$[0][0]' AND entry.log = gone.value ->> '$[0][1]'
        AND entry.seq = gone.value ->> '$[1]')";
const MOVE: &str = "INSERT INTO search_place (kind, log, seq)
    SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[1]' FROM json_each(?) WHERE true
    ON CONFLICT (kind, log) DO UPDATE SET seq = excluded.seq";
