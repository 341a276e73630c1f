//! Sessions, saved when they become resumable and when they end: what happens in between is found in the logs.

use std::collections::BTreeMap;

use sqlx::postgres::{PgArguments, Postgres as Database};
use sqlx::query::Query;

use crate::chat::id::{AccountId, SessionId, Timestamp};
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::row::{Columns, saved_session, written_in_account, written_in_room};
use crate::store::session::{REPEATED, SavedSession, SessionRow, WRITTEN_MAX};

impl Postgres {
    pub(in crate::store) async fn save_sessions(&self, sessions: Vec<SessionRow>) -> Result<(), StoreError> {
        let mut link = self.links.link().await?;
        for slice in sessions.chunks(SAVED_TOGETHER) {
            // Each once, and in the order of their ids, so that no two members wait for each other.
            let rows: BTreeMap<_, _> = slice.iter().map(|row| (row.id, row)).collect();
            let rows: Vec<&SessionRow> = rows.into_values().collect();
            link.execute(self.save(&rows)).await?;
        }
        Ok(())
    }

    fn save(&self, rows: &[&SessionRow]) -> Query<'static, Database, PgArguments> {
        let own = &self.rules.own;
        let numbers = |number: fn(&SessionRow) -> i64| rows.iter().map(|row| number(row)).collect::<Vec<_>>();
        let may_lack = |number: fn(&SessionRow) -> Option<i64>| {
            rows.iter().map(|row| number(row)).collect::<Vec<Option<i64>>>()
        };
        sqlx::query(SAVE)
            .bind(numbers(|row| row.id.0))
            .bind(numbers(|row| row.account.0))
            .bind(rows.iter().map(|row| &*row.resource).collect::<Vec<_>>())
            .bind(may_lack(|row| row.deadline.map(|deadline| deadline.0)))
            .bind(numbers(|row| row.handled))
            .bind(numbers(|row| row.acknowledged.0))
            .bind(numbers(|row| row.counted_from))
            .bind(rows.iter().map(|row| row.resumption.as_deref()).collect::<Vec<_>>())
            .bind(may_lack(|row| row.former.map(|former| former.0)))
            .bind(&*own.member)
            .bind(own.incarnation)
    }

    pub(in crate::store) async fn forget_sessions(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        let mut link = self.links.link().await?;
        for slice in sessions.chunks(SAVED_TOGETHER) {
            let ids: Vec<i64> = slice.iter().map(|session| session.0).collect();
            link.execute(sqlx::query(FORGET).bind(ids)).await?;
        }
        Ok(())
    }

    pub(in crate::store) async fn leave_session(
        &self,
        row: &SessionRow,
        state: &str,
    ) -> Result<(), StoreError> {
        let own = &self.rules.own;
        let leave = sqlx::query(LEAVE)
            .bind(row.id.0)
            .bind(row.handled)
            .bind(row.counted_from)
            .bind(row.deadline.map(|deadline| deadline.0))
            .bind(state)
            .bind(&*own.member)
            .bind(own.incarnation);
        // One whose account was removed meanwhile is nobody's any more.
        self.links.link().await?.execute(leave).await.map(drop)
    }

    pub(in crate::store) async fn take_session(
        &self,
        resumption: &str,
    ) -> Result<Option<String>, StoreError> {
        let own = &self.rules.own;
        let take = sqlx::query(TAKE).bind(resumption).bind(&*own.member).bind(own.incarnation);
        let row = self.links.link().await?.row(take).await?;
        row.map(|row| row.text(0).map(Into::into)).transpose()
    }

    pub(in crate::store) async fn disown_session(
        &self,
        resumption: &str,
        deadline: Timestamp,
    ) -> Result<(), StoreError> {
        let own = &self.rules.own;
        let disown =
            sqlx::query(DISOWN).bind(resumption).bind(deadline.0).bind(&*own.member).bind(own.incarnation);
        self.links.link().await?.execute(disown).await.map(drop)
    }

    pub(in crate::store) async fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        self.saved(sqlx::query(SESSION).bind(id.0)).await
    }

    pub(in crate::store) async fn session_to_resume(
        &self,
        resumption: &str,
    ) -> Result<Option<SavedSession>, StoreError> {
        self.saved(sqlx::query(SESSION_TO_RESUME).bind(resumption)).await
    }

    /// The row with what the logs say beyond it, all as it stood at one time.
    async fn saved(
        &self,
        query: Query<'_, Database, PgArguments>,
    ) -> Result<Option<SavedSession>, StoreError> {
        let mut view = self.links.link().await?;
        view.begin_view().await?;
        let Some(row) = view.row(query).await? else {
            view.end_view().await?;
            return Ok(None);
        };
        let row = saved_session(&row)?;
        // Numbers and what was settled rise together, so the last entry knows most.
        let mut settled = row.handled;
        for last in [LAST_IN_ROOMS, LAST_IN_ACCOUNTS] {
            let known = view.row(sqlx::query(last).bind(row.id.0)).await?;
            let known = known.map(|known| known.integer_if_any(0)).transpose()?.flatten();
            settled = settled.max(known.unwrap_or_default());
        }
        let written = |sql| sqlx::query(sql).bind(row.id.0).bind(settled - REPEATED).bind(WRITTEN_MAX);
        let in_rooms = view.rows(written(WRITTEN_IN_ROOMS)).await?;
        let in_accounts = view.rows(written(WRITTEN_IN_ACCOUNTS)).await?;
        view.end_view().await?;
        SavedSession::gather(
            row,
            settled,
            in_rooms.iter().map(written_in_room),
            in_accounts.iter().map(written_in_account),
        )
        .map(Some)
    }

    pub(in crate::store) async fn sessions_of(
        &self,
        account: AccountId,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(SESSIONS_OF).bind(account.0)).await?;
        rows.iter().map(saved_session).collect()
    }

    pub(in crate::store) async fn detach_sessions(&self, deadline: Timestamp) -> Result<u64, StoreError> {
        let own = &self.rules.own;
        let query = sqlx::query(DETACH_OWN).bind(deadline.0).bind(&*own.member).bind(own.incarnation);
        self.links.link().await?.execute(query).await
    }

    pub(in crate::store) async fn forget_lapsed_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(LAPSED, now.0).await
    }
}

/// A session whose account was removed meanwhile is not saved; one that is saved is this member's. Nothing is saved by
/// a member that was taken for dead: the session may be somebody else's by now.
const SAVE: &str =
    "INSERT INTO session (id, account, resource, deadline, handled, acknowledged, counted_from,
        resumption, former, member, incarnation)
    SELECT new.*, $10, $11 FROM stand_1($10, $11),
        unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::text[], $9::bigint[])
        AS new (id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former)
    WHERE EXISTS (SELECT FROM account WHERE account.id = new.account)
    ON CONFLICT (id) DO UPDATE SET resource = excluded.resource, member = excluded.member,
        incarnation = excluded.incarnation, deadline = excluded.deadline, handled = excluded.handled,
        acknowledged = excluded.acknowledged, counted_from = excluded.counted_from,
        resumption = excluded.resumption, former = excluded.former, claimed_until = NULL";
const LEAVE: &str =
    "UPDATE session SET handled = $2, counted_from = $3, deadline = $4, state = $5, claimed_until = NULL
    FROM stand_1($6, $7) WHERE id = $1";
/// Whoever comes second finds nothing.
const TAKE: &str = "WITH left_there AS (
        SELECT id, state FROM session WHERE resumption = $1 AND state IS NOT NULL FOR UPDATE)
    UPDATE session SET member = $2, incarnation = $3, deadline = NULL, state = NULL, claimed_until = NULL
    FROM left_there, stand_1($2, $3) WHERE session.id = left_there.id RETURNING left_there.state";
const DISOWN: &str = "UPDATE session SET deadline = $2
    WHERE resumption = $1 AND deadline IS NULL AND member = $3 AND incarnation = $4";
const FORGET: &str = "DELETE FROM session WHERE id = ANY ($1::bigint[])";

macro_rules! sessions_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former
                FROM session WHERE ",
            $condition
        )
    };
}
const SESSION: &str = sessions_where!("id = $1");
const SESSION_TO_RESUME: &str = sessions_where!("resumption = $1");
const SESSIONS_OF: &str = sessions_where!("account = $1 ORDER BY id");
const LAST_IN_ROOMS: &str =
    "SELECT origin_settled FROM room_event WHERE origin_session = $1 ORDER BY origin_number DESC LIMIT 1";
const LAST_IN_ACCOUNTS: &str =
    "SELECT origin_settled FROM account_event WHERE origin_session = $1 ORDER BY origin_number DESC LIMIT 1";
const WRITTEN_IN_ROOMS: &str = "SELECT origin_number, room, seq, class, stanza_id, payload, room.name
    FROM room_event JOIN room ON room.id = room_event.room
    WHERE origin_session = $1 AND origin_number > $2 ORDER BY origin_number LIMIT $3";
const WRITTEN_IN_ACCOUNTS: &str = "SELECT origin_number, change FROM account_event
    WHERE origin_session = $1 AND origin_number > $2 ORDER BY origin_number LIMIT $3";
const DETACH_OWN: &str =
    "UPDATE session SET deadline = $1 WHERE deadline IS NULL AND member = $2 AND incarnation <> $3";
const LAPSED: &str = "DELETE FROM session WHERE id IN
    (SELECT id FROM session WHERE deadline <= $1 AND state IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Rows in one statement.
const SAVED_TOGETHER: usize = 200;
