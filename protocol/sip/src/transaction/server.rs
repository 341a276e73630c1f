//! Who answers any other request (RFC 3261 §17.2.2, RFC 4320).

use bytes::Bytes;

use super::{Action, Timer, Timing};
use crate::message::{Request, Writer};
use crate::status::Status;

/// The server's side of a request that is no INVITE.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    request: Request,
    /// What was sent, if it was said that the request is worked on.
    trying: Option<Bytes>,
}

impl Server {
    /// Begins, with a request that belongs to no other transaction.
    pub(crate) fn new(request: Request, timing: Timing) -> (Self, Vec<Action>) {
        let actions = vec![Action::Deliver, Action::Arm(Timer::Trying, timing.slowed_down())];
        (Self { request, trying: None }, actions)
    }

    /// Takes the request once more.
    pub(crate) fn handle_request(&self) -> Vec<Action> {
        self.trying.iter().cloned().map(Action::Send).collect()
    }

    /// Gives the final response. A provisional one, and a 408, are never sent (RFC 4320 §4): the first changes nothing,
    /// after the second there is no more to say.
    pub(crate) fn respond(&self, status: Status, response: Bytes) -> Vec<Action> {
        match status {
            Status::REQUEST_TIMEOUT => vec![Action::End],
            _ if status.is_provisional() => Vec::new(),
            _ => vec![Action::Send(response), Action::End],
        }
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        // The one provisional response, and the only time at which it helps (RFC 4320 §4.1).
        if timer == Timer::Trying && self.trying.is_none() {
            let trying = Writer::answer(&self.request.headers, Status::TRYING, None).finish();
            self.trying = Some(trying.clone());
            vec![Action::Send(trying)]
        } else {
            Vec::new()
        }
    }
}
