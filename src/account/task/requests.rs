//! What the account's own sessions ask, one by one.

use futures_util::future::join_all;
use perch_xmpp::xml::Element;
use tokio::sync::oneshot;
use tracing::warn;

use super::{ATTEMPTS_MAX, AccountTask, Request, events};
use crate::account::directory::{refusal_of, refusal_of_append};
use crate::account::handle::Answer;
use crate::account::letters::{Draft, Peer, Posting, packet};
use crate::account::refusal::refuse;
use crate::account::state::{Account, Decision, Effect};
use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange, AccountEvent};
use crate::chat::account::packet::Packet;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{Origin, SessionId};
use crate::chat::note::Delivery;
use crate::chat::refusal::Refusal;
use crate::fanout::mailbox::Ending;
use crate::store::account_log::AccountAppendError;

/// A message of one of the account's sessions, waiting for its commit.
pub(super) struct Post {
    pub(super) session: SessionId,
    pub(super) draft: Draft,
    pub(super) origin: Origin,
    pub(super) number: u64,
}

/// A message that is being appended.
struct UnderWay {
    post: Post,
    posting: Posting,
}

impl AccountTask {
    pub(super) async fn handle(&mut self, request: Request) {
        let now = self.services.clock.now();
        match request {
            Request::Attach { session, jid, mailbox, reply } => {
                if let Err(condition) = self.refresh().await {
                    let _ = reply.send(Err(condition));
                    return;
                }
                if let Some(former) = self.attach(session, jid, mailbox) {
                    self.drop_session(former, &Default::default()).await;
                }
                self.show_face();
                self.show_sessions();
                let _ = reply.send(Ok(self.account.id()));
            }
            Request::Release { session, reply } => drop(reply.send(self.release(session).await)),
            Request::Resume { held, mailbox, reply } => drop(reply.send(self.resume(*held, mailbox).await)),
            Request::Detach { session, payload } => {
                self.drop_session(session, &payload).await;
                self.note().await;
            }
            Request::Appear { session, appearance } => {
                let mut effects = self.account.appear(session, &appearance, now);
                effects.extend(self.ask_again());
                self.show_face();
                self.show_sessions();
                self.perform(effects).await;
            }
            Request::Vanish { session, payload } => {
                let effects = self.account.vanish(session, &payload, now);
                self.show_face();
                self.show_sessions();
                self.perform(effects).await;
            }
            Request::Direct { session, to, appearance, payload, reply } => {
                let decided = self.account.direct(session, to, appearance.as_ref(), &payload);
                if let Ok(effects) = &decided {
                    self.perform(effects.clone()).await;
                }
                let _ = reply.send(decided.map(drop));
            }
            Request::Ask { session, command, reply } => {
                let decide = |account: &mut Account, command| account.decide(session, command, now);
                self.answer(command, decide, reply).await;
            }
            Request::Nodes { by, command, reply } => {
                let decide = |account: &mut Account, command| account.decide_pep_by(&by, command, now);
                self.answer(command, decide, reply).await;
            }
            Request::Relay { session, packet } => self.relay(session, packet).await,
            Request::Learn { session, info } => self.learn(session, &info).await,
            Request::Acknowledge { session, seq } => {
                let (taken, effects) = self.account.acknowledge(session, seq);
                self.tell_of_letters(taken, None);
                self.perform(effects).await;
            }
            Request::Outlast { session } => {
                self.account.outlast(session);
                self.show_sessions();
            }
            Request::Note { done } => {
                self.note().await;
                let _ = done.send(());
            }
            Request::Post { session, draft, origin, number } => {
                self.post_all(vec![Post { session, draft, origin, number }]).await;
            }
        }
    }

    /// What a session's client can do is known now.
    async fn learn(&mut self, session: SessionId, info: &Element) {
        let interests = self
            .account
            .capabilities(session)
            .map(|capabilities| self.services.capabilities.learn(capabilities, info));
        if let Some(interests) = interests {
            let effects = self.account.set_interests(session, interests);
            self.show_sessions();
            self.perform(effects).await;
        }
    }

    /// Decides, commits and answers. Where another member was faster, what it did is taken in, and the same is decided
    /// anew.
    async fn answer<C: Clone>(
        &mut self,
        command: C,
        mut decide: impl FnMut(&mut Account, C) -> Result<(Answer, Decision), AccountRefusal>,
        reply: oneshot::Sender<Result<Answer, AccountRefusal>>,
    ) {
        let mut answer = Err(AccountRefusal::TemporarilyUnavailable);
        for _ in 0..ATTEMPTS_MAX {
            let committed = match decide(&mut self.account, command.clone()) {
                Ok((granted, decision)) => self.commit(decision, None).await.map(|()| granted),
                Err(refusal) => {
                    answer = Err(refusal);
                    break;
                }
            };
            if let Err(AccountAppendError::Stale) = committed
                && self.catch_up().await.is_ok()
            {
                continue;
            }
            answer = committed.map_err(refusal_of_append);
            break;
        }
        self.show_face();
        self.show_sessions();
        drop(reply.send(answer));
    }

    /// What goes to another session or another server, unless this account has blocked it.
    async fn relay(&mut self, session: SessionId, packet: Packet) {
        let refusal = self.account.may_relay(&packet).err();
        let effect = match refusal {
            None => Some(Effect::Send(packet)),
            Some(refusal) => {
                let error = refuse(&packet, refusal);
                error.and_then(|error| Effect::tell([session], error))
            }
        };
        self.perform(effect.into_iter().collect()).await;
    }

    /// Decides and appends messages. They go to the store in their order and share its commit.
    pub(super) async fn post_all(&mut self, posts: Vec<Post>) {
        let mut under_way = Vec::with_capacity(posts.len());
        for post in posts {
            match self.decide_post(&post.draft).await {
                Ok(posting) => under_way.push(UnderWay { post, posting }),
                Err(refusal) => {
                    // What was sent before it is settled before it.
                    self.append_posts(std::mem::take(&mut under_way)).await;
                    self.refuse_post(&post, refusal).await;
                }
            }
        }
        self.append_posts(under_way).await;
    }

    async fn decide_post(&self, draft: &Draft) -> Result<Posting, AccountRefusal> {
        let Some(local) = self.services.local(&draft.to) else {
            return self.account.post(draft.clone(), Peer::Foreign);
        };
        if local == *self.account.jid() {
            return self.account.post(draft.clone(), Peer::Local(&self.account.face()));
        }
        match self.services.face_to_write_to(&local).await.map_err(refusal_of)? {
            Some(face) => self.account.post(draft.clone(), Peer::Local(&face)),
            None => self.account.post(draft.clone(), Peer::Nobody),
        }
    }

    async fn append_posts(&mut self, under_way: Vec<UnderWay>) {
        let now = self.services.clock.now();
        let appends = under_way.iter().map(|item| {
            let appends = item.appends(self.account.id());
            let store = &self.services.store;
            async move {
                match appends.is_empty() {
                    true => Ok(Vec::new()),
                    false => store.append_accounts(appends, now).await,
                }
            }
        });
        let outcomes = join_all(appends).await;
        for (item, outcome) in under_way.into_iter().zip(outcomes) {
            match outcome {
                Ok(places) => self.conclude_post(item, places).await,
                Err(AccountAppendError::AlreadyDone) => self.settle(&item.post),
                Err(AccountAppendError::Store(error)) if error.leaves_open() => self.leave_open(&item.post),
                Err(error) => {
                    warn!(%error, "a message was not written");
                    let refusal = match error {
                        AccountAppendError::Store(error) => refusal_of(error),
                        _ => AccountRefusal::Unreachable,
                    };
                    self.refuse_post(&item.post, refusal).await;
                }
            }
        }
    }

    /// Committed: the recipient is told, then the sender's other sessions, then the sender.
    async fn conclude_post(&mut self, item: UnderWay, places: Vec<AccountAppended>) {
        let UnderWay { post, posting } = item;
        let mut places = places.into_iter();
        let origin = Some(post.origin);
        let mut own = Vec::new();
        let is_copied = post.draft.is_copied;
        if let Some(sent) = posting.sent
            && let Some(place) = places.next()
        {
            own.extend(events(&place, origin, vec![sent]));
        }
        if let Some((_, received)) = posting.received
            && let Some(place) = places.next()
        {
            self.hand_over_letter(&post.draft, &place, received, &mut own);
        }
        self.accept_own(own).await;
        let mut effects = posting.copies;
        if let Some(packet) = posting.passing {
            match self.services.local(&packet.to) {
                Some(local) if local != *self.account.jid() => {
                    self.services.pass(&local, packet, Delivery::Addressed { is_copied });
                }
                Some(_) => {
                    if self.share(&packet, is_copied) {
                        effects.extend(self.account.receive_packet(packet, is_copied));
                    }
                }
                None => effects.push(Effect::Send(packet)),
            }
        }
        self.perform(effects).await;
        self.settle(&post);
    }

    fn hand_over_letter(
        &self,
        draft: &Draft,
        place: &AccountAppended,
        received: AccountChange,
        own: &mut Vec<AccountEvent>,
    ) {
        let Some(local) = self.services.local(&draft.to) else { return };
        for event in events(place, None, vec![received]) {
            if local == *self.account.jid() {
                own.push(event);
            } else {
                self.services.hint(&local, event);
            }
        }
    }

    async fn refuse_post(&mut self, post: &Post, refusal: AccountRefusal) {
        let for_now = match refusal {
            AccountRefusal::TemporarilyUnavailable => Some(Refusal::TemporarilyUnavailable),
            AccountRefusal::NoSpace => Some(Refusal::NoSpace),
            _ => None,
        };
        if let (Some(for_now), Some(mailbox)) = (for_now, self.mailboxes.get(&post.session)) {
            // The session says so itself: it knows when its client has heard it.
            return mailbox.settle(post.number, Err(for_now));
        }
        let error = refuse(&packet(&post.draft), refusal);
        let effect = error.and_then(|error| Effect::tell([post.session], error));
        self.perform(effect.into_iter().collect()).await;
        self.settle(post);
    }

    fn settle(&self, post: &Post) {
        if let Some(mailbox) = self.mailboxes.get(&post.session) {
            mailbox.settle(post.number, Ok(()));
        }
    }

    /// It is not known, or not for this member to say, what became of it: the client sends it again when it is back.
    fn leave_open(&self, post: &Post) {
        if let Some(mailbox) = self.mailboxes.get(&post.session) {
            mailbox.end(Ending::Unsure);
        }
    }

    pub(super) async fn drop_session(&mut self, session: SessionId, payload: &crate::chat::message::Payload) {
        self.mailboxes.remove(&session);
        let effects = self.account.detach(session, payload, self.services.clock.now());
        self.show_face();
        if !self.services.bus.is_local() {
            // Who signs in elsewhere reads what was taken.
            self.note().await;
        }
        self.show_sessions();
        self.perform(effects).await;
    }
}

impl UnderWay {
    /// Own log first, so that the answers come in that order. The key stands in the sender's log, or in the only one.
    fn appends(&self, own: crate::chat::id::AccountId) -> Vec<AccountAppend> {
        let origin = Some(self.post.origin);
        let sent = self.posting.sent.iter().map(|change| AccountAppend {
            account: own,
            origin,
            changes: vec![change.clone()],
            handled: None,
            after: None,
        });
        let received = self.posting.received.iter().map(|(account, change)| AccountAppend {
            account: *account,
            origin,
            changes: vec![change.clone()],
            handled: None,
            after: None,
        });
        sent.chain(received).collect()
    }
}
