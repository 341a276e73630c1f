//! Requests that are decided one after the other and committed together, each against the room as the ones before it
//! will leave it.

use tokio::sync::oneshot;

use crate::chat::answer::Answer;
use crate::chat::command::{Actor, Command};
use crate::chat::id::Timestamp;
use crate::chat::refusal::Refusal;
use crate::fanout::mailbox::Mailbox;
use crate::room::decided::Decided;
use crate::room::request::{Receipt, Request};
use crate::room::state::Room;
use crate::store::room::Append;

/// What was decided and is not told yet: not even a refusal is, before all that it rests on is committed.
#[derive(Default)]
pub(super) struct Round {
    pub(super) pending: Vec<Pending>,
    /// The room as the first `seen` of the pending will leave it; none while that is the room itself.
    foreseen: Option<Room>,
    seen: usize,
}

#[expect(clippy::large_enum_variant, reason = "a refusal is the exception")]
pub(super) enum Pending {
    Decided {
        decided: Decided,
        append: Option<Append>,
        receipt: Receipt,
        /// What to decide again, should another member have been faster.
        question: Option<Box<Question>>,
    },
    Refused {
        receipt: Receipt,
        refusal: Refusal,
    },
    Answered {
        reply: oneshot::Sender<Result<Answer, Refusal>>,
        answer: Result<Answer, Refusal>,
    },
}

/// A command with all that deciding it takes.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) by: Actor,
    pub(super) command: Command,
    pub(super) mailbox: Option<Mailbox>,
}

impl Round {
    /// Whether what this request asks rests on something of which it is not known yet whether it comes true: who has
    /// just come in may not speak if he did not.
    pub(super) fn must_end_before(&self, request: &Request) -> bool {
        let Request::Command { by, .. } = request else { return false };
        self.pending
            .iter()
            .any(|pending| matches!(pending, Pending::Decided { decided, .. } if decided.moves(by.session)))
    }

    /// The room as everything that was decided so far will leave it. Seldom a copy: a request that is alone has none.
    pub(super) fn foresee<'a>(&'a mut self, room: &'a Room, now: Timestamp) -> &'a Room {
        for pending in &self.pending[self.seen..] {
            if let Pending::Decided { decided, .. } = pending {
                decided.foresee(self.foreseen.get_or_insert_with(|| room.clone()), now);
            }
        }
        self.seen = self.pending.len();
        self.foreseen.as_ref().unwrap_or(room)
    }

    /// Decides a command, behind all that was decided so far.
    pub(super) fn decide(
        &mut self,
        room: &Room,
        question: Question,
        receipt: Receipt,
        is_shared: bool,
        now: Timestamp,
    ) {
        let room = self.foresee(room, now);
        let is_farewell = matches!(question.command, Command::Leave { .. } | Command::Remove { .. });
        let again = (is_shared || is_farewell).then(|| Box::new(question.clone()));
        let Question { by, command, mailbox } = question;
        let pending = match room.decide(&by, command, now) {
            Ok(decision) => {
                let decided = Decided::new(by, decision, mailbox);
                let append = decided.append(room, now);
                Pending::Decided { decided, append, receipt, question: again }
            }
            Err(refusal) => Pending::Refused { receipt, refusal },
        };
        self.pending.push(pending);
    }
}

impl Pending {
    /// Says that it is done, whatever becomes of it.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn acknowledge(&mut self) {
        if let Self::Decided { receipt, .. } = self {
            std::mem::replace(receipt, Receipt::None).give(Ok(()));
        }
    }

    pub(super) fn moves_rules(&self) -> bool {
        matches!(self, Self::Decided { decided, .. } if decided.moves_rules())
    }

    pub(super) fn take_append(&mut self) -> Option<Append> {
        match self {
            Self::Decided { append, .. } => append.take(),
            Self::Refused { .. } | Self::Answered { .. } => None,
        }
    }
}
