//! Who answers any other request (RFC 3261 §17.2.2, RFC 4320).

use bytes::Bytes;

use super::{Action, Failure, Reliability, Timer, Timing};
use crate::message::{Request, Writer};
use crate::status::Status;

/// The server's side of a request that is no INVITE.
#[derive(Debug, Clone)]
pub struct Server {
    request: Request,
    reliability: Reliability,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    Trying,
    /// It was said that the request is worked on.
    Proceeding {
        trying: Bytes,
    },
    /// It was answered.
    Completed {
        response: Bytes,
    },
    Terminated,
}

impl Server {
    /// Begins, with a request that belongs to no other transaction.
    pub fn new(request: Request, reliability: Reliability, timing: Timing) -> (Self, Vec<Action>) {
        let trying_after = timing.slowed_down();
        let server = Self { request, reliability, timing, state: State::Trying };
        (server, vec![Action::Deliver, Action::Arm(Timer::Trying, trying_after)])
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Takes the request once more.
    pub fn handle_request(&mut self) -> Vec<Action> {
        match &self.state {
            State::Proceeding { trying: response } | State::Completed { response } => {
                vec![Action::Send(response.clone())]
            }
            State::Trying | State::Terminated => Vec::new(),
        }
    }

    /// Gives the final response. A provisional one, and a 408, are never sent (RFC 4320 §4): the first changes nothing,
    /// after the second there is no more to say.
    pub fn respond(&mut self, status: Status, response: Bytes) -> Vec<Action> {
        match self.state {
            State::Trying | State::Proceeding { .. } if status == Status::REQUEST_TIMEOUT => self.end(),
            State::Trying | State::Proceeding { .. } if !status.is_provisional() => {
                let mut actions = vec![Action::Send(response.clone())];
                self.state = State::Completed { response };
                match self.reliability {
                    Reliability::Unreliable => actions.push(Action::Arm(Timer::J, self.timing.give_up())),
                    Reliability::Reliable => actions.extend(self.end()),
                }
                actions
            }
            State::Trying | State::Proceeding { .. } | State::Completed { .. } | State::Terminated => {
                Vec::new()
            }
        }
    }

    /// Takes note that a timer has fired.
    pub fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&self.state, timer) {
            // The one provisional response, and the only time at which it helps (RFC 4320 §4.1).
            (State::Trying, Timer::Trying) => {
                let trying = Writer::answer(&self.request.headers, Status::TRYING, None).finish();
                self.state = State::Proceeding { trying: trying.clone() };
                vec![Action::Send(trying)]
            }
            (State::Completed { .. }, Timer::J) => self.end(),
            _ => Vec::new(),
        }
    }

    /// Takes note that a response did not go out.
    pub fn handle_transport_error(&mut self) -> Vec<Action> {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => {
                let mut actions = vec![Action::Fail(Failure::Transport)];
                actions.extend(self.end());
                actions
            }
            State::Trying | State::Terminated => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Action> {
        self.state = State::Terminated;
        vec![Action::End]
    }
}
