//! How principals are changed, whichever engine has them: many of a kind by a few statements, which take their values as
//! an array in JSON.

use std::collections::HashSet;

use perch_address::BareJid;
use serde_json::json;

use crate::chat::principal::{Change, Entry, Kind};
use crate::chat::words::name_key;
use crate::store::connection::{Bind, Connection};
use crate::store::error::{PrincipalError, StoreError};
use crate::store::principal::{Applied, rights};
use crate::store::row::Columns;

/// Changes of one kind that stand side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Step {
    verb: Verb,
    /// An array of arrays, in JSON: what each verb has in them, it says itself.
    rows: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `address, kind, name, entry, dn, key of the name`
    Make,
    /// `address, name, key of the name`
    Rename,
    /// `address, entry, dn`
    Bind,
    /// `address`
    Remove,
    /// `address`
    Restore,
    /// `member, parent, kind of the member`
    Admit,
    /// `member, parent`
    Dismiss,
}

/// What a statement looks for before anything is changed, and what it means where it finds an address.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Obstacle {
    AddressTaken,
    EntryTaken,
    NoSuchPrincipal,
}

/// Makes all of it true, in a transaction that is to be undone unless the inner result is good.
pub(in crate::store) async fn apply<C: Connection>(
    connection: &mut C,
    steps: &[Step],
) -> Result<Result<Applied, PrincipalError>, StoreError> {
    let before = rights::hold(connection).await?;
    let mut changed = 0;
    for step in steps {
        match take(connection, step, before + 1).await? {
            Ok(count) => changed += count,
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    let has_changed = changed > 0;
    let version = if has_changed { rights::raise(connection).await? } else { before };
    Ok(Ok(Applied { version, has_changed }))
}

/// How many rows it concerned, or what is in its way.
async fn take<C: Connection>(
    connection: &mut C,
    step: &Step,
    version: i64,
) -> Result<Result<u64, PrincipalError>, StoreError> {
    let rows = Bind::Text(&step.rows);
    let statement = C::PRINCIPAL_STATEMENTS.of(step.verb);
    for (obstacle, sql) in statement.obstacles {
        if let Some(found) = connection.run(sql, &[rows]).await?.first() {
            return Ok(Err(obstacle.at(found.text(0)?)));
        }
    }
    let mut changed = 0;
    for sql in statement.changes {
        changed += connection.change(sql, &[rows, Bind::Number(version)]).await?;
    }
    Ok(Ok(changed))
}

/// Accounts were made. A name that is given again is somebody new, who counts. Gives the version of the rights, if there
/// is another now.
pub(in crate::store) async fn stand_again<C: Connection>(
    connection: &mut C,
    addresses: &[&BareJid],
) -> Result<Option<i64>, StoreError> {
    let rows: Vec<_> = addresses.iter().map(|address| json!([address])).collect();
    let addresses = serde_json::Value::from(rows).to_string();
    if !connection.finds(C::PRINCIPAL_STATEMENTS.had_account, &[Bind::Text(&addresses)]).await? {
        return Ok(None);
    }
    let version = rights::raise(connection).await?;
    let values = [Bind::Text(&addresses), Bind::Number(version)];
    connection.change(C::PRINCIPAL_STATEMENTS.stand_again, &values).await?;
    Ok(Some(version))
}

pub(in crate::store) fn steps(changes: &[Change]) -> Result<Vec<Step>, PrincipalError> {
    let mut made = HashSet::new();
    let twice = changes.iter().find_map(|change| match change {
        Change::Make { address, .. } => (!made.insert(address)).then_some(address),
        _ => None,
    });
    if let Some(address) = twice {
        return Err(PrincipalError::AddressTaken(address.clone()));
    }
    let runs = changes.chunk_by(|one, next| verb(one) == verb(next));
    let step = |run: &[Change]| {
        let rows = run.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(Step { verb: verb(&run[0]), rows: serde_json::Value::from(rows).to_string() })
    };
    runs.map(step).collect()
}

fn verb(change: &Change) -> Verb {
    match change {
        Change::Make { .. } => Verb::Make,
        Change::Rename { .. } => Verb::Rename,
        Change::Bind { .. } => Verb::Bind,
        Change::Remove { .. } => Verb::Remove,
        Change::Restore { .. } => Verb::Restore,
        Change::Admit { .. } => Verb::Admit,
        Change::Dismiss { .. } => Verb::Dismiss,
    }
}

fn row(change: &Change) -> Result<serde_json::Value, PrincipalError> {
    let id = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.id.clone());
    let dn = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.dn.clone());
    Ok(match change {
        Change::Make { address, kind, name, entry } => {
            json!([address, kind.as_str(), name, id(entry), dn(entry), name_key(name)])
        }
        Change::Rename { address, name } => json!([address, name, name_key(name)]),
        Change::Bind { address, entry } => json!([address, id(entry), dn(entry)]),
        Change::Remove { address } | Change::Restore { address } => json!([address]),
        Change::Admit { member, into } => {
            // The first label says what it is; behind it are the accounts.
            let domain = into.domain().split_once('.').map_or("", |(_, domain)| domain);
            let kind = Kind::of(member, domain);
            if !Kind::of(into, domain).may_hold(kind) {
                return Err(PrincipalError::CannotHold { parent: into.clone(), member: member.clone() });
            }
            json!([member, into, kind.as_str()])
        }
        Change::Dismiss { member, from } => json!([member, from]),
    })
}

impl Obstacle {
    fn at(self, address: &str) -> PrincipalError {
        let Ok(address) = BareJid::new(address) else {
            return StoreError::Inconsistent { table: "principal", row: 0 }.into();
        };
        match self {
            Self::AddressTaken => PrincipalError::AddressTaken(address),
            Self::EntryTaken => PrincipalError::EntryTaken(address),
            Self::NoSuchPrincipal => PrincipalError::NoSuchPrincipal(address),
        }
    }
}
