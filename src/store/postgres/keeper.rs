//! Renews this member's lease for as long as the store is open, and notices when somebody else has ended it. The time
//! comes back with it: all members go by the database's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::PgRow;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, warn};

use crate::chat::id::Timestamp;
use crate::clock::Clock;
use crate::store::Options;
use crate::store::error::StoreError;
use crate::store::member::{MemberState, Showing};
use crate::store::postgres::links::Links;
use crate::store::row::Columns;

/// This member's own row.
#[derive(Debug)]
pub(super) struct Keeper {
    own: Arc<Own>,
    stop: Mutex<Option<(DropGuard, JoinHandle<()>)>>,
}

#[derive(Debug)]
struct Own {
    links: Links,
    member: Box<str>,
    incarnation: i64,
    lease: Duration,
    clock: Clock,
    showing: Mutex<Showing>,
    newest_rights: watch::Sender<i64>,
    /// A version of the rights that this member does not show yet, and since when it is known here.
    behind: Mutex<Option<(i64, Instant)>>,
    is_fenced: watch::Sender<bool>,
}

impl Keeper {
    /// `links` are the keeper's own: a lease must not lapse because others are busy reading.
    pub(super) fn start(links: Links, incarnation: i64, options: &Options) -> Self {
        let own = Arc::new(Own {
            links,
            member: options.member.clone(),
            incarnation,
            lease: options.lease,
            clock: options.clock.clone(),
            showing: Mutex::default(),
            newest_rights: watch::Sender::new(0),
            behind: Mutex::default(),
            is_fenced: watch::Sender::new(false),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(own.clone().keep(stop.clone()));
        Self { own, stop: Mutex::new(Some((stop.drop_guard(), task))) }
    }

    pub(super) async fn show(&self, state: MemberState) -> Result<(), StoreError> {
        self.own.showing.lock().state = state;
        self.own.renew().await
    }

    pub(super) async fn show_rights(&self, version: i64) -> Result<(), StoreError> {
        self.own.showing.lock().rights = version;
        self.own.renew().await
    }

    pub(super) fn newest_rights(&self) -> watch::Receiver<i64> {
        self.own.newest_rights.subscribe()
    }

    /// That version of the rights is committed.
    pub(super) fn has_rights(&self, version: i64) {
        self.own.has_rights(version);
    }

    pub(super) async fn fenced(&self) {
        // The sender is as old as this: it cannot be gone.
        let _ = self.own.is_fenced.subscribe().wait_for(|is_fenced| *is_fenced).await;
    }

    /// Ends the renewals; the last one has arrived, or never will. False when they had ended.
    pub(super) async fn stop(&self) -> bool {
        let running = self.stop.lock().take();
        let Some((stop, task)) = running else { return false };
        drop(stop);
        let _ = task.await;
        self.own.links.close().await;
        true
    }
}

impl Own {
    async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.lease / RENEWALS);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if self.is_left_behind() {
                warn!("the rights outside of rooms cannot be read: this member's lease is not renewed");
                continue;
            }
            match self.renew().await {
                Ok(()) => {}
                Err(StoreError::Fenced) => return,
                Err(fault) => warn!(%fault, "this member's lease was not renewed"),
            }
        }
    }

    fn has_rights(&self, version: i64) {
        if self.showing.lock().rights < version {
            self.behind.lock().get_or_insert_with(|| (version, Instant::now()));
        }
        self.newest_rights.send_if_modified(|newest| {
            let is_newer = version > *newest;
            *newest = version.max(*newest);
            is_newer
        });
    }

    /// Whoever changes rights waits for all members that have a lease: it must not be had by one that goes by old rights
    /// for long. One that follows, always a little behind, does; one that has not shown any yet serves nobody.
    fn is_left_behind(&self) -> bool {
        let shown = self.showing.lock().rights;
        let mut behind = self.behind.lock();
        if shown == 0 || behind.is_some_and(|(version, _)| shown >= version) {
            let newest = *self.newest_rights.borrow();
            *behind = (0 < shown && shown < newest).then(|| (newest, Instant::now()));
        }
        behind.is_some_and(|(_, since)| since.elapsed() > self.lease)
    }

    async fn renew(&self) -> Result<(), StoreError> {
        let showing = *self.showing.lock();
        let mut link = self.links.link().await?;
        let renewed: Option<PgRow> = link
            .row(
                sqlx::query(RENEW)
                    .bind(&*self.member)
                    .bind(self.incarnation)
                    .bind(showing.state.as_str())
                    .bind(showing.rights)
                    .bind(self.lease.as_secs_f64()),
            )
            .await?;
        if let Some(renewed) = renewed {
            self.clock.follow(Timestamp(renewed.integer(1)?));
            self.has_rights(renewed.integer(2)?);
            return Ok(());
        }
        if !self.is_fenced.send_replace(true) {
            error!("another member has taken this one for dead");
        }
        Err(StoreError::Fenced)
    }
}

/// No other row lock than that of an update: who appends is not held up. Nor does it wait for standbys: while they are
/// away nothing is acknowledged, but nobody is dead for that.
const RENEW: &str = "WITH quick AS (
        SELECT set_config('synchronous_commit', 'local', true) AS setting)
    UPDATE member SET state = $3, rights = $4, lease_until = clock_timestamp() + make_interval(secs => $5)
    FROM quick WHERE name = $1 AND incarnation = $2 AND setting = 'local'
    RETURNING incarnation, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, (SELECT version FROM rights)";
/// In the time of a lease: one may be lost.
const RENEWALS: u32 = 3;
