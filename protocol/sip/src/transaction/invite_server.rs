//! Who answers an INVITE (RFC 3261 §17.2.1 as changed by RFC 6026 §8.5 and §8.6).

use bytes::Bytes;

use super::{Action, TRYING_AFTER, Timer, Timing};
use crate::message::{Answer, Request, Writer};
use crate::method::Method;
use crate::status::Status;

/// The server's side of an INVITE.
#[derive(Debug, Clone)]
pub(crate) struct InviteServer {
    request: Request,
    timing: Timing,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// There is no final response yet, and perhaps no other.
    Proceeding { last: Option<Bytes> },
    /// It was refused.
    Completed { refusal: Bytes },
    /// It was accepted, and its user waits for the ACK.
    Accepted,
}

impl InviteServer {
    /// Begins, with an INVITE that belongs to no other transaction.
    pub(crate) fn new(request: Request, timing: Timing) -> (Self, Vec<Action>) {
        let server = Self { request, timing, state: State::Proceeding { last: None } };
        (server, vec![Action::Deliver, Action::Arm(Timer::Trying, TRYING_AFTER)])
    }

    /// The INVITE.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Whether a final response was given: from then on a CANCEL comes too late (§9.2).
    pub(crate) fn is_answered(&self) -> bool {
        !matches!(self.state, State::Proceeding { .. })
    }

    /// Takes the INVITE once more, or an ACK, that [matches](super::ServerKey).
    pub(crate) fn handle_request(&self, request: &Request) -> Vec<Action> {
        let is_ack = request.method == Method::Ack;
        match &self.state {
            State::Proceeding { last: Some(response) } | State::Completed { refusal: response }
                if !is_ack =>
            {
                vec![Action::Send(response.clone())]
            }
            State::Completed { .. } if is_ack => vec![Action::End],
            State::Accepted if is_ack => vec![Action::Deliver],
            _ => Vec::new(),
        }
    }

    /// Gives a response. A 2xx may be given again, until its ACK has come; after any other final response there is no
    /// more to say, and nothing is done.
    pub(crate) fn respond(&mut self, answer: Answer) -> Vec<Action> {
        let (status, response) = (answer.status(), answer.into_bytes());
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
                self.state = State::Completed { refusal: response.clone() };
                vec![Action::Send(response), Action::Arm(Timer::H, self.timing.give_up())]
            }
            State::Accepted if status.is_success() => vec![Action::Send(response)],
            State::Completed { .. } | State::Accepted => Vec::new(),
        }
    }

    /// Takes note that a timer has fired.
    pub(crate) fn handle_timer(&mut self, timer: Timer) -> Vec<Action> {
        match (&self.state, timer) {
            (State::Proceeding { last: None }, Timer::Trying) => {
                self.respond(Writer::answer(&self.request.headers, Status::TRYING, None).finish())
            }
            (State::Completed { .. }, Timer::H) => vec![Action::Fail, Action::End],
            (State::Accepted, Timer::L) => vec![Action::End],
            _ => Vec::new(),
        }
    }
}
