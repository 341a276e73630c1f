//! Who sent an INVITE (RFC 3261 §17.1.1 as changed by RFC 6026 §8.4).

use super::derived::{ack, cancel};
use super::{Action, Timer, Timing};
use crate::message::{Request, Response};

/// The client's side of an INVITE.
#[derive(Debug, Clone)]
pub(crate) struct InviteClient {
    request: Request,
    timing: Timing,
    state: State,
    /// Whether its user wants it no more.
    is_cancelled: bool,
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
        (Self { request, timing, state: State::Calling, is_cancelled: false }, actions)
    }

    /// Whether a final response has come.
    pub(crate) fn is_answered(&self) -> bool {
        self.state == State::Accepted
    }

    /// Takes a response that [matches](super::ClientKey). The ACK of a 2xx is its user's to send.
    pub(crate) fn handle_response(&mut self, response: &Response) -> Vec<Action> {
        let status = response.status;
        match self.state {
            State::Calling if status.is_provisional() => {
                self.state = State::Proceeding;
                let mut actions = vec![Action::Deliver];
                if self.is_cancelled {
                    actions.extend(self.send_cancel());
                }
                actions
            }
            State::Proceeding if status.is_provisional() => vec![Action::Deliver],
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

    /// Takes the INVITE back (§9.1): at once, or when it is known that it has arrived. The final response still comes,
    /// and may be a 2xx.
    pub(crate) fn cancel(&mut self) -> Vec<Action> {
        let is_new = !std::mem::replace(&mut self.is_cancelled, true);
        match self.state {
            State::Proceeding if is_new => self.send_cancel(),
            State::Calling | State::Proceeding | State::Accepted => Vec::new(),
        }
    }

    /// The answer to a CANCEL says nothing of use, and nothing is sent twice: it needs no transaction of its own.
    fn send_cancel(&self) -> Vec<Action> {
        vec![Action::Send(cancel(&self.request)), Action::Arm(Timer::Cancel, self.timing.give_up())]
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&self, timer: Timer) -> Vec<Action> {
        match (self.state, timer) {
            (State::Calling, Timer::B) => vec![Action::Fail, Action::End],
            (State::Proceeding, Timer::Cancel) if self.is_cancelled => vec![Action::Fail, Action::End],
            (State::Accepted, Timer::M) => vec![Action::End],
            _ => Vec::new(),
        }
    }
}
