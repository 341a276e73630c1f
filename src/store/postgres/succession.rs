//! Whether a database is the one that was worked on before, or one that has taken its place.
//!
//! A standby that was promoted, and a database that was restored, may lack the last of what was acknowledged. Then the
//! ids that were given to it must not be given again: the epoch is raised, which all ids carry. PostgreSQL begins a new
//! timeline with every promotion, and an instance that was made anew has a number of its own, so whoever first connects
//! to a successor sees that it is one, and settles it before anything else is done there.
//!
//! A promotion that is known to lose nothing is no more than noted. It is known where the hosts of a *site* copy
//! synchronously, and say so by `perch.site`, which the database keeps beside its timeline; that none of them commits
//! alone is seen to by each append. Whoever does not say so gets another epoch, which costs little: what survived keeps
//! its ids.
//!
//! With the epoch, all members are fenced, by the same transaction: what they hold in memory may be of what was lost.
//! Their incarnations go on in a range that belongs to the epoch, so that also one whose row was lost, or fell back, is
//! not taken for a later life of itself.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Error, Row};
use tracing::{info, warn};

/// Which life of which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lineage {
    pub(super) system: i64,
    pub(super) timeline: i64,
    pub(super) site: Option<Box<str>>,
}

impl Lineage {
    /// `system, timeline, site`, from that column on; `None` where nothing was noted yet.
    pub(super) fn read(row: &PgRow, first: usize) -> Result<Option<Self>, Error> {
        let (system, timeline) = (row.try_get(first)?, row.try_get(first + 1)?);
        let (Some(system), Some(timeline)) = (system, timeline) else { return Ok(None) };
        let site = row.try_get::<Option<&str>, _>(first + 2)?.map(Into::into);
        Ok(Some(Self { system, timeline, site }))
    }

    /// Whether all that was acknowledged there is here.
    fn continues(&self, before: &Self) -> bool {
        self.is_life_of(before)
            || (self.system == before.system && self.site.is_some() && self.site == before.site)
    }

    /// Whether the other one was promoted from a standby of this.
    pub(super) fn precedes(&self, other: &Self) -> bool {
        self.system == other.system && self.timeline < other.timeline
    }

    fn is_life_of(&self, other: &Self) -> bool {
        (self.system, self.timeline) == (other.system, other.timeline)
    }
}

/// Sees to it that nothing is given again that was given before this life of the database, and notes it. `is_restored`:
/// the operator says that it was put back, which a copy of all its files does not show.
pub(super) async fn settle(
    connection: &mut PgConnection,
    now: &Lineage,
    is_restored: bool,
) -> Result<(), Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(LOCALLY).execute(&mut *transaction).await?;
    let row = sqlx::query(NOTED).fetch_one(&mut *transaction).await?;
    let before = Lineage::read(&row, 0)?;
    let continues = before.as_ref().is_none_or(|before| now.continues(before));
    if is_restored || !continues {
        let epoch: i64 = sqlx::query_scalar(RAISE).fetch_one(&mut *transaction).await?;
        for raise in [FENCE_ALL, RAISE_ROOMS, RAISE_ACCOUNTS] {
            sqlx::query(raise).bind(epoch).execute(&mut *transaction).await?;
        }
        sqlx::query(GIVE_UP_SESSIONS).execute(&mut *transaction).await?;
        warn!(epoch, ?before, ?now, "the database may lack what was acknowledged: ids are counted anew");
    } else if before.as_ref().is_some_and(|before| !now.is_life_of(before)) {
        info!(?before, ?now, "a standby that has everything takes writes now");
    }
    if before.as_ref() != Some(now) {
        let note = sqlx::query(NOTE).bind(now.system).bind(now.timeline).bind(now.site.as_deref());
        note.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

/// A standby that takes this host's place without this settles it anew: nobody has to be waited for.
const LOCALLY: &str = "SET LOCAL synchronous_commit = 'local'";
const NOTED: &str = "SELECT system, timeline, site FROM meta FOR UPDATE";
const NOTE: &str = "UPDATE meta SET system = $1, timeline = $2, site = $3";
/// At least the number of days since the beginning of 2026: a copy that was put back does not know of the epochs after
/// it, whose ids were given too.
const RAISE: &str =
    "UPDATE meta SET epoch = greatest(epoch + 1, current_date - date '2026-01-01') RETURNING epoch";
const FENCE_ALL: &str =
    "UPDATE member SET incarnation = lives_before_1($1), state = 'gone', lease_until = '-infinity'";
const RAISE_ROOMS: &str = "UPDATE room_log SET epoch = $1";
const RAISE_ACCOUNTS: &str = "UPDATE account_log SET epoch = $1";
/// What was left of a session for another member names places in logs as they were. It is over now, as after a crash.
const GIVE_UP_SESSIONS: &str = "UPDATE session SET state = NULL WHERE state IS NOT NULL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_loses_nothing_within_a_site_that_says_so() {
        let lineage = |system, timeline, site: &str| Lineage {
            system,
            timeline,
            site: (!site.is_empty()).then(|| site.into()),
        };
        let check = |before, now, expected| {
            assert_eq!(Lineage::continues(&now, &before), expected, "{before:?} {now:?}");
        };
        check(lineage(7, 1, ""), lineage(7, 1, ""), true);
        check(lineage(7, 1, "a"), lineage(7, 1, ""), true);
        check(lineage(7, 1, "a"), lineage(7, 2, "a"), true);
        check(lineage(7, 1, ""), lineage(7, 2, ""), false);
        check(lineage(7, 1, "a"), lineage(7, 2, "b"), false);
        check(lineage(7, 1, "a"), lineage(7, 2, ""), false);
        check(lineage(7, 1, ""), lineage(7, 2, "a"), false);
        check(lineage(7, 2, "a"), lineage(8, 2, "a"), false);
    }

    #[test]
    fn what_was_left_behind_is_older() {
        let lineage = |system, timeline| Lineage { system, timeline, site: None };
        assert!(lineage(7, 1).precedes(&lineage(7, 2)));
        assert!(!lineage(7, 2).precedes(&lineage(7, 2)));
        assert!(!lineage(6, 1).precedes(&lineage(7, 2)));
    }
}
