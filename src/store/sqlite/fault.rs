//! What a failed statement means to the one who asked.

use tracing::error;

use crate::store::error::StoreError;

impl From<sqlx::Error> for StoreError {
    /// Told in the log here, where the engine's own words are still at hand.
    fn from(fault: sqlx::Error) -> Self {
        if is_full(&fault) {
            error!(%fault, "the store is full");
            return Self::NoSpace;
        }
        error!(%fault, "the store failed");
        Self::Unavailable
    }
}

/// A failure whose cause is the data and not the disk: told in the log, then answered by its operation.
pub(super) fn log_inconsistency(fault: &sqlx::Error) {
    error!(%fault, "the store holds what it should not");
}

/// A rule of the schema said no; the statement did nothing, the transaction goes on.
pub(super) fn is_constraint(fault: &sqlx::Error) -> bool {
    primary_code(fault) == Some(CONSTRAINT)
}

fn is_full(fault: &sqlx::Error) -> bool {
    primary_code(fault) == Some(FULL)
}

/// The low byte of an extended result code is the code itself.
fn primary_code(fault: &sqlx::Error) -> Option<i32> {
    let code: i32 = fault.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

const FULL: i32 = 13;
const CONSTRAINT: i32 = 19;
