//! Who sent an INVITE (RFC 3261 §17.1.1 as changed by RFC 6026 §8.4).

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Failure, REFUSAL_REPEATED, Reliability, Timer, Timing, ack};
use crate::message::{Request, Response};

/// The client's side of an INVITE.
#[derive(Debug, Clone)]
pub struct InviteClient {
    request: Request,
    reliability: Reliability,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nobody has answered; the INVITE is sent again after that time.
    Calling {
        interval: Duration,
    },
    /// Somebody works on it.
    Proceeding,
    /// It was refused.
    Completed {
        ack: Bytes,
    },
    /// It was accepted; more may accept it.
    Accepted,
    Terminated,
}

impl InviteClient {
    /// Begins, with an INVITE.
    pub fn new(request: Request, reliability: Reliability, timing: Timing) -> (Self, Vec<Action>) {
        let mut actions = vec![Action::Send(request.to_bytes())];
        if reliability == Reliability::Unreliable {
            actions.push(Action::Arm(Timer::A, timing.t1));
        }
        actions.push(Action::Arm(Timer::B, timing.give_up()));
        (Self { request, reliability, timing, state: State::Calling { interval: timing.t1 } }, actions)
    }

    /// The INVITE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Takes a response that [matches](super::ClientKey). The ACK of a 2xx is its user's to send.
    pub fn handle_response(&mut self, response: &Response) -> Vec<Action> {
        let status = response.status;
        match &self.state {
            State::Calling { .. } | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                vec![Action::Deliver]
            }
            State::Calling { .. } | State::Proceeding if status.is_success() => {
                self.state = State::Accepted;
                vec![Action::Deliver, Action::Arm(Timer::M, self.timing.give_up())]
            }
            State::Calling { .. } | State::Proceeding => self.refused(response),
            State::Completed { ack } if !status.is_provisional() && !status.is_success() => {
                vec![Action::Send(ack.clone())]
            }
            State::Accepted if status.is_success() => vec![Action::Deliver],
            State::Completed { .. } | State::Accepted | State::Terminated => Vec::new(),
        }
    }

    fn refused(&mut self, response: &Response) -> Vec<Action> {
        let ack = ack(&self.request, response);
        let mut actions = vec![Action::Deliver, Action::Send(ack.clone())];
        self.state = State::Completed { ack };
        match self.reliability {
            Reliability::Unreliable => actions.push(Action::Arm(Timer::D, REFUSAL_REPEATED)),
            Reliability::Reliable => actions.extend(self.end()),
        }
        actions
    }

    /// Takes note that a timer has fired.
    pub fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&mut self.state, timer) {
            (State::Calling { interval }, Timer::A) => {
                *interval *= 2;
                vec![Action::Send(self.request.to_bytes()), Action::Arm(Timer::A, *interval)]
            }
            (State::Calling { .. }, Timer::B) => self.fail(Failure::Timeout),
            (State::Completed { .. }, Timer::D) | (State::Accepted, Timer::M) => self.end(),
            _ => Vec::new(),
        }
    }

    /// Takes note that what was sent last did not go out, or that the connection on which the answer was to come is
    /// gone.
    pub fn handle_transport_error(&mut self) -> Vec<Action> {
        match self.state {
            State::Calling { .. } | State::Proceeding | State::Completed { .. } => {
                self.fail(Failure::Transport)
            }
            State::Accepted | State::Terminated => Vec::new(),
        }
    }

    fn fail(&mut self, failure: Failure) -> Vec<Action> {
        let mut actions = vec![Action::Fail(failure)];
        actions.extend(self.end());
        actions
    }

    fn end(&mut self) -> Vec<Action> {
        self.state = State::Terminated;
        vec![Action::End]
    }
}
