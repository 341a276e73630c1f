//! LISTEN/NOTIFY as the carrier, for two or three members that want no further service beside the database.
//!
//! A notification is short (8 kB), and all that notify wait for one another at their commits: that is why a larger
//! pool has NATS.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::hearing::Hearing;
use super::outbox::{HEARTBEAT, Outbox, Outgoing, outbox};
use super::packing::{Limits, Message, To};
use super::{HEARD, Heard, wire};
use crate::chat::note::Member;

/// Starts the tasks that carry. `database` opens connections to where one can write; two are used.
pub(super) fn start(database: PgPool, pool: &str, me: Member) -> (Outbox, mpsc::Receiver<Heard>) {
    let (heard, receiver) = mpsc::channel(HEARD);
    let (sender, outgoing) = outbox(me.clone(), LIMITS);
    let channels = [To::All, To::Member(me.name.clone())].map(|to| to.channel(pool));
    tokio::spawn(hear(database.clone(), channels, Hearing::new(&me), heard));
    tokio::spawn(say(database, pool.into(), outgoing));
    (sender, receiver)
}

/// Carries what is to be said.
async fn say(database: PgPool, pool: Box<str>, mut outgoing: Outgoing) {
    while let Some(mut load) = outgoing.next().await {
        let messages = std::mem::take(&mut load.messages);
        for some in messages.chunks(NOTIFIED_TOGETHER) {
            if let Err(error) = notify(&database, &pool, some).await {
                // Whether it was sent is not known. A gap is right in both cases.
                debug!(%error, "messages to other members were not sent");
                outgoing.lose();
            }
        }
        load.done();
    }
}

async fn notify(database: &PgPool, pool: &str, messages: &[Message]) -> Result<(), sqlx::Error> {
    let channels: Vec<_> = messages.iter().map(|message| message.to.channel(pool)).collect();
    let texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
    let sent = sqlx::query(NOTIFY).bind(channels).bind(texts).execute(database);
    timeout(NOTIFY_TIME, sent).await.map_or(Err(sqlx::Error::PoolTimedOut), |sent| sent.map(drop))
}

/// Hands on what is heard, over one connection after the other, for as long as somebody wants to hear.
async fn hear(database: PgPool, channels: [String; 2], mut hearing: Hearing, heard: mpsc::Sender<Heard>) {
    let mut is_complaining = false;
    while !heard.is_closed() {
        match timeout(CONNECT_TIME, listen(&database, &channels)).await {
            Ok(Ok(listener)) => {
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
            Ok(Err(error)) => complain(&mut is_complaining, &error.to_string()),
            Err(late) => complain(&mut is_complaining, &late.to_string()),
        }
        sleep(RETRY_TIME).await;
    }
}

/// Says it once, not at each of many attempts.
fn complain(is_complaining: &mut bool, error: &str) {
    if !std::mem::replace(is_complaining, true) {
        warn!("the bus, by the database, is not reached, and tried again: {error}");
    }
}

async fn listen(database: &PgPool, channels: &[String; 2]) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(database).await?;
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
