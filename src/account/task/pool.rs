//! The account's sessions on other members: who they are, and what they are told of those that are here.

use std::sync::Arc;
use std::time::Duration;

use perch_xmpp::stanza::error::StanzaCondition;
use smallvec::SmallVec;
use tokio::time::Instant;
use tracing::error;

use super::catch_up::PAGE;
use crate::account::moving::Held;
use crate::account::remote::Arrangement;
use crate::account::state::Effect;
use crate::account::task::AccountTask;
use crate::chat::account::packet::Packet;
use crate::chat::id::{AccountId, Seq, SessionId};
use crate::chat::message::Payload;
use crate::chat::note::{Delivery, LetterNews, Note};
use crate::fanout::mailbox::{Ending, Mailbox};

/// What the store says of messages that wait is not all: other members know which of them were shown, or taken, and say
/// so to one on which somebody signs in for the first time. Until then nothing that waits is shown.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    members: SmallVec<[Arc<str>; 2]>,
    until: Option<Instant>,
    /// Sessions that are to be shown what waits, each from behind which one on.
    held_up: Vec<(SessionId, Seq)>,
}

/// A member that does not say it by then is dead, or has no session any more.
const PATIENCE: Duration = Duration::from_millis(500);

impl Unsaid {
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether a session has to wait for it.
    pub(super) fn holds_up(&mut self, session: SessionId, after: Seq) -> bool {
        let holds_up = self.until.is_some();
        if holds_up {
            self.held_up.push((session, after));
        }
        holds_up
    }
}

impl AccountTask {
    /// Somebody has signed in here, which the members with other sessions will notice.
    pub(super) fn wait_for_members(&mut self) {
        self.unsaid.members = self.services.elsewhere.members_of(self.account.jid());
        self.unsaid.until = (!self.unsaid.members.is_empty()).then(|| Instant::now() + PATIENCE);
    }

    /// What another member says of messages that wait.
    pub(super) async fn hear_of_letters(&mut self, from: &str, news: LetterNews) {
        let is_all = matches!(news, LetterNews::Waiting { .. });
        self.account.hear_of_letters(news);
        if is_all {
            self.unsaid.members.retain(|member| **member != *from);
            if self.unsaid.members.is_empty() {
                self.show_what_waits().await;
            }
        }
    }

    /// Nobody is waited for any longer, if it is time.
    pub(super) async fn show_without_members(&mut self) {
        if self.unsaid.until.is_some_and(|until| until <= Instant::now()) {
            self.show_what_waits().await;
        }
    }

    async fn show_what_waits(&mut self) {
        let Unsaid { held_up, .. } = std::mem::take(&mut self.unsaid);
        let floods = held_up.into_iter().map(|(session, after)| Effect::Flood { session, after });
        self.perform(floods.collect()).await;
    }

    /// Tells the other members which sessions are here, where that is news.
    pub(super) fn show_sessions(&self) {
        if !self.services.bus.is_local() {
            let sessions = self.account.own_sessions();
            self.services.elsewhere.show(self.account.jid(), sessions, &self.services.bus);
        }
    }

    /// Takes in which sessions other members have.
    pub(super) async fn look_elsewhere(&mut self) {
        let jid = self.account.jid().clone();
        let remote = self.services.elsewhere.sessions_of(&jid);
        let mut newcomers = self.services.elsewhere.members_of(&jid);
        newcomers.retain(|member| !self.account.is_on(member));
        let Arrangement { effects, replaced } = self.account.arrange(remote);
        self.show_face();
        if !self.mailboxes.is_empty() {
            // What it loaded says less than what is known here.
            let news = self.account.letters_waiting();
            for member in newcomers {
                let note = Note::AccountLetters { jid: jid.clone(), news: news.clone() };
                self.services.bus.tell(&member, note);
            }
        }
        self.perform(effects).await;
        for session in replaced {
            self.give_way(session).await;
        }
    }

    /// A session here has lost its address to one on another member.
    pub(super) async fn give_way(&mut self, session: SessionId) {
        if let Some(mailbox) = self.mailboxes.get(&session) {
            mailbox.end(Ending::Replaced);
            self.drop_session(session, &Payload::default()).await;
        }
    }

    /// A session goes on on another member.
    pub(super) async fn release(&mut self, session: SessionId) -> Option<Held> {
        self.mailboxes.remove(&session);
        let held = self.account.release(session);
        self.show_face();
        self.note().await;
        self.show_sessions();
        held
    }

    /// A session goes on here. It is shown what the log has got since it was let go, and sees for itself what else is
    /// new.
    pub(super) async fn resume(
        &mut self,
        held: Held,
        mailbox: Mailbox,
    ) -> Result<AccountId, StanzaCondition> {
        self.refresh().await?;
        let unreadable = |error| {
            error!(%error, "what a session has missed cannot be read");
            StanzaCondition::ResourceConstraint
        };
        self.catch_up().await.map_err(unreadable)?;
        let (session, after, end) = (held.session, held.seq, self.account.seq());
        let is_first = self.mailboxes.is_empty();
        self.account.resume(held);
        if is_first {
            self.wait_for_members();
        }
        self.mailboxes.insert(session, mailbox);
        self.is_fresh = false;
        self.show_face();
        self.show_sessions();
        let mut reached = after;
        let mut shown = Vec::new();
        while reached < end {
            let id = self.account.id();
            let page = self.services.store.account_events(id, reached, PAGE).await.map_err(unreadable)?;
            let Some(last) = page.last() else { break };
            reached = last.seq;
            let missed: Vec<Effect> = page
                .iter()
                .filter(|event| event.seq <= end)
                .filter_map(|event| self.account.missed(session, event))
                .collect();
            shown.extend(missed.iter().filter_map(Effect::letter));
            self.perform(missed).await;
        }
        self.tell_of_letters(shown, Some(session));
        let effects = self.account.look_around(session);
        self.perform(effects).await;
        Ok(self.account.id())
    }

    /// Ends a session on another member whose address is taken by one that is here. `false`: it is here itself.
    pub(super) fn replace_elsewhere(&mut self, former: SessionId) -> bool {
        let Some(member) = self.account.supersede(former) else { return false };
        self.services.replace(&member, self.account.jid(), former);
        true
    }

    /// A session was shown messages that waited, or its client has taken them.
    pub(super) fn tell_of_letters(&self, letters: Vec<Seq>, shown_to: Option<SessionId>) {
        if letters.is_empty() || !self.account.is_elsewhere() {
            return;
        }
        let news = match shown_to {
            Some(session) => LetterNews::Shown { session, letters },
            None => LetterNews::Taken { letters },
        };
        self.services.tell_of_letters(self.account.jid(), &news);
    }

    /// A packet for this account itself: brought to where it concerns somebody. Says whether that is here too.
    pub(super) fn share(&self, packet: &Packet, is_copied: bool) -> bool {
        self.services.share(self.account.jid(), packet, &Delivery::Addressed { is_copied })
    }
}
