//! What the other members of the pool say and do, taken to those on this one whom it concerns.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::account;
use crate::bus::{self, Bus, BusError, Heard};
use crate::chat::note::{self, Note, RoomName};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use crate::fanout::mailbox::Ending;
use crate::pool::{Alarm, Pool};
use crate::room::Rooms;
use crate::server::{RETURN_TIMES, Stage};
use crate::session::Sessions;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::member::{HeldRoom, MemberState};
use crate::stream::{Direction, Directions, Streams};

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
pub(super) struct Ears {
    pub(super) pool: Pool,
    pub(super) directory: Directory,
    pub(super) rooms: Rooms,
    pub(super) people: account::Accounts,
    pub(super) sessions: Sessions,
    pub(super) streams: Streams,
}

/// Looks after the pool from here on: whatever waits for all members needs somebody to find out the dead.
pub(super) async fn join_pool(
    store: &Store,
    bus: &Bus,
    clock: &Clock,
    me: note::Member,
    services: &Stage,
) -> Result<(Pool, mpsc::Receiver<Alarm>), StoreError> {
    let pool = Pool::join(store.clone(), bus.clone(), clock.clone(), me, RETURN_TIMES).await?;
    let (alarms, raised) = mpsc::channel(ALARMS);
    services.spawn(|stop| pool.clone().run(alarms, stop));
    Ok((pool, raised))
}

/// Hears the other members, and follows the rights that all go by.
pub(super) fn keep_in_touch(
    services: &Stage,
    heard: mpsc::Receiver<Heard>,
    raised: mpsc::Receiver<Alarm>,
    ears: Ears,
) {
    services.spawn(|stop| ears.rooms.clone().follow_rights(stop));
    services.spawn(|stop| ears.sessions.clone().follow_rights(stop));
    services.spawn(|stop| hear(heard, ears.clone(), stop));
    services.spawn(|stop| heed(raised, ears, stop));
}

/// Takes what the bus brings to those whom it is for.
async fn hear(mut heard: mpsc::Receiver<Heard>, ears: Ears, stop: CancellationToken) {
    while let Some(Some(heard)) = stop.run_until_cancelled(heard.recv()).await {
        // That logs are compared after a gap is the pool's affair: it raises an alarm.
        ears.pool.hears(&heard);
        ears.people.hear(&heard);
        if let Heard::Note { note, .. } = heard {
            ears.directory.hear(&note);
            ears.sessions.hear(&note);
            ears.streams.hear(&note);
            ears.rooms.hear(note);
        }
    }
}

/// Where a client is sent by a member that takes none.
pub(super) fn directions(pool: &Pool) -> Directions {
    let pool = pool.clone();
    Directions::new(move || {
        if pool.state() == MemberState::Active {
            return None;
        }
        let contacts = pool.contacts();
        // One after the other would need a count; chance spreads them as well.
        let chosen = contacts.get(rand::random_range(0..contacts.len().max(1)));
        Some(chosen.map_or(Direction::Away, |contact| Direction::To(contact.address.clone())))
    })
}

/// Takes the pool's alarms to those whom they concern.
async fn heed(mut alarms: mpsc::Receiver<Alarm>, ears: Ears, stop: CancellationToken) {
    let Ears { pool, rooms, people, sessions, .. } = ears;
    while let Some(Some(alarm)) = stop.run_until_cancelled(alarms.recv()).await {
        let done = match alarm {
            Alarm::Compare => rooms.compare().await.and(people.compare().await),
            Alarm::Due => rooms.expire().await.and(sessions.end_unclaimed().await),
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
            Alarm::StateChanged(MemberState::Active) => Ok(()),
            Alarm::StateChanged(_) => {
                let (pool, sessions) = (pool.clone(), sessions.clone());
                tokio::spawn(async move {
                    sessions.send_away(|| pool.state() != MemberState::Active).await;
                });
                Ok(())
            }
        };
        if let Err(error) = done {
            // It is raised again as long as there is a reason.
            debug!(%error, "an alarm of the pool could not be heeded");
        }
    }
}

/// Alarms of the pool that may wait to be heeded.
const ALARMS: usize = 64;
