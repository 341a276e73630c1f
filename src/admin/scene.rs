//! An administration as tests need one: of the only member of its pool.

use std::time::Duration;

use perch_address::BareJid;

use super::Admin;
use crate::auth::{Accounts, GuessLimits, Policy, Registration};
use crate::bus::Bus;
use crate::chat::administration::level::Here;
use crate::chat::note;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::pool::{Pool, ReturnTimes};
use crate::room::Rooms;
use crate::store::Store;

/// `root` administers by configuration.
pub(crate) async fn administration(store: Store, directory: Directory, rooms: Rooms, clock: Clock) -> Admin {
    let policy = Policy {
        registration: Registration::Off,
        admins: vec![BareJid::new("root@localhost").unwrap()],
        guesses: GuessLimits { per_account_and_minute: 10, per_address_and_minute: 10 },
        takes_md5: false,
    };
    let localhost = BareJid::new("localhost").unwrap();
    let me = note::Member { name: "perch".into(), incarnation: store.incarnation() };
    let times = ReturnTimes { sessions: Duration::ZERO, seats: Duration::ZERO };
    let pool = Pool::join(store.clone(), Bus::Local, clock.clone(), me, times).await.unwrap();
    let accounts = Accounts::new(store.clone(), localhost, policy, clock.clone());
    Admin::new(store, accounts, pool, directory, rooms, clock, here())
}

pub(crate) fn here() -> Here {
    Here { pool: "one".into(), site: Some("berlin".into()) }
}
