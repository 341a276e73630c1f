//! The directory: who belongs where, on every member of a pool by the same version of the rights.
//!
//! | module | what |
//! |---|---|
//! | [`view`] | who belongs where, as of one version (pure) |
//! | `enabled` | for whom persistent chat is, by the policies (pure) |
//! | `register` | what views are made of, read from the store |
//! | [`ldap`] | a directory that others keep |
//! | [`plan`] | what is to be done so that the store has what that has (pure) |
//! | [`synchronisation`] | does it, now and then |
//!
//! What else holds for all rooms goes by the same version: the policies, and the configuration in force.
//!
//! A member has one current [`View`]. It reads the next as soon as it hears of a newer version: from the bus, or at the
//! latest when it renews its lease. Then its own row shows that version. Whoever has changed rights says that it is done
//! when the rows of all that live show it; one that cannot follow loses its lease, and with it all that it could do.

mod enabled;
pub mod ldap;
pub mod plan;
mod register;
pub mod synchronisation;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use perch_address::BareJid;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::bus::Bus;
use crate::chat::administration::level::Here;
use crate::chat::note::Note;
use crate::chat::principal::Change;
use crate::directory::register::Register;
use crate::store::Store;
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};
use crate::store::member::{Member, MemberState};
use crate::store::principal::Applied;

pub use view::{Belonging, View};

/// Where users, groups and units come from, beside those that are made here.
#[derive(Debug, Clone)]
pub enum Source {
    /// From nowhere.
    Local,
    Ldap(ldap::Ldap),
}

/// The way to the current view, and to change what it shows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    bus: Bus,
    domain: BareJid,
    here: Here,
    register: Arc<Mutex<Register>>,
    view: watch::Sender<Arc<View>>,
    /// The newest version that other members told of.
    heard: watch::Sender<i64>,
}

impl Directory {
    /// Reads the rights as they are now. `domain`: where the accounts are. `here`: whose policies and configuration are
    /// the nearest.
    pub async fn open(store: Store, bus: Bus, domain: BareJid, here: Here) -> Result<Self, StoreError> {
        let directory = Self(Arc::new(Shared {
            store,
            bus,
            domain,
            here,
            register: Arc::default(),
            view: watch::Sender::new(Arc::new(View::default())),
            heard: watch::Sender::new(0),
        }));
        directory.refresh().await?;
        Ok(directory)
    }

    /// Follows the versions of the rights until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let (mut newest, mut heard) = (self.0.store.newest_rights(), self.0.heard.subscribe());
        loop {
            let is_behind = |newest: &i64| *newest > self.view().version();
            let told = async {
                tokio::select! {
                    // Both senders are held by this itself.
                    _ = newest.wait_for(is_behind) => {}
                    _ = heard.wait_for(is_behind) => {}
                }
            };
            if stop.run_until_cancelled(told).await.is_none() {
                return;
            }
            let begun = Instant::now();
            let pause = match self.refresh().await {
                // Whatever changes meanwhile is read together: a large directory is read half of the time at most.
                Ok(()) => begun.elapsed(),
                Err(error) => {
                    warn!(%error, "the rights outside of rooms cannot be read; tried again");
                    RETRY
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    pub fn hear(&self, note: &Note) {
        if let Note::RightsChanged { version } = note {
            self.0.heard.send_if_modified(|heard| {
                let is_newer = version > heard;
                *heard = *version.max(heard);
                is_newer
            });
        }
    }

    /// The current view.
    pub fn view(&self) -> Arc<View> {
        self.0.view.borrow().clone()
    }

    /// Tells of each view that becomes the current one. Versions may be passed over.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.0.view.subscribe()
    }

    /// For who looks at what principals are called, and at those who do not count.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Where the accounts are.
    pub fn domain(&self) -> &BareJid {
        &self.0.domain
    }

    /// Makes changes true, and returns when they are in effect on every member.
    pub async fn change(&self, changes: &[Change]) -> Result<Applied, PrincipalError> {
        let applied = self.begin_change(changes, None).await?;
        self.wait_for_all(applied.version).await?;
        Ok(applied)
    }

    /// Makes changes true. They are in effect on every member when [`Directory::wait_for_all`] says so.
    pub async fn begin_change(
        &self,
        changes: &[Change],
        duty: Option<Duty>,
    ) -> Result<Applied, PrincipalError> {
        let applied = self.0.store.change_principals(changes, duty).await?;
        if applied.has_changed {
            self.0.bus.publish(Note::RightsChanged { version: applied.version });
        }
        Ok(applied)
    }

    /// Returns when all that was committed before is in effect on every member, whoever changed it.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let version = self.0.store.rights_version().await?;
        if version > self.view().version() {
            self.0.bus.publish(Note::RightsChanged { version });
        }
        self.wait_for_all(version).await
    }

    /// Returns when every member goes by that version, or a newer one, but for those that were fenced: until then one whose
    /// lease is over may still write. Whoever does not follow is fenced within two leases.
    pub async fn wait_for_all(&self, version: i64) -> Result<(), StoreError> {
        if self.view().version() < version {
            self.refresh().await?;
        }
        loop {
            let is_behind = |member: &Member| {
                member.showing.state != MemberState::Gone && member.showing.rights < version
            };
            if !self.0.store.members().await?.iter().any(is_behind) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Reads what has changed, makes it the current view, and shows its version to the others.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let mut register = self.0.register.clone().lock_owned().await;
        register.read(&self.0.store).await?;
        let version = register.version();
        if version > self.view().version() {
            let (domain, here) = (self.0.domain.clone(), self.0.here.clone());
            let by_default = self.0.store.is_enabled_by_default();
            let view = if register.len() < BUILT_AT_ONCE {
                register.view(domain.as_str(), &here, by_default)
            } else {
                // Some 100 ms for 150,000 users: others are not to wait for that.
                let build =
                    tokio::task::spawn_blocking(move || register.view(domain.as_str(), &here, by_default));
                build.await.expect("building a view does not panic")
            };
            debug!(version, "the rights outside of rooms were read");
            let is_newer = |current: &mut Arc<View>| {
                let is_newer = view.version() > current.version();
                if is_newer {
                    *current = Arc::new(view);
                }
                is_newer
            };
            self.0.view.send_if_modified(is_newer);
        }
        self.0.store.show_rights(version).await
    }
}

/// Principals of which a view is made in some 100 µs.
const BUILT_AT_ONCE: usize = 1000;

/// Where the store cannot be read.
const RETRY: Duration = Duration::from_millis(500);

/// How often the others' rows are looked at while somebody waits for them.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
