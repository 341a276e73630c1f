//! Where the database is, and what follows it.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::chat::id::Epoch;
use crate::store::database::{Database, Standby};
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::row::Columns;

impl Postgres {
    pub(in crate::store) async fn database(&self) -> Result<Database, StoreError> {
        let mut link = self.links.link().await?;
        let row = link.row(sqlx::query(DATABASE)).await?.ok_or(StoreError::Unavailable)?;
        let standbys = link.rows(sqlx::query(STANDBYS)).await?;
        let epoch = row.integer(0)?;
        Ok(Database {
            host: self.hosts.current().into(),
            epoch: Epoch(
                u16::try_from(epoch).map_err(|_| StoreError::Inconsistent { table: "meta", row: epoch })?,
            ),
            timeline: row.integer(1)?,
            site: row.text_if_any(2)?.map(Into::into),
            is_synchronous: row.flag(3)?,
            standbys: standbys.iter().map(standby).collect::<Result<_, _>>()?,
        })
    }
}

/// `name, is it waited for, bytes behind, seconds behind`
fn standby(row: &PgRow) -> Result<Standby, StoreError> {
    let lag: Option<f64> = row.try_get(3)?;
    Ok(Standby {
        name: row.text_if_any(0)?.map(Into::into),
        is_synchronous: row.try_get(1)?,
        behind: row.integer_if_any(2)?.map(|bytes| u64::try_from(bytes).unwrap_or_default()),
        lag: lag.and_then(|lag| Duration::try_from_secs_f64(lag).ok()),
    })
}

const DATABASE: &str =
    "SELECT epoch, timeline, site, current_setting('synchronous_standby_names') <> '' FROM meta";
/// What is on its disk counts: what is not is lost with the host that it came from.
const STANDBYS: &str = "SELECT application_name, sync_state IN ('sync', 'quorum'),
        pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)::bigint,
        extract(epoch FROM flush_lag)::float8
    FROM pg_stat_replication ORDER BY application_name, pid";
