//! The account's log as it comes: entries in whatever order they are told, read where they are not, and applied in the
//! order of the log. What other accounts ask in it is answered on one member.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, warn};

use super::{AccountTask, Entries};
use crate::account::state::Effect;
use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::store::account_log::AccountAppendError;
use crate::store::error::StoreError;

/// Entries read from the log at a time.
pub(super) const PAGE: u32 = 256;
/// What another member should have answered is answered here when it still is not after this long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who appended an entry, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whence {
    /// Somebody, who wants no answer from here.
    Elsewhere,
    /// Somebody who wants an answer from here.
    ToAnswer,
    /// This task.
    Own,
}

/// A committed entry that was not applied yet.
#[derive(Debug)]
pub(super) struct Early {
    event: AccountEvent,
    whence: Whence,
}

/// Something that the account has to answer.
#[derive(Debug)]
pub(super) struct Input {
    event: AccountEvent,
    /// Another member is to answer it, unless it has not done so by then.
    due: Option<Instant>,
}

impl Input {
    pub(super) fn to_answer_now(event: AccountEvent) -> Self {
        Self { event, due: None }
    }
}

impl AccountTask {
    /// Entries that others committed.
    pub(super) async fn take_entries(&mut self, entries: Entries) {
        let Entries { last, events, is_to_answer } = entries;
        let whence = if is_to_answer { Whence::ToAnswer } else { Whence::Elsewhere };
        let first = events.first().map_or(last, |event| event.seq);
        self.accept(events, whence).await;
        if self.account.seq() < last
            && let Err(error) = self.catch_up().await
        {
            error!(%error, "the account's log cannot be read");
        }
        if is_to_answer {
            // Also what was read from the log before this was told.
            let told = self.inputs.iter_mut().filter(|input| (first..=last).contains(&input.event.seq));
            told.for_each(|input| input.due = None);
        }
        self.answer_inputs().await;
    }

    /// Entries that this task committed to its own log.
    pub(super) async fn accept_own(&mut self, events: Vec<AccountEvent>) {
        self.services.tell_of(self.account.jid(), &events, None);
        self.accept(events, Whence::Own).await;
    }

    /// Takes committed entries, in whatever order they come, and applies them in the order of the log.
    async fn accept(&mut self, events: Vec<AccountEvent>, whence: Whence) {
        self.keep_early(events, whence);
        loop {
            self.early = self.early.split_off(&self.account.seq().next());
            while let Some(early) = self.early.remove(&self.account.seq().next()) {
                self.apply(early).await;
            }
            if self.early.is_empty() {
                return;
            }
            match self.read_missing().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    // What came early stays; the next entry tries again.
                    error!(%error, "the account's log cannot be read");
                    return;
                }
            }
        }
    }

    /// Reads what lies behind the last applied entry. `false`: the log does not have it.
    async fn read_missing(&mut self) -> Result<bool, StoreError> {
        let after = self.account.seq();
        let page = self.services.store.account_events(self.account.id(), after, PAGE).await?;
        let is_there = page.first().is_some_and(|event| event.seq == after.next());
        self.keep_early(page, Whence::Elsewhere);
        Ok(is_there)
    }

    async fn apply(&mut self, early: Early) {
        let Early { event, whence } = early;
        let mut effects = self.account.apply(&event);
        self.show_face();
        match &event.change {
            AccountChange::PhotoSet { .. } => self.show_sessions(),
            // An answer, whoever gave it.
            AccountChange::ContactSet { contact, .. } if whence == Whence::Elsewhere => {
                let is_answered = |input: &Input| matches!(&input.event.change, AccountChange::Approached { from, .. } if *from == contact.jid);
                self.inputs.retain(|input| input.due.is_none() || !is_answered(input));
            }
            _ => {}
        }
        if matches!(event.change, AccountChange::Approached { .. }) {
            let due = (whence == Whence::Elsewhere).then(|| Instant::now() + PATIENCE);
            self.inputs.push_back(Input { event, due });
        }
        if whence != Whence::Own {
            // Others are told by who appended it.
            let own = self.account.jid();
            effects.retain(|effect| match effect {
                Effect::Send(_) | Effect::Elsewhere { .. } => false,
                Effect::Notify { to, .. } => to == own,
                _ => true,
            });
        }
        self.perform(effects).await;
    }

    fn keep_early(&mut self, events: Vec<AccountEvent>, whence: Whence) {
        for event in events {
            let early = self.early.entry(event.seq).or_insert(Early { event, whence });
            early.whence = early.whence.max(whence);
        }
    }

    /// Applies what the log has behind the last applied entry, to its end.
    pub(super) async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let page =
                self.services.store.account_events(self.account.id(), self.account.seq(), PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            self.accept(page, Whence::Elsewhere).await;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Something was dropped: the log says what is new, and the contacts' faces how they are.
    pub(super) async fn recover(&mut self) {
        if let Err(error) = self.catch_up().await {
            error!(%error, "the account's log cannot be read");
        }
        self.answer_inputs().await;
        let effects = self.account.probes();
        self.perform(effects).await;
    }

    /// When something that another member was to do is not waited for any longer.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.inputs.iter().filter_map(|input| input.due).chain(self.unsaid.until()).min()
    }

    /// It is not waited for any longer.
    pub(super) async fn go_on(&mut self) {
        self.show_without_members().await;
        self.answer_inputs().await;
    }

    /// Answers what other accounts asked for, in its order, up to the last that is for this member to answer.
    pub(super) async fn answer_inputs(&mut self) {
        let now = Instant::now();
        let last = self.inputs.iter().rposition(|input| input.due.is_none_or(|due| due <= now));
        let Some(last) = last else { return };
        for _ in 0..=last {
            let Some(input) = self.inputs.pop_front() else { return };
            if !self.answer_input(&input.event).await {
                // It stays in the log unanswered, and is tried again.
                self.inputs.push_front(Input { due: Some(now + PATIENCE), ..input });
                return;
            }
        }
    }

    async fn answer_input(&mut self, event: &AccountEvent) -> bool {
        let AccountChange::Approached { from, request, payload } = &event.change else { return true };
        for _ in 0..super::ATTEMPTS_MAX {
            if self.account.is_handled(event.seq) {
                return true;
            }
            let decision = self.account.answer_approach(from, *request, payload);
            match self.commit(decision, Some(event.seq)).await {
                Ok(()) => return true,
                // By another member.
                Err(AccountAppendError::AlreadyDone) => {
                    self.account.mark_handled(event.seq);
                    return true;
                }
                Err(AccountAppendError::Stale) => {
                    if let Err(error) = self.catch_up().await {
                        error!(%error, "the account's log cannot be read");
                        return false;
                    }
                }
                Err(error) => {
                    warn!(%error, request = request.as_str(), "a subscription stanza waits for the store");
                    return false;
                }
            }
        }
        false
    }
}
