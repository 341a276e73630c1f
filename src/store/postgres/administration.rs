//! Deeds of administrators, each a transaction of its own.

use sqlx::postgres::PgRow;

use crate::chat::administration::ActNumber;
use crate::store::administration::act::Act;
use crate::store::administration::{Deed, DeedError, Undone, perform};
use crate::store::connection::{Bind, Connection, bound};
use crate::store::duty::Duty;
use crate::store::error::StoreError;
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::postgres::principals::forget_ended;
use crate::store::principal::statements::{Statements, statements};

impl Postgres {
    pub(in crate::store) async fn administer(
        &self,
        deed: Deed,
        act: Act,
        duty: Option<Duty>,
    ) -> Result<ActNumber, Undone> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let done = match &duty {
            Some(duty) if !self.is_on_duty(&mut link, duty).await? => {
                Err(Undone::Refused(DeedError::OffDuty))
            }
            _ => perform(&mut link, &deed, &act).await?,
        };
        match done {
            Ok(done) => {
                if done.rights.is_some() {
                    forget_ended(&mut link).await?;
                }
                link.commit().await?;
                done.rights.inspect(|version| self.keeper.has_rights(*version));
                Ok(done.number)
            }
            Err(undone) => {
                link.roll_back().await?;
                Err(undone)
            }
        }
    }

    /// A connection that reads; boxed, so that it is handled as that of any engine.
    pub(in crate::store) async fn look(&self) -> Result<Box<Link>, StoreError> {
        Ok(Box::new(self.links.link().await?))
    }
}

impl Connection for Link {
    type Row = PgRow;

    /// In the order of their transactions, and only what lies below the oldest that is still under way. Lines are never
    /// removed: where one stands is found by its number.
    const AUDIT: &'static str = "WITH place AS (
            SELECT xid, number FROM audit WHERE number <= $1 ORDER BY number DESC LIMIT 1)
        SELECT number, at, who, origin, token, operation, object, was, became, outcome FROM audit
        WHERE (xid, number) > (coalesce((SELECT xid FROM place), '0'), coalesce((SELECT number FROM place), 0))
            AND xid >= coalesce((SELECT min(xid) FROM audit WHERE at >= $2), '0')
            AND xid < pg_snapshot_xmin(pg_current_snapshot())
            AND at >= coalesce($2, 0) AND who = coalesce($3, who) AND object = coalesce($4, object)
        ORDER BY xid, number LIMIT $5";
    const ROOMS_WITH_ADDIN: &'static str =
        "SELECT count(*) FROM room WHERE name IS NOT NULL AND (settings::json ->> 'addin')::bigint = $1";

    const HOLD_LISTS: &'static str = "SELECT room_log.room FROM room_log WHERE room IN (
            SELECT room FROM affiliation WHERE jid = $1 AND affiliation NOT IN ('none', 'outcast'))
        ORDER BY room FOR UPDATE";
    const PRINCIPALS: &'static str = "SELECT id, address, kind, standing, name, entry, dn FROM principal
        WHERE address > $1 AND standing <> 'removed' AND kind = coalesce($2, kind)
            AND ($3::text IS NULL OR strpos(name_key, $3) > 0 OR strpos(address, $3) > 0)
        ORDER BY address LIMIT $4";
    const PRINCIPAL_STATEMENTS: &'static Statements = &statements!("jsonb_array_elements($1::text::jsonb)");

    async fn run(&mut self, sql: &'static str, values: &[Bind<'_>]) -> Result<Vec<PgRow>, StoreError> {
        self.rows(bound!(sqlx::query(sql), values)).await
    }

    async fn change(&mut self, sql: &'static str, values: &[Bind<'_>]) -> Result<u64, StoreError> {
        self.execute(bound!(sqlx::query(sql), values)).await
    }
}
