//! Follows a directory: reads all of it now and then, and makes the store have what it has.
//!
//! One member of a pool does it, for as long as it has that duty; another goes on where it ends. All of it may be begun
//! again at any place: what is so already is left so. An answer that was cut short changes nothing.

use std::collections::HashSet;
use std::time::Duration;

use perch_address::BareJid;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::chat::id::AccountId;
use crate::chat::note::RoomName;
use crate::chat::principal::{Change, Kind};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::directory::ldap::{DirectoryError, Ldap};
use crate::directory::plan::{Found, Known, Plan, plan};
use crate::store::account::NewAccount;
use crate::store::administration::act::{Act, Outcome};
use crate::store::administration::{Deed, DeedError};
use crate::store::duty::Duty;
use crate::store::error::{PrincipalError, StoreError};

/// A user whose account was disabled or removed: whoever has sessions of it ends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub account: AccountId,
    /// Rooms in whose lists it was.
    pub rooms: Vec<RoomName>,
}

/// Why a directory was not followed to the end.
#[derive(Debug, Error)]
enum Failure {
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Deed(#[from] DeedError),
    #[error("{0}")]
    Principal(#[from] PrincipalError),
    #[error(
        "the directory has no user any more, which is not believed: look at its bases, filters and permissions"
    )]
    Empty,
}

/// Follows a directory until it is stopped.
pub async fn run(
    directory: Directory,
    ldap: Ldap,
    farewells: mpsc::Sender<Farewell>,
    stop: CancellationToken,
) {
    let mut follower = Follower { directory, ldap, farewells, failures: 0 };
    while let Some(pause) = stop.run_until_cancelled(Box::pin(follower.step())).await {
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

struct Follower {
    directory: Directory,
    ldap: Ldap,
    farewells: mpsc::Sender<Farewell>,
    /// In a row.
    failures: u32,
}

impl Follower {
    /// Does what is due, and says when to look again.
    async fn step(&mut self) -> Duration {
        let duty = match self.directory.0.store.take_duty(DUTY, DUTY_TIME).await {
            Ok(Some(duty)) => duty,
            Ok(None) => return DUTY_TIME,
            Err(_) => return BACK_OFF_LEAST,
        };
        let begun = Instant::now();
        // It is kept for as long as this takes.
        let keep = async {
            loop {
                sleep(DUTY_TIME / 3).await;
                let _ = self.directory.0.store.take_duty(DUTY, DUTY_TIME).await;
            }
        };
        let done = tokio::select! {
            done = self.follow(duty) => done,
            () = keep => unreachable!("it is kept for ever"),
        };
        match done {
            Ok(changes) => {
                self.failures = 0;
                debug!(changes, took = ?begun.elapsed(), "the directory was followed");
                self.keep_until(self.ldap.options().interval).await
            }
            Err(failure) => {
                error!(%failure, "the directory cannot be followed: what was known of it stays; tried again");
                self.failures += 1;
                jittered(back_off(self.failures, self.ldap.options().interval))
            }
        }
    }

    /// The duty is looked after at short intervals, the directory at its own.
    async fn keep_until(&self, interval: Duration) -> Duration {
        let due = Instant::now() + jittered(interval);
        while Instant::now() + DUTY_TIME / 2 < due {
            sleep(DUTY_TIME / 2).await;
            if !matches!(self.directory.0.store.take_duty(DUTY, DUTY_TIME).await, Ok(Some(_))) {
                return Duration::ZERO;
            }
        }
        due.saturating_duration_since(Instant::now())
    }

    /// How much was changed.
    async fn follow(&self, duty: Duty) -> Result<usize, Failure> {
        let found = self.ldap.sweep().await?;
        let known = self.known(&found).await?;
        let has_user = found.entries.iter().any(|entry| entry.kind == Kind::User);
        if !has_user && known.principals.iter().any(|one| one.kind == Kind::User && one.entry.is_some()) {
            return Err(Failure::Empty);
        }
        let view = self.directory.view();
        let plan = plan(&found, &known, self.directory.domain().as_str(), |address| view.is_given(address));
        for (dn, reason) in &plan.passed_over {
            warn!(%dn, reason = reason.as_str(), "a user of the directory gets no account");
        }
        let accounts = plan.new_accounts.len() + plan.disabled.len() + plan.enabled.len();
        let count = accounts + plan.records.len() + plan.memberships.len();
        if count > 0 {
            self.carry_out(&plan, duty).await?;
            info!(
                accounts = plan.new_accounts.len(),
                records = plan.records.len(),
                memberships = plan.memberships.len(),
                disabled = plan.disabled.len(),
                "what has changed in the directory is in effect"
            );
        }
        Ok(count)
    }

    async fn known(&self, found: &Found) -> Result<Known, StoreError> {
        let store = &self.directory.0.store;
        let mut known = Known::default();
        let mut after = Box::from("");
        loop {
            let mut page = store.directory_entries(&after, PAGE).await?;
            let Some(last) = page.last().and_then(|last| last.entry.as_ref()) else { break };
            after = last.id.clone();
            known.principals.append(&mut page);
        }
        let addresses: HashSet<BareJid> = known.principals.iter().map(|one| one.address.clone()).collect();
        // An address that is there already is not kept twice: there are many memberships of few.
        let shared = |address: BareJid| addresses.get(&address).cloned().unwrap_or(address);
        let mut after = None;
        loop {
            let page = store.directory_memberships(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            known.memberships.extend(page.into_iter().map(|one| (shared(one.member), shared(one.parent))));
        }
        let domain = self.directory.domain().as_str();
        let bound = known.principals.iter().filter(|one| one.kind == Kind::User);
        let names = found.entries.iter().filter_map(|entry| entry.local.as_deref());
        let named = names.filter_map(|name| BareJid::from_parts(Some(name), domain).ok());
        let asked: Vec<BareJid> = bound.map(|one| one.address.clone()).chain(named).collect();
        for slice in asked.chunks(SLICE) {
            known.accounts.extend(store.known_accounts(slice).await?);
        }
        Ok(known)
    }

    async fn carry_out(&self, plan: &Plan, duty: Duty) -> Result<(), Failure> {
        let store = &self.directory.0.store;
        // First who has to go: nobody is to have rights a moment longer for the sake of those who come.
        for address in &plan.removed_accounts {
            let Some(account) = self.account(address).await? else { continue };
            let farewell = Farewell { account, rooms: store.rooms_listing(address).await? };
            let deed = Deed::RemoveAccount { account, address: address.clone() };
            let done = self.administer(deed, "user.remove", address, duty).await;
            self.say_farewell(farewell, done).await?;
        }
        for address in &plan.disabled {
            let Some(account) = self.account(address).await? else { continue };
            let deed = Deed::SetAccountDisabled { account, address: address.clone(), is_disabled: true };
            let done = self.administer(deed, "user.change", address, duty).await;
            self.say_farewell(Farewell { account, rooms: Vec::new() }, done).await?;
        }
        self.change(&plan.records, duty).await?;
        for slice in plan.new_accounts.chunks(SLICE) {
            let new = |address: &BareJid| NewAccount {
                address: address.clone(),
                credentials: Vec::new(),
                digest: None,
            };
            store.add_accounts(slice.iter().map(new).collect(), Some(duty)).await?;
        }
        self.change(&plan.memberships, duty).await?;
        for address in &plan.enabled {
            if let Some(account) = self.account(address).await? {
                let deed = Deed::SetAccountDisabled { account, address: address.clone(), is_disabled: false };
                self.administer(deed, "user.change", address, duty).await?;
            }
        }
        self.directory.settle().await?;
        Ok(())
    }

    /// Does to an account what the directory says, and has the audit log tell so.
    async fn administer(
        &self,
        deed: Deed,
        operation: &'static str,
        address: &BareJid,
        duty: Duty,
    ) -> Result<(), DeedError> {
        let act = Act {
            at: Clock::system().now(),
            who: "directory".into(),
            origin: "synchronisation".into(),
            token: None,
            operation,
            object: address.to_string().into(),
            was: None,
            became: None,
            outcome: Outcome::Done,
            is_trial: false,
        };
        match self.directory.0.store.administer_on_duty(deed, act, duty).await {
            // Somebody else has removed it meanwhile.
            Ok(_) | Err(DeedError::NotThere) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn change(&self, changes: &[Change], duty: Duty) -> Result<(), PrincipalError> {
        for slice in changes.chunks(SLICE) {
            self.directory.begin_change(slice, Some(duty)).await?;
        }
        Ok(())
    }

    async fn account(&self, address: &BareJid) -> Result<Option<AccountId>, StoreError> {
        let name = address.local().unwrap_or_default();
        Ok(self.directory.0.store.account(name).await?.map(|account| account.id))
    }

    /// Also to whom it is not known whether it was done: he would not be asked about again.
    async fn say_farewell(&self, farewell: Farewell, done: Result<(), DeedError>) -> Result<(), DeedError> {
        if done.as_ref().err().is_none_or(DeedError::leaves_open) {
            // Nobody listening means that the server is about to stop, and all sessions with it.
            let _ = self.farewells.send(farewell).await;
        }
        done
    }
}

fn back_off(failures: u32, most: Duration) -> Duration {
    let doubled = BACK_OFF_LEAST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(most.max(BACK_OFF_LEAST))
}

/// Up to a tenth less, so that members, and pools, do not ask a directory all at once; never more, so that what is
/// promised holds.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(1.0 - 0.1 * rand::random::<f64>())
}

const DUTY: &str = "directory";

/// How long another member waits before it goes on for one that has died.
const DUTY_TIME: Duration = Duration::from_secs(10);

const BACK_OFF_LEAST: Duration = Duration::from_secs(1);

const PAGE: u32 = 1000;

/// Changes in one transaction.
const SLICE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_less_and_less_often() {
        let minute = Duration::from_secs(60);
        let pauses: Vec<u64> = (1..9).map(|failures| back_off(failures, minute).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        for _ in 0..100 {
            let pause = jittered(minute);
            assert!(pause <= minute && pause >= minute.mul_f64(0.9), "{pause:?}");
        }
    }
}
