//! One room on this member: takes requests, decides them against the state, appends, and then applies and shows what
//! was committed, in the order of the log.
//!
//! The state is what the log says up to `seq`, never more. Other members append to the same log: what is missing before
//! one's own is read from it first. So there is one way to recover from everything (a lost hint, a lost comparison, a
//! failed commit), and it is used daily.

mod catch_up;
mod creating;
mod leaving;
mod moving;
mod review;
mod round;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::chat::command::Command;
use crate::chat::event::{Change, Ephemeral};
use crate::chat::id::Seq;
use crate::chat::refusal::Refusal;
use crate::chat::snapshot::RoomSnapshot;
use crate::fanout::audience::{Audience, Moderation, Past, Step, View};
use crate::room::decided::{Decided, Shown};
use crate::room::directory::{Mark, Services};
use crate::room::request::{Receipt, Request, refusal_of, refusal_of_append, refuse};
use crate::room::state::Room;
use crate::room::task::round::{Pending, Question, Round};
use crate::store::archive::{ArchivedKind, ArchivedMessage, Log};
use crate::store::error::{AppendError, StoreError};
use crate::store::room::{Append, Appended};

/// The running room. Its name may not exist in the store yet: then it is vacant, and a join creates it.
pub(super) struct RoomTask {
    name: Box<str>,
    /// The room's address, which is what `from` says.
    address: Box<str>,
    services: Arc<Services>,
    state: Option<Loaded>,
    inbox: mpsc::Receiver<Box<Request>>,
    /// How far the state is, for who compares it with the store.
    mark: Arc<Mark>,
    /// Who is past his deadline was looked for, and is not looked for again before this.
    next_claim: Instant,
    /// Farewells of sessions that are gone or go elsewhere, which the store could not take yet: nobody else will say them.
    owed: Vec<Request>,
}

struct Loaded {
    room: Room,
    audience: Audience,
    /// How many appends with comings and goings that the log does not have the state includes.
    quiet: i64,
    /// The last event that was more than words.
    moved: Seq,
    /// Everybody inside was looked at since the last change of what he may be here for.
    is_reviewed: bool,
    /// It has become an auditorium since, by another member's doing.
    has_become_auditorium: bool,
}

/// Requests decided together. More would only make the first of them wait longer.
const BATCH_MAX: usize = 256;
/// A room without local sessions is forgotten after this long; it is loaded again when it is needed.
const IDLE: Duration = Duration::from_secs(60);
/// How often a command is decided anew when the rules move under it each time.
const ATTEMPTS_MAX: u32 = 16;
/// After this many the room's rows are read and not its log alone.
const UNHEARD_AFTER: u32 = 3;
/// Departures that are claimed at a time.
const CLAIMS_MAX: u32 = 256;
/// A departure that another member has claimed is looked at again after this.
const CLAIM_PAUSE: Duration = Duration::from_secs(1);

impl RoomTask {
    pub(super) fn new(
        name: Box<str>,
        address: Box<str>,
        services: Arc<Services>,
        inbox: mpsc::Receiver<Box<Request>>,
        mark: Arc<Mark>,
    ) -> Self {
        Self {
            name,
            address,
            services,
            state: None,
            inbox,
            mark,
            next_claim: Instant::now(),
            owed: Vec::new(),
        }
    }

    /// Runs until the room is idle and nobody holds a way to it.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let wake = self.wake_at();
            tokio::select! {
                biased;
                // First, or nobody would ever leave a room that is never silent.
                () = tokio::time::sleep_until(wake) => {
                    if self.has_deadlines() || self.is_owing() {
                        batch.extend(self.owed.drain(..).map(Box::new));
                        batch.extend(self.claim_departures().await.map(Box::new));
                        Box::pin(self.handle(&mut batch)).await;
                    } else if self.is_idle() && self.services.forget(&self.name, &self.inbox) {
                        return;
                    }
                }
                n = self.inbox.recv_many(&mut batch, BATCH_MAX) => {
                    if n == 0 {
                        return;
                    }
                    // Boxed, as the rest of what handling needs: a silent room does without.
                    Box::pin(self.handle(&mut batch)).await;
                }
            }
            self.note_mark();
        }
    }

    fn has_deadlines(&self) -> bool {
        self.state.as_ref().is_some_and(|loaded| loaded.room.next_deadline().is_some())
    }

    fn is_idle(&self) -> bool {
        self.state.as_ref().is_none_or(|loaded| loaded.audience.is_empty())
    }

    fn wake_at(&self) -> Instant {
        if self.is_owing() {
            return self.next_claim.max(Instant::now());
        }
        let deadline = self.state.as_ref().and_then(|loaded| loaded.room.next_deadline());
        let Some(deadline) = deadline else { return Instant::now() + IDLE };
        let wait = u64::try_from(deadline.0 - self.services.clock.now().0).unwrap_or(0);
        self.next_claim.max(Instant::now() + Duration::from_millis(wait))
    }

    fn note_mark(&self) {
        self.mark.set(self.state.as_ref().map(|loaded| (loaded.room.id(), loaded.room.seq(), loaded.quiet)));
    }

    #[expect(clippy::vec_box, reason = "the queue gives them boxed")]
    async fn handle(&mut self, batch: &mut Vec<Box<Request>>) {
        let mut unread = self.be_current().await.err();
        if unread.is_none() {
            unread = self.review().await.err();
        }
        let mut round = Round::default();
        for request in batch.drain(..) {
            // What became of the last one may not be known: it is looked for before the next is decided.
            if unread.is_none() && self.mark.is_behind() {
                self.settle(std::mem::take(&mut round)).await;
                unread = self.be_current().await.err();
            }
            if unread.is_none() && !self.is_reviewed() {
                self.settle(std::mem::take(&mut round)).await;
                unread = self.review().await.err();
            }
            if let Some(error) = &unread {
                self.turn_away(*request, &refusal_of(error)).await;
                continue;
            }
            if round.must_end_before(&request) {
                self.settle(std::mem::take(&mut round)).await;
            }
            self.forgive(&request);
            match *request {
                Request::Shutdown { done } => {
                    self.settle(std::mem::take(&mut round)).await;
                    self.shutdown();
                    let _ = done.send(());
                }
                // It was done before anything else was.
                Request::Review => {}
                Request::Heard(note) => {
                    self.settle(std::mem::take(&mut round)).await;
                    self.hear(note).await;
                }
                Request::Release { by, deadline, reply } => {
                    self.settle(std::mem::take(&mut round)).await;
                    self.release(by, deadline, reply).await;
                }
                Request::Command { by, command: Command::Attach { after }, mailbox, receipt } => {
                    self.settle(std::mem::take(&mut round)).await;
                    self.attach(Question { by, command: Command::Attach { after }, mailbox }, receipt).await;
                }
                Request::Command { by, command: Command::Join(join), mailbox, receipt }
                    if self.state.is_none() =>
                {
                    self.settle(std::mem::take(&mut round)).await;
                    self.create(by, join, mailbox, receipt).await;
                }
                mut other => {
                    if self.lacks_deadline(&other) {
                        self.settle(std::mem::take(&mut round)).await;
                        // Should it not be read now, the seats are claimed again.
                        let _ = self.refresh().await.inspect_err(|_unread| self.mark.fall_behind());
                    }
                    self.look_up_target(&mut other).await;
                    self.decide(other, &mut round);
                }
            }
            // A destroyed room ends the batch: what follows finds its name vacant.
            if let Some(loaded) = &self.state
                && round.foresee(&loaded.room, self.services.clock.now()).is_destroyed()
            {
                self.settle(std::mem::take(&mut round)).await;
            }
        }
        self.settle(round).await;
        if unread.is_none() && !self.is_reviewed() {
            // Should it not be taken now, it is done before whatever is asked next.
            let _ = self.review().await;
        }
    }

    /// Answers what cannot be decided, as the room cannot be read.
    async fn turn_away(&mut self, request: Request, refusal: &Refusal) {
        match request {
            release @ Request::Release { .. } => self.owe(release),
            farewell if farewell.is_farewell() => self.owe(farewell),
            request => refuse(request, refusal),
        }
    }

    /// A retraction is judged by who wrote what it takes back: the store knows.
    async fn look_up_target(&self, request: &mut Request) {
        let Request::Command { command, .. } = request else { return };
        let (Command::Retract { target, target_author, .. }
        | Command::Moderate { target, target_author, .. }) = command
        else {
            return;
        };
        let Some(loaded) = &self.state else { return };
        let found = self.services.store.message(Log::Room(loaded.room.id()), target.seq()).await;
        // In an older epoch the place may have been another message's, which is lost.
        let found = found.ok().flatten().filter(|message| message.id == *target);
        *target_author = found.map(|message| message.author);
    }

    /// Decides one request against the state as the earlier ones of the round will leave it.
    fn decide(&self, request: Request, round: &mut Round) {
        let now = self.services.clock.now();
        match request {
            Request::Command { by, command, mailbox, receipt } => match &self.state {
                Some(loaded) => {
                    let question = Question { by, command, mailbox };
                    round.decide(&loaded.room, question, receipt, self.services.store.is_shared(), now);
                }
                None => round.pending.push(Pending::Refused { receipt, refusal: Refusal::NoSuchRoom }),
            },
            Request::Query { by, query, reply } => {
                let answer = match &self.state {
                    Some(loaded) => round.foresee(&loaded.room, now).answer(&by, &query),
                    None => Err(Refusal::NoSuchRoom),
                };
                round.pending.push(Pending::Answered { reply, answer });
            }
            Request::Shutdown { .. } | Request::Heard(_) | Request::Release { .. } | Request::Review => {
                unreachable!("handled before anything is decided")
            }
        }
    }

    /// Commits what was decided, applies and shows it, and answers.
    async fn settle(&mut self, round: Round) {
        let mut pending = round.pending;
        let mut attempt = 1;
        while !pending.is_empty() {
            let questions = self.conclude(pending).await;
            if questions.is_empty() {
                break;
            }
            pending = self.decide_again(questions, attempt).await;
            attempt += 1;
        }
        if self.state.as_ref().is_some_and(|loaded| loaded.room.is_destroyed()) {
            self.state = None;
        }
    }

    /// Appends, shows and answers; what was decided against a room that had moved on is given back.
    async fn conclude(&mut self, mut pending: Vec<Pending>) -> Vec<(Question, Receipt)> {
        #[cfg(feature = "planted-bugs")]
        if planted!(AcknowledgedEarly) {
            pending.iter_mut().for_each(Pending::acknowledge);
        }
        let store = self.services.store.clone();
        let append = async |append: Option<Append>| match append {
            Some(append) => store.append(append).await.map(Some),
            None => Ok(None),
        };
        // Handed in one after the other, so that the log has them in this order; committed together. But for what moves
        // the rules: behind it the others rest on a version that another member may have given to rules of its own.
        let mut results = Vec::with_capacity(pending.len());
        let mut rest = &mut pending[..];
        while !rest.is_empty() {
            let end = rest.iter().position(Pending::moves_rules).map_or(rest.len(), |mover| mover + 1);
            let (now, later) = rest.split_at_mut(end);
            results.extend(join_all(now.iter_mut().map(Pending::take_append).map(&append)).await);
            rest = later;
            if results.last().is_some_and(Result::is_err) {
                results.extend(rest.iter().map(|_| Err(AppendError::Stale)));
                break;
            }
        }
        let mut questions = Vec::new();
        for (item, result) in pending.into_iter().zip(results) {
            match item {
                Pending::Refused { receipt, refusal } => receipt.give(Err(refusal)),
                Pending::Answered { reply, answer } => drop(reply.send(answer)),
                Pending::Decided { decided, receipt, question, .. } => match (result, question) {
                    (Ok(appended), _) => self.come_true(decided, appended, receipt).await,
                    (Err(AppendError::Stale), Some(question)) => questions.push((*question, receipt)),
                    (Err(failure), question) => {
                        self.fail(failure, receipt).await;
                        if let (AppendError::Store(error), Some(question)) = (failure, question)
                            && error != StoreError::Fenced
                        {
                            self.owe_if_farewell(*question);
                        }
                    }
                },
            }
        }
        questions
    }

    /// Others were faster: what they did is taken in, and the same is asked of the room as it is now.
    async fn decide_again(&mut self, questions: Vec<(Question, Receipt)>, attempt: u32) -> Vec<Pending> {
        // Lists also change without an event: when an account is removed, its rights go with it.
        let is_unheard = attempt >= UNHEARD_AFTER;
        let caught_up = if is_unheard { self.refresh().await } else { self.catch_up(None).await };
        let mut round = Round::default();
        for (question, receipt) in questions {
            let refusal = match (&self.state, caught_up) {
                (Some(loaded), Ok(())) if attempt < ATTEMPTS_MAX => {
                    round.decide(&loaded.room, question, receipt, true, self.services.clock.now());
                    continue;
                }
                (_, Err(error)) => refusal_of(&error),
                (None, Ok(())) => Refusal::NoSuchRoom,
                (Some(_), Ok(())) => Refusal::TemporarilyUnavailable,
            };
            if refusal != Refusal::NoSuchRoom {
                self.owe_if_farewell(question);
            }
            round.pending.push(Pending::Refused { receipt, refusal });
        }
        round.pending
    }

    /// A decision is in the log, if it was for the log: it is applied at its place there, told to the other members, and
    /// shown.
    async fn come_true(&mut self, decided: Decided, appended: Option<Appended>, receipt: Receipt) {
        if let Some(appended) = &appended
            && !planted!(OwnOutOfOrder)
            && !self.reach(Seq(appended.first.0 - 1)).await
        {
            // It is committed, and its session will find it in the archive, as all others will.
            return receipt.give(Ok(()));
        }
        let Some(loaded) = &mut self.state else { return receipt.give(Err(Refusal::NoSuchRoom)) };
        self.services.tell_of(&loaded.room, &decided, appended.as_ref());
        if let Some(appended) = &appended {
            if appended.quiet != loaded.quiet + i64::from(!decided.quiet().is_empty()) {
                // Others came and went before it, of which no log tells. A hint that is still to come would undo it.
                self.mark.fall_behind();
            }
            loaded.quiet = appended.quiet;
        }
        let shown = decided.apply(&mut loaded.room, appended.as_ref(), self.services.clock.now());
        self.show(shown).await;
        receipt.give(Ok(()));
    }

    async fn fail(&mut self, failure: AppendError, receipt: Receipt) {
        let outcome = match failure {
            AppendError::Store(error) if error.leaves_open() => {
                // It may be there: who is to leave next may have come in by it.
                self.mark.fall_behind();
                return receipt.leave_open();
            }
            // Written by an attempt whose outcome was not known: it stands in the log, and is shown from there.
            AppendError::AlreadyDone { seq } => {
                self.reach(seq).await;
                Ok(())
            }
            failure => {
                debug!(room = %self.name, %failure, "an append was refused");
                if failure == AppendError::Gone {
                    // Those inside have not heard of it.
                    self.mark.fall_behind();
                }
                Err(refusal_of_append(&failure))
            }
        };
        receipt.give(outcome);
    }

    async fn show(&mut self, mut shown: Shown) {
        self.fill_welcome(&mut shown).await;
        let Some(loaded) = &mut self.state else { return };
        if let Some((session, mailbox)) = shown.attach.take() {
            match shown.resumes {
                Some(after) => self.show_since(session, mailbox, after).await,
                None => loaded.audience.attach(session, mailbox),
            }
        }
        let Some(loaded) = &mut self.state else { return };
        for step in &shown.steps {
            loaded.show(step);
        }
        for (ephemeral, view, is_quiet) in &shown.ephemeral {
            loaded.show_passing(ephemeral, *view, *is_quiet);
        }
        for parcel in shown.parcels {
            self.services.send(&self.address, parcel);
        }
    }

    /// Reads the history that a joiner wants. A join is not refused because history cannot be read.
    async fn fill_welcome(&self, shown: &mut Shown) {
        let Some(wanted) = shown.wants_history.take() else { return };
        let Some(loaded) = &self.state else { return };
        let Some(step) = shown.steps.iter_mut().find(|step| step.welcome.is_some()) else { return };
        let (room, until) = (loaded.room.id(), step.event.seq);
        let usual = loaded.room.standings().view().values().default_history;
        let limit = wanted.limit(usual, loaded.room.settings().history_max);
        match self.services.store.history(room, until, wanted, limit).await {
            Ok(history) => {
                let welcome = step.welcome.as_mut().expect("the step was found by it");
                // The subject comes last, and once (§7.2.15).
                let is_said = |message: &ArchivedMessage| !matches!(message.kind, ArchivedKind::Subject(_));
                welcome.history = history.into_iter().filter(is_said).map(past).collect();
            }
            Err(error) => warn!(room = %self.name, %error, "history cannot be read"),
        }
    }

    fn shutdown(&self) {
        if let Some(loaded) = &self.state {
            loaded.audience.shutdown(loaded.room.occupants().iter().cloned());
        }
    }
}

impl Loaded {
    fn new(address: &str, snapshot: RoomSnapshot, services: &Services) -> Self {
        let audience = Audience::new(address, &snapshot.secret, snapshot.epoch);
        let (quiet, moved) = (snapshot.quiet, snapshot.seq);
        let mut room = Room::load(snapshot, &services.directory.view());
        room.spare(services.policy.administrators.as_slice().into());
        Self { quiet, moved, room, audience, is_reviewed: false, has_become_auditorium: false }
    }

    fn show(&mut self, step: &Step) {
        if !step.is_quiet && !matches!(step.event.change, Change::Posted { .. } | Change::Whispered { .. }) {
            self.moved = step.event.seq;
        }
        self.audience.deliver(step);
        if let Change::Detached { session, deadline: Some(_) } = &step.event.change {
            self.audience.detach(*session);
        }
    }

    fn show_passing(&mut self, ephemeral: &Ephemeral, view: View, is_quiet: bool) {
        let about = match ephemeral {
            Ephemeral::Presence { session, .. } => self.room.occupants().by_session(*session),
            Ephemeral::Whisper { to, .. } => self.room.occupants().by_nick(to),
            Ephemeral::Message { .. } => None,
        };
        self.audience.deliver_ephemeral(ephemeral, about, view, is_quiet);
    }
}

fn past(message: ArchivedMessage) -> Past {
    let moderation = match &message.kind {
        ArchivedKind::Retraction { target, is_moderation: true, reason } => {
            Some(Moderation { target: *target, reason: reason.clone() })
        }
        _ => None,
    };
    Past {
        id: Some(message.id),
        at: message.at,
        author: message.author,
        content: message.content,
        moderation,
    }
}
