//! What a joiner is shown before the live flow (XEP-0045 §7.2).

use std::sync::Arc;

use super::{Audience, Listing, Step, View};
use crate::chat::affiliation::Role;
use crate::chat::event::{Change, Joined};
use crate::chat::id::{MessageId, SessionId, Timestamp};
use crate::chat::message::{Author, Content};
use crate::chat::occupant::Occupant;
use crate::chat::snapshot::Subject;
use crate::fanout::frame::Frame;
use crate::fanout::render::xmpp::presence::Notes;
use crate::fanout::render::xmpp::{message, presence};

/// Everything that a joiner is shown before the live flow (XEP-0045 §7.2).
pub struct Welcome {
    /// Of the lists of affiliations (XEP-0463).
    pub listing: Listing,
    pub occupants: Vec<Arc<Occupant>>,
    pub history: Vec<Past>,
    /// How many characters the history may have as it is sent; older messages are left out.
    pub history_characters_max: Option<u32>,
    pub subject: Option<Past>,
}

/// A message of the past.
pub struct Past {
    pub id: Option<MessageId>,
    pub at: Timestamp,
    pub author: Author,
    pub content: Content,
    /// The room's word that it took a message out (XEP-0425).
    pub moderation: Option<Moderation>,
}

/// What was taken out, and why.
pub struct Moderation {
    pub target: MessageId,
    pub reason: Box<str>,
}

impl Welcome {
    /// What the creator of a room is shown.
    pub fn empty(listing: Listing) -> Self {
        Self {
            listing,
            occupants: Vec::new(),
            history: Vec::new(),
            history_characters_max: None,
            subject: None,
        }
    }
}

impl From<&Subject> for Past {
    fn from(subject: &Subject) -> Self {
        Self {
            id: None,
            at: subject.at,
            author: subject.author.clone(),
            content: subject.content.clone(),
            moderation: None,
        }
    }
}

impl Audience {
    /// The lists, occupants, self-presence, history, subject: in the order that XEP-0463 and XEP-0045 §7.1 give, in one push.
    pub(super) fn welcome(&mut self, step: &Step) {
        let (session, statuses) = match &step.event.change {
            Change::Joined(joined) => (joined.session, join_statuses(Some(joined), step.view)),
            Change::TakenOver { by, .. } => (*by, join_statuses(None, step.view)),
            _ => return,
        };
        let (Some(welcome), Some(own)) = (&step.welcome, step.after.first()) else { return };
        let is_moderator = own.role == Role::Moderator;
        let Some(mailbox) = self.members.value_mut(&session).map(|member| {
            member.is_moderator = is_moderator;
            member.lists = welcome.listing.lists();
            member.mailbox.clone()
        }) else {
            return;
        };
        let sees_jids = step.view.is_non_anonymous || is_moderator;
        let shown = |o: &&Arc<Occupant>| {
            let is_quiet = step.is_quiet && o.role < Role::Moderator;
            o.nick_key != own.nick_key && !is_quiet && (step.view.broadcasts(o.role) || is_moderator)
        };
        let none = Notes::default();
        let mut frames = self.listing(&welcome.listing);
        let others = welcome.occupants.iter().filter(shown);
        frames.extend(others.map(|o| presence::available(&self.room, o, sees_jids, &none)));
        let span = self.own_lists(None, step.view, welcome.listing.lists());
        let notes = Notes { statuses, span, ..Notes::default() };
        frames.push(presence::available(&self.room, own, sees_jids, &notes));
        frames.extend(self.history(welcome, address_of(own, session)));
        frames.push(match &welcome.subject {
            Some(subject) => self.past(subject),
            None => message::no_subject(&self.room),
        });
        // Who cannot take them finds his stream ended.
        let _ = mailbox.push_all(frames);
    }

    /// The newest messages that fit, whole ones only (XEP-0045 §7.2.14), in their order.
    fn history(&self, welcome: &Welcome, to: &str) -> Vec<Frame> {
        let mut budget = welcome.history_characters_max.map_or(usize::MAX, |characters| characters as usize);
        let mut frames: Vec<Frame> = (welcome.history.iter().rev())
            .map(|past| self.past(past))
            .take_while(|frame| {
                let rest = budget.checked_sub(frame.characters(to));
                budget = rest.unwrap_or(0);
                rest.is_some()
            })
            .collect();
        frames.reverse();
        frames
    }

    fn past(&self, past: &Past) -> Frame {
        match &past.moderation {
            Some(moderation) => {
                message::moderation(&self.room, moderation, &past.author, past.id, Some(past.at))
            }
            None => message::groupchat(&self.room, &past.author, &past.content, past.id, Some(past.at)),
        }
    }
}

/// The address under which that session is inside.
fn address_of(occupant: &Occupant, session: SessionId) -> &str {
    occupant.seats.iter().find(|seat| seat.session == session).map_or("", |seat| seat.jid.as_str())
}

/// The codes of a self-presence on joining (XEP-0045 §7.2.2, §7.2.3, §7.2.12, §10.1.1); without a join, of joining
/// again.
fn join_statuses(joined: Option<&Joined>, view: View) -> Vec<u16> {
    let codes = [
        (110, true),
        (100, view.is_non_anonymous),
        (170, view.is_archived),
        (201, joined.is_some_and(|joined| joined.has_created)),
        (210, joined.is_some_and(|joined| joined.nick_assigned)),
    ];
    codes.into_iter().filter(|&(_, applies)| applies).map(|(code, _)| code).collect()
}
