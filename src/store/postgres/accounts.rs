//! Accounts and the keys they sign in with.

use std::collections::HashSet;

use perch_address::BareJid;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::chat::id::AccountId;
use crate::chat::note::RoomName;
use crate::store::account::{Account, AccountEntry, DigestKeys, NewAccount, ScramRow, addresses_of};
use crate::store::administration::DeedError;
use crate::store::duty::Duty;
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::principal::change::stand_again;
use crate::store::row::{Columns, account_entry, credential, digest_keys, room_name};

impl Postgres {
    /// In slices, so that no row is held for long.
    pub(in crate::store) async fn add_accounts(
        &self,
        accounts: Vec<NewAccount>,
        duty: Option<Duty>,
    ) -> Result<Vec<Option<AccountId>>, DeedError> {
        let mut ids = Vec::with_capacity(accounts.len());
        let mut link = self.links.link().await?;
        for slice in accounts.chunks(ADDED_TOGETHER) {
            link.begin().await?;
            if let Some(duty) = &duty
                && !self.is_on_duty(&mut link, duty).await?
            {
                link.roll_back().await?;
                return Err(DeedError::OffDuty);
            }
            let added = add(&mut link, slice).await?;
            let version = stand_again(&mut link, &addresses_of(slice, &added)).await?;
            ids.extend(added);
            link.commit().await?;
            version.inspect(|version| self.keeper.has_rights(*version));
        }
        Ok(ids)
    }

    pub(in crate::store) async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(ACCOUNT).bind(name)).await?;
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
        let row = self.links.link().await?.row(sqlx::query(DIGEST_KEYS).bind(account.0)).await?;
        row.as_ref().map(digest_keys).transpose()
    }

    pub(in crate::store) async fn accounts(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AccountEntry>, StoreError> {
        let query = sqlx::query(ACCOUNTS).bind(after.unwrap_or("")).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(account_entry).collect()
    }

    pub(in crate::store) async fn known_accounts(
        &self,
        names: &[&str],
    ) -> Result<HashSet<Box<str>>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(KNOWN_ACCOUNTS).bind(names)).await?;
        rows.iter().map(|row| Ok(row.text(0)?.into())).collect()
    }

    pub(in crate::store) async fn account_count(&self) -> Result<u64, StoreError> {
        self.count(ACCOUNT_COUNT).await
    }

    pub(in crate::store) async fn rooms_listing(
        &self,
        address: &BareJid,
    ) -> Result<Vec<RoomName>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(LISTED_IN).bind(address.as_str())).await?;
        rows.iter().map(room_name).collect()
    }
}

/// None for a name that is taken.
async fn add(link: &mut Link, accounts: &[NewAccount]) -> Result<Vec<Option<AccountId>>, StoreError> {
    let names: Vec<&str> = accounts.iter().map(NewAccount::name).collect();
    let rows = link.rows(sqlx::query(ADD).bind(names)).await?;
    let added = |row: &PgRow| Ok::<_, sqlx::Error>((row.try_get(0)?, AccountId(row.try_get(1)?)));
    let mut added: std::collections::HashMap<String, AccountId> =
        rows.iter().map(added).collect::<Result<_, _>>()?;
    // A name that is in the list twice is given to the first.
    let ids: Vec<_> = accounts.iter().map(|account| added.remove(account.name())).collect();
    let new = ids.iter().zip(accounts).filter_map(|(id, account)| Some(((*id)?, &*account.credentials)));
    put_credentials(link, new).await?;
    let keys = ids.iter().zip(accounts).filter_map(|(id, account)| Some(((*id)?, account.digest.as_ref()?)));
    put_digest_keys(link, keys).await?;
    Ok(ids)
}

async fn put_credentials<'a>(
    link: &mut Link,
    credentials: impl Iterator<Item = (AccountId, &'a [ScramRow])>,
) -> Result<(), StoreError> {
    let rows: Vec<(AccountId, &ScramRow)> =
        credentials.flat_map(|(account, rows)| rows.iter().map(move |row| (account, row))).collect();
    let query = sqlx::query(PUT_CREDENTIALS)
        .bind(rows.iter().map(|(account, _)| account.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| row.hash.number()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| i64::from(row.iterations)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, row)| &*row.salt).collect::<Vec<&[u8]>>())
        .bind(rows.iter().map(|(_, row)| &*row.stored_key).collect::<Vec<&[u8]>>())
        .bind(rows.iter().map(|(_, row)| &*row.server_key).collect::<Vec<&[u8]>>());
    link.execute(query).await?;
    Ok(())
}

async fn put_digest_keys<'a>(
    link: &mut Link,
    keys: impl Iterator<Item = (AccountId, &'a DigestKeys)>,
) -> Result<(), StoreError> {
    let rows: Vec<(AccountId, &DigestKeys)> = keys.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(PUT_DIGEST_KEYS)
        .bind(rows.iter().map(|(account, _)| account.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, keys)| &keys.sha256[..]).collect::<Vec<&[u8]>>())
        .bind(rows.iter().map(|(_, keys)| &keys.sha512_256[..]).collect::<Vec<&[u8]>>())
        .bind(rows.iter().map(|(_, keys)| Some(&keys.md5.as_ref()?.of_name[..])).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, keys)| Some(&keys.md5.as_ref()?.of_address[..])).collect::<Vec<_>>());
    link.execute(query).await?;
    Ok(())
}

const ACCOUNT: &str = "SELECT id, name, disabled, hash, iterations, salt, stored_key, server_key
    FROM account LEFT JOIN credential ON credential.account = account.id WHERE name = $1 ORDER BY hash";
const DIGEST_KEYS: &str =
    "SELECT sha256, sha512_256, md5_of_name, md5_of_address FROM digest_key WHERE account = $1";
const ACCOUNTS: &str = "SELECT id, name, disabled FROM account WHERE name > $1 ORDER BY name LIMIT $2";
const KNOWN_ACCOUNTS: &str = "SELECT name FROM account WHERE name = ANY ($1)";
const ACCOUNT_COUNT: &str = "SELECT count(*) FROM account";
/// In the order of the names: two that add the same ones do not wait for each other.
const ADD: &str =
    "INSERT INTO account (name) SELECT DISTINCT name FROM unnest($1::text[]) AS new (name) ORDER BY name
    ON CONFLICT (name) DO NOTHING RETURNING name, id";
const LISTED_IN: &str = "SELECT id, name FROM room WHERE name IS NOT NULL AND id IN (
        SELECT room FROM affiliation WHERE jid = $1 AND affiliation NOT IN ('none', 'outcast')) ORDER BY id";
const PUT_CREDENTIALS: &str =
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])";
const PUT_DIGEST_KEYS: &str =
    "INSERT INTO digest_key (account, sha256, sha512_256, md5_of_name, md5_of_address)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])";
/// Accounts in one transaction.
const ADDED_TOGETHER: usize = 100;
