//! Signed-in devices as rows: what of a session outlives a crash of the member that held it.

use crate::chat::id::{AccountId, Seq, SessionId, Timestamp};

/// A session as it was last saved. It is saved now and then, so what it says is at most true: more may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    pub resource: Box<str>,
    /// Its connection is gone; it may be resumed until then.
    pub deadline: Option<Timestamp>,
    /// Inbound stanzas that were acknowledged to the client (XEP-0198).
    pub handled: i64,
    /// What the client acknowledged of its account's log.
    pub acknowledged: Seq,
}

/// What is known of a session that somebody wants to resume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSession {
    pub row: SessionRow,
    /// Numbers of inbound stanzas behind `handled` that were written to logs nevertheless, in order: the `h` of
    /// `<failed/>` may go up to them, and what is sent again for them would be written twice.
    pub written: Vec<i64>,
}
