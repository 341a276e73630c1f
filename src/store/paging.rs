//! Pages of a log's conversation. Bounds of any kind become bounds of seq first, so that a page is one walk along
//! the key of a log. Written once for all engines and all logs: an engine brings statements, and asks them.

use crate::chat::id::{MessageId, Seq, Timestamp};
use crate::store::archive::{ArchiveEnds, ArchiveQuery, Page, PageAt, With};
use crate::store::error::{ArchiveError, StoreError};
use crate::store::row::{Columns, id};

/// A connection that all statements of a page are put to.
pub(super) trait Ask: Send {
    type Row: Columns + Send + Sync;

    fn ask(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Number(i64),
    Text(Option<&'a str>),
    Numbers(&'a [i64]),
}

/// The statements for one table. `?1` or `$1` is the key of the log in all of them.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) table: &'static str,
    /// key, low, high, jid, detail, limit
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    /// The same of what the index finds. key, low, high, jid, detail, limit, expression
    pub(super) found_up: &'static str,
    pub(super) found_down: &'static str,
    /// key, seqs, floor
    pub(super) exactly: &'static str,
    /// key, seq
    pub(super) message: &'static str,
    /// key, seq
    pub(super) epoch: &'static str,
    /// key, time
    pub(super) first_at: &'static str,
    /// key
    pub(super) ends: &'static str,
    /// Total and index without a walk: the ordinals at both ends of the range and at the first of the page.
    /// key, low, high, first
    pub(super) span: &'static str,
    /// key, low, high, first, jid, detail
    pub(super) count: &'static str,
    /// key, low, high, first, jid, detail, expression
    pub(super) count_found: &'static str,
}

/// Seqs from the first to the second, both included.
type Range = (i64, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Up,
    Down,
}

pub(super) struct Reader<'c, A> {
    connection: &'c mut A,
    statements: &'static Statements,
    key: i64,
    /// The words that are looked for, as the engine's index takes them.
    expression: Option<String>,
}

impl<'c, A: Ask> Reader<'c, A> {
    pub(super) fn new(
        connection: &'c mut A,
        statements: &'static Statements,
        key: i64,
        expression: Option<String>,
    ) -> Self {
        Self { connection, statements, key, expression }
    }

    pub(super) async fn read(mut self, query: &ArchiveQuery) -> Result<Page<A::Row>, ArchiveError> {
        if query.ids.is_empty() {
            let range = self.filtered(query).await?;
            let (range_of_page, order) = self.paged(range, query.page).await?;
            self.page(query, range, range_of_page, order).await
        } else {
            self.exactly(query).await
        }
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
        let values = [Value::Number(self.key), Value::Number(id.seq().0)];
        let rows = self.connection.ask(self.statements.epoch, &values).await?;
        let epoch = rows.first().map(|row| row.integer(0)).transpose()?;
        if epoch == Some(i64::from(id.epoch().0)) { Ok(id.seq()) } else { Err(ArchiveError::ItemNotFound) }
    }

    /// The seq from which on stamps are not before `at`.
    pub(super) async fn first_at(&mut self, at: Timestamp) -> Result<i64, StoreError> {
        let values = [Value::Number(self.key), Value::Number(at.0)];
        let rows = self.connection.ask(self.statements.first_at, &values).await?;
        rows.first().map_or(Ok(1), |row| row.integer(0))
    }

    async fn exactly(&mut self, query: &ArchiveQuery) -> Result<Page<A::Row>, ArchiveError> {
        let mut ids = query.ids.clone();
        ids.sort();
        ids.dedup();
        let seqs: Vec<i64> = ids.iter().map(|id| id.seq().0).collect();
        let values = [Value::Number(self.key), Value::Numbers(&seqs), Value::Number(query.floor.0)];
        let rows = self.connection.ask(self.statements.exactly, &values).await?;
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
    ) -> Result<Page<A::Row>, ArchiveError> {
        let max = query.max.min(ArchiveQuery::MAX) as usize;
        let expression = self.expression.clone();
        let sql = match (order, &expression) {
            (Order::Up, None) => self.statements.up,
            (Order::Down, None) => self.statements.down,
            (Order::Up, Some(_)) => self.statements.found_up,
            (Order::Down, Some(_)) => self.statements.found_down,
        };
        let (jid, detail) = match &query.with {
            Some(With::Jid(jid)) => (Some(&**jid), None),
            Some(With::Nick(nick)) => (None, Some(&**nick)),
            Some(With::Resource(jid, resource)) => (Some(&**jid), Some(&**resource)),
            None => (None, None),
        };
        let mut values = vec![
            Value::Number(self.key),
            Value::Number(low),
            Value::Number(high),
            Value::Text(jid),
            Value::Text(detail),
            // One more than is shown tells whether there is more.
            Value::Number(max as i64 + 1),
        ];
        values.extend(expression.as_deref().map(|expression| Value::Text(Some(expression))));
        let mut rows = self.connection.ask(sql, &values).await?;
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
        page: &mut Page<A::Row>,
        (low, high): Range,
        jid: Option<&str>,
        detail: Option<&str>,
    ) -> Result<(), StoreError> {
        let first = page.messages.first().map(id).transpose()?.map_or(i64::MAX, |id| id.seq().0);
        let expression = self.expression.clone();
        let is_filtered = jid.is_some() || detail.is_some();
        let mut values = vec![
            Value::Number(self.key),
            Value::Number(low),
            Value::Number(high),
            Value::Number(first),
            Value::Text(jid),
            Value::Text(detail),
        ];
        let rows = if let Some(expression) = &expression {
            values.push(Value::Text(Some(expression)));
            self.connection.ask(self.statements.count_found, &values).await?
        } else if is_filtered {
            self.connection.ask(self.statements.count, &values).await?
        } else {
            self.connection.ask(self.statements.span, &values[..4]).await?
        };
        let Some(row) = rows.first() else { return Ok(()) };
        page.total = Some(row.integer(0)?.unsigned_abs());
        page.index = row.integer_if_any(1)?.filter(|_| !page.messages.is_empty()).map(i64::unsigned_abs);
        Ok(())
    }
}

/// From the rows of [`Statements::ends`].
pub(super) fn ends(rows: &[impl Columns]) -> Result<Option<ArchiveEnds>, StoreError> {
    match rows {
        [first, last] => Ok(Some(ArchiveEnds {
            first: (id(first)?, Timestamp(first.integer(2)?)),
            last: (id(last)?, Timestamp(last.integer(2)?)),
        })),
        _ => Ok(None),
    }
}
