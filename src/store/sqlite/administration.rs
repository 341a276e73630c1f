//! Deeds of administrators, in a transaction of the writer's.

use futures_util::FutureExt;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::administration::ActNumber;
use crate::store::administration::act::Act;
use crate::store::administration::{Deed, Done, Undone, perform};
use crate::store::connection::{Bind, Connection, bound};
use crate::store::duty::Duty;
use crate::store::error::StoreError;
use crate::store::principal::statements::{Statements, statements};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::principals::forget_ended;

impl Sqlite {
    /// Nobody else could have the duty.
    pub(in crate::store) async fn administer(
        &self,
        deed: Deed,
        act: Act,
        _duty: Option<Duty>,
    ) -> Result<ActNumber, Undone> {
        let shown = self.shown_rights();
        let done: Result<Done, Undone> = self
            .writer
            .transact(move |connection| {
                async move {
                    let done = perform(connection, &deed, &act).await?;
                    if let Ok(Done { rights: Some(_), .. }) = &done {
                        forget_ended(connection, shown).await?;
                    }
                    Ok(done)
                }
                .boxed()
            })
            .await;
        let done = done?;
        done.rights.inspect(|version| self.has_rights(*version));
        Ok(done.number)
    }

    /// A connection that reads.
    pub(in crate::store) async fn look(&self) -> Result<PoolConnection<sqlx::Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }
}

impl Connection for SqliteConnection {
    type Row = SqliteRow;

    /// The one writer gives numbers in the order of its commits.
    const AUDIT: &'static str =
        "SELECT number, at, who, origin, token, operation, object, was, became, outcome
        FROM audit
        WHERE number > $1 AND number >= coalesce((SELECT min(number) FROM audit WHERE at >= $2), 0)
            AND at >= coalesce($2, 0) AND who = coalesce($3, who) AND object = coalesce($4, object)
        ORDER BY number LIMIT $5";
    const ROOMS_WITH_ADDIN: &'static str =
        "SELECT count(*) FROM room WHERE name IS NOT NULL AND settings ->> 'addin' = $1";

    /// Nobody else writes.
    const HOLD_LISTS: &'static str = "SELECT $1";
    const PRINCIPALS: &'static str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
        WHERE address > $1 AND standing <> 'removed' AND kind = coalesce($2, kind)
            AND ($3 IS NULL OR instr(name_key, $3) > 0 OR instr(address, $3) > 0)
        ORDER BY address LIMIT $4";
    const PRINCIPAL_STATEMENTS: &'static Statements = &statements!("json_each($1)");

    async fn run(&mut self, sql: &'static str, values: &[Bind<'_>]) -> Result<Vec<SqliteRow>, StoreError> {
        Ok(bound!(sqlx::query(sql), values).fetch_all(self).await?)
    }

    async fn change(&mut self, sql: &'static str, values: &[Bind<'_>]) -> Result<u64, StoreError> {
        Ok(bound!(sqlx::query(sql), values).execute(self).await?.rows_affected())
    }
}
