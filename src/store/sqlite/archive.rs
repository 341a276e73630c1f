//! Pages of a log's conversation. Bounds of any kind become bounds of seq first, so that a page is one walk along
//! the primary key. Written once for all logs: their tables differ in name only.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::account::entry::AccountChange;
use crate::chat::id::{MessageId, Seq, Timestamp};
use crate::store::archive::{
    ArchiveEnds, ArchiveQuery, ArchivedLetter, ArchivedMessage, Log, Page, PageAt, With,
};
use crate::store::error::{ArchiveError, StoreError};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::rows::{Rows, id, message_columns};

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
        read: impl FnMut(&SqliteRow) -> Result<M, StoreError>,
    ) -> Result<Page<M>, ArchiveError> {
        let mut connection = self.readers.acquire().await.map_err(StoreError::from)?;
        let mut reader = Reader::new(&mut connection, query.log);
        let Page { messages, is_complete, total, index } = if query.ids.is_empty() {
            let range = reader.filtered(&query).await?;
            let (range_of_page, order) = reader.paged(range, query.page).await?;
            reader.page(&query, range, range_of_page, order).await?
        } else {
            reader.exactly(&query).await?
        };
        let messages = messages.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { messages, is_complete, total, index })
    }

    pub(in crate::store) async fn archive_ends(&self, log: Log) -> Result<Option<ArchiveEnds>, StoreError> {
        let (statements, key) = statements(log);
        let rows = sqlx::query(statements.ends).bind(key).bind(key).fetch_all(&self.readers).await?;
        let end = |row: &SqliteRow| Ok::<_, StoreError>((id(row)?, Timestamp(row.try_get(2)?)));
        match rows.as_slice() {
            [first, last] => Ok(Some(ArchiveEnds { first: end(first)?, last: end(last)? })),
            _ => Ok(None),
        }
    }

    pub(in crate::store) async fn message(
        &self,
        log: Log,
        seq: Seq,
    ) -> Result<Option<ArchivedMessage>, StoreError> {
        let (statements, key) = statements(log);
        let row = sqlx::query(statements.message).bind(key).bind(seq.0).fetch_optional(&self.readers).await?;
        row.map(|row| Rows::of(statements.table).message(&row)).transpose()
    }
}

/// Seqs from the first to the second, both included.
type Range = (i64, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Up,
    Down,
}

struct Reader<'c> {
    connection: &'c mut SqliteConnection,
    statements: &'static Statements,
    key: i64,
}

impl<'c> Reader<'c> {
    fn new(connection: &'c mut SqliteConnection, log: Log) -> Self {
        let (statements, key) = statements(log);
        Self { connection, statements, key }
    }

    /// What the filters leave.
    async fn filtered(&mut self, query: &ArchiveQuery) -> Result<Range, ArchiveError> {
        let (mut low, mut high) = (query.floor.0, i64::MAX);
        if let Some(start) = query.start {
            low = low.max(self.first_at(start).await?);
        }
        if let Some(end) = query.end {
            high = high.min(self.first_at(Timestamp(end.0.saturating_add(1))).await? - 1);
        }
        if let Some(after) = query.after {
            low = low.max(self.known(after).await?.0 + 1);
        }
        if let Some(before) = query.before {
            high = high.min(self.known(before).await?.0 - 1);
        }
        Ok((low, high))
    }

    async fn paged(&mut self, (low, high): Range, page: PageAt) -> Result<(Range, Order), ArchiveError> {
        Ok(match page {
            PageAt::First => ((low, high), Order::Up),
            PageAt::After(id) => ((low.max(self.known(id).await?.0 + 1), high), Order::Up),
            PageAt::Last => ((low, high), Order::Down),
            PageAt::Before(id) => ((low, high.min(self.known(id).await?.0 - 1)), Order::Down),
        })
    }

    /// An id that was never given, belongs to an older epoch, or was purged is not found; one that is just not shown
    /// in the archive still marks its place.
    async fn known(&mut self, id: MessageId) -> Result<Seq, ArchiveError> {
        let epoch: Option<u16> = sqlx::query_scalar(self.statements.epoch)
            .bind(self.key)
            .bind(id.seq().0)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(StoreError::from)?;
        if epoch == Some(id.epoch().0) { Ok(id.seq()) } else { Err(ArchiveError::ItemNotFound) }
    }

    /// The seq from which on stamps are not before `at`.
    async fn first_at(&mut self, at: Timestamp) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(self.statements.first_at)
            .bind(self.key)
            .bind(at.0)
            .fetch_one(&mut *self.connection)
            .await?)
    }

    async fn exactly(&mut self, query: &ArchiveQuery) -> Result<Page<SqliteRow>, ArchiveError> {
        let mut ids = query.ids.clone();
        ids.sort();
        ids.dedup();
        let seqs: Vec<String> = ids.iter().map(|id| id.seq().0.to_string()).collect();
        let rows = sqlx::query(self.statements.exactly)
            .bind(self.key)
            .bind(format!("[{}]", seqs.join(",")))
            .bind(query.floor.0)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(StoreError::from)?;
        let found = rows.iter().map(id).collect::<Result<Vec<_>, _>>()?;
        if found != ids {
            return Err(ArchiveError::ItemNotFound);
        }
        Ok(Page { is_complete: true, total: Some(rows.len() as u64), index: Some(0), messages: rows })
    }

    async fn page(
        &mut self,
        query: &ArchiveQuery,
        range: Range,
        (low, high): Range,
        order: Order,
    ) -> Result<Page<SqliteRow>, ArchiveError> {
        let max = query.max.min(ArchiveQuery::MAX) as usize;
        let sql = match order {
            Order::Up => self.statements.up,
            Order::Down => self.statements.down,
        };
        let (jid, detail) = match &query.with {
            Some(With::Jid(jid)) => (Some(&**jid), None),
            Some(With::Nick(nick)) => (None, Some(&**nick)),
            Some(With::Resource(jid, resource)) => (Some(&**jid), Some(&**resource)),
            None => (None, None),
        };
        // One more than is shown tells whether there is more.
        let mut rows = sqlx::query(sql)
            .bind(self.key)
            .bind(low)
            .bind(high)
            .bind(jid)
            .bind(detail)
            .bind(max as i64 + 1)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(StoreError::from)?;
        let is_complete = rows.len() <= max;
        rows.truncate(max);
        if order == Order::Down {
            rows.reverse();
        }
        let mut page = Page { messages: rows, is_complete, total: None, index: None };
        if query.counts {
            self.count(&mut page, range, jid, detail).await?;
        }
        Ok(page)
    }

    async fn count(
        &mut self,
        page: &mut Page<SqliteRow>,
        (low, high): Range,
        jid: Option<&str>,
        detail: Option<&str>,
    ) -> Result<(), StoreError> {
        let first = page.messages.first().map(id).transpose()?.map_or(i64::MAX, |id| id.seq().0);
        let is_filtered = jid.is_some() || detail.is_some();
        let sql = if is_filtered { self.statements.count } else { self.statements.span };
        let row = sqlx::query(sql)
            .bind(self.key)
            .bind(low)
            .bind(high)
            .bind(first)
            .bind(jid)
            .bind(detail)
            .fetch_one(&mut *self.connection)
            .await?;
        let (total, index): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        page.total = Some(total.unsigned_abs());
        page.index = index.filter(|_| !page.messages.is_empty()).map(i64::unsigned_abs);
        Ok(())
    }
}

/// The statements for one table.
#[derive(Debug)]
struct Statements {
    table: &'static str,
    up: &'static str,
    down: &'static str,
    exactly: &'static str,
    message: &'static str,
    epoch: &'static str,
    first_at: &'static str,
    ends: &'static str,
    /// Total and index without a walk: the ordinals at both ends of the range and at the first of the page.
    span: &'static str,
    count: &'static str,
}

fn statements(log: Log) -> (&'static Statements, i64) {
    match log {
        Log::Room(room) => (&ROOM, room.0),
        Log::Account(account) => (&ACCOUNT, account.0),
    }
}

macro_rules! room_messages {
    ($table:literal, $key:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", CASE kind WHEN 4 THEN (SELECT epoch FROM ",
            $table,
            " AS target WHERE target.",
            $key,
            " = log.",
            $key,
            " AND target.class IN (0, 1) AND target.seq = log.data ->> '$.target') END FROM ",
            $table,
            " AS log WHERE ",
            $key,
            " = ?1 "
        )
    };
}

macro_rules! letters {
    ($table:literal, $key:literal) => {
        concat!("SELECT seq, epoch, at, change FROM ", $table, " AS log WHERE ", $key, " = ?1 ")
    };
}

macro_rules! conversation {
    ($what:literal, $table:literal, $key:literal, $rest:literal) => {
        concat!("(SELECT ", $what, " FROM ", $table, " WHERE ", $key, " = ?1 AND class = 0 ", $rest, ")")
    };
}

/// `$messages` selects what a message is read from, `$detail` names the column that tells apart who has one address.
macro_rules! statements {
    ($table:literal, $key:literal, $detail:literal, $is_message:literal, $messages:ident) => {
        Statements {
            table: $table,
            up: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq BETWEEN ?2 AND ?3 AND (?4 IS NULL OR jid = ?4) AND (?5 IS NULL OR ",
                $detail,
                " = ?5) ORDER BY seq LIMIT ?6"
            ),
            down: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq BETWEEN ?2 AND ?3 AND (?4 IS NULL OR jid = ?4) AND (?5 IS NULL OR ",
                $detail,
                " = ?5) ORDER BY seq DESC LIMIT ?6"
            ),
            exactly: concat!(
                $messages!($table, $key),
                "AND class = 0 AND seq IN (SELECT value FROM json_each(?2)) AND seq >= ?3 ORDER BY seq"
            ),
            message: concat!($messages!($table, $key), "AND class IN (0, 1) AND seq = ?2 AND ", $is_message),
            epoch: concat!(
                "SELECT epoch FROM ",
                $table,
                " WHERE ",
                $key,
                " = ?1 AND class IN (0, 1) AND seq = ?2"
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
                SELECT max(low) FROM bisection"
            ),
            ends: concat!(
                "SELECT * FROM ",
                conversation!("seq, epoch, at", $table, $key, "ORDER BY seq LIMIT 1"),
                " UNION ALL SELECT * FROM ",
                conversation!("seq, epoch, at", $table, $key, "ORDER BY seq DESC LIMIT 1")
            ),
            span: concat!(
                "SELECT coalesce(newest - oldest + 1, 0), first - oldest FROM (SELECT ",
                conversation!("ordinal", $table, $key, "AND seq BETWEEN ?2 AND ?3 ORDER BY seq LIMIT 1"),
                " AS oldest, ",
                conversation!("ordinal", $table, $key, "AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC LIMIT 1"),
                " AS newest, ",
                conversation!("ordinal", $table, $key, "AND seq = ?4"),
                " AS first)"
            ),
            count: concat!(
                "SELECT count(*), count(*) FILTER (WHERE seq < ?4) FROM ",
                $table,
                " WHERE ",
                $key,
                " = ?1 AND class = 0 AND seq BETWEEN ?2 AND ?3
                 AND (?5 IS NULL OR jid = ?5) AND (?6 IS NULL OR ",
                $detail,
                " = ?6)"
            ),
        }
    };
}

/// `seq, epoch, at, change`
fn letter(row: &SqliteRow) -> Result<ArchivedLetter, StoreError> {
    let id = id(row)?;
    match serde_json::from_str(row.try_get(3)?) {
        Ok(AccountChange::Sent(letter) | AccountChange::Received(letter)) => {
            Ok(ArchivedLetter { id, at: Timestamp(row.try_get(2)?), letter })
        }
        _ => Err(StoreError::Inconsistent { table: ACCOUNT.table, row: id.seq().0 }),
    }
}

static ROOM: Statements = statements!("room_event", "room", "nick", "kind IN (1, 2, 4)", room_messages);
static ACCOUNT: Statements = statements!("account_event", "account", "resource", "jid IS NOT NULL", letters);
