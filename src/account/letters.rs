//! One-to-one messages (RFC 6121 §5, §8.5): whether they are taken, who keeps them, who is shown them, and what waits
//! for whom (XEP-0160, XEP-0280, XEP-0313).

use std::collections::{BTreeMap, BTreeSet};

use perch_address::Jid;
use smallvec::SmallVec;

use crate::account::delivery::{Route, route};
use crate::account::face::Face;
use crate::account::session::Flood;
use crate::account::state::{Account, Effect, Recipients};
use crate::account::wire;
use crate::chat::account::entry::{AccountChange, AccountEvent, Letter};
use crate::chat::account::packet::{MessageKind, Packet, PacketKind};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{AccountId, Seq, SessionId};
use crate::chat::message::{Content, Retention};
use crate::chat::note::LetterNews;

/// A message as a session, a room or another server hands it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub kind: MessageKind,
    pub from: Jid,
    pub to: Jid,
    pub content: Content,
    /// May wait for a session that takes messages.
    pub is_kept_offline: bool,
    /// Sessions beside those it is for get a copy.
    pub is_copied: bool,
}

/// What becomes of a message that is not refused.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Posting {
    /// For the sender's log.
    pub sent: Option<AccountChange>,
    /// For the recipient's log, in the same append.
    pub received: Option<(AccountId, AccountChange)>,
    /// In no log: handed to the recipient as it is.
    pub passing: Option<Packet>,
    /// Copies for the sender's other sessions, where his log does not have it.
    pub copies: Vec<Effect>,
}

/// Who the recipient is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer<'a> {
    Local(&'a Face),
    /// The address is ours, but nobody has it.
    Nobody,
    /// Another server's, or a room's.
    Foreign,
}

/// The messages of the log that no device is known to have taken. The log has them; here is only who was shown which.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    letters: BTreeMap<Seq, SmallVec<[SessionId; 2]>>,
    /// Taken on another member before the log was read that far here.
    taken_early: BTreeSet<Seq>,
}

/// Messages that may wait for one account. What is archived beyond them is found in the archive.
const WAITING_MAX: usize = 10_000;

impl Waiting {
    pub(super) fn new(seqs: Vec<Seq>) -> Self {
        let letters = seqs.into_iter().map(|seq| (seq, SmallVec::new())).collect();
        Self { letters, taken_early: BTreeSet::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.letters.len() >= WAITING_MAX
    }
}

/// Sending.
impl Account {
    /// What becomes of a message that a session sends.
    pub(crate) fn post(&self, draft: Draft, peer: Peer<'_>) -> Result<Posting, AccountRefusal> {
        if self.blocked.covers(&draft.to) {
            return Err(AccountRefusal::Blocked);
        }
        let is_own = draft.to.bare() == self.jid;
        let incoming = match peer {
            Peer::Local(face) => receive(draft.clone(), face)?,
            Peer::Nobody if draft.kind == MessageKind::Error => Incoming::Dropped,
            Peer::Nobody => return Err(AccountRefusal::Unreachable),
            Peer::Foreign => Incoming::Passing,
        };
        let mut posting = Posting::default();
        match incoming {
            Incoming::Dropped => return Ok(posting),
            Incoming::Passing => posting.passing = Some(packet(&draft)),
            Incoming::Logged(id, letter) => posting.received = Some((id, AccountChange::Received(letter))),
        }
        if is_own {
            return Ok(posting);
        }
        let is_archived = draft.content.retention == Retention::Kept && self.keeps(&draft.to);
        if is_archived {
            posting.sent = Some(AccountChange::Sent(letter(draft, false, true)));
        } else if draft.is_copied {
            let packet = packet(&draft);
            posting.copies.extend(self.copy_sent(&draft.from, &packet));
            posting.copies.extend(self.for_elsewhere(packet));
        }
        Ok(posting)
    }

    /// Copies of what one session sent for those that asked for copies (XEP-0280 §8).
    pub(super) fn copy_sent(&self, from: &Jid, packet: &Packet) -> Option<Effect> {
        let others =
            self.sessions.iter().filter(|session| session.wants_carbons && session.jid.as_jid() != from);
        let others: Recipients = others.map(|session| session.id).collect();
        if others.is_empty() {
            return None;
        }
        Effect::push(others, wire::carbon("sent", packet))
    }

    pub(super) fn apply_sent(&self, letter: &Letter, event: &AccountEvent, effects: &mut Vec<Effect>) {
        if letter.is_copied {
            let mut packet = letter_packet(letter);
            packet.payload = self.with_stanza_id(&packet.payload, event.seq);
            effects.extend(self.copy_sent(&letter.from, &packet));
        }
    }

    fn keeps(&self, peer: &Jid) -> bool {
        self.preferences.keeps(peer, |jid| self.roster.lists(jid))
    }
}

/// What a recipient's account does with a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Incoming {
    Logged(AccountId, Letter),
    /// Ephemeral, for whoever is there.
    Passing,
    Dropped,
}

/// Decides for a recipient from what is known of him, on behalf of whoever hands the message in.
pub(crate) fn receive(draft: Draft, face: &Face) -> Result<Incoming, AccountRefusal> {
    let is_error = draft.kind == MessageKind::Error;
    let is_own = draft.from.bare() == face.jid;
    if !is_own && face.blocks(&draft.from) {
        return if is_error { Ok(Incoming::Dropped) } else { Err(AccountRefusal::Unreachable) };
    }
    let is_logged = draft.content.retention != Retention::Ephemeral
        && matches!(draft.kind, MessageKind::Chat | MessageKind::Normal);
    match route(&draft.to, draft.kind, &face.resources) {
        Route::Refused => return Err(AccountRefusal::Unreachable),
        Route::Nowhere => return Ok(Incoming::Dropped),
        Route::Offline if !is_logged => return Ok(Incoming::Dropped),
        // The sender wants it stored nowhere, and nobody is there to take it.
        Route::Offline if !draft.is_kept_offline => return Err(AccountRefusal::Unreachable),
        Route::Offline if face.is_full => return Err(AccountRefusal::TooMany),
        Route::Sessions(_) if !is_logged => return Ok(Incoming::Passing),
        Route::Sessions(_) | Route::Offline => {}
    }
    let is_archived = draft.content.retention == Retention::Kept && face.keeps(&draft.from);
    let is_kept_offline = draft.is_kept_offline;
    Ok(Incoming::Logged(face.id, letter(draft, is_kept_offline, is_archived)))
}

/// Receiving.
impl Account {
    pub(super) fn apply_received(
        &mut self,
        letter: &Letter,
        event: &AccountEvent,
        effects: &mut Vec<Effect>,
    ) {
        let mut packet = letter_packet(letter);
        if letter.is_archived {
            packet.payload = self.with_stanza_id(&packet.payload, event.seq);
        }
        let is_own = letter.from.bare() == self.jid;
        if !is_own && self.blocked.covers(&letter.from) {
            // Let in by a member that had not heard yet.
            return;
        }
        let shown = self.recipients(&letter.to, letter.kind);
        // To whom older messages are still being shown, this one comes in its turn.
        let live =
            shown.iter().copied().filter(|id| self.sessions.by_id(*id).is_some_and(|s| s.flood.is_none()));
        let live: Recipients = live.collect();
        let is_taken = self.waiting.taken_early.remove(&event.seq);
        if letter.is_kept_offline && !is_taken {
            self.waiting.letters.insert(event.seq, SmallVec::from_slice(&live));
        }
        if !live.is_empty() {
            effects.push(Effect::Letter { sessions: live, packet: packet.clone(), seq: event.seq });
        }
        if letter.is_copied {
            effects.extend(self.copy_received(&shown, &packet));
        }
    }

    /// A message that is in no log.
    pub(crate) fn receive_passing(&self, packet: Packet, kind: MessageKind, is_copied: bool) -> Vec<Effect> {
        let shown = self.recipients(&packet.to, kind);
        let copies = is_copied.then(|| self.copy_received(&shown, &packet)).flatten();
        Effect::tell(shown, packet).into_iter().chain(copies).collect()
    }

    /// Copies for the sessions that did not get the message itself (XEP-0280 §7).
    fn copy_received(&self, shown: &[SessionId], packet: &Packet) -> Option<Effect> {
        let others =
            self.sessions.iter().filter(|session| session.wants_carbons && !shown.contains(&session.id));
        let others: Recipients = others.map(|session| session.id).collect();
        if others.is_empty() {
            return None;
        }
        Effect::push(others, wire::carbon("received", packet))
    }

    pub(super) fn recipients(&self, to: &Jid, kind: MessageKind) -> Recipients {
        match route(to, kind, &self.resources()) {
            Route::Sessions(sessions) => sessions.into_iter().collect(),
            Route::Offline | Route::Refused | Route::Nowhere => Recipients::new(),
        }
    }
}

/// What waits.
impl Account {
    /// Begins to show a session what waits, oldest first.
    pub(super) fn start_flood(&mut self, id: SessionId, effects: &mut Vec<Effect>) {
        let unshown = self.waiting.letters.iter().find(|(_, shown)| shown.is_empty()).map(|(seq, _)| *seq);
        let Some(first) = unshown else { return };
        let after = Seq(first.0 - 1);
        let live_from = self.seq.next();
        if let Some(session) = self.sessions.by_id_mut(id) {
            session.flood = Some(Flood { after, awaits: Seq(i64::MAX) });
            session.live_from = live_from;
            effects.push(Effect::Flood { session: id, after });
        }
    }

    /// Turns a page of the log into what the session is shown, and remembers that it was. `is_last`: there is no more.
    pub(crate) fn flood(&mut self, id: SessionId, page: &[AccountEvent], is_last: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(session) = self.sessions.by_id(id) else {
            return effects;
        };
        let (jid, live_from) = (session.jid.clone(), session.live_from);
        for event in page {
            let AccountChange::Received(letter) = &event.change else { continue };
            let waits = self.waiting.letters.get(&event.seq).is_some_and(SmallVec::is_empty);
            let is_for_it = letter.to.is_bare() || letter.to == *jid.as_jid();
            let is_new = is_for_it && event.seq >= live_from;
            if !(waits || is_new) {
                continue;
            }
            if let Some(shown) = self.waiting.letters.get_mut(&event.seq) {
                shown.push(id);
            }
            let mut packet = letter_packet(letter);
            packet.payload = wire::with_delay(&packet.payload, &self.jid, event.at);
            if letter.is_archived {
                packet.payload = self.with_stanza_id(&packet.payload, event.seq);
            }
            effects.push(Effect::Letter { sessions: Recipients::from_slice(&[id]), packet, seq: event.seq });
        }
        let reached = page.last().map(|event| event.seq);
        let last_shown = effects.iter().rev().find_map(Effect::letter);
        let flood =
            reached.filter(|_| !is_last).map(|after| Flood { after, awaits: last_shown.unwrap_or(Seq(0)) });
        if let (Some(Flood { after, .. }), None) = (flood, last_shown) {
            // Nothing of the page was for it: no acknowledgement would lead on.
            effects.push(Effect::Flood { session: id, after });
        }
        if let Some(session) = self.sessions.by_id_mut(id) {
            session.flood = flood;
        }
        effects
    }

    /// The rest cannot be read now.
    pub(crate) fn end_flood(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.by_id_mut(id) {
            session.flood = None;
        }
    }

    /// A session's client has taken everything up to a message. Says which messages do not wait any more.
    pub(crate) fn acknowledge(&mut self, id: SessionId, up_to: Seq) -> (Vec<Seq>, Vec<Effect>) {
        let mut taken = Vec::new();
        self.waiting.letters.retain(|seq, shown| {
            let is_taken = *seq <= up_to && shown.contains(&id);
            if is_taken {
                taken.push(*seq);
            }
            !is_taken
        });
        let effects = match self.sessions.by_id(id).and_then(|session| session.flood) {
            Some(Flood { after, awaits }) if awaits <= up_to => vec![Effect::Flood { session: id, after }],
            _ => Vec::new(),
        };
        (taken, effects)
    }

    /// What another member says of messages that wait.
    pub(crate) fn hear_of_letters(&mut self, news: LetterNews) {
        let waiting = &mut self.waiting.letters;
        match news {
            LetterNews::Shown { session, letters } => self.note_shown(session, &letters),
            LetterNews::Taken { letters } => {
                letters.iter().for_each(|seq| drop(waiting.remove(seq)));
                let seq = self.seq;
                self.waiting.taken_early.retain(|early| *early > seq);
                self.waiting.taken_early.extend(letters.into_iter().filter(|early| *early > seq));
            }
            LetterNews::Waiting { until, letters } => {
                let told: BTreeMap<Seq, Vec<SessionId>> = letters.into_iter().collect();
                waiting.retain(|seq, _| *seq > until || told.contains_key(seq));
                for (seq, sessions) in told {
                    let Some(shown) = waiting.get_mut(&seq) else { continue };
                    shown.extend(sessions);
                    shown.sort_unstable();
                    shown.dedup();
                }
            }
        }
    }

    /// What a member that has sessions of the account for the first time cannot know.
    pub(crate) fn letters_waiting(&self) -> LetterNews {
        let letters = self.waiting.letters.iter().map(|(seq, shown)| (*seq, shown.to_vec()));
        LetterNews::Waiting { until: self.seq, letters: letters.collect() }
    }

    /// The session goes on elsewhere: what it was shown here and has not taken.
    pub(super) fn take_back(&mut self, id: SessionId) -> Vec<Seq> {
        let mut taken_back = Vec::new();
        for (seq, shown) in &mut self.waiting.letters {
            let before = shown.len();
            shown.retain(|session| *session != id);
            if shown.len() < before {
                taken_back.push(*seq);
            }
        }
        taken_back
    }

    /// A session was shown these; those that nobody waits for any more do not matter.
    pub(super) fn note_shown(&mut self, id: SessionId, letters: &[Seq]) {
        for seq in letters {
            if let Some(shown) = self.waiting.letters.get_mut(seq).filter(|shown| !shown.contains(&id)) {
                shown.push(id);
            }
        }
    }

    /// What a lost session was shown and never acknowledged waits again, for those that are there or come (RFC 6121
    /// §8.5.3.2.1 treats it like a message that came after it was gone).
    pub(super) fn return_letters(&mut self, id: SessionId, effects: &mut Vec<Effect>) {
        let mut has_returned = false;
        for shown in self.waiting.letters.values_mut() {
            let before = shown.len();
            shown.retain(|session| *session != id);
            has_returned |= shown.is_empty() && before > 0;
        }
        if has_returned {
            let takers = self.sessions.iter().filter(|session| session.is_non_negative());
            let takers: Vec<SessionId> = if self.is_elsewhere() {
                // All members choose the same one, and its member shows it what there is.
                let first = takers.min_by_key(|session| session.id);
                first.filter(|session| !session.is_remote()).map(|session| session.id).into_iter().collect()
            } else {
                takers.map(|session| session.id).collect()
            };
            for taker in takers {
                if self.sessions.by_id(taker).is_some_and(|session| session.flood.is_none()) {
                    self.start_flood(taker, effects);
                }
            }
        }
    }

    /// Every message up to here has been taken by some device.
    pub(crate) fn delivered(&self) -> Seq {
        self.waiting.letters.keys().next().map_or(self.seq, |first| Seq(first.0 - 1))
    }
}

fn letter(draft: Draft, is_kept_offline: bool, is_archived: bool) -> Letter {
    Letter {
        kind: draft.kind,
        from: draft.from,
        to: draft.to,
        content: draft.content,
        is_kept_offline,
        is_copied: draft.is_copied,
        is_archived,
    }
}

pub(crate) fn letter_packet(letter: &Letter) -> Packet {
    Packet {
        kind: PacketKind::Message(letter.kind),
        from: letter.from.clone(),
        to: letter.to.clone(),
        id: letter.content.id.clone(),
        lang: letter.content.lang.clone(),
        payload: letter.content.payload.clone(),
    }
}

pub(super) fn packet(draft: &Draft) -> Packet {
    Packet {
        kind: PacketKind::Message(draft.kind),
        from: draft.from.clone(),
        to: draft.to.clone(),
        id: draft.content.id.clone(),
        lang: draft.content.lang.clone(),
        payload: draft.content.payload.clone(),
    }
}
