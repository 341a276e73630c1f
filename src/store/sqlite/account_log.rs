//! Accounts' logs: appended to, several in one transaction, and read.

use futures_util::FutureExt;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange, AccountEvent};
use crate::chat::id::{AccountId, Origin, Seq, Timestamp};
use crate::store::account_log::{
    AccountAppendError, AccountNote, UNARCHIVED_LIFETIME, body_of, is_archived, peer_of,
};
use crate::store::archive::Log;
use crate::store::error::StoreError;
use crate::store::notes::Group;
use crate::store::row::entry;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::account_project::project;
use crate::store::sqlite::batch::{Batch, Form};
use crate::store::sqlite::fault::is_constraint;

impl Sqlite {
    pub(in crate::store) async fn append_accounts(
        &self,
        appends: Vec<AccountAppend>,
        at: Timestamp,
    ) -> Result<Vec<AccountAppended>, AccountAppendError> {
        let accounts: Vec<AccountId> = appends.iter().map(|append| append.account).collect();
        let appended = self
            .writer
            .transact(move |connection| {
                async move {
                    let mut appended = Vec::with_capacity(appends.len());
                    for append in &appends {
                        match append_one(connection, append, at).await? {
                            Ok(place) => appended.push(place),
                            Err(refusal) => return Ok(Err(refusal)),
                        }
                    }
                    Ok(Ok(appended))
                }
                .boxed()
            })
            .await?;
        accounts.into_iter().for_each(|account| self.shared.unread.note(Log::Account(account)));
        Ok(appended)
    }

    pub(in crate::store) async fn account_events(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let rows =
            sqlx::query(EVENTS).bind(account.0).bind(after.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn accounts_ahead(
        &self,
        known: &[(AccountId, Seq)],
    ) -> Result<Vec<(AccountId, Seq)>, StoreError> {
        let known = known.iter().map(|(account, seq)| (account.0, seq.0)).collect::<Vec<_>>();
        let known = serde_json::to_string(&known).expect("numbers are plain data");
        let rows: Vec<(i64, i64)> = sqlx::query_as(AHEAD).bind(known).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|(account, seq)| (AccountId(account), Seq(seq))).collect())
    }

    pub(in crate::store) async fn letters(
        &self,
        account: AccountId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let rows =
            sqlx::query(LETTERS).bind(account.0).bind(after.0).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn note_account(
        &self,
        account: AccountId,
        note: AccountNote,
    ) -> Result<(), StoreError> {
        self.shared.notes.write(account, note, |group| self.write_notes(group)).await
    }

    async fn write_notes(&self, group: Group) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (account, note) in &*group {
            let (seen_at, status) = match &note.last_seen {
                Some((at, status)) => (Some(at.0), Some(&**status)),
                None => (None, None),
            };
            let values = [account.0.into(), note.delivered.0.into(), seen_at.into(), status.into()];
            batch.row(account.0, &NOTE, values);
        }
        self.writer
            .transact(move |connection| {
                async move { Ok(Ok::<_, StoreError>(batch.into_script().run(connection).await?)) }.boxed()
            })
            .await
    }

    pub(in crate::store) async fn expire_account_events(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.in_slices(EXPIRE, now.0).await
    }
}

/// Gives the changes their seqs, and writes the entries and what follows from them.
async fn append_one(
    connection: &mut SqliteConnection,
    append: &AccountAppend,
    at: Timestamp,
) -> Result<Result<AccountAppended, AccountAppendError>, StoreError> {
    let count = append.changes.len() as i64;
    let archived = append.changes.iter().filter(|change| is_archived(change)).count() as i64;
    let opened = sqlx::query(OPEN_LOG).bind(append.account.0).execute(&mut *connection).await;
    match opened {
        Err(fault) if is_constraint(&fault) => return Ok(Err(AccountAppendError::Gone)),
        opened => opened?,
    };
    let head = sqlx::query(MOVE)
        .bind(append.account.0)
        .bind(count)
        .bind(at.0)
        .bind(archived)
        .bind(append.handled.map(|seq| seq.0))
        .fetch_one(&mut *connection)
        .await?;
    let (last, at): (i64, i64) = (head.try_get(0)?, head.try_get(1)?);
    let (epoch, mut ordinal): (i64, i64) = (head.try_get(2)?, head.try_get::<i64, _>(3)? - archived);
    let first = Seq(last - count + 1);
    let mut origin = append.origin;
    let mut seq = first;
    for change in &append.changes {
        let entry = Entry { account: append.account, seq, epoch, at: Timestamp(at) };
        let place = is_archived(change).then(|| {
            ordinal += 1;
            ordinal
        });
        // The key stands on the first entry alone: who looks for it wants to know whether there was an append.
        if !insert(connection, &entry, change, place, origin.take()).await? {
            return Ok(Err(AccountAppendError::AlreadyDone));
        }
        project(connection, entry.account, seq, entry.at, change).await?;
        seq = seq.next();
    }
    Ok(Ok(AccountAppended { first, at: Timestamp(at) }))
}

struct Entry {
    account: AccountId,
    seq: Seq,
    epoch: i64,
    at: Timestamp,
}

/// False when the origin is there already.
async fn insert(
    connection: &mut SqliteConnection,
    entry: &Entry,
    change: &AccountChange,
    ordinal: Option<i64>,
    origin: Option<Origin>,
) -> Result<bool, StoreError> {
    let text = serde_json::to_string(change).expect("changes are plain data with text keys");
    let peer = peer_of(change);
    let waits = matches!(change, AccountChange::Received(letter) if letter.is_kept_offline);
    let expires = ordinal.is_none().then(|| entry.at.plus(UNARCHIVED_LIFETIME).0);
    let inserted = sqlx::query(INSERT)
        .bind(entry.account.0)
        .bind(i64::from(ordinal.is_none()))
        .bind(entry.seq.0)
        .bind(entry.epoch)
        .bind(entry.at.0)
        .bind(ordinal)
        .bind(peer.map(|jid| jid.bare().as_str().to_owned()))
        .bind(peer.and_then(|jid| jid.resource().map(str::to_owned)))
        .bind(waits)
        .bind(matches!(change, AccountChange::Approached { .. }))
        .bind(expires)
        .bind(origin.map(|origin| origin.session.0))
        .bind(origin.map(|origin| origin.number))
        .bind(origin.map(|origin| origin.settled))
        .bind(body_of(change).map(str::to_owned))
        .bind(text)
        .execute(connection)
        .await;
    match inserted {
        Err(fault) if is_constraint(&fault) => Ok(false),
        inserted => {
            inserted?;
            Ok(true)
        }
    }
}

const OPEN_LOG: &str = "INSERT INTO account_log (account, epoch) SELECT ?, epoch FROM meta WHERE true
    ON CONFLICT (account) DO NOTHING";
const MOVE: &str =
    "UPDATE account_log SET seq = seq + ?2, last_at = max(last_at, ?3), archived = archived + ?4,
    handled = max(handled, coalesce(?5, 0)) WHERE account = ?1 RETURNING seq, last_at, epoch, archived";
const INSERT: &str =
    "INSERT INTO account_event (account, class, seq, epoch, at, ordinal, jid, resource, waits,
    is_input, expires, origin_session, origin_number, origin_settled, text, change) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const EVENTS: &str =
    "SELECT seq, at, origin_session, origin_number, origin_settled, change FROM account_event
    WHERE account = ? AND class IN (0, 1) AND seq > ? ORDER BY seq LIMIT ?";
const AHEAD: &str = "SELECT account, seq FROM json_each(?) AS known
    JOIN account_log ON account = known.value ->> 0 AND seq > known.value ->> 1 ORDER BY account";
const LETTERS: &str =
    "SELECT seq, at, origin_session, origin_number, origin_settled, change FROM account_event
    WHERE account = ? AND class IN (0, 1) AND seq > ? AND jid IS NOT NULL ORDER BY seq LIMIT ?";
const EXPIRE: &str = "DELETE FROM account_event WHERE (account, class, seq) IN
    (SELECT account, class, seq FROM account_event WHERE expires < ? LIMIT ?)";

/// An account that was removed meanwhile is passed over.
static NOTE: Form = Form::new(
    "INSERT INTO account_log (account, epoch, delivered, seen_at, seen_status)
    SELECT column1, epoch, column2, column3, column4 FROM (VALUES",
    4,
    ") JOIN account ON account.id = column1, meta WHERE true
    ON CONFLICT (account) DO UPDATE SET delivered = max(delivered, excluded.delivered),
        seen_at = coalesce(excluded.seen_at, seen_at), seen_status = coalesce(excluded.seen_status, seen_status)",
);
