//! Accounts and the keys they sign in with.

use std::collections::HashSet;

use futures_util::FutureExt;
use perch_address::BareJid;
use sqlx::sqlite::SqliteConnection;

use crate::chat::id::AccountId;
use crate::chat::principal::Standing;
use crate::store::account::{Account, AccountEntry, NewAccount, RemovedAccount, ScramRow};
use crate::store::error::{AddAccountError, StoreError};
use crate::store::row::{Columns, account_entry, credential, room_name};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::batch::{Batch, Form};
use crate::store::sqlite::principals::{next_version, raise};

impl Sqlite {
    pub(in crate::store) async fn add_account(
        &self,
        account: NewAccount,
    ) -> Result<AccountId, AddAccountError> {
        self.writer
            .transact(|connection| {
                async move {
                    let ids = add(connection, &[account]).await?;
                    Ok(ids.into_iter().flatten().next().ok_or(AddAccountError::NameTaken))
                }
                .boxed()
            })
            .await
    }

    /// In slices, so that the posts of others find room between them.
    pub(in crate::store) async fn add_accounts(
        &self,
        mut accounts: Vec<NewAccount>,
    ) -> Result<Vec<Option<AccountId>>, StoreError> {
        let mut ids = Vec::with_capacity(accounts.len());
        while !accounts.is_empty() {
            let rest = accounts.split_off(accounts.len().min(ADDED_TOGETHER));
            let slice = std::mem::replace(&mut accounts, rest);
            let added: Vec<_> = self
                .writer
                .transact(|connection| {
                    async move { Ok(Ok::<_, StoreError>(add(connection, &slice).await?)) }.boxed()
                })
                .await?;
            ids.extend(added);
        }
        Ok(ids)
    }

    pub(in crate::store) async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let rows = sqlx::query(ACCOUNT).bind(name).fetch_all(&self.readers).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let entry = account_entry(first)?;
        // An account without a password has one row, with nothing of a credential in it.
        let credentials =
            rows.iter().map(credential).filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Some(Account { id: entry.id, name: entry.name, is_disabled: entry.is_disabled, credentials }))
    }

    pub(in crate::store) async fn accounts(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let rows =
            sqlx::query(ACCOUNTS).bind(after.unwrap_or("")).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(account_entry).collect()
    }

    pub(in crate::store) async fn known_accounts(
        &self,
        names: &[&str],
    ) -> Result<HashSet<Box<str>>, StoreError> {
        let query = sqlx::query(KNOWN_ACCOUNTS).bind(serde_json::json!(names).to_string());
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok(row.text(0)?.into())).collect()
    }

    pub(in crate::store) async fn account_count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(ACCOUNT_COUNT).fetch_one(&self.readers).await?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::store) async fn set_credentials(
        &self,
        account: AccountId,
        credentials: Vec<ScramRow>,
    ) -> Result<bool, StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    let known: i64 =
                        sqlx::query_scalar(KNOWN).bind(account.0).fetch_one(&mut *connection).await?;
                    if known == 0 {
                        return Ok(Ok(false));
                    }
                    sqlx::query(FORGET_CREDENTIALS).bind(account.0).execute(&mut *connection).await?;
                    let mut batch = Batch::default();
                    put_credentials(&mut batch, account, &credentials);
                    batch.into_script().run(connection).await?;
                    Ok(Ok::<_, StoreError>(true))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn set_account_disabled(
        &self,
        account: AccountId,
        address: &BareJid,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        let address = address.clone();
        let version: Option<i64> = self
            .writer
            .transact(move |connection| {
                async move {
                    let set = sqlx::query(SET_DISABLED).bind(is_disabled).bind(account.0);
                    if set.execute(&mut *connection).await?.rows_affected() == 0 {
                        return Ok(Ok::<_, StoreError>(None));
                    }
                    let standing = if is_disabled { Standing::Disabled } else { Standing::Present };
                    let version = next_version(connection).await?;
                    stand(connection, &address, standing, version).await?;
                    raise(connection, version).await?;
                    Ok(Ok(Some(version)))
                }
                .boxed()
            })
            .await?;
        version.inspect(|version| self.has_rights(*version));
        Ok(version.is_some())
    }

    pub(in crate::store) async fn remove_account(
        &self,
        account: AccountId,
        address: &BareJid,
    ) -> Result<Option<RemovedAccount>, StoreError> {
        let address = address.clone();
        let removed: Option<(i64, RemovedAccount)> = self
            .writer
            .transact(move |connection| {
                async move {
                    let done = sqlx::query(REMOVE).bind(account.0).execute(&mut *connection).await?;
                    if done.rows_affected() == 0 {
                        return Ok(Ok::<_, StoreError>(None));
                    }
                    let version = next_version(connection).await?;
                    stand(connection, &address, Standing::Removed, version).await?;
                    for sql in [FORGET_ENTRY, LEAVE_ALL] {
                        let leave = sqlx::query(sql).bind(version).bind(address.as_str());
                        leave.execute(&mut *connection).await?;
                    }
                    raise(connection, version).await?;
                    let rows =
                        sqlx::query(LISTED_IN).bind(address.as_str()).fetch_all(&mut *connection).await?;
                    for sql in [STRIKE_FROM_LISTS, MOVE_LISTS, MOVE_RULES] {
                        sqlx::query(sql).bind(address.as_str()).execute(&mut *connection).await?;
                    }
                    let rooms = rows.iter().map(room_name).collect::<Result<_, _>>()?;
                    Ok(Ok(Some((version, RemovedAccount { rooms }))))
                }
                .boxed()
            })
            .await?;
        Ok(removed.map(|(version, removed)| {
            self.has_rights(version);
            removed
        }))
    }
}

/// Notes whether an account counts.
async fn stand(
    connection: &mut SqliteConnection,
    address: &BareJid,
    standing: Standing,
    version: i64,
) -> Result<(), StoreError> {
    let note = sqlx::query(STAND).bind(address.as_str()).bind(standing.as_str()).bind(version);
    note.execute(connection).await?;
    Ok(())
}

/// None for a name that is taken.
async fn add(
    connection: &mut SqliteConnection,
    accounts: &[NewAccount],
) -> Result<Vec<Option<AccountId>>, StoreError> {
    let mut ids = Vec::with_capacity(accounts.len());
    let mut batch = Batch::default();
    for account in accounts {
        let id: Option<i64> =
            sqlx::query_scalar(ADD).bind(account.name()).fetch_optional(&mut *connection).await?;
        let id = id.map(AccountId);
        if let Some(id) = id {
            put_credentials(&mut batch, id, &account.credentials);
        }
        ids.push(id);
    }
    batch.into_script().run(&mut *connection).await?;
    let new = ids.iter().zip(accounts).filter(|(id, _)| id.is_some());
    let addresses: Vec<&str> = new.map(|(_, account)| account.address.as_str()).collect();
    let version = next_version(connection).await?;
    let stand_again = sqlx::query(STAND_AGAIN).bind(serde_json::json!(addresses).to_string()).bind(version);
    if stand_again.execute(&mut *connection).await?.rows_affected() > 0 {
        raise(connection, version).await?;
    }
    Ok(ids)
}

fn put_credentials(batch: &mut Batch, account: AccountId, credentials: &[ScramRow]) {
    for row in credentials {
        let values = [
            account.0.into(),
            row.hash.number().into(),
            i64::from(row.iterations).into(),
            (&*row.salt).into(),
            (&*row.stored_key).into(),
            (&*row.server_key).into(),
        ];
        batch.row(account.0, &PUT_CREDENTIALS, values);
    }
}

const ACCOUNT: &str = "SELECT id, name, disabled, hash, iterations, salt, stored_key, server_key
    FROM account LEFT JOIN credential ON credential.account = account.id WHERE name = ? ORDER BY hash";
const ACCOUNTS: &str = "SELECT id, name, disabled FROM account WHERE name > ? ORDER BY name LIMIT ?";
const KNOWN_ACCOUNTS: &str = "SELECT name FROM json_each(?) JOIN account ON name = value";
const ACCOUNT_COUNT: &str = "SELECT count(*) FROM account";
const KNOWN: &str = "SELECT count(*) FROM account WHERE id = ?";
const ADD: &str = "INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO NOTHING RETURNING id";
const SET_DISABLED: &str = "UPDATE account SET disabled = ? WHERE id = ?";
const REMOVE: &str = "DELETE FROM account WHERE id = ?";
const STAND: &str = "INSERT INTO principal (address, kind, name, standing, version)
    VALUES (?, 'user', '', ?, ?)
    ON CONFLICT (address) DO UPDATE SET standing = excluded.standing, version = excluded.version";
/// A name that is given again is somebody new.
const STAND_AGAIN: &str = "UPDATE principal SET standing = 'present', name = '', version = ?2
    WHERE address IN (SELECT value FROM json_each(?1)) AND standing = 'removed' AND kind = 'user'";
const FORGET_ENTRY: &str = "UPDATE principal SET entry = NULL, dn = NULL, version = ? WHERE address = ?";
const LEAVE_ALL: &str = "UPDATE belongs SET gone = 1, version = ?
    WHERE NOT gone AND member = (SELECT id FROM principal WHERE address = ?)";
const LISTED_IN: &str =
    "SELECT id, name FROM room WHERE name IS NOT NULL AND id IN (SELECT room FROM affiliation
    WHERE jid = ? AND affiliation NOT IN ('none', 'outcast')) ORDER BY id";
/// As the lists' own changes leave it: with a version behind all that were given.
const STRIKE_FROM_LISTS: &str = "UPDATE affiliation SET affiliation = 'none', nick = NULL, reason = '',
        version = (SELECT affiliations_version + 1 FROM room WHERE id = room)
    WHERE jid = ? AND affiliation NOT IN ('none', 'outcast')";
const MOVE_LISTS: &str = "UPDATE room SET affiliations_version = struck.version FROM affiliation AS struck
    WHERE struck.room = room.id AND struck.jid = ? AND struck.version > affiliations_version";
/// Whatever was decided with the old lists in hand is decided again.
const MOVE_RULES: &str = "UPDATE room_log SET rules = rules + 1
    WHERE room IN (SELECT room FROM affiliation WHERE jid = ? AND affiliation = 'none')";
const FORGET_CREDENTIALS: &str = "DELETE FROM credential WHERE account = ?";
/// Accounts in one transaction: some 2 ms.
const ADDED_TOGETHER: usize = 100;

static PUT_CREDENTIALS: Form = Form::new(
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key) VALUES",
    6,
    "",
);
