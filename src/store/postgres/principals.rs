//! Principals, who belongs where, and the version of the rights that rest on it.

use perch_address::BareJid;
use sqlx::Row;
use tokio::sync::watch;

use crate::chat::principal::Principal;
use crate::store::administration::category::ALL;
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::principal::{Applied, Obstacle, PrincipalQuery, RightsPage, Step, Verb};
use crate::store::row::{Columns, belongs_row, category, principal, principal_row};

impl Postgres {
    pub(in crate::store) async fn change_principals(
        &self,
        steps: Vec<Step>,
        duty: Option<Duty>,
    ) -> Result<Applied, PrincipalError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        if let Some(duty) = &duty
            && !self.is_on_duty(&mut link, duty).await?
        {
            return Err(PrincipalError::OffDuty);
        }
        let version = next_version(&mut link).await?;
        let mut changed = 0;
        for step in &steps {
            changed += take(&mut link, step, version).await?;
        }
        let has_changed = changed > 0;
        if has_changed {
            raise(&mut link, version).await?;
            link.execute(sqlx::query(FORGET)).await?;
        }
        link.commit().await?;
        let version = if has_changed { version } else { version - 1 };
        self.keeper.has_rights(version);
        Ok(Applied { version, has_changed })
    }

    pub(in crate::store) async fn read_rights(
        &self,
        since: i64,
        take: &mut (dyn FnMut(RightsPage) + Send),
    ) -> Result<i64, StoreError> {
        let mut view = self.links.link().await?;
        view.begin_view().await?;
        let version = version(&mut view).await?;
        if version == since {
            view.end_view().await?;
            return Ok(version);
        }
        let mut last = (since, i64::MAX);
        loop {
            let query = sqlx::query(PRINCIPALS_SINCE).bind(last.0).bind(last.1).bind(PAGE);
            let rows = view.rows(query).await?;
            let Some(end) = rows.last() else { break };
            last = (end.integer(4)?, end.integer(0)?);
            take(RightsPage::Principals(rows.iter().map(principal_row).collect::<Result<_, _>>()?));
        }
        let mut last = (since, i64::MAX, i64::MAX);
        loop {
            let query = sqlx::query(BELONGS_SINCE).bind(last.0).bind(last.1).bind(last.2).bind(PAGE);
            let rows = view.rows(query).await?;
            let Some(end) = rows.last() else { break };
            last = (end.integer(3)?, end.integer(1)?, end.integer(0)?);
            take(RightsPage::Belongs(rows.iter().map(belongs_row).collect::<Result<_, _>>()?));
        }
        if version > since {
            let rows = view.rows(sqlx::query(ALL)).await?;
            take(RightsPage::Categories(rows.iter().map(category).collect::<Result<_, _>>()?));
        }
        view.end_view().await?;
        Ok(version)
    }

    pub(in crate::store) async fn rights_version(&self) -> Result<i64, StoreError> {
        version(&mut self.links.link().await?).await
    }

    pub(in crate::store) fn newest_rights(&self) -> watch::Receiver<i64> {
        self.keeper.newest_rights()
    }

    pub(in crate::store) async fn show_rights(&self, version: i64) -> Result<(), StoreError> {
        self.keeper.show_rights(version).await
    }

    pub(in crate::store) async fn principal(
        &self,
        address: &BareJid,
    ) -> Result<Option<Principal>, StoreError> {
        let row = self.links.link().await?.row(sqlx::query(PRINCIPAL).bind(address.as_str())).await?;
        row.as_ref().map(principal).transpose()
    }

    pub(in crate::store) async fn principals(
        &self,
        query: PrincipalQuery<'_>,
    ) -> Result<Vec<Principal>, StoreError> {
        let query = sqlx::query(PRINCIPALS)
            .bind(query.after.unwrap_or_default())
            .bind(query.kind.map(|kind| kind.as_str()))
            .bind(query.words.map(str::to_lowercase))
            .bind(i64::from(query.limit));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(principal).collect()
    }

    pub(in crate::store) async fn directory_entries(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Principal>, StoreError> {
        let query = sqlx::query(ENTRIES).bind(after).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(principal).collect()
    }

    pub(in crate::store) async fn members_of(
        &self,
        parent: &BareJid,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Principal>, StoreError> {
        let query = sqlx::query(MEMBERS_OF).bind(parent.as_str()).bind(after).bind(i64::from(limit));
        let rows = self.links.link().await?.rows(query).await?;
        rows.iter().map(principal).collect()
    }
}

async fn version(link: &mut Link) -> Result<i64, StoreError> {
    let row = link.row(sqlx::query(VERSION)).await?;
    row.ok_or(StoreError::Inconsistent { table: "rights", row: 1 })?.integer(0)
}

/// The version that the transaction makes, if it changes anything. Nobody else makes one meanwhile.
pub(super) async fn next_version(link: &mut Link) -> Result<i64, StoreError> {
    let row = link.row(sqlx::query(LOCKED_VERSION)).await?;
    Ok(row.ok_or(StoreError::Inconsistent { table: "rights", row: 1 })?.integer(0)? + 1)
}

pub(super) async fn raise(link: &mut Link, version: i64) -> Result<(), StoreError> {
    link.execute(sqlx::query(RAISE).bind(version)).await.map(drop)
}

/// How many rows it concerned.
async fn take(link: &mut Link, step: &Step, version: i64) -> Result<u64, PrincipalError> {
    let (obstacles, statements) = statements(step.verb);
    for (obstacle, sql) in obstacles {
        if let Some(found) = link.row(sqlx::query(*sql).bind(&step.rows)).await? {
            return Err(obstacle.at(found.try_get(0).map_err(StoreError::from)?));
        }
    }
    let mut changed = 0;
    for sql in statements {
        changed += link.execute(sqlx::query(*sql).bind(&step.rows).bind(version)).await?;
    }
    Ok(changed)
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

const VERSION: &str = "SELECT version FROM rights";
const LOCKED_VERSION: &str = "SELECT version FROM rights FOR UPDATE";
const RAISE: &str = "UPDATE rights SET version = $1";
/// Whoever reads what has changed begins behind the version that his row shows.
const FORGET: &str = "DELETE FROM belongs WHERE gone AND version <=
    (SELECT coalesce(min(rights), 0) FROM member WHERE incarnation > 0 AND state NOT IN ('', 'gone'))";
const PRINCIPALS_SINCE: &str = "SELECT id, address, kind, standing, version FROM principal
    WHERE (version, id) > ($1, $2) ORDER BY version, id LIMIT $3";
const BELONGS_SINCE: &str = "SELECT member, parent, gone, version FROM belongs
    WHERE (version, parent, member) > ($1, $2, $3) ORDER BY version, parent, member LIMIT $4";
const PRINCIPAL: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal WHERE address = $1";
const PRINCIPALS: &str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
    WHERE address > $1 AND standing <> 'removed' AND ($2::text IS NULL OR kind = $2)
        AND ($3::text IS NULL OR strpos(lower(name), $3) > 0 OR strpos(address, $3) > 0)
    ORDER BY address LIMIT $4";
const ENTRIES: &str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
    WHERE entry > $1 ORDER BY entry LIMIT $2";
const MEMBERS_OF: &str =
    "SELECT id, address, kind, standing, name, entry, dn FROM principal JOIN belongs ON member = id
    WHERE parent = (SELECT id FROM principal WHERE address = $1) AND NOT gone AND address > $2
    ORDER BY address LIMIT $3";

const ADDRESS_TAKEN: &str = "SELECT address FROM jsonb_array_elements($1::text::jsonb) AS new JOIN principal ON address = new.value ->> 0
    WHERE kind <> 'user' OR new.value ->> 1 <> 'user' LIMIT 1";
const MADE_ENTRY_TAKEN: &str = "SELECT address FROM jsonb_array_elements($1::text::jsonb) AS new JOIN principal ON entry = new.value ->> 3
    WHERE address <> new.value ->> 0 LIMIT 1";
const MAKE: &str = "INSERT INTO principal (address, kind, name, standing, entry, dn, version)
    SELECT value ->> 0, value ->> 1, value ->> 2, 'present', value ->> 3, value ->> 4, $2::bigint
    FROM jsonb_array_elements($1::text::jsonb) WHERE true
    ON CONFLICT (address) DO UPDATE SET name = excluded.name, entry = excluded.entry, dn = excluded.dn,
        version = excluded.version
    WHERE (principal.name, principal.entry, principal.dn) IS DISTINCT FROM (excluded.name, excluded.entry, excluded.dn)";
const UNKNOWN: &str = "SELECT value ->> 0 FROM jsonb_array_elements($1::text::jsonb)
    WHERE NOT EXISTS (SELECT 1 FROM principal WHERE address = value ->> 0) LIMIT 1";
const RENAME: &str =
    "UPDATE principal SET name = value ->> 1, version = $2::bigint FROM jsonb_array_elements($1::text::jsonb)
    WHERE address = value ->> 0 AND name <> value ->> 1";
const BOUND_ENTRY_TAKEN: &str =
    "SELECT address FROM jsonb_array_elements($1::text::jsonb) AS new JOIN principal ON entry = new.value ->> 1
    WHERE address <> new.value ->> 0 LIMIT 1";
const BIND: &str = "UPDATE principal SET entry = value ->> 1, dn = value ->> 2, version = $2::bigint FROM jsonb_array_elements($1::text::jsonb)
    WHERE address = value ->> 0 AND (entry, dn) IS DISTINCT FROM (value ->> 1, value ->> 2)";
const REMOVE: &str = "UPDATE principal SET standing = 'removed', version = $2::bigint FROM jsonb_array_elements($1::text::jsonb)
    WHERE address = value ->> 0 AND kind <> 'user' AND standing <> 'removed'";
const REMOVE_BELOW: &str = "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND parent IN
    (SELECT principal.id FROM jsonb_array_elements($1::text::jsonb) JOIN principal ON address = value ->> 0 WHERE kind <> 'user')";
const REMOVE_ABOVE: &str = "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND member IN
    (SELECT principal.id FROM jsonb_array_elements($1::text::jsonb) JOIN principal ON address = value ->> 0 WHERE kind <> 'user')";
const RESTORE: &str = "UPDATE principal SET standing = 'present', version = $2::bigint FROM jsonb_array_elements($1::text::jsonb)
    WHERE address = value ->> 0 AND kind <> 'user' AND standing = 'removed'";
const NO_PARENT: &str =
    "SELECT value ->> 1 FROM jsonb_array_elements($1::text::jsonb) WHERE NOT EXISTS (SELECT 1 FROM principal
    WHERE address = value ->> 1 AND kind <> 'user' AND standing = 'present') LIMIT 1";
const NO_MEMBER: &str = "SELECT value ->> 0 FROM jsonb_array_elements($1::text::jsonb) LEFT JOIN principal ON address = value ->> 0
    WHERE standing = 'removed' OR (principal.id IS NULL AND value ->> 2 <> 'user') LIMIT 1";
const NOTE_DOWN_USERS: &str = "INSERT INTO principal (address, kind, name, standing, version)
    SELECT DISTINCT value ->> 0, 'user', '', 'present', $2::bigint FROM jsonb_array_elements($1::text::jsonb) WHERE value ->> 2 = 'user'
    ON CONFLICT (address) DO NOTHING";
const ADMIT: &str = "INSERT INTO belongs (parent, member, version)
    SELECT DISTINCT parent.id, member.id, $2::bigint FROM jsonb_array_elements($1::text::jsonb) AS new
    JOIN principal AS parent ON parent.address = new.value ->> 1
    JOIN principal AS member ON member.address = new.value ->> 0
    WHERE true
    ON CONFLICT (parent, member) DO UPDATE SET gone = false, version = excluded.version
    WHERE belongs.gone";
const DISMISS: &str = "UPDATE belongs SET gone = true, version = $2 WHERE NOT gone AND (parent, member) IN
    (SELECT parent.id, member.id FROM jsonb_array_elements($1::text::jsonb) AS old
    JOIN principal AS parent ON parent.address = old.value ->> 1
    JOIN principal AS member ON member.address = old.value ->> 0)";

/// Rows read at a time.
const PAGE: i64 = 4096;
