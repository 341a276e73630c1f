//! All transactions of one flow: finds the one that a message belongs to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use thiserror::Error;

use super::client::Client;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::server::Server;
use super::{Action, ClientKey, ServerKey, Timer, Timing};
use crate::message::{Answer, Essentials, Request, Response};
use crate::method::Method;

/// Transactions, each under its key until it ends.
#[derive(Debug)]
pub struct Transactions {
    timing: Timing,
    /// How many may be under way on each side.
    count_max: usize,
    servers: HashMap<ServerKey, Answering>,
    clients: HashMap<ClientKey, Asking>,
}

#[derive(Debug)]
enum Answering {
    Invite(InviteServer),
    Other(Server),
}

#[derive(Debug)]
enum Asking {
    Invite(InviteClient),
    Other(Client),
}

/// What a request turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Part of a transaction, its own or one that it begins; its machine says what to do.
    Transaction(ServerKey, Vec<Action>),
    /// An ACK of no transaction that is known: that of a 2xx, which belongs to a dialog.
    Ack,
    /// There are too many transactions: to be answered 503 without one (§21.5.4).
    Overload,
}

/// What a CANCEL finds (RFC 3261 §9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// An INVITE that has no final response yet: it is to get one, 487.
    Pending {
        /// Its transaction.
        key: ServerKey,
        /// It itself.
        invite: Box<Request>,
    },
    /// A request that has one: nothing changes.
    Answered,
}

/// Why a request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// A request of this method and branch is under way.
    #[error("a branch that is in use")]
    InUse,
    /// There are as many requests under way as there may be.
    #[error("too many requests under way")]
    TooMany,
}

impl Transactions {
    /// None yet, and `count_max` at most on each side.
    pub fn new(timing: Timing, count_max: usize) -> Self {
        Self { timing, count_max, servers: HashMap::new(), clients: HashMap::new() }
    }

    /// Takes a request that was found [fit](Request::check).
    pub fn handle_request(&mut self, request: &Request, essentials: &Essentials<'_>) -> Received {
        let key = ServerKey::of(request, essentials);
        if let Some(known) = self.servers.get_mut(&key) {
            let actions = match known {
                Answering::Invite(server) => server.handle_request(request),
                Answering::Other(server) => server.handle_request(),
            };
            return Received::Transaction(key.clone(), self.settle_server(&key, actions));
        }
        if request.method == Method::Ack {
            return Received::Ack;
        }
        if self.servers.len() >= self.count_max {
            return Received::Overload;
        }
        let (server, actions) = if request.method == Method::Invite {
            let (server, actions) = InviteServer::new(request.clone(), self.timing);
            (Answering::Invite(server), actions)
        } else {
            let (server, actions) = Server::new(request.clone(), self.timing);
            (Answering::Other(server), actions)
        };
        self.servers.insert(key.clone(), server);
        Received::Transaction(key, actions)
    }

    /// What a CANCEL takes back. `None`: nothing that is known, which is answered 481 (§9.2).
    pub fn cancelled(&self, cancel: &Request, essentials: &Essentials<'_>) -> Option<Cancelled> {
        let key = ServerKey::cancelled(cancel, essentials);
        match self.servers.get(&key)? {
            Answering::Invite(server) if server.is_answered() => Some(Cancelled::Answered),
            Answering::Invite(server) => {
                Some(Cancelled::Pending { key, invite: server.request().clone().into() })
            }
            Answering::Other(_) => None,
        }
    }

    /// Gives a response to a request. Nothing is done if its transaction has ended.
    pub fn respond(&mut self, key: &ServerKey, answer: Answer) -> Vec<Action> {
        let actions = match self.servers.get_mut(key) {
            Some(Answering::Invite(server)) => server.respond(answer),
            Some(Answering::Other(server)) => server.respond(answer),
            None => Vec::new(),
        };
        self.settle_server(key, actions)
    }

    /// Takes note that a timer of that transaction has fired.
    pub fn handle_server_timer(&mut self, key: &ServerKey, timer: Timer) -> Vec<Action> {
        let actions = match self.servers.get_mut(key) {
            Some(Answering::Invite(server)) => server.handle_timer(timer),
            Some(Answering::Other(server)) => server.handle_timer(timer),
            None => Vec::new(),
        };
        self.settle_server(key, actions)
    }

    /// Sends an INVITE, whose topmost Via has that branch.
    pub fn invite(&mut self, branch: &str, request: Request) -> Result<(ClientKey, Vec<Action>), SendError> {
        let timing = self.timing;
        self.ask(branch, &Method::Invite, || {
            let (client, actions) = InviteClient::new(request, timing);
            (Asking::Invite(client), actions)
        })
    }

    /// Sends another request of that method, whose topmost Via has that branch; nothing of it is looked at.
    ///
    /// # Panics
    /// For INVITE, and for ACK, which nobody answers.
    pub fn send(
        &mut self,
        branch: &str,
        method: &Method,
        request: Bytes,
    ) -> Result<(ClientKey, Vec<Action>), SendError> {
        assert!(!matches!(method, Method::Invite | Method::Ack), "{method} is sent otherwise");
        let timing = self.timing;
        self.ask(branch, method, || {
            let (client, actions) = Client::new(request, timing);
            (Asking::Other(client), actions)
        })
    }

    fn ask(
        &mut self,
        branch: &str,
        method: &Method,
        begin: impl FnOnce() -> (Asking, Vec<Action>),
    ) -> Result<(ClientKey, Vec<Action>), SendError> {
        let key = ClientKey::new(branch, method);
        let has_room = self.clients.len() < self.count_max;
        match self.clients.entry(key.clone()) {
            Entry::Occupied(_) => Err(SendError::InUse),
            Entry::Vacant(_) if !has_room => Err(SendError::TooMany),
            Entry::Vacant(place) => {
                let (client, actions) = begin();
                place.insert(client);
                Ok((key, actions))
            }
        }
    }

    /// Takes a response. `None`: no request of this side's is meant, or a CANCEL, and it is dropped (RFC 6026 §7.2).
    pub fn handle_response(
        &mut self,
        response: &Response,
        essentials: &Essentials<'_>,
    ) -> Option<(ClientKey, Vec<Action>)> {
        let key = ClientKey::of(essentials)?;
        let actions = match self.clients.get_mut(&key)? {
            Asking::Invite(client) => client.handle_response(response),
            Asking::Other(client) => client.handle_response(response.status),
        };
        let actions = self.settle_client(&key, actions);
        Some((key, actions))
    }

    /// Takes an INVITE of this side's back, if it has no final response yet: as soon as somebody works on it, a CANCEL
    /// goes out. The final response still comes, and may be a 2xx, whose dialog is to be ended by BYE.
    pub fn cancel(&mut self, key: &ClientKey) -> Vec<Action> {
        match self.clients.get_mut(key) {
            Some(Asking::Invite(client)) => client.cancel(),
            Some(Asking::Other(_)) | None => Vec::new(),
        }
    }

    /// Takes note that a timer of that transaction has fired.
    pub fn handle_client_timer(&mut self, key: &ClientKey, timer: Timer) -> Vec<Action> {
        let actions = match self.clients.get_mut(key) {
            Some(Asking::Invite(client)) => client.handle_timer(timer),
            Some(Asking::Other(client)) => client.handle_timer(timer),
            None => Vec::new(),
        };
        self.settle_client(key, actions)
    }

    /// Ends everything, since the flow is gone; the requests of this side that nobody will answer now.
    pub fn close(&mut self) -> impl Iterator<Item = ClientKey> {
        self.servers.clear();
        let is_answered = |client: &Asking| matches!(client, Asking::Invite(client) if client.is_answered());
        self.clients.drain().filter_map(move |(key, client)| (!is_answered(&client)).then_some(key))
    }

    /// How many transactions are under way, on both sides.
    pub fn len(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn settle_server(&mut self, key: &ServerKey, actions: Vec<Action>) -> Vec<Action> {
        if actions.contains(&Action::End) {
            self.servers.remove(key);
        }
        actions
    }

    fn settle_client(&mut self, key: &ClientKey, actions: Vec<Action>) -> Vec<Action> {
        if actions.contains(&Action::End) {
            self.clients.remove(key);
        }
        actions
    }
}
