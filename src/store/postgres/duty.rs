//! Duties as rows.

use std::time::Duration;

use crate::store::duty::Duty;
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::row::Columns;

impl Postgres {
    pub(in crate::store) async fn take_duty(
        &self,
        name: &'static str,
        time: Duration,
    ) -> Result<Option<Duty>, StoreError> {
        let own = &self.rules.own;
        let take =
            sqlx::query(TAKE).bind(name).bind(&*own.member).bind(own.incarnation).bind(time.as_secs_f64());
        let row = self.links.link().await?.row(take).await?;
        row.map(|row| Ok(Duty { name, term: row.integer(0)? })).transpose()
    }

    /// Holds the duty until the end of the transaction. False when another member has it by now.
    pub(super) async fn is_on_duty(&self, link: &mut Link, duty: &Duty) -> Result<bool, StoreError> {
        let own = &self.rules.own;
        let hold = sqlx::query(HOLD).bind(duty.name).bind(duty.term).bind(&*own.member).bind(own.incarnation);
        Ok(link.row(hold).await?.is_some())
    }
}

/// From a life of a member that is over it is taken at once.
const TAKE: &str = "INSERT INTO duty AS held (name, member, incarnation, term, until)
    VALUES ($1, $2, $3, 1, clock_timestamp() + make_interval(secs => $4))
    ON CONFLICT (name) DO UPDATE SET member = excluded.member, incarnation = excluded.incarnation,
        until = excluded.until, term = held.term
            + CASE WHEN (held.member, held.incarnation) = (excluded.member, excluded.incarnation) THEN 0 ELSE 1 END
    WHERE held.until < clock_timestamp() OR (held.member, held.incarnation) = (excluded.member, excluded.incarnation)
        OR NOT EXISTS (SELECT FROM member WHERE member.name = held.member AND member.incarnation = held.incarnation)
    RETURNING term";
const HOLD: &str = "SELECT term FROM duty
    WHERE name = $1 AND term = $2 AND member = $3 AND incarnation = $4 FOR SHARE";
