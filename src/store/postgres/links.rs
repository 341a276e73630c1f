//! Connections for whatever does not go through the writers: made when they are needed, kept until one of them fails.
//!
//! The driver's own pool knows one host, and hands out connections that died while they waited. Here the first failure
//! empties it, so that the next who asks gets a new connection, to whichever host takes writes by then. A statement that
//! takes too long is left alone with its connection: asking the server to cancel it could turn a commit that waits for
//! its standby into one that only seems done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Connection, Execute, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::warn;

use crate::store::error::StoreError;
use crate::store::paging::{Ask, Value};
use crate::store::postgres::hosts::Hosts;
use crate::store::postgres::{commit, fault};

#[derive(Debug, Clone)]
pub(super) struct Links {
    hosts: Arc<Hosts>,
    /// With the time since which each waits.
    idle: Arc<Mutex<Vec<(Instant, PgConnection)>>>,
    permits: Arc<Semaphore>,
}

/// A connection on loan. It goes back unless something went wrong with it, or a transaction is left open.
#[derive(Debug)]
pub(in crate::store) struct Link {
    connection: Option<PgConnection>,
    links: Links,
    is_open: bool,
    _permit: OwnedSemaphorePermit,
}

impl Links {
    pub(super) fn new(hosts: Arc<Hosts>, count: u32) -> Self {
        Self { hosts, idle: Arc::default(), permits: Arc::new(Semaphore::new(count as usize)) }
    }

    pub(super) async fn link(&self) -> Result<Link, StoreError> {
        let permit = timeout(PATIENCE, self.permits.clone().acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or(StoreError::Unavailable)?;
        let connection = match self.sound().await {
            Some(connection) => connection,
            None => self.hosts.connect().await.map_err(|reason| {
                warn!(%reason, "no connection to the store");
                StoreError::Unavailable
            })?,
        };
        Ok(Link { connection: Some(connection), links: self.clone(), is_open: false, _permit: permit })
    }

    /// One that waits, and is still good for something.
    async fn sound(&self) -> Option<PgConnection> {
        let (since, mut connection) = self.idle.lock().pop()?;
        if since.elapsed() < PROBED_AFTER {
            return Some(connection);
        }
        match timeout(PROBE_TIME, connection.ping()).await {
            Ok(Ok(())) => Some(connection),
            _ => {
                self.idle.lock().clear();
                None
            }
        }
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for (_, connection) in idle {
            let _ = timeout(PATIENCE, connection.close()).await;
        }
    }
}

impl Link {
    pub(super) async fn rows(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        Ok(self.attempt(query).await?)
    }

    pub(super) async fn row(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, StoreError> {
        Ok(self.rows(query).await?.into_iter().next())
    }

    /// How many rows it concerned.
    pub(super) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        Ok(self.attempt_execute(query).await?.rows_affected())
    }

    /// As [`Link::rows`], for who wants to know what a failure was.
    pub(super) async fn attempt(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut connection = self.take()?;
        let done = timeout(PATIENCE, query.fetch_all(&mut connection)).await;
        self.settle(connection, done)
    }

    /// A transaction that changes something. Left without [`Link::commit`], it is undone.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        self.is_open = true;
        Ok(self.attempt_execute(sqlx::raw_sql("BEGIN")).await.map(drop)?)
    }

    /// One view of all tables, whatever is committed meanwhile.
    pub(super) async fn begin_view(&mut self) -> Result<(), StoreError> {
        self.is_open = true;
        let begin = sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        Ok(self.attempt_execute(begin).await.map(drop)?)
    }

    /// [`StoreError::Unknown`] where the answer does not come.
    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        match self.attempt_execute(sqlx::raw_sql("COMMIT")).await {
            Ok(_) => {
                self.is_open = false;
                Ok(())
            }
            Err(fault) if fault::is_lost(&fault) => {
                warn!(%fault, "it is not known whether a transaction was committed");
                Err(StoreError::Unknown)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Undoes the transaction, and keeps the connection.
    pub(super) async fn roll_back(&mut self) -> Result<(), StoreError> {
        self.attempt_execute(sqlx::raw_sql("ROLLBACK")).await?;
        self.is_open = false;
        Ok(())
    }

    /// There is nothing to commit, hence nothing that could be lost.
    pub(super) async fn end_view(&mut self) -> Result<(), StoreError> {
        self.roll_back().await
    }

    async fn attempt_execute<'q>(
        &mut self,
        query: impl Execute<'q, Postgres> + 'q,
    ) -> Result<PgQueryResult, sqlx::Error> {
        let mut connection = self.take()?;
        let begun = Instant::now();
        let done = timeout(PATIENCE, connection.execute(query)).await;
        if matches!(done, Ok(Ok(_))) && !commit::is_sure(&mut connection, begun).await {
            return Err(sqlx::Error::PoolTimedOut);
        }
        self.settle(connection, done)
    }

    /// While a statement is under way its connection is here only: whoever drops the wait drops the connection.
    fn take(&mut self) -> Result<PgConnection, sqlx::Error> {
        self.connection.take().ok_or(sqlx::Error::PoolClosed)
    }

    fn settle<T>(
        &mut self,
        connection: PgConnection,
        done: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        match done.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(value) => {
                self.connection = Some(connection);
                Ok(value)
            }
            Err(fault) if fault::is_lost(&fault) => {
                // What else waits is as old, and was to the same host.
                self.links.idle.lock().clear();
                Err(fault)
            }
            Err(fault) => {
                self.connection = Some(connection);
                Err(fault)
            }
        }
    }
}

impl Ask for Link {
    type Row = PgRow;

    async fn ask(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(*text),
                Value::Numbers(numbers) => query.bind(*numbers),
            };
        }
        self.rows(query).await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.is_open
            && !self.links.permits.is_closed()
        {
            self.links.idle.lock().push((Instant::now(), connection));
        }
    }
}

/// For a statement, or for a connection: what takes longer is not waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// One that waited longer is asked whether it is still there: a server may have gone meanwhile, and the first who notices
/// need not be somebody who wants something of it.
pub(super) const PROBED_AFTER: Duration = Duration::from_millis(200);
pub(super) const PROBE_TIME: Duration = Duration::from_secs(1);
