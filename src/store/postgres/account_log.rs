//! Accounts' logs, read and cared for.

use sqlx::Row;

use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountEvent};
use crate::chat::id::{AccountId, Epoch, Seq, Timestamp};
use crate::store::account_log::{AccountAppendError, AccountNote};
use crate::store::archive::Log;
use crate::store::error::StoreError;
use crate::store::member::may_read;
use crate::store::notes::Group;
use crate::store::postgres::Postgres;
use crate::store::postgres::account_append::Job;
use crate::store::row::{Columns, entry};

impl Postgres {
    pub(in crate::store) async fn append_accounts(
        &self,
        appends: Vec<AccountAppend>,
        at: Timestamp,
    ) -> Result<Vec<AccountAppended>, AccountAppendError> {
        let accounts: Vec<AccountId> = appends.iter().map(|append| append.account).collect();
        let (job, answer) = Job::new(appends, at);
        self.account_writers.push(job).await?;
        let appended = answer.await.unwrap_or(Err(StoreError::Unavailable.into()))?;
        accounts.into_iter().for_each(|account| self.unread.note(Log::Account(account)));
        Ok(appended)
    }

    pub(in crate::store) async fn account_events(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        self.entries(EVENTS, account, after, limit).await
    }

    pub(in crate::store) async fn letters(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        self.entries(LETTERS, account, after, limit).await
    }

    async fn entries(
        &self,
        sql: &'static str,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let query = sqlx::query(sql).bind(account.0).bind(after.0).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        if let Some(last) = rows.last() {
            may_read(self.incarnation(), Epoch(last.integer(6)? as u16))?;
        }
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn accounts_ahead(
        &self,
        known: &[(AccountId, Seq)],
    ) -> Result<Vec<(AccountId, Seq)>, StoreError> {
        let (accounts, seqs): (Vec<_>, Vec<_>) =
            known.iter().map(|(account, seq)| (account.0, seq.0)).unzip();
        let rows = self.links.link().await?.rows(sqlx::query(AHEAD).bind(accounts).bind(seqs)).await?;
        rows.iter().map(|row| Ok((AccountId(row.try_get(0)?), Seq(row.try_get(1)?)))).collect()
    }

    pub(in crate::store) async fn note_account(
        &self,
        account: AccountId,
        note: AccountNote,
    ) -> Result<(), StoreError> {
        self.notes.write(account, note, |group| self.write_notes(group)).await
    }

    async fn write_notes(&self, group: Group) -> Result<(), StoreError> {
        let seen = |note: &AccountNote| note.last_seen.as_ref().map(|(at, _)| at.0);
        let status = |note: &AccountNote| note.last_seen.as_ref().map(|(_, status)| status.clone());
        let own = &self.rules.own;
        let query = sqlx::query(NOTE)
            .bind(group.keys().map(|account| account.0).collect::<Vec<_>>())
            .bind(group.values().map(|note| note.delivered.0).collect::<Vec<_>>())
            .bind(group.values().map(seen).collect::<Vec<_>>())
            .bind(group.values().map(status).collect::<Vec<_>>())
            .bind(&*own.member)
            .bind(own.incarnation);
        self.links.link().await?.execute(query).await.map(drop)
    }

    pub(in crate::store) async fn expire_account_events(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(EXPIRE, now.0).await
    }
}

const EVENTS: &str = "SELECT * FROM (
        SELECT seq, at, origin_session, origin_number, origin_settled, change, epoch FROM account_event
            WHERE account = $1 AND class = 0 AND seq > $2
        UNION ALL SELECT seq, at, origin_session, origin_number, origin_settled, change, epoch FROM account_event
            WHERE account = $1 AND class = 1 AND seq > $2) AS entry
    ORDER BY seq LIMIT $3";
const LETTERS: &str = "SELECT * FROM (
        SELECT seq, at, origin_session, origin_number, origin_settled, change, epoch FROM account_event
            WHERE account = $1 AND class = 0 AND seq > $2 AND jid IS NOT NULL
        UNION ALL SELECT seq, at, origin_session, origin_number, origin_settled, change, epoch FROM account_event
            WHERE account = $1 AND class = 1 AND seq > $2 AND jid IS NOT NULL) AS entry
    ORDER BY seq LIMIT $3";
const AHEAD: &str =
    "SELECT log.account, log.seq FROM unnest($1::bigint[], $2::bigint[]) AS known (account, seq)
    JOIN account_log AS log ON log.account = known.account AND log.seq > known.seq ORDER BY 1";
/// Not by a member that was taken for dead: what it delivered may not be what stands there by now. An account that was
/// removed meanwhile is passed over.
const NOTE: &str = "INSERT INTO account_log (account, epoch, delivered, seen_at, seen_status)
    SELECT note.account, epoch, note.delivered, note.seen_at, note.seen_status
    FROM stand_1($5, $6), meta, unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
        AS note (account, delivered, seen_at, seen_status)
    WHERE EXISTS (SELECT FROM account WHERE account.id = note.account) ORDER BY note.account
    ON CONFLICT (account) DO UPDATE SET delivered = greatest(account_log.delivered, excluded.delivered),
        seen_at = greatest(excluded.seen_at, account_log.seen_at),
        seen_status = CASE WHEN excluded.seen_at >= coalesce(account_log.seen_at, excluded.seen_at)
            THEN excluded.seen_status ELSE account_log.seen_status END";
const EXPIRE: &str = "DELETE FROM account_event WHERE (account, class, seq) IN
    (SELECT account, class, seq FROM account_event WHERE expires < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
