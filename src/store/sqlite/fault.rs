//! What the engine's result codes say.

use sqlx::sqlite::SqliteError;

/// A rule of the schema said no; the statement did nothing, the transaction goes on.
pub(super) fn is_constraint(fault: &sqlx::Error) -> bool {
    primary_code(fault) == Some(CONSTRAINT)
}

pub(in crate::store) fn is_full(fault: &sqlx::Error) -> bool {
    primary_code(fault) == Some(FULL)
}

/// The low byte of an extended result code is the code itself.
fn primary_code(fault: &sqlx::Error) -> Option<i32> {
    let fault = fault.as_database_error()?;
    fault.try_downcast_ref::<SqliteError>()?;
    let code: i32 = fault.code()?.parse().ok()?;
    Some(code & 0xff)
}

const FULL: i32 = 13;
const CONSTRAINT: i32 = 19;
