//! The network of a simulated pool as the carrier: what it carries is lost, doubled, late or overtaken as its seed says,
//! and lines between members can be cut, each way for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::hearing::Hearing;
use super::outbox::{Outbox, Outgoing, outbox};
use super::packing::{Limits, Message, To};
use super::{HEARD, Heard, wire};
use crate::chat::note::Member;
use crate::store::model::Line;

/// The network. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    receivers: BTreeMap<Box<str>, mpsc::Sender<String>>,
    /// From whom to whom nothing gets.
    cuts: BTreeSet<(Box<str>, Box<str>)>,
    /// When what was last sent from one to the other arrives.
    arrivals: BTreeMap<(Box<str>, Box<str>), Instant>,
    faults: Faults,
    chance: StdRng,
}

/// How bad it is: each the share of messages that it happens to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub lost: f64,
    pub doubled: f64,
    /// It comes late, and so does whatever is behind it.
    pub delayed: f64,
    /// What was sent after it may come before it.
    pub overtaken: f64,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            receivers: BTreeMap::new(),
            cuts: BTreeSet::new(),
            arrivals: BTreeMap::new(),
            faults: Faults::default(),
            chance: StdRng::seed_from_u64(seed),
        })))
    }

    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// One way.
    pub fn cut(&self, from: &str, to: &str, is_cut: bool) {
        let pair = (from.into(), to.into());
        let cuts = &mut self.0.lock().cuts;
        if is_cut {
            cuts.insert(pair)
        } else {
            cuts.remove(&pair)
        };
    }

    /// Takes a member in, in place of whoever had its name before.
    pub(super) fn join(&self, me: &Member, line: &Line) -> (Outbox, mpsc::Receiver<Heard>) {
        let (sender, arriving) = mpsc::channel(HEARD);
        self.0.lock().receivers.insert(me.name.clone(), sender);
        let (heard, receiver) = mpsc::channel(HEARD);
        let (sender, outgoing) = outbox(me.clone(), LIMITS);
        tokio::spawn(hear(arriving, line.clone(), Hearing::new(me), heard));
        tokio::spawn(say(self.clone(), me.name.clone(), line.clone(), outgoing));
        (sender, receiver)
    }

    fn carry(&self, from: &str, message: &Message) {
        let state = &mut *self.0.lock();
        let is_meant = |name: &str| match &message.to {
            To::All => name != from,
            To::Member(member) => name == &**member,
        };
        for (name, receiver) in state.receivers.iter().filter(|(name, _)| is_meant(name)) {
            let pair = (Box::from(from), name.clone());
            if state.cuts.contains(&pair) || state.chance.random_bool(state.faults.lost) {
                continue;
            }
            let copies = 1 + usize::from(state.chance.random_bool(state.faults.doubled));
            for _ in 0..copies {
                let is_delayed = state.chance.random_bool(state.faults.delayed);
                let most = if is_delayed { LATE_MS } else { PROMPT_MS };
                let way = Duration::from_millis(state.chance.random_range(0..=most));
                let last = state.arrivals.entry(pair.clone()).or_insert_with(Instant::now);
                let mut arrival = Instant::now() + way;
                if !state.chance.random_bool(state.faults.overtaken) {
                    arrival = arrival.max(*last);
                    *last = arrival;
                }
                tokio::spawn(arrive(receiver.clone(), message.text.clone(), arrival));
            }
        }
    }
}

async fn arrive(receiver: mpsc::Sender<String>, text: String, at: Instant) {
    sleep_until(at).await;
    // Whoever does not listen misses it.
    let _ = receiver.try_send(text);
}

async fn say(network: Network, me: Box<str>, line: Line, mut outgoing: Outgoing) {
    while let Some(mut load) = outgoing.next().await {
        line.runs().await;
        for message in std::mem::take(&mut load.messages) {
            network.carry(&me, &message);
        }
        load.done();
    }
}

async fn hear(
    mut arriving: mpsc::Receiver<String>,
    line: Line,
    mut hearing: Hearing,
    heard: mpsc::Sender<Heard>,
) {
    let mut news = Vec::new();
    while let Some(text) = arriving.recv().await {
        line.runs().await;
        if let Some(envelope) = wire::read(text.as_bytes()) {
            hearing.hear(envelope, &mut news);
        }
        for news in news.drain(..) {
            if heard.send(news).await.is_err() {
                return;
            }
        }
    }
}

/// As NATS has them.
const LIMITS: Limits = Limits { together: 16 << 10, alone: 512 << 10 };

const PROMPT_MS: u64 = 5;
const LATE_MS: u64 = 1_500;
