//! Who sent any other request (RFC 3261 §17.1.2).

use std::time::Duration;

use super::{Action, Failure, Reliability, Timer, Timing};
use crate::message::{Request, Response};

/// The client's side of a request that is no INVITE.
#[derive(Debug, Clone)]
pub struct Client {
    request: Request,
    reliability: Reliability,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has answered; the request is sent again after that time.
    Trying {
        interval: Duration,
    },
    /// Somebody works on it.
    Proceeding,
    /// It was answered.
    Completed,
    Terminated,
}

impl Client {
    /// Begins, with a request.
    pub fn new(request: Request, reliability: Reliability, timing: Timing) -> (Self, Vec<Action>) {
        let mut actions = vec![Action::Send(request.to_bytes())];
        if reliability == Reliability::Unreliable {
            actions.push(Action::Arm(Timer::E, timing.t1));
        }
        actions.push(Action::Arm(Timer::F, timing.give_up()));
        (Self { request, reliability, timing, state: State::Trying { interval: timing.t1 } }, actions)
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Takes a response that [matches](super::ClientKey).
    pub fn handle_response(&mut self, response: &Response) -> Vec<Action> {
        match self.state {
            State::Trying { .. } | State::Proceeding if response.status.is_provisional() => {
                self.state = State::Proceeding;
                vec![Action::Deliver]
            }
            State::Trying { .. } | State::Proceeding => {
                self.state = State::Completed;
                let mut actions = vec![Action::Deliver];
                match self.reliability {
                    Reliability::Unreliable => actions.push(Action::Arm(Timer::K, self.timing.t4)),
                    Reliability::Reliable => actions.extend(self.end()),
                }
                actions
            }
            State::Completed | State::Terminated => Vec::new(),
        }
    }

    /// Takes note that a timer has fired.
    pub fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&mut self.state, timer) {
            (State::Trying { interval }, Timer::E) => {
                *interval = self.timing.back_off(*interval);
                vec![Action::Send(self.request.to_bytes()), Action::Arm(Timer::E, *interval)]
            }
            (State::Proceeding, Timer::E) => {
                vec![Action::Send(self.request.to_bytes()), Action::Arm(Timer::E, self.timing.t2)]
            }
            (State::Trying { .. } | State::Proceeding, Timer::F) => self.fail(Failure::Timeout),
            (State::Completed, Timer::K) => self.end(),
            _ => Vec::new(),
        }
    }

    /// Takes note that the request did not go out, or that the connection on which the answer was to come is gone.
    pub fn handle_transport_error(&mut self) -> Vec<Action> {
        match self.state {
            State::Trying { .. } | State::Proceeding => self.fail(Failure::Transport),
            State::Completed | State::Terminated => Vec::new(),
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
