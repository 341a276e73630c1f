//! Principals are changed, and what rights rest on is read in one view.

use tokio::sync::watch;

use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::principal::change::{Step, apply};
use crate::store::principal::{Applied, RightsPage, rights};

impl Postgres {
    pub(in crate::store) async fn change_principals(
        &self,
        steps: Vec<Step>,
        duty: Option<Duty>,
    ) -> Result<Applied, PrincipalError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let applied = match &duty {
            Some(duty) if !self.is_on_duty(&mut link, duty).await? => Err(PrincipalError::OffDuty),
            _ => apply(&mut link, &steps).await?,
        };
        if applied.is_err() {
            link.roll_back().await?;
            return applied;
        }
        forget_ended(&mut link).await?;
        link.commit().await?;
        applied.inspect(|applied| self.keeper.has_rights(applied.version))
    }

    pub(in crate::store) async fn read_rights(
        &self,
        since: i64,
        take: &mut (dyn FnMut(RightsPage) + Send),
    ) -> Result<i64, StoreError> {
        let mut view = self.links.link().await?;
        view.begin_view().await?;
        let version = rights::read_since(&mut view, since, take).await?;
        view.end_view().await?;
        Ok(version)
    }

    pub(in crate::store) fn newest_rights(&self) -> watch::Receiver<i64> {
        self.keeper.newest_rights()
    }

    pub(in crate::store) async fn show_rights(&self, version: i64) -> Result<(), StoreError> {
        self.keeper.show_rights(version).await
    }
}

/// Memberships that ended, once every member has read so.
pub(super) async fn forget_ended(link: &mut Link) -> Result<(), StoreError> {
    link.execute(sqlx::query(FORGET)).await.map(drop)
}

/// Whoever reads what has changed begins behind the version that his row shows.
const FORGET: &str = "DELETE FROM belongs WHERE gone AND version <=
    (SELECT coalesce(min(rights), 0) FROM member WHERE incarnation > 0 AND state NOT IN ('', 'gone'))";
