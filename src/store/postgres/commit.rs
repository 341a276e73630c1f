//! Whether what came late was committed as it should be.
//!
//! A commit that waits for its standby can be ended by an operator (`pg_cancel_backend`): the server then says that it is
//! done, and only warns that the standby may not have it, which the driver does not tell. So a commit is believed at
//! once when it comes promptly, as almost all do; one that had to wait is believed when another one behind it, which
//! waits for the standby anew, comes promptly.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use tokio::time::timeout;
use tracing::warn;

/// The answer to something begun at that time has just come. False: take it for lost.
pub(super) async fn is_sure(connection: &mut PgConnection, begun: Instant) -> bool {
    if begun.elapsed() < PROMPT {
        return true;
    }
    let behind = sqlx::raw_sql(ONE_MORE).execute(connection);
    let is_sure = matches!(timeout(PROMPT, behind).await, Ok(Ok(_)));
    if !is_sure {
        warn!("a commit came late, and another behind it does not come: no standby may have it");
    }
    is_sure
}

/// Something to commit that leaves nothing behind. Inside a transaction it waits for that one's end.
const ONE_MORE: &str = "SELECT pg_logical_emit_message(true, 'perch', '')";

/// Where a commit has to wait longer, a standby has gone, or the disk is in trouble.
const PROMPT: Duration = Duration::from_secs(1);
