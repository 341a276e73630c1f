//! What follows from a change beside its place in the log. A room loaded from what is written here is the room that
//! applied the same changes.

use std::time::Duration;

use crate::chat::affiliation::Role;
use crate::chat::event::{AffiliationSet, Change, Departure, Event, Joined};
use crate::chat::id::{Seq, Timestamp};
use crate::chat::message::{Content, Payload};
use crate::chat::occupant::Seat;
use crate::chat::settings::Settings;
use crate::chat::snapshot::{Standing, Subject};
use crate::store::error::AppendError;
use crate::store::model::Own;
use crate::store::model::tables::{Projected, SeatRow};

impl Projected {
    /// Takes in a change; an error refuses the whole append.
    pub(super) fn take(
        &mut self,
        change: &Change,
        seq: Seq,
        at: Timestamp,
        own: &Own,
    ) -> Result<(), AppendError> {
        match change {
            Change::Created { settings, locked, .. } => self.configure(settings, *locked),
            Change::Configured { settings, .. } => self.configure(settings, false),
            Change::Destroyed { .. } => {
                self.is_open = false;
                self.seats.clear();
                self.standings.clear();
            }
            Change::Joined(joined) => self.seat(joined, at, own)?,
            Change::Left(left) => {
                let has_lapsed =
                    |row: &SeatRow| row.seat.session == left.session && row.seat.deadline.is_some();
                let is_back = left.cause == Departure::Lapsed && !self.seats.iter().any(has_lapsed);
                let is_renamed =
                    |row: &SeatRow| row.seat.session == left.session && row.nick_key[..] != left.nick_key[..];
                need(!is_back && !self.seats.iter().any(is_renamed))?;
                self.seats.retain(|row| row.seat.session != left.session);
            }
            Change::Detached { session, deadline } => {
                let is_there = self.seats.iter().any(|row| row.seat.session == *session);
                need(deadline.is_some() || is_there)?;
                for row in self.seats.iter_mut().filter(|row| row.seat.session == *session) {
                    row.seat.deadline = *deadline;
                    row.claimed_until = None;
                    if deadline.is_none() {
                        row.hold(own);
                    }
                }
            }
            Change::TakenOver { session, by, jid, presence } => {
                let may_be_taken = |row: &&mut SeatRow| {
                    row.seat.session == *session && (row.seat.jid == *jid || row.seat.deadline.is_some())
                };
                let row = self.seats.iter_mut().find(may_be_taken).ok_or(AppendError::Stale)?;
                let (jid, presence) = (jid.clone(), presence.clone());
                let deadline = row.seat.deadline.filter(|_| planted!(ReturnedIsParted));
                row.seat = Seat { session: *by, jid, presence, deadline };
                row.shown_at = at;
                row.hold(own);
            }
            Change::Renamed { session, nick_key, new_nick_key, new_nick, presence, .. } => {
                let sits = |row: &SeatRow| row.seat.session == *session && row.nick_key[..] == nick_key[..];
                need(self.seats.iter().any(sits))?;
                self.check_nick(new_nick_key, nick_key)?;
                for row in self.seats.iter_mut().filter(|row| row.nick_key[..] == nick_key[..]) {
                    (row.nick_key, row.nick) = ((**new_nick_key).into(), (**new_nick).into());
                    if row.seat.session == *session {
                        (row.seat.presence, row.shown_at) = (presence.clone(), at);
                    }
                }
            }
            Change::RoleSet { nick_key, role, .. } | Change::Regraded { nick_key, role, .. } => {
                self.give_role(nick_key, *role);
            }
            Change::AffiliationSet(set) => self.affiliate(set)?,
            Change::SubjectSet { author, subject, content } => {
                let (author, text, content) = (author.clone(), subject.clone(), content.clone());
                self.head.subject = Some(Subject { seq, at, author, text, content });
            }
            Change::Cleared { below, .. } => self.head.first_seq = self.head.first_seq.max(*below),
            Change::Retracted { target, .. } => self.clear_subject(target.seq()),
            Change::Posted { .. }
            | Change::Whispered { .. }
            | Change::Invited { .. }
            | Change::VoiceRequested { .. } => {}
        }
        Ok(())
    }

    fn clear_subject(&mut self, target: Seq) {
        self.head.subject.take_if(|subject| subject.seq == target);
    }

    fn configure(&mut self, settings: &Settings, is_locked: bool) {
        self.head.settings = settings.clone();
        self.head.is_locked = is_locked;
    }

    fn seat(&mut self, joined: &Joined, at: Timestamp, own: &Own) -> Result<(), AppendError> {
        let owner = joined.jid.bare();
        let is_anothers = |row: &SeatRow| row.nick_key == joined.nick_key && row.seat.jid.bare() != owner;
        if !planted!(NickUnchecked) && self.seats.iter().any(is_anothers) {
            return Err(AppendError::NickTaken);
        }
        // Beside another device of his he has the role that he has there, whatever the decision saw: he may have taken
        // the nick since, which moves no rules.
        let beside = self.seats.iter().find(|row| row.nick_key == joined.nick_key);
        let (nick, role) =
            beside.map_or_else(|| (joined.nick.clone(), joined.role), |row| (row.nick.clone(), row.role));
        // The same session under the same nick, again.
        self.seats.retain(|row| row.nick_key != joined.nick_key || row.seat.session != joined.session);
        let (jid, presence) = (joined.jid.clone(), joined.presence.clone());
        self.seats.push(SeatRow {
            nick_key: joined.nick_key.clone(),
            nick,
            seat: Seat { session: joined.session, jid, presence, deadline: None },
            occupant_id: joined.occupant_id.clone(),
            role,
            shown_at: at,
            member: own.member.clone(),
            incarnation: own.incarnation,
            claimed_until: None,
        });
        Ok(())
    }

    /// A nick has one owner, and two occupants do not become one.
    fn check_nick(&self, wanted: &str, held: &str) -> Result<(), AppendError> {
        let owner = |nick_key: &str| {
            self.seats.iter().find(|row| row.nick_key[..] == *nick_key).map(|row| row.seat.jid.bare())
        };
        match owner(wanted).filter(|_| wanted != held) {
            Some(other) if Some(&other) != owner(held).as_ref() => Err(AppendError::NickTaken),
            Some(_himself) => Err(AppendError::Stale),
            None => Ok(()),
        }
    }

    fn give_role(&mut self, nick_key: &str, role: Role) {
        for row in self.seats.iter_mut().filter(|row| row.nick_key[..] == *nick_key) {
            row.role = role;
        }
    }

    /// Who was put out is out with all his devices, also with one that came in by another member, unseen by this one.
    pub(super) fn check_departures(&self, changes: &[Change]) -> Result<(), AppendError> {
        let is_put_out = |row: &SeatRow| {
            changes.iter().any(|change| {
                matches!(change, Change::Left(left) if left.cause.is_forced() && left.nick_key[..] == row.nick_key[..])
            })
        };
        need(!self.seats.iter().any(is_put_out))
    }

    fn affiliate(&mut self, set: &AffiliationSet) -> Result<(), AppendError> {
        let is_known = |row: &SeatRow| set.roles.iter().any(|(nick_key, _)| nick_key[..] == row.nick_key[..]);
        let is_passed_over = |row: &SeatRow| row.seat.jid.bare() == set.jid && !is_known(row);
        need(!self.seats.iter().any(is_passed_over))?;
        let standing = Standing {
            jid: set.jid.clone(),
            affiliation: set.affiliation,
            nick: set.nick.clone(),
            reason: set.reason.clone(),
            extent: set.extent,
            version: set.version,
        };
        self.standings.insert(set.jid.clone(), standing);
        self.head.affiliations_version = self.head.affiliations_version.max(set.version);
        for (nick_key, role) in &set.roles {
            self.give_role(nick_key, *role);
        }
        Ok(())
    }
}

/// What the decision saw is still so, or it is to be decided again.
fn need(is_so: bool) -> Result<(), AppendError> {
    if is_so { Ok(()) } else { Err(AppendError::Stale) }
}

impl SeatRow {
    /// Whoever comes back is held by the member that he comes back to.
    fn hold(&mut self, own: &Own) {
        (self.member, self.incarnation, self.claimed_until) = (own.member.clone(), own.incarnation, None);
    }

    pub(super) fn is_claimable(&self, by: Timestamp, now: Duration) -> bool {
        self.seat.deadline.is_some_and(|deadline| deadline <= by)
            && self.claimed_until.is_none_or(|until| until < now)
    }
}

/// Takes a message's content out of the log, and leaves its place.
pub(super) fn blank(log: &mut [Event], target: Seq) {
    let Some(event) = log.iter_mut().find(|event| event.seq == target) else { return };
    match &mut event.change {
        Change::Posted { content, .. }
        | Change::Whispered { content, .. }
        | Change::Retracted { content, .. } => empty(content),
        Change::SubjectSet { content, subject, .. } => {
            *subject = "".into();
            empty(content);
        }
        _ => {}
    }
}

fn empty(content: &mut Content) {
    (content.text, content.lang, content.payload) = (None, None, Payload::default());
}
