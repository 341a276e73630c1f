//! The roles that accounts have.

use tracing::instrument;

use crate::chat::administration::role::Role;
use crate::chat::id::AccountId;
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::row::Columns;

/// A role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant {
    /// The localpart of the account.
    pub name: Box<str>,
    pub role: Role,
}

impl Store {
    /// The roles of the account of that name; none where there is no such account.
    #[instrument(skip_all)]
    pub async fn roles_of(&self, name: &str) -> Result<Vec<Role>, StoreError> {
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(ROLES_OF, &[Bind::Text(name)]).await?;
            rows.iter().map(|row| role(row, 0)).collect()
        })
    }

    /// All roles that somebody has, by name.
    #[instrument(skip_all)]
    pub async fn roles(&self) -> Result<Vec<RoleGrant>, StoreError> {
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(ROLES, &[]).await?;
            rows.iter().map(|row| Ok(RoleGrant { name: row.text(0)?.into(), role: role(row, 1)? })).collect()
        })
    }
}

/// Granted twice is granted once.
pub(super) async fn grant<C: Connection>(
    connection: &mut C,
    account: AccountId,
    role: Role,
) -> Result<Result<(), DeedError>, StoreError> {
    if !connection.finds(HOLD, &[Bind::Number(account.0)]).await? {
        return Ok(Err(DeedError::NotThere));
    }
    connection.run(GRANT, &[Bind::Number(account.0), Bind::Text(role.as_str())]).await?;
    Ok(Ok(()))
}

pub(super) async fn revoke<C: Connection>(
    connection: &mut C,
    account: AccountId,
    role: Role,
) -> Result<Result<(), DeedError>, StoreError> {
    let values = [Bind::Number(account.0), Bind::Text(role.as_str())];
    let is_there = connection.finds(REVOKE, &values).await?;
    Ok(if is_there { Ok(()) } else { Err(DeedError::NotThere) })
}

fn role(row: &impl Columns, column: usize) -> Result<Role, StoreError> {
    Role::parse(row.text(column)?).ok_or(StoreError::Inconsistent { table: "role_grant", row: 0 })
}

const ROLES_OF: &str = "SELECT role FROM role_grant JOIN account ON account.id = role_grant.account WHERE name = $1 ORDER BY role";
const ROLES: &str =
    "SELECT name, role FROM role_grant JOIN account ON account.id = role_grant.account ORDER BY name, role";
const HOLD: &str = "UPDATE account SET name = name WHERE id = $1 RETURNING id";
const GRANT: &str = "INSERT INTO role_grant (account, role) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const REVOKE: &str = "DELETE FROM role_grant WHERE account = $1 AND role = $2 RETURNING account";
