//! The version of all rights outside of rooms, and what has changed since another one.

use crate::store::administration::category::ALL;
use crate::store::administration::{configuration, policy};
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::principal::RightsPage;
use crate::store::row::{self, Columns};

pub(in crate::store) async fn version<C: Connection>(connection: &mut C) -> Result<i64, StoreError> {
    only(&connection.run(VERSION, &[]).await?)
}

/// Keeps everybody else from changing rights until the end of the transaction, and says by which version they go.
///
/// Before anything that rights rest on. Whoever takes more than this takes accounts, policies and what was granted first, then this, then rooms in
/// the order of their numbers: in any other order two could wait for each other.
pub(super) async fn hold<C: Connection>(connection: &mut C) -> Result<i64, StoreError> {
    only(&connection.run(HOLD, &[]).await?)
}

/// Holds them too, and gives them another version: that one.
pub(in crate::store) async fn raise<C: Connection>(connection: &mut C) -> Result<i64, StoreError> {
    only(&connection.run(RAISE, &[]).await?)
}

/// Hands over what has changed since a version, and gives back the version that it comes to. The connection has one view
/// of all tables.
pub(in crate::store) async fn read_since<C: Connection>(
    connection: &mut C,
    since: i64,
    take: &mut (dyn FnMut(RightsPage) + Send),
) -> Result<i64, StoreError> {
    let version = version(connection).await?;
    if version == since {
        return Ok(version);
    }
    let mut last = (since, i64::MAX);
    loop {
        let values = [last.0, last.1, PAGE].map(Bind::Number);
        let rows = connection.run(PRINCIPALS_SINCE, &values).await?;
        let Some(end) = rows.last() else { break };
        last = (end.integer(4)?, end.integer(0)?);
        take(RightsPage::Principals(rows.iter().map(row::principal_row).collect::<Result<_, _>>()?));
    }
    let mut last = (since, i64::MAX, i64::MAX);
    loop {
        let values = [last.0, last.1, last.2, PAGE].map(Bind::Number);
        let rows = connection.run(BELONGS_SINCE, &values).await?;
        let Some(end) = rows.last() else { break };
        last = (end.integer(3)?, end.integer(1)?, end.integer(0)?);
        take(RightsPage::Belongs(rows.iter().map(row::belongs_row).collect::<Result<_, _>>()?));
    }
    let rows = connection.run(ALL, &[]).await?;
    take(RightsPage::Categories(rows.iter().map(row::category).collect::<Result<_, _>>()?));
    take(RightsPage::Policies(policy::all(connection).await?));
    let mut last = 0;
    loop {
        let rows = connection.run(GRANTS_BEHIND, &[last, PAGE].map(Bind::Number)).await?;
        let Some(end) = rows.last() else { break };
        last = end.integer(2)?;
        take(RightsPage::Grants(rows.iter().map(policy::granted).collect::<Result<_, _>>()?));
    }
    take(RightsPage::Configurations(configuration::all(connection).await?));
    Ok(version)
}

fn only(rows: &[impl Columns]) -> Result<i64, StoreError> {
    rows.first().ok_or(StoreError::Inconsistent { table: "rights", row: 1 })?.integer(0)
}

const VERSION: &str = "SELECT version FROM rights WHERE only_row = 1";
const HOLD: &str = "UPDATE rights SET version = version WHERE only_row = 1 RETURNING version";
const RAISE: &str = "UPDATE rights SET version = version + 1 WHERE only_row = 1 RETURNING version";
const PRINCIPALS_SINCE: &str = "SELECT id, address, kind, standing, version FROM principal
    WHERE (version, id) > ($1, $2) ORDER BY version, id LIMIT $3";
const BELONGS_SINCE: &str = "SELECT member, parent, gone, version FROM belongs
    WHERE (version, parent, member) > ($1, $2, $3) ORDER BY version, parent, member LIMIT $4";
/// By the ids of the accounts: nobody is looked at to whom nothing was granted.
const GRANTS_BEHIND: &str = "SELECT name, level, policy_grant.account FROM policy_grant
    JOIN account ON account.id = policy_grant.account
    WHERE policy_grant.account > $1 ORDER BY policy_grant.account LIMIT $2";

/// Rows read at a time.
const PAGE: i64 = 4096;
