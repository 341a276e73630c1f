//! What a session has missed on its way from one member to another: messages as they were said, and of the people how
//! they are now.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Audience, View};
use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::event::{Change, Event};
use crate::chat::id::SessionId;
use crate::chat::message::Payload;
use crate::chat::occupant::{Occupant, Occupants};
use crate::fanout::frame::Frame;
use crate::fanout::render::xmpp::presence::Notes;
use crate::fanout::render::xmpp::{message, notice, presence};

/// Events that one session has still to be shown.
pub struct Since {
    session: SessionId,
    said: Vec<Event>,
    /// By the keys of their nicks, those who came, went or changed: as they were called.
    people: BTreeMap<Box<str>, Person>,
    is_configured: bool,
}

#[derive(Default)]
struct Person {
    nick: Box<str>,
    occupant_id: Box<str>,
    /// The key of the nick that was taken instead.
    became: Option<Box<str>>,
}

impl Since {
    pub fn of(session: SessionId) -> Self {
        Self { session, said: Vec::new(), people: BTreeMap::new(), is_configured: false }
    }

    /// Takes the next event of the log.
    pub fn take(&mut self, event: Event) {
        match &event.change {
            Change::Joined(joined) => {
                self.meet(&joined.nick_key, &joined.nick, &joined.occupant_id);
            }
            Change::Left(left) => {
                self.meet(&left.nick_key, &left.nick, &left.occupant_id);
            }
            Change::Renamed { nick_key, nick, new_nick_key, new_nick, .. } => {
                self.meet(nick_key, nick, "").became = Some(new_nick_key.clone());
                let known = self.people[nick_key].occupant_id.clone();
                self.meet(new_nick_key, new_nick, &known);
            }
            Change::RoleSet { nick_key, nick, .. } | Change::Regraded { nick_key, nick, .. } => {
                self.meet(nick_key, nick, "");
            }
            Change::AffiliationSet(set) => {
                for (key, _) in &set.roles {
                    self.meet(key, key, "");
                }
            }
            Change::Configured { .. } => self.is_configured = true,
            Change::Posted { .. }
            | Change::Whispered { .. }
            | Change::SubjectSet { .. }
            | Change::Retracted { .. }
            | Change::VoiceRequested { .. } => {
                if !event.change.is_blank() {
                    self.said.push(event);
                }
            }
            Change::Created { .. }
            | Change::Destroyed { .. }
            | Change::Detached { .. }
            | Change::TakenOver { .. }
            | Change::Invited { .. }
            | Change::Cleared { .. } => {}
        }
    }

    fn meet(&mut self, key: &str, nick: &str, occupant_id: &str) -> &mut Person {
        let person = self.people.entry(key.into()).or_default();
        person.nick = nick.into();
        if !occupant_id.is_empty() {
            person.occupant_id = occupant_id.into();
        }
        person
    }
}

impl Audience {
    /// Shows it to the session, which is registered and inside.
    pub fn show_since(&mut self, since: &Since, occupants: &Occupants, view: View) {
        let Some(own) = occupants.by_session(since.session) else { return };
        let is_moderator = own.role == Role::Moderator;
        let Some(member) = self.members.value_mut(&since.session) else { return };
        member.is_moderator = is_moderator;
        let mailbox = member.mailbox.clone();
        // Who came in is there before he speaks, and who spoke is there until he has.
        let here = since.people.keys().filter_map(|key| occupants.by_nick_key(key));
        let mut frames: Vec<Frame> = here.filter_map(|other| self.appearance(other, own, view)).collect();
        frames.extend(since.said.iter().filter_map(|event| self.words(event, own, view)));
        let gone = since.people.iter().filter(|(key, _)| occupants.by_nick_key(key).is_none());
        frames.extend(gone.map(|(key, person)| self.absence(key, person, own, occupants)));
        if since.is_configured {
            frames.push(notice::configured(&self.room, &[104]));
        }
        // Who cannot take them finds his stream ended.
        let _ = mailbox.push_all(frames);
    }

    fn appearance(&self, other: &Arc<Occupant>, own: &Occupant, view: View) -> Option<Frame> {
        let is_moderator = own.role == Role::Moderator;
        let sees_jids = view.is_non_anonymous || is_moderator;
        let is_own = other.nick_key == own.nick_key;
        let is_shown = is_own || view.broadcasts(other.role) || is_moderator;
        let statuses = if is_own { vec![110] } else { Vec::new() };
        let notes = Notes { statuses, ..Notes::default() };
        is_shown.then(|| presence::available(&self.room, other, sees_jids, &notes))
    }

    fn absence(&self, key: &str, person: &Person, own: &Occupant, occupants: &Occupants) -> Frame {
        let now = person.became.as_deref().and_then(|key| occupants.by_nick_key(key));
        let known = Some(&person.occupant_id).filter(|id| !id.is_empty());
        let occupant_id = known.or(now.map(|now| &now.occupant_id)).cloned().unwrap_or_default();
        let gone = Occupant {
            nick: (*person.nick).into(),
            nick_key: key.into(),
            // Nobody's is shown with a departure that was not seen.
            jid: own.jid.clone(),
            occupant_id,
            affiliation: Affiliation::None,
            presents: false,
            role: Role::None,
            seats: SmallVec::new(),
        };
        presence::unavailable(&self.room, &gone, None, &Payload::default(), &Notes::default(), true)
    }

    fn words(&self, event: &Event, own: &Occupant, view: View) -> Option<Frame> {
        match &event.change {
            Change::Whispered { author, to, content, .. } if *own.nick == **to => {
                Some(message::whisper(&self.room, author, content))
            }
            Change::VoiceRequested { author, role } if own.role == Role::Moderator => {
                Some(notice::voice_request(&self.room, author, *role))
            }
            _ => self.message(event, view),
        }
    }
}
