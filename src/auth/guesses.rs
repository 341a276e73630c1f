//! Bounds how often passwords may be guessed, for one account and from one neighbourhood of the network, and how
//! many accounts one neighbourhood may wish for.
//!
//! An attempt is charged before it is made and refunded when it succeeds, so that many at once gain nothing. Whoever
//! guesses at an account cannot lock its owner out: where the owner signed in before, only the bound of that
//! neighbourhood holds.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use perch_address::BareJid;
use thiserror::Error;

use crate::chat::id::Timestamp;
use crate::clock::Clock;

/// How many wrong passwords are taken before the next must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    pub per_account_and_minute: u32,
    pub per_address_and_minute: u32,
}

/// The attempts of late; cheap to clone.
#[derive(Debug, Clone)]
pub struct Guesses(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    accounts: Meters<BareJid>,
    neighbourhoods: Meters<Neighbourhood>,
    registrations: Meters<Neighbourhood>,
    /// When an account signed in last from a neighbourhood.
    welcome: DashMap<(BareJid, Neighbourhood), Timestamp>,
}

/// An attempt that was charged.
#[derive(Debug)]
#[must_use = "an attempt that is not reported as a success stays charged"]
pub struct Attempt {
    guesses: Guesses,
    account: BareJid,
    neighbourhood: Neighbourhood,
    is_charged_to_account: bool,
}

/// Why an attempt has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many attempts of late")]
pub struct TooManyAttempts;

/// What one subscriber holds: an IPv4 address, or the 64 leading bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Neighbourhood(IpAddr);

impl Guesses {
    pub fn new(limits: GuessLimits, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            clock,
            accounts: Meters::new(limits.per_account_and_minute),
            neighbourhoods: Meters::new(limits.per_address_and_minute),
            registrations: Meters::new(REGISTRATIONS_PER_MINUTE),
            welcome: DashMap::new(),
        }))
    }

    /// Charges an attempt to sign in to `account` from `peer`.
    pub fn attempt(&self, account: &BareJid, peer: IpAddr) -> Result<Attempt, TooManyAttempts> {
        let now = self.0.clock.now();
        let neighbourhood = Neighbourhood::of(peer);
        self.0.neighbourhoods.charge(neighbourhood, now)?;
        let is_charged_to_account = !self.is_welcome(account, neighbourhood, now);
        if is_charged_to_account {
            self.0.accounts.charge(account.clone(), now)?;
        }
        Ok(Attempt { guesses: self.clone(), account: account.clone(), neighbourhood, is_charged_to_account })
    }

    /// Charges a wish for a new account, granted or not: names are not to be tried in bulk either.
    pub fn registration(&self, peer: IpAddr) -> Result<(), TooManyAttempts> {
        self.0.registrations.charge(Neighbourhood::of(peer), self.0.clock.now())
    }

    fn is_welcome(&self, account: &BareJid, neighbourhood: Neighbourhood, now: Timestamp) -> bool {
        let last = self.0.welcome.get(&(account.clone(), neighbourhood)).map(|last| *last);
        last.is_some_and(|last| now < last.plus(WELCOME_TIME))
    }
}

impl Attempt {
    /// The password was right.
    pub fn succeed(self) {
        let shared = &self.guesses.0;
        let now = shared.clock.now();
        shared.neighbourhoods.refund(&self.neighbourhood);
        if self.is_charged_to_account {
            shared.accounts.refund(&self.account);
        }
        if shared.welcome.len() >= ENTRIES_MAX {
            shared.welcome.retain(|_, last| now < last.plus(WELCOME_TIME));
        }
        if shared.welcome.len() < ENTRIES_MAX {
            shared.welcome.insert((self.account, self.neighbourhood), now);
        }
    }
}

impl Neighbourhood {
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            IpAddr::V4(address) => IpAddr::V4(address),
        })
    }
}

/// Token buckets, each kept as the time at which it is full again: an empty map is all of them full.
#[derive(Debug)]
pub(crate) struct Meters<K: std::hash::Hash + Eq> {
    full_at: DashMap<K, Timestamp>,
    /// What one attempt costs, in time.
    cost: Duration,
}

impl<K: std::hash::Hash + Eq> Meters<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { full_at: DashMap::new(), cost: MINUTE / per_minute.max(1) }
    }

    pub(crate) fn charge(&self, key: K, now: Timestamp) -> Result<(), TooManyAttempts> {
        if self.full_at.len() >= ENTRIES_MAX {
            self.full_at.retain(|_, full_at| *full_at > now);
            // So many failing at once come from everywhere; the other meter still holds each of them.
            if self.full_at.len() >= ENTRIES_MAX {
                return Ok(());
            }
        }
        match self.full_at.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(now.plus(self.cost));
            }
            Entry::Occupied(mut occupied) => {
                let full_at = (*occupied.get()).max(now).plus(self.cost);
                if full_at > now.plus(MINUTE) {
                    return Err(TooManyAttempts);
                }
                occupied.insert(full_at);
            }
        }
        Ok(())
    }

    fn refund(&self, key: &K) {
        if let Some(mut full_at) = self.full_at.get_mut(key) {
            full_at.0 -= i64::try_from(self.cost.as_millis()).unwrap_or(i64::MAX);
        }
    }
}

/// The size of each bucket: a minute's worth of attempts.
const MINUTE: Duration = Duration::from_secs(60);

/// New accounts that are wished for from one neighbourhood: an office, not a flood.
const REGISTRATIONS_PER_MINUTE: u32 = 5;

/// How long a sign-in vouches for where it came from.
const WELCOME_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Entries of each map, some ten megabytes at worst.
const ENTRIES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        guesses: Guesses,
        clock: Clock,
    }

    impl Scene {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp(1_000_000));
            let limits = GuessLimits { per_account_and_minute: 3, per_address_and_minute: 6 };
            Self { guesses: Guesses::new(limits, clock.clone()), clock }
        }

        fn attempt(&self, name: &str, peer: &str) -> Option<Attempt> {
            let account = BareJid::new(&format!("{name}@localhost")).unwrap();
            self.guesses.attempt(&account, peer.parse().unwrap()).ok()
        }

        /// How many wrong passwords are taken in a row.
        fn wrong(&self, name: &str, peer: &str) -> usize {
            std::iter::repeat_with(|| self.attempt(name, peer)).take(100).take_while(Option::is_some).count()
        }
    }

    #[test]
    fn an_account_is_guessed_at_three_times_from_wherever() {
        let scene = Scene::new();
        assert!(scene.attempt("alice", "192.0.2.1").is_some());
        assert!(scene.attempt("alice", "192.0.2.2").is_some());
        assert!(scene.attempt("alice", "192.0.2.3").is_some());
        assert!(scene.attempt("alice", "192.0.2.4").is_none());
        assert!(scene.attempt("bob", "192.0.2.4").is_some());
        scene.clock.advance(Duration::from_secs(20));
        assert_eq!(
            scene.wrong("alice", "192.0.2.5"),
            1,
            "a third of a minute is worth a third of the attempts"
        );
    }

    #[test]
    fn an_address_guesses_six_times_at_whomever() {
        let scene = Scene::new();
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let taken = names.iter().filter(|name| scene.attempt(name, "2001:db8::1").is_some()).count();
        assert_eq!(taken, 6);
        assert!(scene.attempt("h", "2001:db8::ffff").is_none(), "a neighbour");
        assert!(scene.attempt("h", "2001:db8:0:1::1").is_some());
        scene.clock.advance(MINUTE);
        assert_eq!(scene.wrong("i", "2001:db8::1"), 3);
    }

    #[test]
    fn whoever_is_right_pays_nothing() {
        let scene = Scene::new();
        for _ in 0..100 {
            scene.attempt("alice", "192.0.2.1").expect("never refused").succeed();
        }
    }

    #[test]
    fn a_neighbourhood_does_not_flood_the_server_with_accounts() {
        let scene = Scene::new();
        let wishes = |peer: &str| {
            let peer = peer.parse().unwrap();
            (0..100).filter(|_| scene.guesses.registration(peer).is_ok()).count()
        };
        assert_eq!(wishes("2001:db8::1"), 5);
        assert_eq!(wishes("2001:db8::2"), 0);
        assert_eq!(wishes("192.0.2.1"), 5);
    }

    #[test]
    fn a_guesser_does_not_lock_the_owner_out() {
        let scene = Scene::new();
        scene.attempt("alice", "192.0.2.1").unwrap().succeed();
        assert_eq!(scene.wrong("alice", "198.51.100.66"), 3);
        scene.attempt("alice", "192.0.2.1").expect("welcome where she was before").succeed();
        assert!(scene.attempt("alice", "192.0.2.2").is_none());
        assert_eq!(scene.wrong("alice", "192.0.2.1"), 6, "the bound of the neighbourhood holds for her too");
        scene.clock.advance(WELCOME_TIME);
        assert_eq!(scene.wrong("alice", "192.0.2.1"), 3, "some day a welcome is over");
    }
}
