//! What one member of a pool does for all, such as following a directory: it is taken for a while, kept by taking it
//! again, and whatever is written for it says in which term, so that who lost it meanwhile writes nothing.

use std::time::Duration;

use tracing::instrument;

use crate::store::Store;
use crate::store::error::StoreError;

/// A duty that this member has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    pub name: &'static str,
    /// Raised whenever somebody else gets it.
    pub term: i64,
}

impl Store {
    /// Takes a duty, or keeps it, for that long; None where another member that lives has it. The one member of an
    /// embedded store has every duty.
    #[instrument(skip_all)]
    pub async fn take_duty(&self, name: &'static str, time: Duration) -> Result<Option<Duty>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Some(Duty { name, term: 1 })),
            Self::Postgres(engine) => engine.take_duty(name, time).await,
            // A simulation has nothing that one member does for all.
            #[cfg(feature = "simulation")]
            Self::Model(_) => Ok(None),
        }
    }
}
