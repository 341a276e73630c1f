//! What the other members of the pool say and do, taken to those on this one whom it concerns.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bus::{self, Bus, BusError, Heard};
use crate::chat::command::{Actor, Command};
use crate::chat::note;
use crate::config::Config;
use crate::fanout::mailbox::Ending;
use crate::pool::{Alarm, Pool};
use crate::room::{Receipt, Rooms};
use crate::session::Sessions;
use crate::store::Store;

pub(super) async fn open_bus(
    config: &Config,
    store: &Store,
    me: note::Member,
) -> Result<(Bus, mpsc::Receiver<Heard>), BusError> {
    let pool = &config.pool.name;
    match &config.bus {
        bus::Options::Local => Ok(Bus::local()),
        bus::Options::Nats(nats) => Bus::nats(nats, pool, me).await,
        bus::Options::Postgres => Ok(Bus::postgres(store.clone(), pool, me)),
    }
}

/// Takes what the bus brings to those whom it is for.
pub(super) async fn hear(mut heard: mpsc::Receiver<Heard>, pool: Pool, stop: CancellationToken) {
    while let Some(Some(heard)) = stop.run_until_cancelled(heard.recv()).await {
        pool.hears(&heard);
    }
}

/// Takes the pool's alarms to those whom they concern.
pub(super) async fn heed(
    mut alarms: mpsc::Receiver<Alarm>,
    rooms: Rooms,
    sessions: Sessions,
    stop: CancellationToken,
) {
    while let Some(Some(alarm)) = stop.run_until_cancelled(alarms.recv()).await {
        match alarm {
            Alarm::SeatsDue(seats) => {
                let names: BTreeSet<_> = seats.into_iter().map(|seat| seat.name).collect();
                for name in names {
                    rooms.command(&name, Actor::service(), Command::Expire, None, Receipt::None).await;
                }
            }
            Alarm::Deposed => sessions.end_all(Ending::Shutdown),
            Alarm::Compare | Alarm::MemberGone { .. } | Alarm::SessionsDue(_) | Alarm::StateChanged(_) => {}
        }
    }
}
