//! NATS core as the carrier: at most once, in order for each publisher. JetStream is not used: what must not be lost is
//! in the store.
//!
//! The client library reconnects by itself for as long as it takes. What it had under way then is lost, which the
//! counts of the messages show; that there was a pause at all is reported as a gap of everybody.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::coop::unconstrained;
use tracing::{debug, error, info, warn};

use super::hearing::{Hearing, Lanes};
use super::options::Nats;
use super::outbox::{Outbox, Outgoing, outbox};
use super::packing::{Limits, Message, To};
use super::wire::{self, Envelope};
use super::{BusError, HEARD, Heard};
use crate::chat::note::Member;

/// Connects, now or as soon as a server answers, and starts the tasks that carry.
pub(super) async fn start(
    options: &Nats,
    pool: &str,
    me: Member,
) -> Result<(Outbox, mpsc::Receiver<Heard>), BusError> {
    let (events, happened) = mpsc::channel(EVENTS);
    let client = connect(options, &me, events).await?;
    let subscribe = async |subject: String| {
        client.subscribe(subject).await.map_err(|error| BusError::Refused(error.to_string()))
    };
    let all = subscribe(To::All.channel(pool)).await?;
    let told = subscribe(To::Member(me.name.clone()).channel(pool)).await?;
    let (heard, receiver) = mpsc::channel(HEARD);
    let (sender, outgoing) = outbox(me.clone(), LIMITS);
    tokio::spawn(hear(Ways { all, told, happened }, Hearing::new(&me), heard));
    tokio::spawn(say(client, pool.into(), outgoing));
    Ok((sender, receiver))
}

async fn connect(options: &Nats, me: &Member, events: mpsc::Sender<Gap>) -> Result<Client, BusError> {
    let reporter = Arc::new(Reporter::new(options.hosts(), events));
    let mut connect = ConnectOptions::new()
        .name(format!("perch {}", me.name))
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        // A link that is dead without saying so is found out about after three of these.
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECT_TIME)
        .subscription_capacity(SUBSCRIBED)
        .client_capacity(SENT_TOGETHER)
        .event_callback(move |event| {
            reporter.report(event);
            std::future::ready(())
        });
    if let Some(login) = &options.login {
        connect = match &login.password {
            Some(password) => connect.user_and_password(login.user.clone(), password.reveal().to_owned()),
            None => connect.token(login.user.clone()),
        };
    }
    if let Some(path) = &options.credentials {
        let unusable = |source| BusError::File { path: path.clone(), source };
        let text = tokio::fs::read_to_string(path).await.map_err(unusable)?;
        connect = connect.credentials(&text).map_err(unusable)?;
    }
    if let Some(path) = &options.authorities {
        check_pem(path, "CERTIFICATE").await?;
        connect = connect.add_root_certificates(path.clone());
    }
    if let Some(identity) = &options.identity {
        check_pem(&identity.certificate, "CERTIFICATE").await?;
        check_pem(&identity.key, "PRIVATE KEY").await?;
        connect = connect.add_client_certificate(identity.certificate.clone(), identity.key.clone());
    }
    let client = connect.require_tls(options.is_tls).connect(options.servers.clone()).await;
    client.map_err(|error| BusError::Refused(error.to_string()))
}

/// The library reads these files at each connection and would try for ever with one that is not there.
async fn check_pem(path: &Path, label: &str) -> Result<(), BusError> {
    let unusable = |source| BusError::File { path: path.into(), source };
    let text = tokio::fs::read_to_string(path).await.map_err(unusable)?;
    let is_pem = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
    is_pem.then_some(()).ok_or_else(|| BusError::NoPem { path: path.into() })
}

/// Carries what is to be said.
async fn say(client: Client, pool: Box<str>, mut outgoing: Outgoing) {
    while let Some(mut load) = outgoing.next().await {
        for Message { to, text } in std::mem::take(&mut load.messages) {
            // Waits while there is no connection and much is to be said: the outbox overflows then, which shows.
            if let Err(error) = client.publish(to.channel(&pool), text.into()).await {
                debug!(%error, "a message to other members was not sent");
                outgoing.lose();
            }
        }
        load.done();
    }
    drop(client.flush().await);
}

/// By which something comes.
struct Ways {
    all: Subscriber,
    told: Subscriber,
    happened: mpsc::Receiver<Gap>,
}

/// There was a pause, or messages were dropped on their way in: it is not known whose.
#[derive(Debug)]
struct Gap;

/// Hands on what is heard, for as long as somebody wants to hear.
async fn hear(mut ways: Ways, mut hearing: Hearing, heard: mpsc::Sender<Heard>) {
    let mut lanes = Lanes::default();
    let mut news = Vec::new();
    loop {
        tokio::select! {
            message = ways.all.next() => match message {
                Some(message) => lanes.all.extend(wire::read(&message.payload)),
                None => return,
            },
            message = ways.told.next() => match message {
                Some(message) => lanes.told.extend(wire::read(&message.payload)),
                None => return,
            },
            Some(Gap) = ways.happened.recv() => news.push(Heard::Gap { from: None }),
            () = heard.closed() => return,
        }
        // The library puts messages into the two queues in the order in which they came. What is taken from one has
        // what came before it in the other.
        loop {
            ways.take_ready(&mut lanes).await;
            if !lanes.hand_over(&mut hearing, &mut news) {
                break;
            }
        }
        for news in news.drain(..) {
            // While nobody listens the subscriptions fill up, and overflow: a gap.
            if heard.send(news).await.is_err() {
                return;
            }
        }
    }
}

impl Ways {
    /// Takes what is there already. The first queue is looked at again after the second: what came into it meanwhile may
    /// come before what was taken from the second.
    async fn take_ready(&mut self, lanes: &mut Lanes) {
        take(&mut self.told, &mut lanes.told).await;
        take(&mut self.all, &mut lanes.all).await;
        take(&mut self.told, &mut lanes.told).await;
    }
}

async fn take(way: &mut Subscriber, lane: &mut VecDeque<Envelope>) {
    for _ in 0..TAKEN_TOGETHER {
        // Not under the runtime's budget: that would show a queue as empty that is not.
        match unconstrained(way.next()).now_or_never().flatten() {
            Some(message) => lane.extend(wire::read(&message.payload)),
            None => return,
        }
    }
}

/// Tells the log, once for each change, how the connection is, and the hearing task where something was lost.
struct Reporter {
    hosts: String,
    events: mpsc::Sender<Gap>,
    is_connected: AtomicBool,
    /// What was last complained of.
    complaint: Mutex<String>,
}

impl Reporter {
    fn new(hosts: String, events: mpsc::Sender<Gap>) -> Self {
        Self { hosts, events, is_connected: AtomicBool::new(false), complaint: Mutex::new(String::new()) }
    }

    fn report(&self, event: Event) {
        let hosts = &self.hosts;
        match event {
            Event::Connected => {
                self.is_connected.store(true, Ordering::Relaxed);
                self.complaint.lock().clear();
                info!(hosts, "the bus is reached");
                self.gap();
            }
            Event::Disconnected => {
                self.is_connected.store(false, Ordering::Relaxed);
                warn!(
                    hosts,
                    "the bus is lost; until it is back, members learn of one another's changes from the store"
                );
                self.gap();
            }
            Event::SlowConsumer(_) => self.gap(),
            Event::ServerError(error) => self.complain(&error.to_string()),
            Event::ClientError(error) => self.complain(&error.to_string()),
            // The server says that it will go; the library finds another.
            Event::LameDuckMode | Event::Draining | Event::Closed => debug!(%event, "the bus"),
        }
    }

    /// Says each complaint once, not at each of many attempts.
    fn complain(&self, text: &str) {
        if std::mem::replace(&mut *self.complaint.lock(), text.to_owned()) == text {
            return;
        }
        let hosts = &self.hosts;
        if text.to_lowercase().contains("authorization") || text.contains("nonce") {
            error!(hosts, "the bus refuses our credentials: look at bus.url and bus.credentials ({text})");
        } else if text.contains("TLS") {
            error!(
                hosts,
                "no TLS connection to the bus: look at bus.tls_ca and the names in its certificate ({text})"
            );
        } else if self.is_connected.load(Ordering::Relaxed) {
            warn!(hosts, "the bus complains: {text}");
        } else {
            warn!(hosts, "the bus is not reached, and tried again: {text}");
        }
    }

    /// When these wait already, one more would say nothing new.
    fn gap(&self) {
        drop(self.events.try_send(Gap));
    }
}

/// A server takes messages up to 1 MiB unless it is told otherwise.
const LIMITS: Limits = Limits { together: 16 << 10, alone: 512 << 10 };

/// Messages that wait in each subscription. Most are small; beyond this the library drops them, and says so.
const SUBSCRIBED: usize = 8192;

/// Messages that wait in the library, also while it has no connection.
const SENT_TOGETHER: usize = 256;

const TAKEN_TOGETHER: usize = 256;

const EVENTS: usize = 4;

const PING_INTERVAL: Duration = Duration::from_secs(1);

const CONNECT_TIME: Duration = Duration::from_secs(5);
