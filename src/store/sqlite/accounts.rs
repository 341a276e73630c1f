//! Accounts and the keys they sign in with.

use futures_util::FutureExt;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chat::id::AccountId;
use crate::store::account::{Account, AccountEntry, NewAccount, ScramHash, ScramRow};
use crate::store::error::{AddAccountError, StoreError};
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn add_account(
        &self,
        account: NewAccount,
    ) -> Result<AccountId, AddAccountError> {
        self.writer
            .transact(|connection| {
                async move { Ok(add(connection, &account).await?.ok_or(AddAccountError::NameTaken)) }.boxed()
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
                    async move {
                        let mut added = Vec::with_capacity(slice.len());
                        for account in &slice {
                            added.push(add(connection, account).await?);
                        }
                        Ok(Ok::<_, StoreError>(added))
                    }
                    .boxed()
                })
                .await?;
            ids.extend(added);
        }
        Ok(ids)
    }

    pub(in crate::store) async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let rows = sqlx::query(ACCOUNT).bind(name).fetch_all(&self.readers).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let entry = entry(first)?;
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
        rows.iter().map(entry).collect()
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
                    put_credentials(connection, account, &credentials).await?;
                    Ok(Ok::<_, StoreError>(true))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn set_account_disabled(
        &self,
        account: AccountId,
        is_disabled: bool,
    ) -> Result<bool, StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    let done = sqlx::query(SET_DISABLED)
                        .bind(is_disabled)
                        .bind(account.0)
                        .execute(connection)
                        .await?;
                    Ok(Ok::<_, StoreError>(done.rows_affected() > 0))
                }
                .boxed()
            })
            .await
    }

    pub(in crate::store) async fn remove_account(&self, account: AccountId) -> Result<bool, StoreError> {
        self.writer
            .transact(move |connection| {
                async move {
                    let done = sqlx::query(REMOVE).bind(account.0).execute(connection).await?;
                    Ok(Ok::<_, StoreError>(done.rows_affected() > 0))
                }
                .boxed()
            })
            .await
    }
}

/// None when the name is taken.
async fn add(
    connection: &mut SqliteConnection,
    account: &NewAccount,
) -> Result<Option<AccountId>, StoreError> {
    let id: Option<i64> =
        sqlx::query_scalar(ADD).bind(&*account.name).fetch_optional(&mut *connection).await?;
    let Some(id) = id.map(AccountId) else { return Ok(None) };
    put_credentials(connection, id, &account.credentials).await?;
    Ok(Some(id))
}

async fn put_credentials(
    connection: &mut SqliteConnection,
    account: AccountId,
    credentials: &[ScramRow],
) -> Result<(), StoreError> {
    for row in credentials {
        sqlx::query(PUT_CREDENTIAL)
            .bind(account.0)
            .bind(row.hash.number())
            .bind(row.iterations)
            .bind(&*row.salt)
            .bind(&*row.stored_key)
            .bind(&*row.server_key)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn entry(row: &SqliteRow) -> Result<AccountEntry, StoreError> {
    Ok(AccountEntry {
        id: AccountId(row.try_get(0)?),
        name: row.try_get::<String, _>(1)?.into(),
        is_disabled: row.try_get(2)?,
    })
}

fn credential(row: &SqliteRow) -> Result<Option<ScramRow>, StoreError> {
    let Some(hash) = row.try_get::<Option<i64>, _>(3)? else { return Ok(None) };
    let unknown =
        || StoreError::Inconsistent { table: "credential", row: row.try_get(0).unwrap_or_default() };
    Ok(Some(ScramRow {
        hash: ScramHash::from_number(hash).ok_or_else(unknown)?,
        iterations: row.try_get(4)?,
        salt: row.try_get::<Vec<u8>, _>(5)?.into(),
        stored_key: row.try_get::<Vec<u8>, _>(6)?.into(),
        server_key: row.try_get::<Vec<u8>, _>(7)?.into(),
    }))
}

const ACCOUNT: &str = "SELECT id, name, disabled, hash, iterations, salt, stored_key, server_key
    FROM account LEFT JOIN credential ON credential.account = account.id WHERE name = ? ORDER BY hash";
const ACCOUNTS: &str = "SELECT id, name, disabled FROM account WHERE name > ? ORDER BY name LIMIT ?";
const ACCOUNT_COUNT: &str = "SELECT count(*) FROM account";
const KNOWN: &str = "SELECT count(*) FROM account WHERE id = ?";
const ADD: &str = "INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO NOTHING RETURNING id";
const SET_DISABLED: &str = "UPDATE account SET disabled = ? WHERE id = ?";
const REMOVE: &str = "DELETE FROM account WHERE id = ?";
const FORGET_CREDENTIALS: &str = "DELETE FROM credential WHERE account = ?";
const PUT_CREDENTIAL: &str =
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key)
    VALUES (?, ?, ?, ?, ?, ?)";
/// Accounts in one transaction: some 2 ms.
const ADDED_TOGETHER: usize = 100;
