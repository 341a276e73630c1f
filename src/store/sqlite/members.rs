//! The one member of an embedded store, and what it has to end.

use std::time::Duration;

use crate::chat::id::Timestamp;
use crate::store::error::StoreError;
use crate::store::member::{DueSeat, Member, MemberState};
use crate::store::row::{due_seat, saved_session};
use crate::store::session::SessionRow;
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) fn show_member(&self, state: MemberState) {
        self.shared.showing.lock().state = state;
    }

    /// Until the next start: nobody else would read it.
    pub(in crate::store) fn want_member(&self, name: &str, state: MemberState) -> bool {
        let is_known = *name == *self.shared.member;
        if is_known {
            *self.shared.wanted.lock() = state;
        }
        is_known
    }

    pub(in crate::store) fn member(&self) -> Member {
        Member {
            name: self.shared.member.clone(),
            incarnation: self.shared.incarnation,
            showing: *self.shared.showing.lock(),
            wanted: *self.shared.wanted.lock(),
            address: None,
            lease: Some(Duration::MAX),
        }
    }

    pub(in crate::store) async fn claim_due_seats(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueSeat>, StoreError> {
        let rows = sqlx::query(DUE_SEATS).bind(now.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(due_seat).collect()
    }

    pub(in crate::store) async fn claim_due_sessions(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query(DUE_SESSIONS).bind(now.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(saved_session).collect()
    }
}

const DUE_SEATS: &str = "SELECT room, name, session, deadline FROM seat JOIN room ON room.id = seat.room
    WHERE deadline <= ? ORDER BY deadline LIMIT ?";
const DUE_SESSIONS: &str =
    "SELECT id, account, resource, deadline, handled, acknowledged, counted_from, resumption, former
    FROM session WHERE deadline <= ? ORDER BY deadline LIMIT ?";
