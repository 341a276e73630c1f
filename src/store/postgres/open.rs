//! Brings the schema up to date and takes this member's name, or says why not.
//!
//! Migrations run while older members work on: a step adds, and what it makes needless is taken away by a later release,
//! when no member of the older one is left. One member at a time, behind an advisory lock.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use tracing::info;

use crate::chat::id::Timestamp;
use crate::store::Options;
use crate::store::error::OpenError;
use crate::store::member::{MemberState, Showing};
use crate::store::postgres::fault;

/// Forward only: a step that was released is never changed, the next one is put behind it.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_foundation.sql"),
    include_str!("migrations/0002_appends.sql"),
    include_str!("migrations/0003_pool.sql"),
    include_str!("migrations/0004_transfer.sql"),
    include_str!("migrations/0005_succession.sql"),
    include_str!("migrations/0006_directory.sql"),
    include_str!("migrations/0007_categories.sql"),
    include_str!("migrations/0008_search.sql"),
    include_str!("migrations/0009_administration.sql"),
    include_str!("migrations/0010_digest.sql"),
    include_str!("migrations/0011_room_words.sql"),
    include_str!("migrations/0012_audit_order.sql"),
    include_str!("migrations/0013_room_guid.sql"),
    include_str!("migrations/0014_plans.sql"),
    include_str!("migrations/0015_digest_md5.sql"),
];

/// The schema that this program writes.
pub(super) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// Takes the schema to this program's, all steps or none, and gives back the pool's secret.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    place: &str,
    options: &Options,
) -> Result<[u8; 32], OpenError> {
    // A store of a newer program must survive a mistaken start of an older one: nothing is locked for that.
    let found = examine(connection, place).await?;
    if found < SCHEMA {
        let mut transaction = connection.begin().await.map_err(unavailable)?;
        for setting in ["SET LOCAL lock_timeout = '10s'", "SELECT pg_advisory_xact_lock(8101259173286731264)"]
        {
            sqlx::raw_sql(setting).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        // Another member may have been faster.
        let found = examine(&mut transaction, place).await?;
        let done = usize::try_from(found).unwrap_or(MIGRATIONS.len());
        for step in MIGRATIONS.iter().skip(done) {
            sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(forbidden)?;
        }
        if found < SCHEMA {
            sqlx::query(MARK)
                .bind(SCHEMA)
                .bind(&options.fresh_secret[..])
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
            info!(from = found, to = SCHEMA, "the store's schema was brought up to date");
        }
        transaction.commit().await.map_err(unavailable)?;
    }
    let secret: Vec<u8> =
        sqlx::query_scalar("SELECT secret FROM meta").fetch_one(connection).await.map_err(unavailable)?;
    secret.try_into().map_err(|_| OpenError::NotOurs(place.to_owned()))
}

/// The steps that were taken; 0 for an empty database.
async fn examine(connection: &mut PgConnection, place: &str) -> Result<i64, OpenError> {
    let row = sqlx::query(EXAMINE).fetch_one(&mut *connection).await.map_err(unavailable)?;
    let (has_mark, tables): (bool, i64) =
        (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
    if !has_mark {
        return if tables == 0 { Ok(0) } else { Err(OpenError::NotOurs(place.to_owned())) };
    }
    let found: Result<i64, _> = sqlx::query_scalar("SELECT schema FROM meta").fetch_one(connection).await;
    match found {
        Ok(found) if found > SCHEMA => Err(OpenError::TooNew { found, known: SCHEMA }),
        Ok(found) => Ok(found),
        Err(_) => Err(OpenError::NotOurs(place.to_owned())),
    }
}

/// Takes the member's name. One that lost its process without a word holds it until its lease has expired; whether
/// it is such a one is seen from that it does not renew it.
pub(super) async fn register(connection: &mut PgConnection, options: &Options) -> Result<i64, OpenError> {
    let mut seen = None;
    loop {
        match try_register(connection, options).await.map_err(unavailable)? {
            Ok(incarnation) => return Ok(incarnation),
            Err(held) if seen.as_ref().is_some_and(|seen| held.lease != *seen) => {
                return Err(OpenError::InUse(format!("the name {:?}", options.member)));
            }
            Err(held) => {
                seen = Some(held.lease);
                tokio::time::sleep(held.left.min(LOOK_AGAIN)).await;
            }
        }
    }
}

/// A name that somebody holds.
struct Held {
    /// As the row has it: another one means that he is alive.
    lease: String,
    left: Duration,
}

async fn try_register(
    connection: &mut PgConnection,
    options: &Options,
) -> Result<Result<i64, Held>, sqlx::Error> {
    let lease = options.lease.as_secs_f64();
    let mut transaction = connection.begin().await?;
    sqlx::query(NAME).bind(&*options.member).execute(&mut *transaction).await?;
    // The whole row, so that nothing of an earlier incarnation is under way when this one begins.
    let row = sqlx::query(HOLDER).bind(&*options.member).fetch_one(&mut *transaction).await?;
    let (left, is_expired): (f64, bool) = (row.try_get(1)?, row.try_get(2)?);
    if !is_expired {
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::ZERO);
        return Ok(Err(Held { lease: row.try_get(0)?, left }));
    }
    let taken = sqlx::query(TAKE_NAME)
        .bind(&*options.member)
        .bind(Showing::default().state.as_str())
        .bind(lease)
        .bind(options.address.as_deref())
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    options.clock.follow(Timestamp(taken.try_get(1)?));
    Ok(Ok(taken.try_get(0)?))
}

/// Gives the name free.
pub(super) async fn leave(
    connection: &mut PgConnection,
    member: &str,
    incarnation: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(LEAVE)
        .bind(member)
        .bind(incarnation)
        .bind(MemberState::Gone.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn unavailable(fault: sqlx::Error) -> OpenError {
    OpenError::Unavailable(fault.into())
}

fn forbidden(fault: sqlx::Error) -> OpenError {
    match fault::code(&fault) {
        Some("42501") => OpenError::Forbidden(fault.to_string()),
        _ => unavailable(fault),
    }
}

const EXAMINE: &str = "SELECT to_regclass('meta') IS NOT NULL, count(*) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')";
const MARK: &str = "INSERT INTO meta (only_row, schema, epoch, secret) VALUES (1, $1, 1, $2)
    ON CONFLICT (only_row) DO UPDATE SET schema = excluded.schema";
const NAME: &str = "INSERT INTO member (name, incarnation, state, lease_until, rights)
    SELECT $1, lives_before_1(epoch), '', '-infinity', 0 FROM meta ON CONFLICT (name) DO NOTHING";
const HOLDER: &str = "SELECT lease_until::text,
        CASE WHEN isfinite(lease_until) THEN extract(epoch FROM lease_until - clock_timestamp())::float8 ELSE 0 END,
        lease_until < clock_timestamp()
    FROM member WHERE name = $1 FOR UPDATE";
/// One that was drained to be stopped is to be active when it is started; one that was put aside stays there.
const TAKE_NAME: &str = "UPDATE member SET incarnation = incarnation + 1, state = $2, rights = 0,
        lease_until = clock_timestamp() + make_interval(secs => $3), address = $4,
        wanted = CASE wanted WHEN 'draining' THEN 'active' ELSE wanted END
    WHERE name = $1 RETURNING incarnation, (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// The incarnation is over: what it still holds may be detached by whoever sees that.
const LEAVE: &str = "UPDATE member SET incarnation = incarnation + 1, state = $3, lease_until = '-infinity'
    WHERE name = $1 AND incarnation = $2";
const LOOK_AGAIN: Duration = Duration::from_millis(200);
