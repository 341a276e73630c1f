//! Who sent an INVITE (RFC 3261 §17.1.1 as changed by RFC 6026 §8.4).

use std::time::Duration;

use bytes::Bytes;
use smallvec::smallvec;

use super::{Action, Actions, Failure, REFUSAL_REPEATED, Reliability, Timer, Timing, ack};
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
    pub fn new(request: Request, reliability: Reliability, timing: Timing) -> (Self, Actions) {
        let mut actions: Actions = smallvec![Action::Send(request.to_bytes())];
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
    pub fn handle_response(&mut self, response: &Response) -> Actions {
        let status = response.status;
        match &self.state {
            State::Calling { .. } | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                smallvec![Action::Deliver]
            }
            State::Calling { .. } | State::Proceeding if status.is_success() => {
                self.state = State::Accepted;
                smallvec![Action::Deliver, Action::Arm(Timer::M, self.timing.give_up())]
            }
            State::Calling { .. } | State::Proceeding => self.refused(response),
            State::Completed { ack } if !status.is_provisional() && !status.is_success() => {
                smallvec![Action::Send(ack.clone())]
            }
            State::Accepted if status.is_success() => smallvec![Action::Deliver],
            State::Completed { .. } | State::Accepted | State::Terminated => Actions::new(),
        }
    }

    fn refused(&mut self, response: &Response) -> Actions {
        let ack = ack(&self.request, response);
        let mut actions: Actions = smallvec![Action::Deliver, Action::Send(ack.clone())];
        self.state = State::Completed { ack };
        match self.reliability {
            Reliability::Unreliable => actions.push(Action::Arm(Timer::D, REFUSAL_REPEATED)),
            Reliability::Reliable => actions.extend(self.end()),
        }
        actions
    }

    /// Takes note that a timer has fired.
    pub fn handle_timer(&mut self, timer: Timer) -> Actions {
        match (&mut self.state, timer) {
            (State::Calling { interval }, Timer::A) => {
                *interval *= 2;
                smallvec![Action::Send(self.request.to_bytes()), Action::Arm(Timer::A, *interval)]
            }
            (State::Calling { .. }, Timer::B) => self.fail(Failure::Timeout),
            (State::Completed { .. }, Timer::D) | (State::Accepted, Timer::M) => self.end(),
            _ => Actions::new(),
        }
    }

    /// Takes note that what was sent last did not go out, or that the connection on which the answer was to come is
    /// gone.
    pub fn handle_transport_error(&mut self) -> Actions {
        match self.state {
            State::Calling { .. } | State::Proceeding | State::Completed { .. } => {
                self.fail(Failure::Transport)
            }
            State::Accepted | State::Terminated => Actions::new(),
        }
    }

    fn fail(&mut self, failure: Failure) -> Actions {
        let mut actions: Actions = smallvec![Action::Fail(failure)];
        actions.extend(self.end());
        actions
    }

    fn end(&mut self) -> Actions {
        self.state = State::Terminated;
        smallvec![Action::End]
    }
}
