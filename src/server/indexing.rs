//! Lets the index of words follow the logs while the server runs: what this member writes soon after it was written, and
//! now and then all that any member wrote, should one have died before it came to it.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::store::Store;

/// Follows until it is told to stop.
pub(super) async fn run(store: Store, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut all_at = Instant::now();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let is_all_due = Instant::now() >= all_at;
        let done = async {
            if is_all_due {
                store.index_all().await?;
            }
            store.index_new().await
        };
        match stop.run_until_cancelled(done).await {
            None => return,
            Some(Ok(())) if is_all_due => all_at = Instant::now() + ALL_INTERVAL,
            Some(Ok(())) => {}
            // A search lets it catch up, or says that it cannot.
            Some(Err(error)) => warn!(%error, "the index of words cannot follow"),
        }
    }
}

/// Many messages go into the index for little more than one: a search does not wait for this.
const INTERVAL: Duration = Duration::from_secs(2);
const ALL_INTERVAL: Duration = Duration::from_secs(10 * 60);
