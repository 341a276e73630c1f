//! What reaches a room's task, and where the answers go.

use tokio::sync::oneshot;

use crate::chat::answer::Answer;
use crate::chat::command::{Actor, Command, Query};
use crate::chat::id::{Seq, SessionId, Timestamp};
use crate::chat::note::Note;
use crate::chat::refusal::Refusal;
use crate::fanout::mailbox::{Ending, Mailbox};
use crate::store::error::{AppendError, StoreError};

/// What reaches a room.
pub(super) enum Request {
    Command {
        by: Actor,
        command: Command,
        mailbox: Option<Mailbox>,
        receipt: Receipt,
    },
    Query {
        by: Actor,
        query: Query,
        reply: oneshot::Sender<Result<Answer, Refusal>>,
    },
    /// The session goes on on another member: its seat waits for it until `deadline`, and is shown nothing more here.
    /// Answered with the event up to which it was.
    Release {
        by: Actor,
        deadline: Timestamp,
        reply: oneshot::Sender<Option<Seq>>,
    },
    /// What another member tells of the room.
    Heard(Note),
    /// The rights outside of rooms have changed: those inside are looked at.
    Review,
    /// The service shuts down: the room's local sessions are told.
    Shutdown {
        done: oneshot::Sender<()>,
    },
}

impl Request {
    /// Whether it lets a session leave that is gone: nobody waits for the outcome, and nobody would ask again.
    pub(super) fn is_farewell(&self) -> bool {
        let Self::Command { command, receipt: Receipt::None, .. } = self else { return false };
        matches!(command, Command::Leave { .. } | Command::Remove { .. })
    }
}

/// Where the outcome of a command goes, once it is committed.
pub enum Receipt {
    /// To the session's mailbox, in order with what the room sends it.
    Settle {
        mailbox: Mailbox,
        number: u64,
    },
    Reply(oneshot::Sender<Result<(), Refusal>>),
    None,
}

impl Receipt {
    pub(super) fn give(self, outcome: Result<(), Refusal>) {
        match self {
            Self::Settle { mailbox, number } => mailbox.settle(number, outcome),
            Self::Reply(reply) => drop(reply.send(outcome)),
            Self::None => {}
        }
    }

    /// It is not known, or not for this member to say, what became of the command: the session is sent away, and its
    /// client asks again when it is back. An answer would count as handled, though what it says may not be so.
    pub(super) fn leave_open(self) {
        if let Self::Settle { mailbox, .. } = self {
            mailbox.end(Ending::Unsure);
        }
    }
}

/// The request that lets those sessions leave that are past their deadline; nobody in particular asks.
pub(super) fn expire(sessions: Vec<SessionId>) -> Request {
    let command = Command::Expire { sessions };
    Request::Command { by: Actor::service(), command, mailbox: None, receipt: Receipt::None }
}

pub(super) fn refuse(request: Request, refusal: &Refusal) {
    match request {
        Request::Command { receipt, .. } => receipt.give(Err(refusal.clone())),
        Request::Query { reply, .. } => drop(reply.send(Err(refusal.clone()))),
        Request::Release { reply, .. } => drop(reply.send(None)),
        // Its state is not known here: it will be read.
        Request::Heard(_) | Request::Review => {}
        Request::Shutdown { done } => {
            let _ = done.send(());
        }
    }
}

pub(super) fn refusal_of(error: &StoreError) -> Refusal {
    match error {
        StoreError::NoSpace => Refusal::NoSpace,
        _ => Refusal::TemporarilyUnavailable,
    }
}

pub(super) fn refusal_of_append(error: &AppendError) -> Refusal {
    match error {
        AppendError::Store(error) => refusal_of(error),
        AppendError::NickTaken => Refusal::NickTaken,
        AppendError::Gone => Refusal::NoSuchRoom,
        AppendError::AlreadyDone { seq } => Refusal::AlreadyDone { seq: *seq },
        AppendError::Stale => Refusal::TemporarilyUnavailable,
    }
}
