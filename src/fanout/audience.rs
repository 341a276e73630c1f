//! The sessions of this member that are in one room, and what each of them is shown of an event.
//!
//! Owned by the room's task and fed with committed events in their order, so that everybody sees one order.

mod listing;
mod since;
mod welcome;

use std::sync::Arc;

use crate::chat::affiliation::{Affiliation, Lists, Role};
use crate::chat::event::{AffiliationSet, Change, Departure, Ephemeral, Event, Joined, Left};
use crate::chat::id::{Epoch, MessageId, SessionId};
use crate::chat::message::{Content, Payload, Retention};
use crate::chat::occupant::{Occupant, Occupants};
use crate::chat::settings::{Settings, Whois};
use crate::chat::sorted::Sorted;
use crate::fanout::frame::Frame;
use crate::fanout::mailbox::{Ending, Mailbox};
use crate::fanout::render::xmpp::listing::Span;
use crate::fanout::render::xmpp::presence::{Destroyed, Notes};
use crate::fanout::render::xmpp::{message, notice, presence};
use crate::fanout::version::Versions;

pub use listing::{ListNotice, Listing};
pub use since::Since;
pub use welcome::{Moderation, Past, Welcome};

/// The local audience of one room.
pub struct Audience {
    /// The room's address, as it stands in `from`.
    room: Box<str>,
    epoch: Epoch,
    versions: Versions,
    members: Sorted<SessionId, Member>,
}

struct Member {
    mailbox: Mailbox,
    is_moderator: bool,
    /// The lists of affiliations that it was shown when it came: what it knows the versions of (XEP-0463).
    lists: Lists,
}

/// One event with its surroundings as they were at that moment; the room may have moved on since.
pub struct Step {
    pub event: Event,
    /// The occupants that the event is about: as they were, and as they are.
    pub before: Vec<Arc<Occupant>>,
    pub after: Vec<Arc<Occupant>>,
    pub view: View,
    /// For a join: what the joiner is shown first.
    pub welcome: Option<Welcome>,
    /// Everybody, where somebody becomes a moderator and is shown whom he has before him.
    pub everybody: Vec<Arc<Occupant>>,
    /// For changed settings: the status codes that tell what changed.
    pub statuses: Vec<u16>,
    /// The version of the lists of affiliations whose coming this event shows (XEP-0463).
    pub list_version: Option<i64>,
    /// Who is told of a change of those lists that no presence shows.
    pub list_notice: Option<ListNotice>,
    /// Above the participant update limit only few are told (XEP-0045 deviation, announced by the room).
    pub is_quiet: bool,
}

/// What of the room decides who sees what.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Everybody sees real addresses.
    pub is_non_anonymous: bool,
    pub is_archived: bool,
    /// Of the lists of affiliations.
    list_version: i64,
    broadcast: [bool; 4],
}

impl Step {
    /// Does somebody come in with it, who is to be welcomed?
    pub fn is_entry(&self) -> bool {
        matches!(self.event.change, Change::Joined(_) | Change::TakenOver { .. })
    }
}

impl View {
    pub fn of(settings: &Settings, is_archived: bool, list_version: i64) -> Self {
        let mut broadcast = [false; 4];
        for &role in &settings.presence_broadcast {
            broadcast[role as usize] = true;
        }
        Self { is_non_anonymous: settings.whois == Whois::Anyone, is_archived, list_version, broadcast }
    }

    fn broadcasts(&self, role: Role) -> bool {
        self.broadcast[role as usize]
    }

    /// XEP-0045 §7.2.4 makes no exception for one's own address.
    fn shows_own_jid(&self, occupant: &Occupant) -> bool {
        self.is_non_anonymous || occupant.role == Role::Moderator
    }
}

impl Audience {
    pub fn new(room: &str, secret: &[u8; 32], epoch: Epoch) -> Self {
        Self { room: room.into(), epoch, versions: Versions::new(secret, epoch), members: Sorted::default() }
    }

    /// Registers a session before its `Joined` is delivered.
    pub fn attach(&mut self, session: SessionId, mailbox: Mailbox) {
        self.members.insert(session, Member { mailbox, is_moderator: false, lists: Lists::default() });
    }

    /// Forgets a session without telling anybody: its connection is gone.
    pub fn detach(&mut self, session: SessionId) {
        self.members.remove(&session);
    }

    /// Whether a session is shown what happens.
    pub fn holds(&self, session: SessionId) -> bool {
        self.members.get(&session).is_some()
    }

    /// Tells those that they are out who have no seat any more, as they were called `before`.
    pub fn dismiss(&mut self, has_seat: impl Fn(SessionId) -> bool, before: &Occupants) {
        let gone: Vec<SessionId> =
            self.members.iter().map(|(session, _)| *session).filter(|session| !has_seat(*session)).collect();
        for session in gone {
            let Some(member) = self.members.remove(&session) else { continue };
            match before.by_session(session) {
                Some(occupant) => {
                    let notes = Notes { statuses: vec![110, 333], ..Notes::default() };
                    let empty = Payload::default();
                    let frame = presence::unavailable(&self.room, occupant, None, &empty, &notes, true);
                    deliver(&member.mailbox, &frame);
                }
                None => member.mailbox.end(Ending::Lost),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Ends the streams of all who are here.
    pub fn end(&self, ending: Ending) {
        for member in self.members.values() {
            member.mailbox.end(ending);
        }
    }

    /// Shows a committed event to all who are to see it.
    pub fn deliver(&mut self, step: &Step) {
        match &step.event.change {
            Change::Posted { .. } | Change::SubjectSet { .. } | Change::Retracted { .. } => {
                if let Some(frame) = self.message(&step.event, step.view) {
                    self.broadcast(frame);
                }
            }
            Change::Joined(joined) => self.joined(step, joined),
            Change::Left(left) => self.left(step, left),
            Change::Renamed { new_nick, .. } => self.renamed(step, new_nick),
            Change::RoleSet { role, by, reason, .. } => {
                let notes = Notes { reason, by: by.as_ref(), ..Notes::default() };
                for occupant in &step.after {
                    let risen = self.set_moderator(occupant, *role == Role::Moderator);
                    self.presence(step, occupant, &notes, None);
                    self.show_everybody(step, occupant, &risen);
                }
            }
            Change::Regraded { role, .. } => {
                for occupant in &step.after {
                    let risen = self.set_moderator(occupant, *role == Role::Moderator);
                    self.presence(step, occupant, &Notes::default(), None);
                    self.show_everybody(step, occupant, &risen);
                }
            }
            Change::AffiliationSet(set) => self.affiliation_set(step, set),
            Change::Whispered { author, content, .. } => {
                let frame = message::whisper(&self.room, author, content);
                self.to_seats(&step.after, &frame);
            }
            Change::VoiceRequested { author, role } => {
                let frame = notice::voice_request(&self.room, author, *role);
                for member in self.members.values().filter(|m| m.is_moderator) {
                    deliver(&member.mailbox, &frame);
                }
            }
            Change::Configured { .. } => {
                if !step.statuses.is_empty() {
                    self.broadcast(notice::configured(&self.room, &step.statuses));
                }
            }
            Change::Destroyed { reason, alternate, password, .. } => {
                let destroyed =
                    || Destroyed { alternate: alternate.as_ref(), reason, password: password.as_deref() };
                self.destroyed(step, destroyed);
            }
            Change::TakenOver { session, by, .. } => {
                // Mostly nobody hears it. But a join may be late, and take the seat of who came after it.
                if session != by
                    && let (Some(member), Some(before)) = (self.members.remove(session), step.before.first())
                {
                    let mut notes = presence::departure_notes(&Departure::Technical);
                    notes.statuses.insert(0, 110);
                    let nothing = Payload::default();
                    let frame = presence::unavailable(&self.room, before, None, &nothing, &notes, true);
                    deliver(&member.mailbox, &frame);
                }
                self.welcome(step);
            }
            Change::Created { .. }
            | Change::Detached { .. }
            | Change::Invited { .. }
            | Change::Cleared { .. } => {}
        }
    }

    /// Shows something that is in no log. `about` is the occupant it is about.
    pub fn deliver_ephemeral(
        &mut self,
        ephemeral: &Ephemeral,
        about: Option<&Arc<Occupant>>,
        view: View,
        is_quiet: bool,
    ) {
        match ephemeral {
            Ephemeral::Message { author, content } => {
                self.broadcast(message::groupchat(&self.room, author, content, None, None));
            }
            Ephemeral::Whisper { author, content, .. } => {
                let frame = message::whisper(&self.room, author, content);
                self.to_seats(about.map_or(&[], std::slice::from_ref), &frame);
            }
            Ephemeral::Presence { .. } => {
                if let Some(occupant) = about {
                    self.presence_of(occupant, view, is_quiet, None, &Notes::default(), None);
                }
            }
        }
    }

    /// The seats' connections are to hear that the service shuts down (status 332) before their streams end.
    pub fn shutdown(&self, occupants: impl Iterator<Item = Arc<Occupant>>) {
        for occupant in occupants {
            let notes = Notes { statuses: vec![110, 332], ..Notes::default() };
            let frame = presence::unavailable(&self.room, &occupant, None, &Payload::default(), &notes, true);
            self.to_seats(std::slice::from_ref(&occupant), &frame);
        }
    }

    /// What an event says to everybody alike.
    fn message(&self, event: &Event, view: View) -> Option<Frame> {
        let id = |content: &Content| {
            (content.retention == Retention::Kept && view.is_archived)
                .then(|| MessageId::new(self.epoch, event.seq))
        };
        match &event.change {
            Change::Posted { author, content }
            | Change::SubjectSet { author, content, .. }
            | Change::Retracted { author, is_moderation: false, content, .. } => {
                Some(message::groupchat(&self.room, author, content, id(content), None))
            }
            Change::Retracted { content, .. } if content.retention != Retention::Kept => None,
            Change::Retracted { target, author, reason, content, .. } => {
                let moderation = Moderation { target: *target, reason: reason.clone() };
                Some(message::moderation(&self.room, &moderation, author, id(content), None))
            }
            _ => None,
        }
    }

    fn joined(&mut self, step: &Step, joined: &Joined) {
        let Some(occupant) = step.after.first() else { return };
        if let Some(member) = self.members.value_mut(&joined.session) {
            member.is_moderator = occupant.role == Role::Moderator;
        }
        self.presence(step, occupant, &Notes::default(), Some(joined.session));
        self.welcome(step);
    }

    fn left(&mut self, step: &Step, left: &Left) {
        let Some(before) = step.before.first() else { return };
        let affiliation = left.cause.affiliation_shown(before.affiliation);
        let gone = Occupant { affiliation, ..Occupant::clone(before) };
        let notes = presence::departure_notes(&left.cause);
        let jid = before.seats.iter().find(|s| s.session == left.session).map(|s| s.jid.as_str());
        let own_jid = jid.filter(|_| step.view.shows_own_jid(before));
        if let Some(member) = self.members.remove(&left.session) {
            let mut own = presence::departure_notes(&left.cause);
            own.statuses.insert(0, 110);
            own.span = self.change_of_lists(step.list_version, member.lists);
            deliver(
                &member.mailbox,
                &presence::unavailable(&self.room, &gone, own_jid, &left.presence, &own, true),
            );
        }
        match step.after.first() {
            // Other sessions go on under the nick: its presence is now theirs. Unless they are about to go too.
            Some(remaining) => {
                let shown = |occupant: &Occupant| occupant.seats.first().map(|seat| seat.presence.clone());
                if !left.cause.is_forced() && shown(remaining) != shown(before) {
                    self.presence(step, remaining, &Notes::default(), None);
                }
            }
            None => self.to_others(step, before, |with_jid, span| {
                let jid = jid.filter(|_| with_jid);
                let notes = Notes { span, ..notes.clone() };
                presence::unavailable(&self.room, &gone, jid, &left.presence, &notes, true)
            }),
        }
    }

    fn renamed(&self, step: &Step, new_nick: &str) {
        let (Some(before), Some(after)) = (step.before.first(), step.after.first()) else { return };
        let jid = before.seats.first().map(|s| s.jid.as_str());
        let empty = Payload::default();
        let notes = |own: bool| Notes {
            statuses: if own { vec![110, 303] } else { vec![303] },
            new_nick: Some(new_nick),
            ..Notes::default()
        };
        let own_jid = jid.filter(|_| step.view.shows_own_jid(before));
        let own = presence::unavailable(&self.room, before, own_jid, &empty, &notes(true), true);
        // Whoever learns that he is renamed may count on it that the others are told.
        self.to_others(step, before, |with_jid, _| {
            presence::unavailable(&self.room, before, jid.filter(|_| with_jid), &empty, &notes(false), true)
        });
        self.to_seats(&step.after, &own);
        self.presence(step, after, &Notes::default(), None);
    }

    fn affiliation_set(&mut self, step: &Step, set: &AffiliationSet) {
        for occupant in &step.after {
            let risen = self.set_moderator(occupant, occupant.role == Role::Moderator);
            // Nobody needs to be told that he did it himself.
            let by = set.by.as_ref().filter(|by| by.jid != occupant.jid);
            let notes = Notes { reason: &set.reason, by, ..Notes::default() };
            // Who is banned or loses his membership is told by the departure that went before.
            if set.affiliation != Affiliation::Outcast {
                self.presence(step, occupant, &notes, None);
            }
            self.show_everybody(step, occupant, &risen);
        }
        if let Some(notice) = &step.list_notice {
            self.tell_lists(step, notice);
        }
    }

    fn destroyed<'a>(&mut self, step: &Step, destroyed: impl Fn() -> Destroyed<'a>) {
        for occupant in &step.before {
            let notes = Notes { statuses: vec![110], destroyed: Some(destroyed()), ..Notes::default() };
            let gone = Occupant { affiliation: Affiliation::None, ..Occupant::clone(occupant) };
            let frame = presence::unavailable(&self.room, &gone, None, &Payload::default(), &notes, false);
            self.to_seats(std::slice::from_ref(occupant), &frame);
        }
        self.members.clear();
    }

    /// Notes who is a moderator from now on, and returns those of its sessions for which that is new.
    fn set_moderator(&mut self, occupant: &Occupant, is_moderator: bool) -> Vec<Mailbox> {
        let mut risen = Vec::new();
        for seat in &occupant.seats {
            if let Some(member) = self.members.value_mut(&seat.session) {
                if is_moderator && !member.is_moderator {
                    risen.push(member.mailbox.clone());
                }
                member.is_moderator = is_moderator;
            }
        }
        risen
    }

    /// A new moderator sees real addresses from now on, and so is shown who is there (§9.6).
    fn show_everybody(&self, step: &Step, to: &Occupant, risen: &[Mailbox]) {
        if risen.is_empty() || step.view.is_non_anonymous {
            return;
        }
        let none = Notes::default();
        let others = step.everybody.iter().filter(|other| other.nick_key != to.nick_key);
        let frames: Vec<Frame> =
            others.map(|other| presence::available(&self.room, other, true, &none)).collect();
        for mailbox in risen {
            // Who cannot take them finds his stream ended.
            let _ = mailbox.push_all(frames.iter().cloned());
        }
    }

    fn presence(&self, step: &Step, occupant: &Arc<Occupant>, notes: &Notes<'_>, except: Option<SessionId>) {
        let shown = step.list_version.filter(|_| step.is_about_entry_of(occupant));
        self.presence_of(occupant, step.view, step.is_quiet, shown, notes, except);
    }

    /// An occupant's presence to its own seats (with status 110) and to the others.
    fn presence_of(
        &self,
        occupant: &Arc<Occupant>,
        view: View,
        is_quiet: bool,
        list_version: Option<i64>,
        notes: &Notes<'_>,
        except: Option<SessionId>,
    ) {
        let mut own = Notes { reason: notes.reason, by: notes.by, ..Notes::default() };
        own.statuses.push(110);
        own.statuses.extend_from_slice(&notes.statuses);
        for seat in occupant.seats.iter().filter(|s| Some(s.session) != except) {
            if let Some(member) = self.members.get(&seat.session) {
                own.span = self.own_lists(list_version, view, member.lists);
                let with_jid = view.shows_own_jid(occupant);
                deliver(&member.mailbox, &presence::available(&self.room, occupant, with_jid, &own));
            }
        }
        self.to_others_in(occupant, view, is_quiet, list_version, |with_jid, span| {
            let notes = Notes { span, ..notes.clone() };
            presence::available(&self.room, occupant, with_jid, &notes)
        });
    }

    fn to_others(&self, step: &Step, about: &Arc<Occupant>, render: impl Fn(bool, Option<Span>) -> Frame) {
        self.to_others_in(about, step.view, step.is_quiet, step.list_version, render);
    }

    /// To all but the occupant itself, rendered once for each way of seeing it: with the real address or without, and as
    /// who knows which lists.
    fn to_others_in(
        &self,
        about: &Arc<Occupant>,
        view: View,
        is_quiet: bool,
        list_version: Option<i64>,
        render: impl Fn(bool, Option<Span>) -> Frame,
    ) {
        let is_told_to_all = view.broadcasts(about.role) && !(is_quiet && about.role < Role::Moderator);
        let mut rendered: Vec<((bool, Lists), Frame)> = Vec::new();
        let own: Vec<SessionId> = about.seats.iter().map(|s| s.session).collect();
        for (session, member) in self.members.iter() {
            if own.contains(session) || !(is_told_to_all || (member.is_moderator && !is_quiet)) {
                continue;
            }
            let with_jid = view.is_non_anonymous || member.is_moderator;
            let way = (with_jid, list_version.map_or(Lists::default(), |_| member.lists));
            let known = rendered.iter().position(|(known, _)| *known == way);
            let place = known.unwrap_or_else(|| {
                let span = self.change_of_lists(list_version, member.lists);
                rendered.push((way, render(with_jid, span)));
                rendered.len() - 1
            });
            deliver(&member.mailbox, &rendered[place].1);
        }
    }

    fn to_seats(&self, occupants: &[Arc<Occupant>], frame: &Frame) {
        for seat in occupants.iter().flat_map(|o| &o.seats) {
            if let Some(member) = self.members.get(&seat.session) {
                deliver(&member.mailbox, frame);
            }
        }
    }

    fn broadcast(&self, frame: Frame) {
        for member in self.members.values() {
            deliver(&member.mailbox, &frame);
        }
    }
}

/// A session that cannot take a frame ends its own stream; the room goes on.
fn deliver(mailbox: &Mailbox, frame: &Frame) {
    let _ = mailbox.push(frame.clone());
}
