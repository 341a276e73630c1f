//! Who answers any other request (RFC 3261 §17.2.2, RFC 4320).

use bytes::Bytes;

use super::{Action, Timer, Timing};
use crate::message::{Answer, Request, Writer};
use crate::status::Status;

/// The server's side of a request that is no INVITE.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    request: Request,
    timing: Timing,
    /// What was sent, if it was said that the request is worked on.
    trying: Option<Bytes>,
}

impl Server {
    /// Begins, with a request that belongs to no other transaction.
    pub(crate) fn new(request: Request, timing: Timing) -> (Self, Vec<Action>) {
        let actions = vec![Action::Deliver, Action::Arm(Timer::Trying, timing.slowed_down())];
        (Self { request, timing, trying: None }, actions)
    }

    /// Takes the request once more.
    pub(crate) fn handle_request(&self) -> Vec<Action> {
        self.trying.iter().cloned().map(Action::Send).collect()
    }

    /// Gives the final response. A provisional one, and a 408, are never sent (RFC 4320 §4): the first changes nothing,
    /// after the second there is no more to say.
    pub(crate) fn respond(&self, answer: Answer) -> Vec<Action> {
        match answer.status() {
            Status::REQUEST_TIMEOUT => vec![Action::End],
            status if status.is_provisional() => Vec::new(),
            _ => vec![Action::Send(answer.into_bytes()), Action::End],
        }
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&self.trying, timer) {
            // The one provisional response, and the only time at which it helps (RFC 4320 §4.1).
            (None, Timer::Trying) => {
                let trying =
                    Writer::answer(&self.request.headers, Status::TRYING, None).finish().into_bytes();
                self.trying = Some(trying.clone());
                let left = self.timing.give_up().saturating_sub(self.timing.slowed_down());
                vec![Action::Send(trying), Action::Arm(Timer::J, left)]
            }
            // The client has given up meanwhile, and must not be told that it has (RFC 4320 §4.2).
            (Some(_), Timer::J) => vec![Action::End],
            _ => Vec::new(),
        }
    }
}
