//! Principals are changed, and what rights rest on is read in one view.

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::watch;

use crate::store::error::{PrincipalError, StoreError};
use crate::store::principal::change::{Step, apply};
use crate::store::principal::{Applied, RightsPage, rights};
use crate::store::sqlite::Sqlite;

impl Sqlite {
    pub(in crate::store) async fn change_principals(
        &self,
        steps: Vec<Step>,
    ) -> Result<Applied, PrincipalError> {
        let shown = self.shown_rights();
        let applied: Applied = self
            .writer
            .transact(move |connection| {
                async move {
                    let applied = apply(connection, &steps).await?;
                    forget_ended(connection, shown).await?;
                    Ok(applied)
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
        rights::read_since(&mut *view, since, take).await
    }

    pub(in crate::store) fn newest_rights(&self) -> watch::Receiver<i64> {
        self.shared.newest_rights.subscribe()
    }

    pub(in crate::store) fn show_rights(&self, version: i64) {
        self.shared.showing.lock().rights = version;
    }

    pub(super) fn shown_rights(&self) -> i64 {
        self.shared.showing.lock().rights
    }

    /// That version is committed.
    pub(super) fn has_rights(&self, version: i64) {
        self.shared.newest_rights.send_if_modified(|newest| {
            let is_newer = version > *newest;
            *newest = version.max(*newest);
            is_newer
        });
    }
}

/// Memberships that ended, once this member has read so.
pub(super) async fn forget_ended(connection: &mut SqliteConnection, shown: i64) -> Result<(), StoreError> {
    sqlx::query(FORGET).bind(shown).execute(connection).await?;
    Ok(())
}

/// Whoever reads what has changed begins behind the version that this member shows.
const FORGET: &str = "DELETE FROM belongs WHERE gone AND version <= ?";
