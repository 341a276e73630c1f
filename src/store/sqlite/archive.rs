//! Pages of a log's conversation, by the statements of this engine. Written once for all logs: their tables differ in
//! name only.

use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::store::archive::{ArchiveEnds, ArchiveQuery, ArchivedLetter, ArchivedMessage, Log, Page};
use crate::store::error::{ArchiveError, StoreError};
use crate::store::index::Expression;
use crate::store::paging::{Ask, Reader, Statements, Value, ends};
use crate::store::row::{Rows, letter, message_columns};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::pages::{PageRow, as_page};

impl Sqlite {
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
        read: impl FnMut(&PageRow) -> Result<M, StoreError>,
    ) -> Result<Page<M>, ArchiveError> {
        let expression = Expression::of_archive(&query).map(|expression| expression.as_match());
        if expression.is_some() {
            self.be_current([query.log].into()).await?;
        }
        let mut connection = self.readers.acquire().await.map_err(StoreError::from)?;
        let (statements, key) = statements(query.log);
        let page = Reader::new(&mut *connection, statements, key, expression).read(&query).await?;
        Ok(page.map(read)?)
    }

    pub(in crate::store) async fn archive_ends(&self, log: Log) -> Result<Option<ArchiveEnds>, StoreError> {
        let (statements, key) = statements(log);
        let mut connection = self.readers.acquire().await?;
        ends(&connection.ask(statements.ends, &[Value::Number(key)]).await?)
    }

    pub(in crate::store) async fn place_at(&self, room: RoomId, at: Timestamp) -> Result<Seq, StoreError> {
        let mut connection = self.readers.acquire().await?;
        Reader::new(&mut *connection, &ROOM, room.0, None).first_at(at).await.map(Seq)
    }

    pub(in crate::store) async fn message(
        &self,
        log: Log,
        seq: Seq,
    ) -> Result<Option<ArchivedMessage>, StoreError> {
        let (statements, key) = statements(log);
        let mut connection = self.readers.acquire().await?;
        let found = connection.ask(statements.message, &[Value::Number(key), Value::Number(seq.0)]).await?;
        found.first().map(|row| Rows::of(statements.table).message(row)).transpose()
    }
}

fn statements(log: Log) -> (&'static Statements, i64) {
    match log {
        Log::Room(room) => (&ROOM, room.0),
        Log::Account(account) => (&ACCOUNT, account.0),
    }
}

macro_rules! room_columns {
    ($table:literal, $key:literal) => {
        message_columns!()
    };
}

macro_rules! letter_columns {
    ($table:literal, $key:literal) => {
        "seq, epoch, at, change"
    };
}

/// What the index finds of a log. Ids rise with seq: the ends of a stretch have the ends of a range of ids.
macro_rules! found {
    ($what:literal, $table:literal, $key:literal, $kind:literal, $rest:expr) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM search_words
                CROSS JOIN search_entry AS entry ON entry.id = search_words.rowid
                CROSS JOIN ",
            $table,
            " AS event ON event.",
            $key,
            " = entry.log AND event.class = 0 AND event.seq = entry.seq
            WHERE search_words MATCH ?7 AND entry.kind = ",
            $kind,
            " AND entry.log = ?1 AND event.text IS NOT NULL
                AND search_words.rowid >= (SELECT id FROM search_entry
                    WHERE kind = ",
            $kind,
            " AND log = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1)
                AND search_words.rowid <= (SELECT id FROM search_entry
                    WHERE kind = ",
            $kind,
            " AND log = ?1 AND seq <= ?3 ORDER BY seq DESC LIMIT 1)",
            $rest,
            ")"
        )
    };
}

macro_rules! conversation {
    ($what:literal, $table:literal, $key:literal, $rest:literal) => {
        concat!("(SELECT ", $what, " FROM ", $table, " WHERE ", $key, " = ?1 AND class = 0 ", $rest, ")")
    };
}

/// `$columns` is what a message is read from, `$detail` names the column that tells apart who has one address.
macro_rules! statements {
    ($table:literal, $key:literal, $kind:literal, $detail:literal, $is_message:literal, $columns:ident) => {
        Statements {
            table: $table,
            up: as_page!(
                $columns!($table, $key),
                concat!(
                    "(SELECT * FROM ",
                    $table,
                    " WHERE ",
                    $key,
                    " = ?1 AND class = 0 AND seq BETWEEN ?2 AND ?3 AND (?4 IS NULL OR jid = ?4) AND (?5 IS NULL OR ",
                    $detail,
                    " = ?5) ORDER BY seq LIMIT ?6) AS log"
                )
            ),
            down: as_page!(
                $columns!($table, $key),
                concat!(
                    "(SELECT * FROM ",
                    $table,
                    " WHERE ",
                    $key,
                    " = ?1 AND class = 0 AND seq BETWEEN ?2 AND ?3 AND (?4 IS NULL OR jid = ?4) AND (?5 IS NULL OR ",
                    $detail,
                    " = ?5) ORDER BY seq DESC LIMIT ?6) AS log"
                )
            ),
            found_up: as_page!(
                $columns!($table, $key),
                concat!(
                    found!(
                        "event.*",
                        $table,
                        $key,
                        $kind,
                        concat!(
                            " AND (?4 IS NULL OR event.jid = ?4) AND (?5 IS NULL OR event.",
                            $detail,
                            " = ?5) ORDER BY search_words.rowid LIMIT ?6"
                        )
                    ),
                    " AS log"
                )
            ),
            found_down: as_page!(
                $columns!($table, $key),
                concat!(
                    found!(
                        "event.*",
                        $table,
                        $key,
                        $kind,
                        concat!(
                            " AND (?4 IS NULL OR event.jid = ?4) AND (?5 IS NULL OR event.",
                            $detail,
                            " = ?5) ORDER BY search_words.rowid DESC LIMIT ?6"
                        )
                    ),
                    " AS log"
                )
            ),
            exactly: as_page!(
                $columns!($table, $key),
                concat!(
                    "(SELECT * FROM ",
                    $table,
                    " WHERE ",
                    $key,
                    " = ?1 AND class = 0 AND seq IN (SELECT value FROM json_each(?2)) AND seq >= ?3 ORDER BY seq) AS log"
                )
            ),
            message: as_page!(
                $columns!($table, $key),
                concat!(
                    $table,
                    " AS log WHERE ",
                    $key,
                    " = ?1 AND class IN (0, 1) AND seq = ?2 AND ",
                    $is_message
                )
            ),
            epoch: as_page!(
                "epoch",
                concat!($table, " WHERE ", $key, " = ?1 AND class IN (0, 1) AND seq = ?2")
            ),
            // Halves the span that holds the first stamp not before ?2 until one seq is left.
            first_at: concat!(
                "WITH RECURSIVE bisection (low, high) AS (
                    SELECT coalesce(",
                conversation!("seq", $table, $key, "ORDER BY seq LIMIT 1"),
                ", 1), coalesce(",
                conversation!("seq", $table, $key, "ORDER BY seq DESC LIMIT 1"),
                " + 1, 1)
                    UNION ALL
                    SELECT iif(",
                conversation!("at", $table, $key, "AND seq >= (low + high) / 2 ORDER BY seq LIMIT 1"),
                " < ?2, (low + high) / 2 + 1, low), iif(",
                conversation!("at", $table, $key, "AND seq >= (low + high) / 2 ORDER BY seq LIMIT 1"),
                " < ?2, high, (low + high) / 2) FROM bisection WHERE low < high)
                SELECT json_array(json_array(max(low))) FROM bisection"
            ),
            ends: as_page!(
                "seq, epoch, at",
                concat!(
                    "(SELECT * FROM ",
                    conversation!("seq, epoch, at", $table, $key, "ORDER BY seq LIMIT 1"),
                    " UNION ALL SELECT * FROM ",
                    conversation!("seq, epoch, at", $table, $key, "ORDER BY seq DESC LIMIT 1"),
                    ")"
                )
            ),
            span: as_page!(
                "coalesce(newest - oldest + 1, 0), first - oldest",
                concat!(
                    "(SELECT ",
                    conversation!("ordinal", $table, $key, "AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT 1"),
                    " AS oldest, ",
                    conversation!("ordinal", $table, $key, "AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC LIMIT 1"),
                    " AS newest, ",
                    conversation!("ordinal", $table, $key, "AND seq = ?4"),
                    " AS first)"
                )
            ),
            count: as_page!(
                "total, index_of_first",
                concat!(
                    "(SELECT count(*) AS total, count(*) FILTER (WHERE seq < ?4) AS index_of_first FROM ",
                    $table,
                    " WHERE ",
                    $key,
                    " = ?1 AND class = 0 AND seq BETWEEN ?2 AND ?3
                     AND (?5 IS NULL OR jid = ?5) AND (?6 IS NULL OR ",
                    $detail,
                    " = ?6))"
                )
            ),
            count_found: as_page!(
                "total, index_of_first",
                found!(
                    "count(*) AS total, count(*) FILTER (WHERE event.seq < ?4) AS index_of_first",
                    $table,
                    $key,
                    $kind,
                    concat!(
                        " AND (?5 IS NULL OR event.jid = ?5) AND (?6 IS NULL OR event.",
                        $detail,
                        " = ?6)"
                    )
                )
            ),
        }
    };
}

static ROOM: Statements = statements!("room_event", "room", "0", "nick", "kind IN (1, 2, 4)", room_columns);
static ACCOUNT: Statements =
    statements!("account_event", "account", "1", "resource", "jid IS NOT NULL", letter_columns);
