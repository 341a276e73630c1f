//! Sessions, saved many at a time and seldom: a crash costs what happened since, and the logs tell most of that.

use futures_util::FutureExt;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::chat::id::{AccountId, Seq, SessionId, Timestamp};
use crate::store::error::StoreError;
use crate::store::session::{SavedSession, SessionRow};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::batch::{Batch, Form};

impl Sqlite {
    pub(in crate::store) async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        let incarnation = self.shared.incarnation;
        let slices = sessions.chunks(SAVED_TOGETHER);
        for slice in slices {
            let mut batch = Batch::default();
            for session in slice {
                let row = [
                    session.id.0.into(),
                    session.account.0.into(),
                    (&*session.resource).into(),
                    incarnation.into(),
                    session.deadline.map(|deadline| deadline.0).into(),
                    session.handled.into(),
                    session.acknowledged.0.into(),
                ];
                batch.row(session.id.0, &SAVE, row);
            }
            self.write(batch).await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        for slice in sessions.chunks(SAVED_TOGETHER) {
            let mut batch = Batch::default();
            for session in slice {
                batch.row(session.0, &FORGET, [session.0.into()]);
            }
            self.write(batch).await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        let mut view = self.readers.begin().await?;
        let Some(row) = sqlx::query(SESSION).bind(id.0).fetch_optional(&mut *view).await? else {
            return Ok(None);
        };
        let row = session(&row)?;
        let written = sqlx::query_scalar(WRITTEN)
            .bind(id.0)
            .bind(row.handled)
            .bind(WRITTEN_MAX)
            .fetch_all(&mut *view)
            .await?;
        view.commit().await?;
        Ok(Some(SavedSession { row, written }))
    }

    pub(in crate::store) async fn sessions_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query(SESSIONS_OF).bind(account.0).fetch_all(&self.readers).await?;
        rows.iter().map(session).collect()
    }

    pub(in crate::store) async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        let incarnation = self.shared.incarnation;
        self.writer
            .transact(move |connection| {
                async move {
                    let done =
                        sqlx::query(DETACH).bind(deadline.0).bind(incarnation).execute(connection).await?;
                    Ok(Ok::<_, StoreError>(done.rows_affected()))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn forget_lapsed_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(LAPSED, now.0).await
    }
}

fn session(row: &SqliteRow) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: SessionId(row.try_get(0)?),
        account: AccountId(row.try_get(1)?),
        resource: row.try_get::<&str, _>(2)?.into(),
        deadline: row.try_get::<Option<i64>, _>(3)?.map(Timestamp),
        handled: row.try_get(4)?,
        acknowledged: Seq(row.try_get(5)?),
    })
}

/// A session whose account was removed meanwhile is not saved.
static SAVE: Form = Form::new(
    "INSERT INTO session (id, account, resource, incarnation, deadline, handled, acknowledged)
        SELECT * FROM (VALUES",
    7,
    ") AS new WHERE EXISTS (SELECT 1 FROM account WHERE account.id = new.column2)
        ON CONFLICT (id) DO UPDATE SET resource = excluded.resource, incarnation = excluded.incarnation,
            deadline = excluded.deadline, handled = excluded.handled, acknowledged = excluded.acknowledged",
);
static FORGET: Form = Form::new("DELETE FROM session WHERE id IN (VALUES", 1, ")");

const SESSION: &str =
    "SELECT id, account, resource, deadline, handled, acknowledged FROM session WHERE id = ?";
const SESSIONS_OF: &str = "SELECT id, account, resource, deadline, handled, acknowledged FROM session
    WHERE account = ? ORDER BY id";
const WRITTEN: &str = "SELECT DISTINCT origin_number FROM room_event
    WHERE origin_session = ? AND origin_number > ? ORDER BY origin_number LIMIT ?";
const DETACH: &str = "UPDATE session SET deadline = ? WHERE deadline IS NULL AND incarnation <> ?";
const LAPSED: &str = "DELETE FROM session WHERE id IN
    (SELECT id FROM session WHERE deadline <= ? LIMIT ?)";

/// Rows in one transaction: some 2 ms.
const SAVED_TOGETHER: usize = 200;
/// More than a client may leave unacknowledged.
const WRITTEN_MAX: i64 = 1000;
