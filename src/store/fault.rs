//! What a failed statement means to the one who asked, whatever the engine.

use tracing::{error, warn};

use crate::store::error::StoreError;
use crate::store::postgres::fault as postgres;
use crate::store::sqlite::fault as sqlite;

impl From<sqlx::Error> for StoreError {
    /// Told in the log here, where the engine's own words are still at hand.
    fn from(fault: sqlx::Error) -> Self {
        if postgres::is_fenced(&fault) {
            warn!(%fault, "this member was fenced");
            return Self::Fenced;
        }
        if sqlite::is_full(&fault) || postgres::is_full(&fault) {
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
