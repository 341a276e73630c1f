//! The other members: who they are, and what becomes of what a dead one held.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::chat::id::{RoomId, Timestamp};
use crate::store::error::StoreError;
use crate::store::member::{Deadlines, Detached, DueSeat, HeldRoom, Member, MemberState, Showing};
use crate::store::postgres::Postgres;
use crate::store::row::{Columns, due_seat, saved_session};
use crate::store::session::SessionRow;

impl Postgres {
    pub(in crate::store) async fn show_member(&self, state: MemberState) -> Result<(), StoreError> {
        self.keeper.show(state).await
    }

    pub(in crate::store) async fn fenced(&self) {
        self.keeper.fenced().await;
    }

    pub(in crate::store) async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(MEMBERS)).await?;
        rows.iter().map(member).collect()
    }

    pub(in crate::store) async fn fence_member(
        &self,
        name: &str,
        incarnation: i64,
    ) -> Result<bool, StoreError> {
        let fence = sqlx::query(FENCE).bind(name).bind(incarnation).bind(MemberState::Gone.as_str());
        Ok(self.links.link().await?.row(fence).await?.is_some())
    }

    pub(in crate::store) async fn want_member(
        &self,
        name: &str,
        state: MemberState,
    ) -> Result<bool, StoreError> {
        let want = sqlx::query(WANT).bind(name).bind(state.as_str());
        Ok(self.links.link().await?.execute(want).await? > 0)
    }

    pub(in crate::store) async fn detach_member(
        &self,
        name: &str,
        incarnation: i64,
        deadlines: Deadlines,
    ) -> Result<Detached, StoreError> {
        let mut link = self.links.link().await?;
        let detach =
            |sql, deadline: Timestamp| sqlx::query(sql).bind(name).bind(incarnation).bind(deadline.0);
        let sessions = link.execute(detach(DETACH_SESSIONS, deadlines.sessions)).await?;
        let rows = link.rows(detach(DETACH_SEATS, deadlines.seats)).await?;
        let mut detached = Detached { sessions, ..Detached::default() };
        for row in &rows {
            detached.rooms.push(HeldRoom { id: RoomId(row.integer(0)?), name: row.text(1)?.into() });
            detached.seats += u64::try_from(row.integer(2)?).unwrap_or_default();
        }
        Ok(detached)
    }

    pub(in crate::store) async fn claim_due_seats(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueSeat>, StoreError> {
        let claim = sqlx::query(CLAIM_SEATS).bind(now.0).bind(i64::from(limit)).bind(CLAIM.as_secs_f64());
        let rows = self.links.link().await?.rows(claim).await?;
        rows.iter().map(due_seat).collect()
    }

    pub(in crate::store) async fn claim_due_sessions(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let claim = sqlx::query(CLAIM_SESSIONS).bind(now.0).bind(i64::from(limit)).bind(CLAIM.as_secs_f64());
        let rows = self.links.link().await?.rows(claim).await?;
        rows.iter().map(saved_session).collect()
    }
}

/// `name, incarnation, state, rights, seconds left, wanted, address`
fn member(row: &PgRow) -> Result<Member, StoreError> {
    let incarnation = row.integer(1)?;
    let state = |text: &str| {
        let known = MemberState::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or(StoreError::Inconsistent { table: "member", row: incarnation })
    };
    let left: Option<f64> = row.try_get(4)?;
    Ok(Member {
        name: row.text(0)?.into(),
        incarnation,
        showing: Showing { state: state(row.text(2)?)?, rights: row.integer(3)? },
        wanted: state(row.text(5)?)?,
        address: row.try_get::<Option<&str>, _>(6)?.map(Into::into),
        lease: left.and_then(|left| Duration::try_from_secs_f64(left).ok()),
    })
}

const MEMBERS: &str = "SELECT name, incarnation, state, rights,
        CASE WHEN lease_until > clock_timestamp()
            THEN extract(epoch FROM lease_until - clock_timestamp())::float8 END,
        wanted, address
    FROM member WHERE incarnation > 0 ORDER BY name";
/// The whole row is taken: what the dead one has under way ends first, and sees afterwards that it is over.
const FENCE: &str = "WITH dead AS (
        SELECT name FROM member
        WHERE name = $1 AND incarnation = $2 AND lease_until < clock_timestamp() FOR UPDATE)
    UPDATE member SET incarnation = incarnation + 1, state = $3 FROM dead WHERE member.name = dead.name
    RETURNING incarnation";
const WANT: &str = "UPDATE member SET wanted = $2 WHERE name = $1 AND incarnation > 0";
const DETACH_SESSIONS: &str = "UPDATE session SET deadline = $3
    WHERE member = $1 AND incarnation <= $2 AND deadline IS NULL
        AND NOT EXISTS (SELECT FROM member WHERE name = $1 AND incarnation <= $2)";
const DETACH_SEATS: &str = "WITH detached AS (
        UPDATE seat SET deadline = $3
        WHERE member = $1 AND incarnation <= $2 AND deadline IS NULL
            AND NOT EXISTS (SELECT FROM member WHERE name = $1 AND incarnation <= $2)
        RETURNING room)
    SELECT room.id, coalesce(room.name, ''), count(*) FROM detached JOIN room ON room.id = detached.room
    GROUP BY room.id ORDER BY room.id";
const CLAIM_SEATS: &str = "WITH due AS (
        SELECT room, nick_key, session FROM seat
        WHERE deadline <= $1 AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
        ORDER BY deadline LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE seat SET claimed_until = clock_timestamp() + make_interval(secs => $3)
    FROM due JOIN room ON room.id = due.room
    WHERE seat.room = due.room AND seat.nick_key = due.nick_key AND seat.session = due.session
    RETURNING seat.room, coalesce(room.name, ''), seat.session, seat.deadline";
const CLAIM_SESSIONS: &str = "WITH due AS (
        SELECT id FROM session
        WHERE deadline <= $1 AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
        ORDER BY deadline LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE session SET claimed_until = clock_timestamp() + make_interval(secs => $3)
    FROM due WHERE session.id = due.id
    RETURNING session.id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former";
/// So long is what was claimed nobody else's.
const CLAIM: Duration = Duration::from_secs(10);
