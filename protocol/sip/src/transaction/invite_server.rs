//! Who answers an INVITE (RFC 3261 §17.2.1 as changed by RFC 6026 §8.5 and §8.6).

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Failure, Reliability, TRYING_AFTER, Timer, Timing};
use crate::message::{Request, Writer};
use crate::method::Method;
use crate::status::Status;

/// The server's side of an INVITE.
#[derive(Debug, Clone)]
pub struct InviteServer {
    request: Request,
    reliability: Reliability,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// There is no final response yet, and perhaps no other.
    Proceeding {
        last: Option<Bytes>,
    },
    /// It was refused; the refusal is sent again after that time.
    Completed {
        refusal: Bytes,
        interval: Duration,
    },
    /// The refusal was acknowledged.
    Confirmed,
    /// It was accepted, and its user waits for the ACK.
    Accepted,
    Terminated,
}

impl InviteServer {
    /// Begins, with an INVITE that belongs to no other transaction.
    pub fn new(request: Request, reliability: Reliability, timing: Timing) -> (Self, Vec<Action>) {
        let server = Self { request, reliability, timing, state: State::Proceeding { last: None } };
        (server, vec![Action::Deliver, Action::Arm(Timer::Trying, TRYING_AFTER)])
    }

    /// The INVITE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether a final response was given: from then on a CANCEL comes too late (§9.2).
    pub fn is_answered(&self) -> bool {
        !matches!(self.state, State::Proceeding { .. })
    }

    /// Takes the INVITE once more, or an ACK, that [matches](super::ServerKey).
    pub fn handle_request(&mut self, request: &Request) -> Vec<Action> {
        let is_ack = request.method == Method::Ack;
        match &self.state {
            State::Proceeding { last: Some(response) } | State::Completed { refusal: response, .. }
                if !is_ack =>
            {
                vec![Action::Send(response.clone())]
            }
            State::Completed { .. } if is_ack => {
                self.state = State::Confirmed;
                match self.reliability {
                    Reliability::Unreliable => vec![Action::Arm(Timer::I, self.timing.t4)],
                    Reliability::Reliable => self.end(),
                }
            }
            State::Accepted if is_ack => vec![Action::Deliver],
            _ => Vec::new(),
        }
    }

    /// Gives a response. A 2xx may be given again, until its ACK has come; after any other final response there is no
    /// more to say, and nothing is done.
    pub fn respond(&mut self, status: Status, response: Bytes) -> Vec<Action> {
        match &mut self.state {
            State::Proceeding { last } if status.is_provisional() => {
                *last = Some(response.clone());
                vec![Action::Send(response)]
            }
            State::Proceeding { .. } if status.is_success() => {
                self.state = State::Accepted;
                vec![Action::Send(response), Action::Arm(Timer::L, self.timing.give_up())]
            }
            State::Proceeding { .. } => {
                let t1 = self.timing.t1;
                self.state = State::Completed { refusal: response.clone(), interval: t1 };
                let mut actions: Vec<Action> =
                    vec![Action::Send(response), Action::Arm(Timer::H, self.timing.give_up())];
                if self.reliability == Reliability::Unreliable {
                    actions.push(Action::Arm(Timer::G, t1));
                }
                actions
            }
            State::Accepted if status.is_success() => vec![Action::Send(response)],
            State::Completed { .. } | State::Confirmed | State::Accepted | State::Terminated => Vec::new(),
        }
    }

    /// Takes note that a timer has fired.
    pub fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&mut self.state, timer) {
            (State::Proceeding { last: None }, Timer::Trying) => {
                let trying = Writer::answer(&self.request.headers, Status::TRYING, None).finish();
                self.respond(Status::TRYING, trying)
            }
            (State::Completed { refusal, interval }, Timer::G) => {
                *interval = self.timing.back_off(*interval);
                vec![Action::Send(refusal.clone()), Action::Arm(Timer::G, *interval)]
            }
            (State::Completed { .. }, Timer::H) => {
                let mut actions = vec![Action::Fail(Failure::Timeout)];
                actions.extend(self.end());
                actions
            }
            (State::Confirmed, Timer::I) | (State::Accepted, Timer::L) => self.end(),
            _ => Vec::new(),
        }
    }

    /// Takes note that a response did not go out. The machine stays, or the INVITE that comes again would be taken for
    /// a new one (RFC 6026 §7.1).
    pub fn handle_transport_error(&mut self) -> Vec<Action> {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } | State::Accepted => {
                vec![Action::Fail(Failure::Transport)]
            }
            State::Confirmed | State::Terminated => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Action> {
        self.state = State::Terminated;
        vec![Action::End]
    }
}
