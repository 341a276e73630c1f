//! Who sent any other request (RFC 3261 §17.1.2).

use bytes::Bytes;

use super::{Action, Timer, Timing};
use crate::status::Status;

/// The client's side of a request that is no INVITE. It has one state, in which it waits for the answer.
#[derive(Debug, Clone)]
pub(crate) struct Client;

impl Client {
    /// Begins, with a request.
    pub(crate) fn new(request: Bytes, timing: Timing) -> (Self, Vec<Action>) {
        (Self, vec![Action::Send(request), Action::Arm(Timer::F, timing.give_up())])
    }

    /// Takes a response that [matches](super::ClientKey).
    pub(crate) fn handle_response(&self, status: Status) -> Vec<Action> {
        if status.is_provisional() { vec![Action::Deliver] } else { vec![Action::Deliver, Action::End] }
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&self, timer: Timer) -> Vec<Action> {
        if timer == Timer::F { vec![Action::Fail, Action::End] } else { Vec::new() }
    }
}
