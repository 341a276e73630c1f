//! What the other members of the pool say and do, taken to those on this one whom it concerns.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::account;
use crate::bus::{self, Bus, BusError, Heard};
use crate::chat::note::{self, Note, RoomName};
use crate::config::Config;
use crate::fanout::mailbox::Ending;
use crate::pool::{Alarm, Pool};
use crate::room::Rooms;
use crate::server::RETURN_TIMES;
use crate::session::Sessions;
use crate::store::Store;
use crate::store::member::HeldRoom;

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

/// Those whom it may concern.
#[derive(Clone)]
pub struct Ears {
    pub pool: Pool,
    pub rooms: Rooms,
    pub people: account::Accounts,
    pub sessions: Sessions,
}

/// Takes what the bus brings to those whom it is for.
pub async fn hear(mut heard: mpsc::Receiver<Heard>, ears: Ears, stop: CancellationToken) {
    while let Some(Some(heard)) = stop.run_until_cancelled(heard.recv()).await {
        // That logs are compared after a gap is the pool's affair: it raises an alarm.
        ears.pool.hears(&heard);
        ears.people.hear(&heard);
        if let Heard::Note { note, .. } = heard {
            ears.sessions.hear(&note);
            ears.rooms.hear(note);
        }
    }
}

/// Takes the pool's alarms to those whom they concern.
pub async fn heed(mut alarms: mpsc::Receiver<Alarm>, ears: Ears, stop: CancellationToken) {
    let Ears { rooms, people, sessions, .. } = ears;
    while let Some(Some(alarm)) = stop.run_until_cancelled(alarms.recv()).await {
        let done = match alarm {
            Alarm::Compare => rooms.compare().await.and(people.compare().await),
            Alarm::Due => rooms.expire().await,
            Alarm::MemberGone { member, rooms: held } => {
                people.forget_member(&member, RETURN_TIMES.sessions);
                for HeldRoom { id, name } in held {
                    rooms.hear(Note::RoomStale { room: RoomName { name, id } });
                }
                Ok(())
            }
            Alarm::Deposed => {
                sessions.end_all(Ending::Shutdown);
                Ok(())
            }
            Alarm::StateChanged(_) => Ok(()),
        };
        if let Err(error) = done {
            // It is raised again as long as there is a reason.
            debug!(%error, "an alarm of the pool could not be heeded");
        }
    }
}
