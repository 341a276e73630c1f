//! The index of words, kept behind the logs by any member: whoever reads on holds the places of the logs that it reads, so
//! that no stretch is read twice.

use std::collections::VecDeque;
use std::time::Instant;

use crate::store::archive::Log;
use crate::store::error::StoreError;
use crate::store::index::{Behind, LOGS_MAX, Slice};
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;

impl Postgres {
    pub(in crate::store) async fn index_new(&self) -> Result<(), StoreError> {
        self.catch_up(self.unread.take(), None).await.map(drop)
    }

    pub(in crate::store) async fn index_all(&self) -> Result<(), StoreError> {
        self.fold_rooms().await?;
        let mut logs = self.rooms_behind().await?;
        let rows = self.links.link().await?.rows(sqlx::query(ALL_ACCOUNTS_BEHIND)).await?;
        for row in &rows {
            logs.push_back(Behind::of(row)?.log);
        }
        self.catch_up(logs, None).await.map(drop)
    }

    pub(super) async fn rooms_behind(&self) -> Result<VecDeque<Log>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(ALL_ROOMS_BEHIND)).await?;
        rows.iter().map(|row| Ok(Behind::of(row)?.log)).collect()
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
            self.index_slice(&mut logs).await?;
        }
        Ok(true)
    }

    /// What is read no further than a stretch comes again; last, so that a long log holds up no other.
    async fn index_slice(&self, logs: &mut VecDeque<Log>) -> Result<(), StoreError> {
        let mut next: Vec<Log> = logs.drain(..logs.len().min(LOGS_MAX)).collect();
        // By all members in this order, or two would wait for each other.
        next.sort_unstable();
        let mut link = self.links.link().await?;
        // Most of the time nobody is behind, and nobody's place is taken for nothing.
        let ahead: Vec<Log> = behind(&mut link, &next).await?.iter().map(|behind| behind.log).collect();
        if ahead.is_empty() {
            return Ok(());
        }
        link.begin().await?;
        hold_places(&mut link, &ahead).await?;
        let mut slice = Slice::default();
        for behind in behind(&mut link, &ahead).await? {
            if slice.is_full() {
                logs.push_front(behind.log);
                continue;
            }
            let end = behind.stretch();
            read(&mut link, behind, end, &mut slice).await?;
            slice.places.push((behind.log, end));
            if end < behind.head {
                logs.push_back(behind.log);
            }
        }
        write(&mut link, &slice).await?;
        link.commit().await
    }
}

async fn hold_places(link: &mut Link, logs: &[Log]) -> Result<(), StoreError> {
    let (kinds, ids) = keys(logs);
    link.execute(sqlx::query(HOLD).bind(kinds).bind(ids)).await.map(drop)
}

async fn behind(link: &mut Link, logs: &[Log]) -> Result<Vec<Behind>, StoreError> {
    let (kinds, ids) = keys(logs);
    let rows = link.rows(sqlx::query(BEHIND).bind(kinds).bind(ids)).await?;
    rows.iter().map(Behind::of).collect()
}

async fn read(link: &mut Link, behind: Behind, end: i64, slice: &mut Slice) -> Result<(), StoreError> {
    let sql = match behind.log {
        Log::Room(_) => READ_ROOM,
        Log::Account(_) => READ_ACCOUNT,
    };
    let query = sqlx::query(sql).bind(behind.log.key().1).bind(behind.read).bind(end);
    for row in &link.rows(query).await? {
        slice.take(behind.log, row)?;
    }
    Ok(())
}

async fn write(link: &mut Link, slice: &Slice) -> Result<(), StoreError> {
    if !slice.documents.is_empty() {
        let (kinds, logs) = keys(&slice.documents.iter().map(|document| document.log).collect::<Vec<_>>());
        let query = sqlx::query(ENTER)
            .bind(kinds)
            .bind(logs)
            .bind(slice.documents.iter().map(|document| document.seq).collect::<Vec<_>>())
            .bind(slice.documents.iter().map(|document| document.at).collect::<Vec<_>>())
            .bind(slice.documents.iter().map(|document| document.as_vector()).collect::<Vec<_>>());
        link.execute(query).await?;
    }
    for (sql, places) in [(TAKE_OUT, &slice.gone), (MOVE, &slice.places)] {
        if !places.is_empty() {
            let (logs, seqs): (Vec<Log>, Vec<i64>) = places.iter().copied().unzip();
            let (kinds, logs) = keys(&logs);
            link.execute(sqlx::query(sql).bind(kinds).bind(logs).bind(seqs)).await?;
        }
    }
    Ok(())
}

fn keys(logs: &[Log]) -> (Vec<i64>, Vec<i64>) {
    logs.iter().map(|log| log.key()).unzip()
}

const ALL_ROOMS_BEHIND: &str =
    "SELECT 0::bigint, head.room, greatest(coalesce(place.seq, 0), head.first_seq - 1), head.seq
    FROM room_log AS head LEFT JOIN search_place AS place ON place.kind = 0 AND place.log = head.room
    WHERE head.seq > greatest(coalesce(place.seq, 0), head.first_seq - 1)";
const ALL_ACCOUNTS_BEHIND: &str = "SELECT 1::bigint, head.account, coalesce(place.seq, 0), head.seq
    FROM account_log AS head LEFT JOIN search_place AS place ON place.kind = 1 AND place.log = head.account
    WHERE head.seq > coalesce(place.seq, 0)";
const BEHIND: &str = "WITH asked AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS asked (kind, log))
    SELECT kind, log, reached, head FROM (
        SELECT asked.kind, asked.log, greatest(coalesce(place.seq, 0), head.first_seq - 1) AS reached, head.seq AS head
        FROM asked JOIN room_log AS head ON asked.kind = 0 AND head.room = asked.log
        LEFT JOIN search_place AS place ON place.kind = 0 AND place.log = asked.log
        UNION ALL
        SELECT asked.kind, asked.log, coalesce(place.seq, 0), head.seq
        FROM asked JOIN account_log AS head ON asked.kind = 1 AND head.account = asked.log
        LEFT JOIN search_place AS place ON place.kind = 1 AND place.log = asked.log) AS known
    WHERE head > reached";
const HOLD: &str = "INSERT INTO search_place (kind, log, seq)
    SELECT kind, log, 0 FROM unnest($1::bigint[], $2::bigint[]) AS held (kind, log) ORDER BY kind, log
    ON CONFLICT (kind, log) DO UPDATE SET seq = search_place.seq";
/// What was said, and what was taken back, in whichever part of the log that is.
const READ_ROOM: &str = "SELECT seq, at, kind, jid, text, (data::json ->> 'target')::bigint FROM room_event
        WHERE room = $1 AND class = 0 AND seq > $2 AND seq <= $3 AND kind IN (1, 4)
    UNION ALL SELECT seq, at, kind, jid, NULL, (data::json ->> 'target')::bigint FROM room_event
        WHERE room = $1 AND class = 1 AND seq > $2 AND seq <= $3 AND kind = 4
    ORDER BY seq";
const READ_ACCOUNT: &str = "SELECT seq, at, 1::bigint, jid, text, NULL::bigint FROM account_event
    WHERE account = $1 AND class = 0 AND seq > $2 AND seq <= $3 ORDER BY seq";
const ENTER: &str = "INSERT INTO search_entry (kind, log, seq, at, words)
    SELECT kind, log, seq, at, words::tsvector
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])
        AS document (kind, log, seq, at, words)
    ON CONFLICT (kind, log, seq) DO NOTHING";
/// The entry stays: it says where its message was, for who was shown it last.
const TAKE_OUT: &str = "UPDATE search_entry SET words = ''
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS gone (kind, log, seq)
    WHERE search_entry.kind = gone.kind AND search_entry.log = gone.log AND search_entry.seq = gone.seq";
const MOVE: &str = "UPDATE search_place SET seq = place.seq
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS place (kind, log, seq)
    WHERE search_place.kind = place.kind AND search_place.log = place.log";
