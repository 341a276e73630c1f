//! Pages of a log's conversation, by the statements of this engine. Written once for all logs: their tables differ in
//! name only.

use sqlx::postgres::PgRow;

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::archive::{ArchiveEnds, ArchiveQuery, ArchivedLetter, ArchivedMessage, Log, Page};
use crate::store::error::{ArchiveError, StoreError};
use crate::store::index::Expression;
use crate::store::paging::{Reader, Statements, ends};
use crate::store::postgres::Postgres;
use crate::store::row::{Rows, letter, message_columns};

impl Postgres {
    pub(in crate::store) async fn archive_page(&self, query: ArchiveQuery) -> Result<Page, ArchiveError> {
        let (statements, _) = statements(query.log);
        let mut rows = Rows::of(statements.table);
        self.page_of(query, |row| rows.message(row)).await
    }

    pub(in crate::store) async fn letter_page(
        &self,
        query: ArchiveQuery,
    ) -> Result<Page<ArchivedLetter>, ArchiveError> {
        self.page_of(query, letter).await
    }

    async fn page_of<M>(
        &self,
        query: ArchiveQuery,
        read: impl FnMut(&PgRow) -> Result<M, StoreError>,
    ) -> Result<Page<M>, ArchiveError> {
        let expression = Expression::of_archive(&query).map(|expression| expression.as_query());
        if expression.is_some() {
            self.be_current([query.log].into()).await?;
        }
        let mut link = self.links.link().await?;
        let (statements, key) = statements(query.log);
        let page = Reader::new(&mut link, statements, key, expression).read(&query).await?;
        Ok(page.map(read)?)
    }

    pub(in crate::store) async fn archive_ends(&self, log: Log) -> Result<Option<ArchiveEnds>, StoreError> {
        let (statements, key) = statements(log);
        ends(&self.links.link().await?.rows(sqlx::query(statements.ends).bind(key)).await?)
    }

    pub(in crate::store) async fn place_at(&self, room: RoomId, at: Timestamp) -> Result<Seq, StoreError> {
        let mut link = self.links.link().await?;
        Reader::new(&mut link, &ROOM, room.0, None).first_at(at).await.map(Seq)
    }

    pub(in crate::store) async fn message(
        &self,
        log: Log,
        seq: Seq,
    ) -> Result<Option<ArchivedMessage>, StoreError> {
        let (statements, key) = statements(log);
        let query = sqlx::query(statements.message).bind(key).bind(seq.0);
        let row = self.links.link().await?.row(query).await?;
        row.map(|row| Rows::of(statements.table).message(&row)).transpose()
    }
}

fn statements(log: Log) -> (&'static Statements, i64) {
    match log {
        Log::Room(room) => (&ROOM, room.0),
        Log::Account(account) => (&ACCOUNT, account.0),
    }
}

macro_rules! room_messages {
    ($table:literal, $key:literal) => {
        concat!("SELECT ", message_columns!(), " FROM ", $table, " AS log WHERE ", $key, " = $1 ")
    };
}

macro_rules! letters {
    ($table:literal, $key:literal) => {
        concat!("SELECT seq, epoch, at, change FROM ", $table, " AS log WHERE ", $key, " = $1 ")
    };
}

/// Of the entries of a log, those that the index finds.
macro_rules! found {
    ($kind:literal) => {
        concat!(
            "AND seq IN (SELECT seq FROM search_entry WHERE kind = ",
            $kind,
            " AND log = $1 AND seq BETWEEN $2 AND $3 AND words @@ $7::text::tsquery) AND text IS NOT NULL "
        )
    };
}

macro_rules! conversation {
    ($what:literal, $table:literal, $key:literal, $rest:literal) => {
        concat!("(SELECT ", $what, " FROM ", $table, " WHERE ", $key, " = $1 AND class = 0 ", $rest, ")")
    };
}

/// `$messages` selects what a message is read from, `$detail` names the column that tells apart who has one address.
macro_rules! statements {
    ($table:literal, $key:literal, $kind:literal, $detail:literal, $is_message:literal, $messages:ident) => {
        Statements {
            table: $table,
            up: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq BETWEEN $2 AND $3 AND ($4::text IS NULL OR jid = $4) AND ($5::text IS NULL OR ",
                $detail,
                " = $5) ORDER BY seq LIMIT $6"
            ),
            down: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq BETWEEN $2 AND $3 AND ($4::text IS NULL OR jid = $4) AND ($5::text IS NULL OR ",
                $detail,
                " = $5) ORDER BY seq DESC LIMIT $6"
            ),
            found_up: concat!(
                $messages!($table, $key),
                found!($kind),
                "AND class = 0 AND seq BETWEEN $2 AND $3 AND ($4::text IS NULL OR jid = $4) AND ($5::text IS NULL OR ",
                $detail,
                " = $5) ORDER BY seq LIMIT $6"
            ),
            found_down: concat!(
                $messages!($table, $key),
                found!($kind),
                "AND class = 0 AND seq BETWEEN $2 AND $3 AND ($4::text IS NULL OR jid = $4) AND ($5::text IS NULL OR ",
                $detail,
                " = $5) ORDER BY seq DESC LIMIT $6"
            ),
            exactly: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq = ANY ($2::bigint[]) AND seq >= $3 ORDER BY seq"
            ),
            message: concat!($messages!($table, $key), "AND class IN (0, 1) AND seq = $2 AND ", $is_message),
            epoch: concat!(
                "SELECT epoch FROM ",
                $table,
                " WHERE ",
                $key,
                " = $1 AND class IN (0, 1) AND seq = $2"
            ),
            // Halves the span that holds the first stamp not before $2 until one seq is left.
            first_at: concat!(
                "WITH RECURSIVE bisection (low, high) AS (
                    SELECT coalesce(",
                conversation!("seq", $table, $key, "ORDER BY seq LIMIT 1"),
                ", 1), coalesce(",
                conversation!("seq", $table, $key, "ORDER BY seq DESC LIMIT 1"),
                " + 1, 1)
                    UNION ALL
                    SELECT CASE WHEN middle < $2 THEN (low + high) / 2 + 1 ELSE low END,
                        CASE WHEN middle < $2 THEN high ELSE (low + high) / 2 END
                    FROM bisection CROSS JOIN LATERAL ",
                conversation!("at", $table, $key, "AND seq >= (low + high) / 2 ORDER BY seq LIMIT 1"),
                " AS half (middle) WHERE low < high)
                SELECT max(low) FROM bisection"
            ),
            ends: concat!(
                conversation!("seq, epoch, at", $table, $key, "ORDER BY seq LIMIT 1"),
                " UNION ALL ",
                conversation!("seq, epoch, at", $table, $key, "ORDER BY seq DESC LIMIT 1")
            ),
            span: concat!(
                "SELECT coalesce(newest - oldest + 1, 0), first - oldest FROM (SELECT ",
                conversation!("ordinal", $table, $key, "AND seq BETWEEN $2 AND $3 ORDER BY seq LIMIT 1"),
                " AS oldest, ",
                conversation!("ordinal", $table, $key, "AND seq BETWEEN $2 AND $3 ORDER BY seq DESC LIMIT 1"),
                " AS newest, ",
                conversation!("ordinal", $table, $key, "AND seq = $4"),
                " AS first) AS span"
            ),
            count: concat!(
                "SELECT count(*), count(*) FILTER (WHERE seq < $4) FROM ",
                $table,
                " WHERE ",
                $key,
                " = $1 AND class = 0 AND seq BETWEEN $2 AND $3
                 AND ($5::text IS NULL OR jid = $5) AND ($6::text IS NULL OR ",
                $detail,
                " = $6)"
            ),
            count_found: concat!(
                "SELECT count(*), count(*) FILTER (WHERE seq < $4) FROM ",
                $table,
                " WHERE ",
                $key,
                " = $1 AND class = 0 AND seq BETWEEN $2 AND $3 ",
                found!($kind),
                "AND ($5::text IS NULL OR jid = $5) AND ($6::text IS NULL OR ",
                $detail,
                " = $6)"
            ),
        }
    };
}

static ROOM: Statements = statements!("room_event", "room", "0", "nick", "kind IN (1, 2, 4)", room_messages);
static ACCOUNT: Statements =
    statements!("account_event", "account", "1", "resource", "jid IS NOT NULL", letters);
