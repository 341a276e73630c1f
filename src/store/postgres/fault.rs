//! What the engine's condition codes say (PostgreSQL, appendix A), and when a connection is to be left.

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;
use tracing::error;

use crate::store::error::StoreError;

/// Raised by what takes a member's own row: its incarnation is no longer the newest.
pub(in crate::store) fn is_fenced(fault: &Error) -> bool {
    code(fault) == Some("PE001")
}

/// Raised by the same, on a host that claims what it does not keep: see `migrations/0005_succession.sql`.
fn is_alone(fault: &Error) -> bool {
    code(fault) == Some("PE003")
}

/// Raised where more has to be looked at than the call does: see `migrations/0014_plans.sql`.
pub(super) fn is_for_another_call(fault: &Error) -> bool {
    code(fault) == Some("PE004")
}

pub(in crate::store) fn is_full(fault: &Error) -> bool {
    code(fault) == Some("53100")
}

/// The values themselves were refused: by a rule of the schema (23), because they are no such values (22), or because
/// they are too large for an index (54).
pub(super) fn is_of_data(fault: &Error) -> bool {
    code(fault).is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

/// Others that were written with it may do without it: whatever is not known to meet all alike. Nobody's values may
/// keep another's from being written.
pub(super) fn is_of_one_job(fault: &Error) -> bool {
    let meets_all = |code: &str| code.starts_with("53") || code.starts_with("57");
    !is_fenced(fault) && !is_alone(fault) && code(fault).is_some_and(|code| !meets_all(code))
}

/// Somebody held a row for too long.
pub(super) fn is_of_a_lock(fault: &Error) -> bool {
    code(fault) == Some("55P03")
}

/// The rule of the schema that said no, by name.
pub(super) fn constraint(fault: &Error) -> Option<&str> {
    fault.as_database_error()?.constraint()
}

/// The connection is of no use any more, and what was under way may have been done or not: the line broke, the server
/// stops (57P01 to 57P03: its last commit may be waiting for a standby when it says so), or it has become a standby.
pub(super) fn is_lost(fault: &Error) -> bool {
    match fault {
        Error::Database(_) => code(fault).is_some_and(|code| {
            LOST.contains(&code) || code.starts_with("08") || code.starts_with("XX") || code.starts_with("58")
        }),
        // Of values that are not what they should be, the connection knows nothing.
        Error::ColumnDecode { .. }
        | Error::ColumnNotFound(_)
        | Error::ColumnIndexOutOfBounds { .. }
        | Error::Decode(_)
        | Error::Encode(_)
        | Error::RowNotFound
        | Error::TypeNotFound { .. } => false,
        _ => true,
    }
}

/// What it means to the one who asked.
pub(super) fn meaning(fault: &Error) -> StoreError {
    if is_fenced(fault) {
        return StoreError::Fenced;
    }
    if is_full(fault) {
        error!(%fault, "the store is full");
        return StoreError::NoSpace;
    }
    error!(%fault, "the store failed");
    StoreError::Unavailable
}

pub(super) fn code(fault: &Error) -> Option<&str> {
    Some(fault.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// 25006: read-only; 25P02, 25P03: the transaction was ended by the server.
const LOST: [&str; 6] = ["25006", "25P02", "25P03", "57P01", "57P02", "57P03"];
