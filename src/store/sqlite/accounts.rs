//! Accounts and the keys they sign in with.

use std::collections::HashSet;

use futures_util::FutureExt;
use perch_address::BareJid;
use sqlx::sqlite::SqliteConnection;

use crate::chat::id::AccountId;
use crate::chat::note::RoomName;
use crate::store::account::{Account, AccountEntry, DigestKeys, NewAccount, ScramRow, addresses_of};
use crate::store::error::StoreError;
use crate::store::principal::change::stand_again;
use crate::store::row::{Columns, account_entry, credential, digest_keys, room_name};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::batch::{Batch, Form};

impl Sqlite {
    /// In slices, so that the posts of others find room between them.
    pub(in crate::store) async fn add_accounts(
        &self,
        mut accounts: Vec<NewAccount>,
    ) -> Result<Vec<Option<AccountId>>, StoreError> {
        let mut ids = Vec::with_capacity(accounts.len());
        while !accounts.is_empty() {
            let rest = accounts.split_off(accounts.len().min(ADDED_TOGETHER));
            let slice = std::mem::replace(&mut accounts, rest);
            let (added, version): (Vec<_>, Option<i64>) = self
                .writer
                .transact(|connection| {
                    async move { Ok(Ok::<_, StoreError>(add(connection, &slice).await?)) }.boxed()
                })
                .await?;
            version.inspect(|version| self.has_rights(*version));
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

    pub(in crate::store) async fn digest_keys(
        &self,
        account: AccountId,
    ) -> Result<Option<DigestKeys>, StoreError> {
        let row = sqlx::query(DIGEST_KEYS).bind(account.0).fetch_optional(&self.readers).await?;
        row.as_ref().map(digest_keys).transpose()
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

    pub(in crate::store) async fn rooms_listing(
        &self,
        address: &BareJid,
    ) -> Result<Vec<RoomName>, StoreError> {
        let rows = sqlx::query(LISTED_IN).bind(address.as_str()).fetch_all(&self.readers).await?;
        rows.iter().map(room_name).collect()
    }
}

/// None for a name that is taken; and the version of the rights, if there is another now.
async fn add(
    connection: &mut SqliteConnection,
    accounts: &[NewAccount],
) -> Result<(Vec<Option<AccountId>>, Option<i64>), StoreError> {
    let mut ids = Vec::with_capacity(accounts.len());
    let mut batch = Batch::default();
    for account in accounts {
        let id: Option<i64> =
            sqlx::query_scalar(ADD).bind(account.name()).fetch_optional(&mut *connection).await?;
        let id = id.map(AccountId);
        if let Some(id) = id {
            put_credentials(&mut batch, id, &account.credentials);
            put_digest_keys(&mut batch, id, account.digest.as_ref());
        }
        ids.push(id);
    }
    batch.into_script().run(&mut *connection).await?;
    let version = stand_again(connection, &addresses_of(accounts, &ids)).await?;
    Ok((ids, version))
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

fn put_digest_keys(batch: &mut Batch, account: AccountId, keys: Option<&DigestKeys>) {
    if let Some(keys) = keys {
        let values = [
            account.0.into(),
            (&keys.sha256[..]).into(),
            (&keys.sha512_256[..]).into(),
            keys.md5.as_ref().map(|md5| &md5.of_name[..]).into(),
            keys.md5.as_ref().map(|md5| &md5.of_address[..]).into(),
        ];
        batch.row(account.0, &PUT_DIGEST_KEYS, values);
    }
}

const ACCOUNT: &str = "SELECT id, name, disabled, hash, iterations, salt, stored_key, server_key
    FROM account LEFT JOIN credential ON credential.account = account.id WHERE name = ? ORDER BY hash";
const DIGEST_KEYS: &str =
    "SELECT sha256, sha512_256, md5_of_name, md5_of_address FROM digest_key WHERE account = ?";
const ACCOUNTS: &str = "SELECT id, name, disabled FROM account WHERE name > ? ORDER BY name LIMIT ?";
const KNOWN_ACCOUNTS: &str = "SELECT name FROM json_each(?) JOIN account ON name = value";
const ACCOUNT_COUNT: &str = "SELECT count(*) FROM account";
const ADD: &str = "INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO NOTHING RETURNING id";
const LISTED_IN: &str = "SELECT id, name FROM room WHERE name IS NOT NULL AND id IN (
        SELECT room FROM affiliation WHERE jid = ? AND affiliation NOT IN ('none', 'outcast')) ORDER BY id";
/// Accounts in one transaction: some 2 ms.
const ADDED_TOGETHER: usize = 100;

static PUT_CREDENTIALS: Form = Form::new(
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key) VALUES",
    6,
    "",
);
static PUT_DIGEST_KEYS: Form = Form::new(
    "INSERT INTO digest_key (account, sha256, sha512_256, md5_of_name, md5_of_address) VALUES",
    5,
    "",
);
