//! LISTEN/NOTIFY as the carrier, for two or three members that want no further service beside the database.
//!
//! A notification is short (8 kB), and all that notify wait for one another at their commits: that is why a larger
//! pool has NATS.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::hearing::Hearing;
use super::outbox::{HEARTBEAT, Outbox, Outgoing, outbox};
use super::packing::{Limits, Message, To};
use super::{HEARD, Heard, wire};
use crate::chat::note::Member;
use crate::store::Store;
use crate::store::error::OpenError;

/// Why nothing can be said or heard now.
#[derive(Debug, Error)]
enum Fault {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Unreachable(#[from] OpenError),
    #[error("no answer")]
    Slow(#[from] tokio::time::error::Elapsed),
}

/// Starts the tasks that carry. Each has a connection of its own, to the host of the store that takes writes.
pub(super) fn start(store: Store, pool: &str, me: Member) -> (Outbox, mpsc::Receiver<Heard>) {
    let (heard, receiver) = mpsc::channel(HEARD);
    let (sender, outgoing) = outbox(me.clone(), LIMITS);
    let channels = [To::All, To::Member(me.name.clone())].map(|to| to.channel(pool));
    tokio::spawn(hear(store.clone(), channels, Hearing::new(&me), heard));
    tokio::spawn(say(store, pool.into(), outgoing));
    (sender, receiver)
}

/// Carries what is to be said.
async fn say(store: Store, pool: Box<str>, mut outgoing: Outgoing) {
    let mut database = None;
    while let Some(mut load) = outgoing.next().await {
        let messages = std::mem::take(&mut load.messages);
        for some in messages.chunks(NOTIFIED_TOGETHER) {
            let done = timeout(NOTIFY_TIME, notify(&store, &mut database, &pool, some)).await;
            if let Err(error) = done.unwrap_or_else(|late| Err(late.into())) {
                // Whether it was sent is not known. A gap is right in both cases.
                debug!(%error, "messages to other members were not sent");
                outgoing.lose();
                database = None;
            }
        }
        load.done();
    }
}

async fn notify(
    store: &Store,
    database: &mut Option<PgPool>,
    pool: &str,
    messages: &[Message],
) -> Result<(), Fault> {
    let database = match database {
        Some(database) => database,
        None => database.insert(connect(store).await?),
    };
    let channels: Vec<_> = messages.iter().map(|message| message.to.channel(pool)).collect();
    let texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
    sqlx::query(NOTIFY).bind(channels).bind(texts).execute(&*database).await?;
    Ok(())
}

/// The library wants a pool, so it gets one: of a single connection, and made anew with it, because the host that takes
/// writes may be another by then.
async fn connect(store: &Store) -> Result<PgPool, Fault> {
    let options = store.primary().await?;
    Ok(PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIME).connect_with(options).await?)
}

/// Hands on what is heard, over one connection after the other, for as long as somebody wants to hear.
async fn hear(store: Store, channels: [String; 2], mut hearing: Hearing, heard: mpsc::Sender<Heard>) {
    let mut is_complaining = false;
    while !heard.is_closed() {
        let listener = timeout(CONNECT_TIME, listen(&store, &channels)).await;
        match listener.unwrap_or_else(|late| Err(late.into())) {
            Ok(listener) => {
                info!("the bus is reached, by the database");
                is_complaining = false;
                let over = async {
                    // What was said before is not heard any more.
                    if heard.send(Heard::Gap { from: None }).await.is_ok() {
                        listen_until_lost(listener, &mut hearing, &heard).await;
                    }
                };
                tokio::select! {
                    () = over => {}
                    () = heard.closed() => return,
                }
                warn!(
                    "the bus is lost; until it is back, members learn of one another's changes from the store"
                );
            }
            Err(error) => complain(&mut is_complaining, &error),
        }
        sleep(RETRY_TIME).await;
    }
}

/// Says it once, not at each of many attempts.
fn complain(is_complaining: &mut bool, error: &Fault) {
    if !std::mem::replace(is_complaining, true) {
        warn!("the bus, by the database, is not reached, and tried again: {error}");
    }
}

async fn listen(store: &Store, channels: &[String; 2]) -> Result<PgListener, Fault> {
    let mut listener = PgListener::connect_with(&connect(store).await?).await?;
    // A connection that was lost is a gap, and not for the library to hide.
    listener.eager_reconnect(false);
    listener.listen_all(channels.iter().map(String::as_str)).await?;
    Ok(listener)
}

async fn listen_until_lost(mut listener: PgListener, hearing: &mut Hearing, heard: &mpsc::Sender<Heard>) {
    let mut news = Vec::new();
    // This member's own signs of life come back too: silence is a dead connection.
    while let Ok(Ok(Some(notification))) = timeout(SILENCE_MAX, listener.try_recv()).await {
        if let Some(envelope) = wire::read(notification.payload().as_bytes()) {
            hearing.hear(envelope, &mut news);
        }
        for news in news.drain(..) {
            if heard.send(news).await.is_err() {
                return;
            }
        }
    }
}

/// Nothing of it has to survive, so its commit waits neither for the disk nor for a standby.
const NOTIFY: &str = "SELECT pg_notify(channel, text), set_config('synchronous_commit', 'off', true)
    FROM unnest($1::text[], $2::text[]) AS message (channel, text)";

/// A notification has to be shorter than 8000 bytes; its head takes some.
const LIMITS: Limits = Limits { together: 7200, alone: 7200 };

const NOTIFIED_TOGETHER: usize = 64;

const NOTIFY_TIME: Duration = Duration::from_secs(5);

const CONNECT_TIME: Duration = Duration::from_secs(10);

const RETRY_TIME: Duration = HEARTBEAT;

const SILENCE_MAX: Duration = Duration::from_secs(5);
