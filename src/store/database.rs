//! The database of a pool, as who runs it has to know it: which host takes writes, and what follows it how far behind.

use std::time::Duration;

use tracing::instrument;

use crate::chat::id::Epoch;
use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
    /// Where the store is now. An embedded one is where its configuration says.
    #[instrument(skip_all)]
    pub async fn database(&self) -> Result<Option<Database>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(engine) => engine.database().await.map(Some),
            #[cfg(feature = "simulation")]
            Self::Model(_) => Ok(None),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The host that takes writes, of those in the configuration.
    pub host: Box<str>,
    pub epoch: Epoch,
    /// The life of the database, which a promotion ends.
    pub timeline: i64,
    /// Hosts that say they are of one site take each other's place without loss.
    pub site: Option<Box<str>>,
    /// Does a commit wait for a standby?
    pub is_synchronous: bool,
    pub standbys: Vec<Standby>,
}

/// A host that follows the one that takes writes. What it has is only shown to users that may see it (pg_monitor).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    pub name: Option<Box<str>>,
    /// Is it one that commits wait for?
    pub is_synchronous: Option<bool>,
    /// What would be lost if it had to take over now: so much that was written, in bytes,
    pub behind: Option<u64>,
    /// and so much time, as last measured.
    pub lag: Option<Duration>,
}
