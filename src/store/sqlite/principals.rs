//! Principals, who belongs where, and the version of the rights that rest on it.

use futures_util::FutureExt;
use perch_address::BareJid;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::watch;

use crate::chat::principal::Principal;
use crate::store::administration::category::ALL;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::principal::{Applied, Obstacle, PrincipalQuery, RightsPage, Step, Verb};
use crate::store::row::{Columns, belongs_row, category, principal, principal_row};
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn change_principals(
        &self,
        steps: Vec<Step>,
    ) -> Result<Applied, PrincipalError> {
        let shown = self.shared.showing.lock().rights;
        let applied: Applied = self
            .writer
            .transact(move |connection| {
                async move {
                    let version = next_version(connection).await?;
                    let mut changed = 0;
                    for step in &steps {
                        match take(connection, step, version).await? {
                            Ok(done) => changed += done,
                            Err(refusal) => return Ok(Err(refusal)),
                        }
                    }
                    let has_changed = changed > 0;
                    if has_changed {
                        raise(connection, version).await?;
                        sqlx::query(FORGET).bind(shown).execute(connection).await?;
                    }
                    let version = if has_changed { version } else { version - 1 };
                    Ok(Ok(Applied { version, has_changed }))
                }
                .boxed()
            })
            .await?;
        self.has_rights(applied.version);
        Ok(applied)
    }

    pub(in crate::store) async fn read_rights(
        &self,
        since: i64,
        take: &mut (dyn FnMut(RightsPage) + Send),
    ) -> Result<i64, StoreError> {
        let mut view = self.readers.begin().await?;
        let version: i64 = sqlx::query_scalar(VERSION).fetch_one(&mut *view).await?;
        if version == since {
            return Ok(version);
        }
        let mut last = (since, i64::MAX);
        loop {
            let query = sqlx::query(PRINCIPALS_SINCE).bind(last.0).bind(last.1).bind(PAGE);
            let rows = query.fetch_all(&mut *view).await?;
            let Some(end) = rows.last() else { break };
            last = (end.integer(4)?, end.integer(0)?);
            take(RightsPage::Principals(rows.iter().map(principal_row).collect::<Result<_, _>>()?));
        }
        let mut last = (since, i64::MAX, i64::MAX);
        loop {
            let query = sqlx::query(BELONGS_SINCE).bind(last.0).bind(last.1).bind(last.2).bind(PAGE);
            let rows = query.fetch_all(&mut *view).await?;
            let Some(end) = rows.last() else { break };
            last = (end.integer(3)?, end.integer(1)?, end.integer(0)?);
            take(RightsPage::Belongs(rows.iter().map(belongs_row).collect::<Result<_, _>>()?));
        }
        let rows = sqlx::query(ALL).fetch_all(&mut *view).await?;
        take(RightsPage::Categories(rows.iter().map(category).collect::<Result<_, _>>()?));
        Ok(version)
    }

    pub(in crate::store) async fn rights_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(VERSION).fetch_one(&self.readers).await?)
    }

    pub(in crate::store) fn newest_rights(&self) -> watch::Receiver<i64> {
        self.shared.newest_rights.subscribe()
    }

    pub(in crate::store) fn show_rights(&self, version: i64) {
        self.shared.showing.lock().rights = version;
    }

    /// That version is committed.
    pub(super) fn has_rights(&self, version: i64) {
        self.shared.newest_rights.send_if_modified(|newest| {
            let is_newer = version > *newest;
            *newest = version.max(*newest);
            is_newer
        });
    }

    pub(in crate::store) async fn principal(
        &self,
        address: &BareJid,
    ) -> Result<Option<Principal>, StoreError> {
        let row = sqlx::query(PRINCIPAL).bind(address.as_str()).fetch_optional(&self.readers).await?;
        row.as_ref().map(principal).transpose()
    }

    pub(in crate::store) async fn principals(
        &self,
        query: PrincipalQuery<'_>,
    ) -> Result<Vec<Principal>, StoreError> {
        let rows = sqlx::query(PRINCIPALS)
            .bind(query.after.unwrap_or_default())
            .bind(query.kind.map(|kind| kind.as_str()))
            .bind(query.words.map(str::to_lowercase))
            .bind(query.limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(principal).collect()
    }

    pub(in crate::store) async fn directory_entries(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Principal>, StoreError> {
        let rows = sqlx::query(ENTRIES).bind(after).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(principal).collect()
    }

    pub(in crate::store) async fn members_of(
        &self,
        parent: &BareJid,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Principal>, StoreError> {
        let query = sqlx::query(MEMBERS_OF).bind(parent.as_str()).bind(after).bind(limit);
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(principal).collect()
    }
}

/// The version that the transaction makes, if it changes anything.
pub(super) async fn next_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let version: i64 = sqlx::query_scalar(VERSION).fetch_one(connection).await?;
    Ok(version + 1)
}

pub(super) async fn raise(connection: &mut SqliteConnection, version: i64) -> Result<(), StoreError> {
    sqlx::query(RAISE).bind(version).execute(connection).await?;
    Ok(())
}

/// How many rows it concerned, or what is in its way.
async fn take(
    connection: &mut SqliteConnection,
    step: &Step,
    version: i64,
) -> Result<Result<u64, PrincipalError>, StoreError> {
    let (obstacles, statements) = statements(step.verb);
    for (obstacle, sql) in obstacles {
        let found = sqlx::query(*sql).bind(&step.rows).fetch_optional(&mut *connection).await?;
        if let Some(found) = found {
            return Ok(Err(obstacle.at(found.try_get(0)?)));
        }
    }
    let mut changed = 0;
    for sql in statements {
        let done = sqlx::query(*sql).bind(&step.rows).bind(version).execute(&mut *connection).await?;
        changed += done.rows_affected();
    }
    Ok(Ok(changed))
}

type Statements = (&'static [(Obstacle, &'static str)], &'static [&'static str]);

fn statements(verb: Verb) -> Statements {
    use Obstacle::{AddressTaken, EntryTaken, NoSuchPrincipal};
    match verb {
        Verb::Make => (&[(AddressTaken, ADDRESS_TAKEN), (EntryTaken, MADE_ENTRY_TAKEN)], &[MAKE]),
        Verb::Rename => (&[(NoSuchPrincipal, UNKNOWN)], &[RENAME]),
        Verb::Bind => (&[(NoSuchPrincipal, UNKNOWN), (EntryTaken, BOUND_ENTRY_TAKEN)], &[BIND]),
        Verb::Remove => (&[(NoSuchPrincipal, UNKNOWN)], &[REMOVE, REMOVE_BELOW, REMOVE_ABOVE]),
        Verb::Restore => (&[(NoSuchPrincipal, UNKNOWN)], &[RESTORE]),
        Verb::Admit => {
            (&[(NoSuchPrincipal, NO_PARENT), (NoSuchPrincipal, NO_MEMBER)], &[NOTE_DOWN_USERS, ADMIT])
        }
        Verb::Dismiss => (&[], &[DISMISS]),
    }
}

const VERSION: &str = "SELECT version FROM rights WHERE only_row = 1";
const RAISE: &str = "UPDATE rights SET version = ? WHERE only_row = 1";
/// Whoever reads what has changed begins behind the version that this member shows.
const FORGET: &str = "DELETE FROM belongs WHERE gone AND version <= ?";
const PRINCIPALS_SINCE: &str = "SELECT id, address, kind, standing, version FROM principal
    WHERE (version, id) > (?, ?) ORDER BY version, id LIMIT ?";
const BELONGS_SINCE: &str = "SELECT member, parent, gone, version FROM belongs
    WHERE (version, parent, member) > (?, ?, ?) ORDER BY version, parent, member LIMIT ?";
const PRINCIPAL: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal WHERE address = ?";
const PRINCIPALS: &str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
    WHERE address > ?1 AND standing <> 'removed' AND (?2 IS NULL OR kind = ?2)
        AND (?3 IS NULL OR instr(lower(name), ?3) > 0 OR instr(address, ?3) > 0)
    ORDER BY address LIMIT ?4";
const ENTRIES: &str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
    WHERE entry > ? ORDER BY entry LIMIT ?";
const MEMBERS_OF: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal JOIN belongs ON member = id
    WHERE parent = (SELECT id FROM principal WHERE address = ?) AND NOT gone AND address > ?
    ORDER BY address LIMIT ?";

const ADDRESS_TAKEN: &str =
    "SELECT address FROM json_each(?1) AS new JOIN principal ON address = new.value ->> 0
    WHERE kind <> 'user' OR new.value ->> 1 <> 'user' LIMIT 1";
const MADE_ENTRY_TAKEN: &str =
    "SELECT address FROM json_each(?1) AS new JOIN principal ON entry = new.value ->> 3
    WHERE address <> new.value ->> 0 LIMIT 1";
const MAKE: &str = "INSERT INTO principal (address, kind, name, standing, entry, dn, version)
    SELECT value ->> 0, value ->> 1, value ->> 2, 'present', value ->> 3, value ->> 4, ?2
    FROM json_each(?1) WHERE true
    ON CONFLICT (address) DO UPDATE SET name = excluded.name, entry = excluded.entry, dn = excluded.dn,
        version = excluded.version
    WHERE (principal.name, principal.entry, principal.dn) IS NOT (excluded.name, excluded.entry, excluded.dn)";
const UNKNOWN: &str = "SELECT value ->> 0 FROM json_each(?1)
    WHERE NOT EXISTS (SELECT 1 FROM principal WHERE address = value ->> 0) LIMIT 1";
const RENAME: &str = "UPDATE principal SET name = value ->> 1, version = ?2 FROM json_each(?1)
    WHERE address = value ->> 0 AND name <> value ->> 1";
const BOUND_ENTRY_TAKEN: &str =
    "SELECT address FROM json_each(?1) AS new JOIN principal ON entry = new.value ->> 1
    WHERE address <> new.value ->> 0 LIMIT 1";
const BIND: &str =
    "UPDATE principal SET entry = value ->> 1, dn = value ->> 2, version = ?2 FROM json_each(?1)
    WHERE address = value ->> 0 AND (entry, dn) IS NOT (value ->> 1, value ->> 2)";
const REMOVE: &str = "UPDATE principal SET standing = 'removed', version = ?2 FROM json_each(?1)
    WHERE address = value ->> 0 AND kind <> 'user' AND standing <> 'removed'";
const REMOVE_BELOW: &str = "UPDATE belongs SET gone = 1, version = ?2 WHERE NOT gone AND parent IN
    (SELECT principal.id FROM json_each(?1) JOIN principal ON address = value ->> 0 WHERE kind <> 'user')";
const REMOVE_ABOVE: &str = "UPDATE belongs SET gone = 1, version = ?2 WHERE NOT gone AND member IN
    (SELECT principal.id FROM json_each(?1) JOIN principal ON address = value ->> 0 WHERE kind <> 'user')";
const RESTORE: &str = "UPDATE principal SET standing = 'present', version = ?2 FROM json_each(?1)
    WHERE address = value ->> 0 AND kind <> 'user' AND standing = 'removed'";
const NO_PARENT: &str = "SELECT value ->> 1 FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM principal
    WHERE address = value ->> 1 AND kind <> 'user' AND standing = 'present') LIMIT 1";
const NO_MEMBER: &str = "SELECT value ->> 0 FROM json_each(?1) LEFT JOIN principal ON address = value ->> 0
    WHERE standing = 'removed' OR (principal.id IS NULL AND value ->> 2 <> 'user') LIMIT 1";
const NOTE_DOWN_USERS: &str = "INSERT INTO principal (address, kind, name, standing, version)
    SELECT DISTINCT value ->> 0, 'user', '', 'present', ?2 FROM json_each(?1) WHERE value ->> 2 = 'user'
    ON CONFLICT (address) DO NOTHING";
const ADMIT: &str = "INSERT INTO belongs (parent, member, version)
    SELECT DISTINCT parent.id, member.id, ?2 FROM json_each(?1) AS new
    JOIN principal AS parent ON parent.address = new.value ->> 1
    JOIN principal AS member ON member.address = new.value ->> 0
    WHERE true
    ON CONFLICT (parent, member) DO UPDATE SET gone = 0, version = excluded.version
    WHERE belongs.gone";
const DISMISS: &str = "UPDATE belongs SET gone = 1, version = ?2 WHERE NOT gone AND (parent, member) IN
    (SELECT parent.id, member.id FROM json_each(?1) AS old
    JOIN principal AS parent ON parent.address = old.value ->> 1
    JOIN principal AS member ON member.address = old.value ->> 0)";

/// Rows read at a time.
const PAGE: u32 = 4096;
