//! How many connections may be open that have not signed in: in all, and from one address.
//!
//! Invariant: a [`Place`] is counted exactly as long as it lives.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::Neighbourhood;

/// The bounds; both are counts of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub before_login: usize,
    /// Loopback is exempt: a process of this machine has simpler ways to do harm.
    pub before_login_per_address: usize,
}

/// Gives places to strangers.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    rooms: Arc<Semaphore>,
    per_address_max: usize,
    per_address: DashMap<Neighbourhood, usize>,
}

/// Room for one more stranger, whoever that will be.
pub(super) type Room = OwnedSemaphorePermit;

/// One stranger's place.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    counted: Option<Neighbourhood>,
    _room: Room,
}

impl Admission {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared {
            rooms: Arc::new(Semaphore::new(limits.before_login)),
            per_address_max: limits.before_login_per_address,
            per_address: DashMap::new(),
        }))
    }

    /// Waits until one more stranger may come in.
    pub(super) async fn room(&self) -> Room {
        Arc::clone(&self.0.rooms).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// A place for a connection from `address`, unless it has too many.
    pub(super) fn admit(&self, room: Room, address: IpAddr) -> Option<Place> {
        let counted = (!address.is_loopback()).then(|| Neighbourhood::of(address));
        if let Some(address) = counted {
            let mut count = self.0.per_address.entry(address).or_insert(0);
            if *count >= self.0.per_address_max {
                return None;
            }
            *count += 1;
        }
        Some(Place { shared: Arc::clone(&self.0), counted, _room: room })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(address) = self.counted {
            self.shared.per_address.remove_if_mut(&address, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::new(Limits { before_login: 5, before_login_per_address: 2 })
    }

    async fn admit(admission: &Admission, address: &str) -> Option<Place> {
        let room = admission.room().await;
        admission.admit(room, address.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_a_bounded_number_of_places_and_gets_them_back() {
        let admission = admission();
        let first = admit(&admission, "192.0.2.1").await;
        let second = admit(&admission, "::ffff:192.0.2.1").await;
        assert!(first.is_some() && second.is_some());
        assert!(admit(&admission, "192.0.2.1").await.is_none());
        assert!(admit(&admission, "192.0.2.2").await.is_some());
        drop(first);
        assert!(admit(&admission, "192.0.2.1").await.is_some());
        drop(second);
        assert!(admission.0.per_address.is_empty(), "no address is remembered for ever");
    }

    #[tokio::test]
    async fn neighbours_of_ipv6_share_their_places() {
        let admission = admission();
        let places = [admit(&admission, "2001:db8::1").await, admit(&admission, "2001:db8::2").await];
        assert!(places.iter().all(Option::is_some));
        assert!(admit(&admission, "2001:db8::3").await.is_none());
        assert!(admit(&admission, "2001:db8:0:1::3").await.is_some());
    }

    #[tokio::test]
    async fn loopback_meets_the_bound_of_all_only() {
        let admission = admission();
        let mut places = Vec::new();
        for _ in 0..5 {
            places.push(admit(&admission, "127.0.0.1").await.expect("no bound of its own"));
        }
        assert_eq!(admission.0.rooms.available_permits(), 0);
        places.pop();
        assert_eq!(admission.0.rooms.available_permits(), 1);
    }
}
