//! Sessions, saved when they become resumable and when they end: what happens in between is found in the logs.

use futures_util::FutureExt;
use sqlx::Transaction;
use sqlx::sqlite::SqliteRow;

use crate::chat::id::{AccountId, SessionId, Timestamp};
use crate::store::error::StoreError;
use crate::store::row::{saved_session, written_in_account, written_in_room};
use crate::store::session::{REPEATED, SavedSession, SessionRow, WRITTEN_MAX};
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
                    session.counted_from.into(),
                    session.resumption.as_deref().into(),
                    session.former.map(|former| former.0).into(),
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

    pub(in crate::store) async fn disown_session(
        &self,
        resumption: &str,
        deadline: Timestamp,
    ) -> Result<(), StoreError> {
        let resumption = resumption.to_owned();
        self.writer
            .transact(move |connection| {
                async move {
                    sqlx::query(DISOWN).bind(deadline.0).bind(resumption).execute(connection).await?;
                    Ok(Ok::<_, StoreError>(()))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        let mut view = self.readers.begin().await?;
        let row = sqlx::query(SESSION).bind(id.0).fetch_optional(&mut *view).await?;
        self.saved(view, row).await
    }

    pub(in crate::store) async fn session_to_resume(
        &self,
        resumption: &str,
    ) -> Result<Option<SavedSession>, StoreError> {
        let mut view = self.readers.begin().await?;
        let row = sqlx::query(SESSION_TO_RESUME).bind(resumption).fetch_optional(&mut *view).await?;
        self.saved(view, row).await
    }

    /// The row with what the logs say beyond it, all as it stood at one time.
    async fn saved(
        &self,
        mut view: Transaction<'static, sqlx::Sqlite>,
        row: Option<SqliteRow>,
    ) -> Result<Option<SavedSession>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let row = saved_session(&row)?;
        // Numbers and what was settled rise together, so the last entry knows most.
        let mut settled = row.handled;
        for last in [LAST_IN_ROOMS, LAST_IN_ACCOUNTS] {
            let known: Option<Option<i64>> =
                sqlx::query_scalar(last).bind(row.id.0).fetch_optional(&mut *view).await?;
            settled = settled.max(known.flatten().unwrap_or_default());
        }
        let in_rooms = sqlx::query(WRITTEN_IN_ROOMS)
            .bind(row.id.0)
            .bind(settled - REPEATED)
            .bind(WRITTEN_MAX)
            .fetch_all(&mut *view)
            .await?;
        let in_accounts = sqlx::query(WRITTEN_IN_ACCOUNTS)
            .bind(row.id.0)
            .bind(settled - REPEATED)
            .bind(WRITTEN_MAX)
            .fetch_all(&mut *view)
            .await?;
        view.commit().await?;
        let (in_rooms, in_accounts) =
            (in_rooms.iter().map(written_in_room), in_accounts.iter().map(written_in_account));
        SavedSession::gather(row, settled, in_rooms, in_accounts).map(Some)
    }

    pub(in crate::store) async fn sessions_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query(SESSIONS_OF).bind(account.0).fetch_all(&self.readers).await?;
        rows.iter().map(saved_session).collect()
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

/// A session whose account was removed meanwhile is not saved.
static SAVE: Form = Form::new(
    "INSERT INTO session (id, account, resource, incarnation, deadline, handled, acknowledged,
            counted_from, resumption, former)
        SELECT * FROM (VALUES",
    10,
    ") AS new WHERE EXISTS (SELECT 1 FROM account WHERE account.id = new.column2)
        ON CONFLICT (id) DO UPDATE SET resource = excluded.resource, incarnation = excluded.incarnation,
            deadline = excluded.deadline, handled = excluded.handled, acknowledged = excluded.acknowledged,
            counted_from = excluded.counted_from, resumption = excluded.resumption, former = excluded.former",
);
static FORGET: Form = Form::new("DELETE FROM session WHERE id IN (VALUES", 1, ")");

macro_rules! sessions_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former
                FROM session WHERE ",
            $condition
        )
    };
}
const DISOWN: &str = "UPDATE session SET deadline = ? WHERE resumption = ? AND deadline IS NULL";
const SESSION: &str = sessions_where!("id = ?");
const SESSION_TO_RESUME: &str = sessions_where!("resumption = ?");
const SESSIONS_OF: &str = sessions_where!("account = ? ORDER BY id");
const LAST_IN_ROOMS: &str =
    "SELECT origin_settled FROM room_event WHERE origin_session = ? ORDER BY origin_number DESC LIMIT 1";
const LAST_IN_ACCOUNTS: &str =
    "SELECT origin_settled FROM account_event WHERE origin_session = ? ORDER BY origin_number DESC LIMIT 1";
const WRITTEN_IN_ROOMS: &str = "SELECT origin_number, room, seq, class, stanza_id, payload, room.name
    FROM room_event JOIN room ON room.id = room_event.room
    WHERE origin_session = ? AND origin_number > ? ORDER BY origin_number LIMIT ?";
const WRITTEN_IN_ACCOUNTS: &str = "SELECT origin_number, change FROM account_event
    WHERE origin_session = ? AND origin_number > ? ORDER BY origin_number LIMIT ?";
const DETACH: &str = "UPDATE session SET deadline = ? WHERE deadline IS NULL AND incarnation <> ?";
const LAPSED: &str = "DELETE FROM session WHERE id IN
    (SELECT id FROM session WHERE deadline <= ? LIMIT ?)";

/// Rows in one transaction: some 2 ms.
const SAVED_TOGETHER: usize = 200;
