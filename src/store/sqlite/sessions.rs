//! Sessions, saved when they become resumable and when they end: what happens in between is found in the logs.

use futures_util::FutureExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Transaction};

use crate::chat::account::entry::AccountChange;
use crate::chat::id::{AccountId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::store::error::StoreError;
use crate::store::record::Class;
use crate::store::session::{Addressee, SavedSession, SessionRow, Written};
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
        let row = session(&row)?;
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
        let mut written = Vec::with_capacity(in_rooms.len() + in_accounts.len());
        for row in &in_rooms {
            written.push(written_in_room(row)?);
        }
        for row in &in_accounts {
            written.extend(written_in_account(row)?);
        }
        written.sort_by_key(|written| written.number);
        Ok(Some(SavedSession { row, settled, written }))
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
        counted_from: row.try_get(6)?,
        resumption: row.try_get::<Option<&str>, _>(7)?.map(Into::into),
        former: row.try_get::<Option<i64>, _>(8)?.map(SessionId),
    })
}

/// `origin_number, room, seq, class, stanza_id, payload, name`
fn written_in_room(row: &SqliteRow) -> Result<Written, StoreError> {
    let to = Addressee::Room {
        id: RoomId(row.try_get(1)?),
        seq: Seq(row.try_get(2)?),
        is_archived: row.try_get::<i64, _>(3)? == Class::Conversation.number(),
        // A destroyed room has no name any more, and nothing that is said again can be for it.
        name: row.try_get::<Option<&str>, _>(6)?.unwrap_or_default().into(),
    };
    Ok(Written {
        number: row.try_get(0)?,
        to,
        id: row.try_get::<Option<&str>, _>(4)?.map(Into::into),
        payload: Payload::from(row.try_get::<Option<String>, _>(5)?.unwrap_or_default()),
    })
}

/// `origin_number, change`
fn written_in_account(row: &SqliteRow) -> Result<Option<Written>, StoreError> {
    let inconsistent = || StoreError::Inconsistent { table: "account_event", row: 0 };
    let change = serde_json::from_str(row.try_get(1)?).map_err(|_| inconsistent())?;
    let (AccountChange::Sent(letter) | AccountChange::Received(letter)) = change else { return Ok(None) };
    Ok(Some(Written {
        number: row.try_get(0)?,
        to: Addressee::Person(letter.to),
        id: letter.content.id,
        payload: letter.content.payload,
    }))
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
/// Stanzas that are certainly settled, and are looked at all the same: there are clients that do not read the count.
const REPEATED: i64 = 64;
/// More than a session may have under way behind its first stanza that is not settled.
const WRITTEN_MAX: i64 = 2048;
