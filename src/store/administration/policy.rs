//! Policies, and to whom they were granted. Whoever changes one of the two raises the version of the rights.

use tracing::instrument;

use crate::chat::administration::level::Level;
use crate::chat::administration::policy::Policy;
use crate::chat::administration::{ActNumber, Versioned};
use crate::chat::id::AccountId;
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::principal::rights::raise;
use crate::store::row::Columns;

type Done = Result<Result<(), DeedError>, StoreError>;

/// To whom a policy was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyGrant {
    /// The localpart of the account.
    pub name: Box<str>,
    pub level: Level,
}

impl Store {
    /// All policies that are set, by level.
    #[instrument(skip_all)]
    pub async fn policies(&self) -> Result<Vec<Versioned<Policy>>, StoreError> {
        ask_lasting!(self, engine => all(&mut *engine.look().await?).await)
    }

    /// What the global policy says as long as nobody has set it: alone, a server is there for whoever has an account; a
    /// pool begins as strict as the original.
    pub fn is_enabled_by_default(&self) -> bool {
        !self.is_shared()
    }

    /// What was granted to the account of that name.
    #[instrument(skip_all)]
    pub async fn granted_policy(&self, name: &str) -> Result<Option<Level>, StoreError> {
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(GRANTED, &[Bind::Text(name)]).await?;
            rows.first().map(|row| level(row, 0)).transpose()
        })
    }

    /// All grants, by name, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn policy_grants(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PolicyGrant>, StoreError> {
        let values = [Bind::Text(after.unwrap_or_default()), Bind::Number(limit.into())];
        ask_lasting!(self, engine => {
            engine.look().await?.run(GRANTS, &values).await?.iter().map(granted).collect()
        })
    }
}

pub(in crate::store) async fn all<C: Connection>(
    connection: &mut C,
) -> Result<Vec<Versioned<Policy>>, StoreError> {
    connection.run(POLICIES, &[]).await?.iter().map(stored).collect()
}

pub(in crate::store) fn granted(row: &impl Columns) -> Result<PolicyGrant, StoreError> {
    Ok(PolicyGrant { name: row.text(0)?.into(), level: level(row, 1)? })
}

pub(super) async fn put<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    policy: &Policy,
    expected: Option<ActNumber>,
) -> Done {
    let level = policy.level.to_string();
    let values = [
        Bind::Text(&level),
        Bind::Flag(policy.is_enabled),
        Bind::Text(&policy.description),
        Bind::Number(number.0),
        Bind::Number(expected.map_or(0, |version| version.0)),
    ];
    let is_put = match expected {
        Some(_) => connection.finds(CHANGE, &values).await?,
        None => connection.finds(ADD, &values[..4]).await?,
    };
    if is_put { raised(connection).await } else { Ok(Err(DeedError::Stale)) }
}

pub(super) async fn remove<C: Connection>(
    connection: &mut C,
    level: &Level,
    expected: ActNumber,
    is_forced: bool,
) -> Done {
    let level = level.to_string();
    if !connection.finds(HOLD, &[Bind::Text(&level), Bind::Number(expected.0)]).await? {
        return Ok(Err(DeedError::Stale));
    }
    let granted = connection.run(COUNT_GRANTS, &[Bind::Text(&level)]).await?;
    let granted = granted.first().map_or(Ok(0), |row| row.integer(0))?.unsigned_abs();
    if granted > 0 && !is_forced {
        return Ok(Err(DeedError::InUse(granted)));
    }
    connection.run(UNGRANT_ALL, &[Bind::Text(&level)]).await?;
    connection.run(REMOVE, &[Bind::Text(&level)]).await?;
    raised(connection).await
}

pub(super) async fn grant<C: Connection>(
    connection: &mut C,
    account: AccountId,
    level: Option<&Level>,
) -> Done {
    let Some(level) = level else {
        let is_there = connection.finds(UNGRANT, &[Bind::Number(account.0)]).await?;
        return if is_there { raised(connection).await } else { Ok(Err(DeedError::NotThere)) };
    };
    let level = level.to_string();
    // Both are held: neither goes while this is under way.
    let is_known = connection.finds(HOLD_ACCOUNT, &[Bind::Number(account.0)]).await?
        && connection.finds(HOLD_POLICY, &[Bind::Text(&level)]).await?;
    if !is_known {
        return Ok(Err(DeedError::NotThere));
    }
    connection.run(GRANT, &[Bind::Number(account.0), Bind::Text(&level)]).await?;
    raised(connection).await
}

/// Last of all, as where an account is removed: who takes a grant and the version takes them in this order.
async fn raised<C: Connection>(connection: &mut C) -> Done {
    raise(connection).await?;
    Ok(Ok(()))
}

fn stored(row: &impl Columns) -> Result<Versioned<Policy>, StoreError> {
    let version = row.integer(3)?;
    let value = Policy::new(level(row, 0)?, row.flag(1)?, row.text(2)?)
        .map_err(|_| StoreError::Inconsistent { table: "policy", row: version })?;
    Ok(Versioned { version: ActNumber(version), value })
}

fn level(row: &impl Columns, column: usize) -> Result<Level, StoreError> {
    Level::parse(row.text(column)?).ok_or(StoreError::Inconsistent { table: "policy", row: 0 })
}

const POLICIES: &str = "SELECT level, enabled, description, version FROM policy ORDER BY level";
const GRANTED: &str =
    "SELECT level FROM policy_grant JOIN account ON account.id = policy_grant.account WHERE name = $1";
const GRANTS: &str = "SELECT name, level FROM account JOIN policy_grant ON account.id = policy_grant.account
    WHERE name > $1 ORDER BY name LIMIT $2";
const ADD: &str = "INSERT INTO policy (level, enabled, description, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (level) DO NOTHING RETURNING level";
const CHANGE: &str = "UPDATE policy SET enabled = $2, description = $3, version = $4
    WHERE level = $1 AND version = $5 RETURNING level";
const HOLD: &str = "UPDATE policy SET version = version WHERE level = $1 AND version = $2 RETURNING level";
const COUNT_GRANTS: &str = "SELECT count(*) FROM policy_grant WHERE level = $1";
const UNGRANT_ALL: &str = "DELETE FROM policy_grant WHERE level = $1";
const REMOVE: &str = "DELETE FROM policy WHERE level = $1";
const HOLD_ACCOUNT: &str = "UPDATE account SET name = name WHERE id = $1 RETURNING id";
const HOLD_POLICY: &str = "UPDATE policy SET version = version WHERE level = $1 RETURNING level";
const GRANT: &str = "INSERT INTO policy_grant (account, level) VALUES ($1, $2)
    ON CONFLICT (account) DO UPDATE SET level = excluded.level";
const UNGRANT: &str = "DELETE FROM policy_grant WHERE account = $1 RETURNING account";
