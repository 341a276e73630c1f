//! The transactions of one flow, with their timers and those who wait for answers. What is to be sent gathers in one place,
//! in order.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use perch_sip::Method;
use perch_sip::message::{Answer, Essentials, Request, Response};
use perch_sip::transaction::{
    Action, Cancelled, ClientKey, Received, ServerKey, Timer, Timing, Transactions,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What became of a request of ours: its final response, or that nobody answered.
pub(super) type Outcome = Option<Response>;

pub(super) struct Exchanges {
    transactions: Transactions,
    /// When, with a number that tells apart what is due at once.
    timers: BTreeMap<(Instant, u64), (Side, Timer)>,
    armed: u64,
    waiting: HashMap<ClientKey, oneshot::Sender<Outcome>>,
    out: Vec<u8>,
}

/// What a request turned out to be.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is to be served, and answered under this key.
    New(ServerKey),
    /// The ACK of a 2xx, which belongs to a dialog and has no answer.
    Acknowledgement,
    /// It was seen before, or is part of what has ended.
    Known,
    Overload,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Side {
    Server(ServerKey),
    Client(ClientKey),
}

impl Exchanges {
    pub(super) fn new(count_max: usize) -> Self {
        Self {
            transactions: Transactions::new(Timing::DEFAULT, count_max),
            timers: BTreeMap::new(),
            armed: 0,
            waiting: HashMap::new(),
            out: Vec::new(),
        }
    }

    pub(super) fn take_request(&mut self, request: &Request, essentials: &Essentials<'_>) -> Taken {
        match self.transactions.handle_request(request, essentials) {
            Received::Ack => Taken::Acknowledgement,
            Received::Overload => Taken::Overload,
            Received::Transaction(key, actions) => {
                let is_new = actions.contains(&Action::Deliver);
                self.act(&Side::Server(key.clone()), actions);
                match is_new {
                    // COMPAT: without a branch, the ACK of a 2xx is found to be part of the INVITE's transaction.
                    true if request.method == Method::Ack => Taken::Acknowledgement,
                    true => Taken::New(key),
                    false => Taken::Known,
                }
            }
        }
    }

    /// What a CANCEL takes back.
    pub(super) fn cancelled(&self, cancel: &Request, essentials: &Essentials<'_>) -> Option<Cancelled> {
        self.transactions.cancelled(cancel, essentials)
    }

    /// Answers a request.
    pub(super) fn respond(&mut self, key: &ServerKey, answer: Answer) {
        let actions = self.transactions.respond(key, answer);
        self.act(&Side::Server(key.clone()), actions);
    }

    /// Sends a request of that method whose topmost Via has that branch. Who waits for the outcome hears of every end.
    pub(super) fn send(
        &mut self,
        method: &Method,
        branch: &str,
        request: Bytes,
        waiting: oneshot::Sender<Outcome>,
    ) {
        match self.transactions.send(branch, method, request) {
            Ok((key, actions)) => {
                self.waiting.insert(key.clone(), waiting);
                self.act(&Side::Client(key), actions);
            }
            Err(_) => drop(waiting.send(None)),
        }
    }

    pub(super) fn take_response(&mut self, response: &Response) {
        let Ok(essentials) = response.headers.essentials() else { return };
        let Some((key, actions)) = self.transactions.handle_response(response, &essentials) else { return };
        if actions.contains(&Action::Deliver) && !response.status.is_provisional() {
            self.tell(&key, Some(response.clone()));
        }
        self.act(&Side::Client(key), actions);
    }

    /// Puts bytes of no transaction behind what is to be sent.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// What is to be sent now.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// When the next timer fires.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.timers.keys().next().map(|(due, _)| *due)
    }

    /// Lets the timers fire that are due.
    pub(super) fn fire(&mut self, now: Instant) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let (side, timer) = entry.remove();
            let actions = match &side {
                Side::Server(key) => self.transactions.handle_server_timer(key, timer),
                Side::Client(key) => self.transactions.handle_client_timer(key, timer),
            };
            self.act(&side, actions);
        }
    }

    fn act(&mut self, side: &Side, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(bytes) => self.push(&bytes),
                Action::Arm(timer, after) => {
                    self.armed += 1;
                    self.timers.insert((Instant::now() + after, self.armed), (side.clone(), timer));
                }
                // News is for whoever handed it in.
                Action::Deliver => {}
                Action::Fail => {
                    if let Side::Client(key) = side {
                        self.tell(key, None);
                    }
                }
                Action::End => self.timers.retain(|_, (armed, _)| armed != side),
            }
        }
    }

    fn tell(&mut self, key: &ClientKey, outcome: Outcome) {
        if let Some(waiting) = self.waiting.remove(key) {
            // A device that has ended does not want to know.
            let _ = waiting.send(outcome);
        }
    }
}
