//! Tokens of the administration: what they are good for, and the hash of what proves them.

use tracing::instrument;

use crate::chat::administration::ActNumber;
use crate::chat::administration::scope::Scope;
use crate::chat::id::{AccountId, Timestamp};
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::row::Columns;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub holder: NewHolder,
    /// SHA-256 of the secret, which is kept nowhere.
    pub hash: [u8; 32],
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Whose a new token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewHolder {
    Account(AccountId),
    Service(Box<str>),
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    pub number: ActNumber,
    pub holder: Holder,
    pub hash: [u8; 32],
    pub scopes: Vec<Scope>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// By its localpart; it can sign in now.
    Account {
        id: AccountId,
        name: Box<str>,
    },
    Service(Box<str>),
}

impl Store {
    /// The token of that number, unless its account is disabled. Whether it has expired is for who asks.
    #[instrument(skip_all)]
    pub async fn token(&self, number: ActNumber) -> Result<Option<StoredToken>, StoreError> {
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(TOKEN, &[Bind::Number(number.0)]).await?;
            rows.first().map(stored).transpose()
        })
    }

    /// In the order of their numbers, from the one behind `after` on; of one account, or of everybody.
    #[instrument(skip_all)]
    pub async fn tokens(
        &self,
        account: Option<AccountId>,
        after: ActNumber,
        limit: u32,
    ) -> Result<Vec<StoredToken>, StoreError> {
        let values = [
            Bind::NumberIfAny(account.map(|account| account.0)),
            Bind::Number(after.0),
            Bind::Number(limit.into()),
        ];
        ask_lasting!(self, engine => {
            engine.look().await?.run(TOKENS, &values).await?.iter().map(stored).collect()
        })
    }
}

pub(super) async fn add<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    new: &NewToken,
) -> Result<Result<(), DeedError>, StoreError> {
    let (account, service) = match &new.holder {
        NewHolder::Account(account) => (Some(account.0), None),
        NewHolder::Service(name) => (None, Some(&**name)),
    };
    if let Some(account) = account
        && !connection.finds(ABLE, &[Bind::Number(account)]).await?
    {
        return Ok(Err(DeedError::NotThere));
    }
    // What has expired goes with the next that is made. Nobody's tokens are held while an account is waited for.
    connection.run(EXPIRE, &[Bind::Number(new.created_at.0)]).await?;
    if let Some(account) = account {
        let count = connection.run(COUNT, &[Bind::Number(account)]).await?;
        if count.first().map_or(Ok(0), |row| row.integer(0))? >= TOKENS_MAX {
            return Ok(Err(DeedError::TooMany));
        }
    }
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = scopes.join(" ");
    let values = [
        Bind::Number(number.0),
        Bind::NumberIfAny(account),
        Bind::TextIfAny(service),
        Bind::Bytes(&new.hash),
        Bind::Text(&scopes),
        Bind::Number(new.created_at.0),
        Bind::Number(new.expires_at.0),
    ];
    connection.run(ADD, &values).await?;
    Ok(Ok(()))
}

pub(super) async fn remove<C: Connection>(
    connection: &mut C,
    number: ActNumber,
) -> Result<Result<(), DeedError>, StoreError> {
    let is_there = connection.finds(REMOVE, &[Bind::Number(number.0)]).await?;
    Ok(if is_there { Ok(()) } else { Err(DeedError::NotThere) })
}

fn stored(row: &impl Columns) -> Result<StoredToken, StoreError> {
    let number = row.integer(0)?;
    let unknown = || StoreError::Inconsistent { table: "token", row: number };
    let holder = match (row.integer_if_any(1)?, row.text_if_any(2)?, row.text_if_any(3)?) {
        (Some(id), Some(name), _) => Holder::Account { id: AccountId(id), name: name.into() },
        (None, _, Some(service)) => Holder::Service(service.into()),
        _ => return Err(unknown()),
    };
    let scopes: Option<Vec<_>> = row.text(5)?.split_ascii_whitespace().map(Scope::parse).collect();
    Ok(StoredToken {
        number: ActNumber(number),
        holder,
        hash: row.bytes(4)?.try_into().map_err(|_| unknown())?,
        scopes: scopes.ok_or_else(unknown)?,
        created_at: Timestamp(row.integer(6)?),
        expires_at: Timestamp(row.integer(7)?),
    })
}

const TOKEN: &str =
    "SELECT number, token.account, account.name, service, hash, scopes, created_at, expires_at
    FROM token LEFT JOIN account ON account.id = token.account
    WHERE number = $1 AND (token.account IS NULL OR NOT account.disabled)";
const TOKENS: &str =
    "SELECT number, token.account, account.name, service, hash, scopes, created_at, expires_at
    FROM token LEFT JOIN account ON account.id = token.account
    WHERE number > $2 AND coalesce(token.account, 0) = coalesce($1, token.account, 0)
    ORDER BY number LIMIT $3";
/// Whoever is about to disable or remove the account ends before, or begins after.
const ABLE: &str = "UPDATE account SET name = name WHERE id = $1 AND NOT disabled RETURNING id";
const EXPIRE: &str = "DELETE FROM token WHERE expires_at <= $1";
const COUNT: &str = "SELECT count(*) FROM token WHERE account = $1";
const ADD: &str = "INSERT INTO token (number, account, service, hash, scopes, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const REMOVE: &str = "DELETE FROM token WHERE number = $1 RETURNING number";

/// Of one account.
const TOKENS_MAX: i64 = 100;
