//! Accounts, as administrators change them.

use crate::chat::id::AccountId;
use crate::store::account::{NewAccount, ScramRow};
use crate::store::administration::{Bind, Connection, DeedError};
use crate::store::error::StoreError;
use crate::store::row::Columns;

type Done = Result<Result<(), DeedError>, StoreError>;

pub(super) async fn add<C: Connection>(connection: &mut C, new: &NewAccount) -> Done {
    let added = connection.run(ADD, &[Bind::Text(&new.name)]).await?;
    let Some(row) = added.first() else { return Ok(Err(DeedError::NameTaken)) };
    put_credentials(connection, AccountId(row.integer(0)?), &new.credentials).await?;
    Ok(Ok(()))
}

pub(super) async fn set_credentials<C: Connection>(
    connection: &mut C,
    account: AccountId,
    credentials: &[ScramRow],
) -> Done {
    if !connection.finds(HOLD, &[Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    for forget in [FORGET_CREDENTIALS, FORGET_TOKENS] {
        connection.run(forget, &[Bind::Number(account.0)]).await?;
    }
    put_credentials(connection, account, credentials).await?;
    Ok(Ok(()))
}

pub(super) async fn set_disabled<C: Connection>(
    connection: &mut C,
    account: AccountId,
    is_disabled: bool,
) -> Done {
    if !connection.finds(SET_DISABLED, &[Bind::Flag(is_disabled), Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    if is_disabled {
        connection.run(FORGET_TOKENS, &[Bind::Number(account.0)]).await?;
    }
    Ok(Ok(()))
}

/// The account goes first: who is appending to its log ends before, and finds it gone after.
pub(super) async fn remove<C: Connection>(connection: &mut C, account: AccountId) -> Done {
    if !connection.finds(REMOVE, &[Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    connection.run(REMOVE_EVENTS, &[Bind::Number(account.0)]).await?;
    Ok(Ok(()))
}

async fn put_credentials<C: Connection>(
    connection: &mut C,
    account: AccountId,
    credentials: &[ScramRow],
) -> Result<(), StoreError> {
    for row in credentials {
        let values = [
            Bind::Number(account.0),
            Bind::Number(row.hash.number()),
            Bind::Number(row.iterations.into()),
            Bind::Bytes(&row.salt),
            Bind::Bytes(&row.stored_key),
            Bind::Bytes(&row.server_key),
        ];
        connection.run(PUT_CREDENTIAL, &values).await?;
    }
    Ok(())
}

const ADD: &str = "INSERT INTO account (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id";
/// Two that change the same account come one after the other.
const HOLD: &str = "UPDATE account SET name = name WHERE id = $1 RETURNING id";
const SET_DISABLED: &str = "UPDATE account SET disabled = $1 WHERE id = $2 RETURNING id";
const FORGET_TOKENS: &str = "DELETE FROM token WHERE account = $1";
const FORGET_CREDENTIALS: &str = "DELETE FROM credential WHERE account = $1";
const PUT_CREDENTIAL: &str =
    "INSERT INTO credential (account, hash, iterations, salt, stored_key, server_key)
    VALUES ($1, $2, $3, $4, $5, $6)";
const REMOVE: &str = "DELETE FROM account WHERE id = $1 RETURNING id";
const REMOVE_EVENTS: &str = "DELETE FROM account_event WHERE account = $1";
