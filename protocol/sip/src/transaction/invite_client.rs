//! Who sent an INVITE (RFC 3261 §17.1.1 as changed by RFC 6026 §8.4).

use super::derived::ack;
use super::{Action, Timer, Timing};
use crate::message::{Request, Response};

/// The client's side of an INVITE.
#[derive(Debug, Clone)]
pub(crate) struct InviteClient {
    request: Request,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has answered.
    Calling,
    /// Somebody works on it.
    Proceeding,
    /// It was accepted; more may accept it.
    Accepted,
}

impl InviteClient {
    /// Begins, with an INVITE.
    pub(crate) fn new(request: Request, timing: Timing) -> (Self, Vec<Action>) {
        let actions = vec![Action::Send(request.to_bytes()), Action::Arm(Timer::B, timing.give_up())];
        (Self { request, timing, state: State::Calling }, actions)
    }

    /// Whether a final response has come.
    pub(crate) fn is_answered(&self) -> bool {
        self.state == State::Accepted
    }

    /// Takes a response that [matches](super::ClientKey). The ACK of a 2xx is its user's to send.
    pub(crate) fn handle_response(&mut self, response: &Response) -> Vec<Action> {
        let status = response.status;
        match self.state {
            State::Calling | State::Proceeding if status.is_provisional() => {
                self.state = State::Proceeding;
                vec![Action::Deliver]
            }
            State::Calling | State::Proceeding if status.is_success() => {
                self.state = State::Accepted;
                vec![Action::Deliver, Action::Arm(Timer::M, self.timing.give_up())]
            }
            State::Calling | State::Proceeding => {
                vec![Action::Deliver, Action::Send(ack(&self.request, response)), Action::End]
            }
            State::Accepted if status.is_success() => vec![Action::Deliver],
            State::Accepted => Vec::new(),
        }
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (self.state, timer) {
            (State::Calling, Timer::B) => vec![Action::Fail, Action::End],
            (State::Accepted, Timer::M) => vec![Action::End],
            _ => Vec::new(),
        }
    }
}
