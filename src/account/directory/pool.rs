//! Accounts in a pool: what other members tell of them, what they are told, and where packets in no log go.
//!
//! A packet for one session, or one that somebody has to answer, goes to one member, which does with it what is to be
//! done. Everything else goes to all members that have sessions of the account, and each shows it to its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use perch_address::BareJid;
use tracing::debug;

use super::{Accounts, Running, Services};
use crate::account::elsewhere::{Left, Missed, Taken};
use crate::account::refusal::refuse;
use crate::account::task::{Arrival, Entries};
use crate::bus::Heard;
use crate::chat::account::entry::AccountEvent;
use crate::chat::account::packet::{Packet, PacketKind, PresenceKind};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{AccountId, Seq, SessionId};
use crate::chat::note::{Delivery, LetterNews, Member, Note};
use crate::store::error::StoreError;

impl Accounts {
    /// What the bus brings, beside that for others. Never waits: what does not fit will be read from the log.
    pub fn hear(&self, heard: &Heard) {
        let services = &self.0;
        match heard {
            Heard::Gap { from } => services.elsewhere.gap(from.as_deref(), &services.bus),
            Heard::Note { from, note } => {
                if let Taken::Reborn(before) = services.elsewhere.meet(from, &services.bus) {
                    self.forget_member(&before, RETURN_TIME);
                    services.elsewhere.meet(from, &services.bus);
                }
                services.hear(from, note);
            }
        }
    }

    /// Tells another member something, if there is one of that name.
    pub(crate) fn tell_if_known(&self, member: &str, note: Note) {
        if self.0.elsewhere.knows(member) {
            self.0.bus.tell(member, note);
        }
    }

    /// Notes were lost: every account here is compared with the store, and reads what it has missed.
    pub async fn compare(&self) -> Result<(), StoreError> {
        let places: HashMap<AccountId, (Seq, Running)> = self
            .0
            .running
            .iter()
            .filter_map(|entry| {
                let (account, seq) = entry.value().desk.place()?;
                Some((account, (seq, entry.value().clone())))
            })
            .collect();
        let known: Vec<_> = places.iter().map(|(account, (seq, _))| (*account, *seq)).collect();
        if known.is_empty() {
            return Ok(());
        }
        for (account, last) in self.0.store.accounts_ahead(&known).await? {
            let Some((_, running)) = places.get(&account) else { continue };
            let entries = Entries { last, events: Vec::new(), is_to_answer: false };
            if !running.desk.put(Arrival::Entries(entries)) {
                running.desk.note_behind();
            }
        }
        Ok(())
    }

    /// The lives of a member up to that one are over: its sessions are, and who saw them here is told. Those whose
    /// clients may come back have so long for it.
    pub fn forget_member(&self, member: &Member, resumption_time: Duration) {
        let Left { accounts, gone, waiting } = self.0.elsewhere.forget(member);
        debug!(member = %member.name, accounts = accounts.len(), "the sessions of a member are over");
        for jid in &accounts {
            self.0.hand_over(jid, Arrival::Elsewhere);
        }
        self.0.miss(gone);
        if waiting.is_empty() {
            return;
        }
        let services = self.0.clone();
        self.0.tasks.spawn(async move {
            tokio::time::sleep(resumption_time).await;
            services.miss(services.elsewhere.still_gone(&waiting));
        });
    }
}

impl Services {
    fn hear(self: &Arc<Self>, from: &Member, note: &Note) {
        match note {
            Note::AccountGrew { jid, last, events, is_to_answer } => {
                let is_to_answer = *is_to_answer;
                if is_to_answer {
                    self.start_if_needed(jid);
                }
                if self.running.contains_key(jid) {
                    let entries = Entries { last: *last, events: events.clone(), is_to_answer };
                    self.hand_over(jid, Arrival::Entries(entries));
                }
            }
            Note::AccountPacket { to, packet, delivery } => self.take(to, packet.clone(), delivery.clone()),
            Note::AccountSessions { jid, sessions } => {
                let taken = self.elsewhere.take(from, jid, sessions);
                if taken == Taken::Changed {
                    self.hand_over(jid, Arrival::Elsewhere);
                }
            }
            Note::SessionReplaced { jid, session } => {
                self.hand_over(jid, Arrival::Replaced { session: *session });
            }
            Note::AccountLetters { jid, news } => {
                let (from, news) = (from.name.clone(), news.clone());
                self.hand_over(jid, Arrival::Letters { from, news });
            }
            Note::WantSessions => self.tell_sessions(from.name.clone()),
            Note::SessionsTold => {
                let (over, missed) = self.elsewhere.told(from);
                for jid in over {
                    self.hand_over(&jid, Arrival::Elsewhere);
                }
                self.miss(missed);
            }
            Note::Heartbeat { sessions_digest } => {
                self.elsewhere.heartbeat(from, *sessions_digest, &self.bus);
            }
            _ => {}
        }
    }

    /// Tells a member of all sessions here. There may be more of them than the bus takes at once.
    fn tell_sessions(self: &Arc<Self>, member: Box<str>) {
        let services = self.clone();
        self.tasks.spawn(async move {
            for some in services.elsewhere.own_accounts().chunks(TOLD_TOGETHER) {
                for jid in some {
                    services.elsewhere.tell(&member, jid, &services.bus);
                }
                services.bus.flush().await;
            }
            services.bus.tell(&member, Note::SessionsTold);
        });
    }

    /// Lets every account here look whether it has seen those who are gone, or look otherwise.
    fn miss(&self, missed: Missed) {
        if missed.is_empty() {
            return;
        }
        let missed = Arc::new(missed);
        let running: Vec<_> = self.running.iter().map(|entry| entry.value().desk.clone()).collect();
        for desk in running {
            // One that is too busy to take it reads its log, and looks at all its contacts.
            if !desk.put(Arrival::Missed(missed.clone())) {
                desk.note_behind();
            }
        }
    }

    /// Tells the other members of entries that were committed to an account's log from here.
    pub(in crate::account) fn tell_of(&self, jid: &BareJid, events: &[AccountEvent], answerer: Option<&str>) {
        if self.bus.is_local() {
            return;
        }
        let Some(last) = events.last().map(|event| event.seq) else { return };
        let size: usize = events.iter().map(|event| event.change.size()).sum();
        let events = if size > HINT_BYTES_MAX { Vec::new() } else { events.to_vec() };
        let note = |is_to_answer, events| Note::AccountGrew { jid: jid.clone(), last, events, is_to_answer };
        if let Some(member) = answerer {
            self.bus.tell(member, note(true, events.clone()));
        }
        self.bus.publish(note(false, events));
    }

    /// Tells the other members that have sessions of an account what became of messages that wait.
    pub(in crate::account) fn tell_of_letters(&self, jid: &BareJid, news: &LetterNews) {
        for member in self.elsewhere.members_of(jid) {
            self.bus.tell(&member, Note::AccountLetters { jid: jid.clone(), news: news.clone() });
        }
    }

    /// Shows the account's sessions on other members what one that is here said.
    pub(in crate::account) fn tell_elsewhere(&self, jid: &BareJid, packet: &Packet) {
        self.tell_members(jid, packet, &Delivery::Own);
    }

    /// The session's address was taken by one that is here.
    pub(in crate::account) fn replace(&self, member: &str, jid: &BareJid, session: SessionId) {
        self.bus.tell(member, Note::SessionReplaced { jid: jid.clone(), session });
    }

    /// Brings a packet of ours to where it concerns somebody.
    pub(in crate::account) fn pass(&self, to: &BareJid, packet: Packet, delivery: Delivery) {
        match self.only_member(&packet) {
            // Behind what else the account was told, and told to others behind what it makes of that.
            None if self.running.contains_key(to) => {
                let arrival = Arrival::Packet { packet, delivery, is_to_share: true };
                self.hand_over(to, arrival);
            }
            None => self.tell_members(to, &packet, &delivery),
            Some(Place::Here) => self.take(to, packet, delivery),
            Some(Place::Elsewhere(member)) => {
                self.bus.tell(&member, Note::AccountPacket { to: to.clone(), packet, delivery });
            }
        }
    }

    /// Brings an account's own packet to the other members that it concerns. Says whether it concerns this one too.
    pub(in crate::account) fn share(&self, to: &BareJid, packet: &Packet, delivery: &Delivery) -> bool {
        match self.only_member(packet) {
            Some(Place::Here) => true,
            Some(Place::Elsewhere(member)) => {
                let (packet, delivery) = (packet.clone(), delivery.clone());
                self.bus.tell(&member, Note::AccountPacket { to: to.clone(), packet, delivery });
                false
            }
            None => {
                self.tell_members(to, packet, delivery);
                true
            }
        }
    }

    /// A packet that entered here, or was led here by another member: it goes no further.
    fn take(&self, to: &BareJid, packet: Packet, delivery: Delivery) {
        let error = refuse(&packet, AccountRefusal::Unreachable);
        let is_iq = matches!(packet.kind, PacketKind::Iq(_));
        // Nobody is there: only a question wants to be told so (RFC 6121 §8.5.2.2, §8.5.3.2.3).
        if !self.hand_over(to, Arrival::Packet { packet, delivery, is_to_share: false })
            && is_iq
            && let Some(error) = error
        {
            self.send(error);
        }
    }

    pub(in crate::account) fn tell_members(&self, to: &BareJid, packet: &Packet, delivery: &Delivery) {
        if self.bus.is_local() {
            return;
        }
        for member in self.elsewhere.members_of(to) {
            let (packet, delivery) = (packet.clone(), delivery.clone());
            self.bus.tell(&member, Note::AccountPacket { to: to.clone(), packet, delivery });
        }
    }

    /// The member that alone has to do with a packet, where it is only one.
    fn only_member(&self, packet: &Packet) -> Option<Place> {
        if self.bus.is_local() {
            return Some(Place::Here);
        }
        let holder = || self.elsewhere.holder(&packet.to).map_or(Place::Here, Place::Elsewhere);
        match packet.kind {
            PacketKind::Iq(_) => Some(holder()),
            // Any member that runs the account knows all its sessions.
            PacketKind::Presence(PresenceKind::Probe) => {
                let jid = packet.to.bare();
                if self.running.contains_key(&jid) {
                    return Some(Place::Here);
                }
                let members = self.elsewhere.members_of(&jid);
                Some(members.into_iter().next().map_or(Place::Here, Place::Elsewhere))
            }
            PacketKind::Presence(_) if !packet.to.is_bare() => Some(holder()),
            PacketKind::Presence(_) | PacketKind::Message(_) => None,
        }
    }
}

/// Where something is to be done.
enum Place {
    Here,
    Elsewhere(Arc<str>),
}

/// Events in one hint take so many bytes at most; who hears of more reads them from the log.
const HINT_BYTES_MAX: usize = 32 << 10;

/// How long clients may take to come back after a member is seen to have begun anew.
const RETURN_TIME: Duration = Duration::from_secs(60);

/// Accounts whose sessions are told before the bus is waited for.
const TOLD_TOGETHER: usize = 256;
