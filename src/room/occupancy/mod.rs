//! Coming and going: joins, nicks, sessions that share a nick, lost connections, and the participant update limit.
//!
//! Invariant: a nick (by its key) has one occupant, who is one person, and a session sits in at most one occupant.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::chat::affiliation::Role;
use crate::chat::command::{Actor, Join};
use crate::chat::event::{Change, Decision, Departure, Ephemeral, Joined, Left, Welcome};
use crate::chat::id::{Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::occupant::{Occupant, Seat, Seats};
use crate::chat::refusal::Refusal;
use crate::room::rights::{Comer, Door, Rank, default_role, may_enter};
use crate::room::state::{Room, nick_key, occupant_id, shared_key};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use perch_address::{BareJid, FullJid};

/// Sessions of one person under one nick.
const SEATS_MAX: usize = 32;

/// The share of the participant update limit under which joins and parts are told to everybody again.
const CALM_PERCENT: usize = 80;

impl Room {
    /// XEP-0045 §7.2. Refusals come in the order that tells a stranger least: whether the room is open at all, whether
    /// he is let in, whether he knows the password, and only then what concerns his nick and the space left.
    pub(super) fn join(&self, by: &Actor, join: Join) -> Result<Decision, Refusal> {
        if self.occupants.by_session(by.session).is_some() {
            return self.rejoin(by, join);
        }
        // §7.2.17: presence without the namespace is from a client that wrongly believes itself inside.
        if !join.has_muc_namespace {
            return Err(Refusal::NotAnOccupant);
        }
        let key = shared_key(&join.nick)?;
        self.may_enter(by)?;
        self.check_password(by, join.password.as_deref())?;
        self.check_nick(&by.jid.bare(), &key)?;
        let mut decision = Decision::default();
        for ghost in self.seats_at(&by.jid, &key) {
            self.tell_traffic(&mut decision, ghost);
        }
        match self.occupants.by_nick_key(&key) {
            Some(occupant) => self.sit_down_beside(by, occupant, &join, &mut decision)?,
            None => self.sit_down(by, key, &join, &mut decision)?,
        }
        decision.welcome = Some(welcome(by, join));
        Ok(decision)
    }

    /// Presence from who is inside already: a client that lost track and wants everything again (§17.3), another
    /// nick (§7.6), or just another show or status (§7.7).
    fn rejoin(&self, by: &Actor, join: Join) -> Result<Decision, Refusal> {
        let occupant = self.occupant_of(by)?;
        let seat = occupant.seats.iter().find(|seat| seat.session == by.session);
        let mut decision = self.reattach(by);
        if *join.nick != *occupant.nick {
            decision.changes.push(self.renamed(by, &join.nick, join.presence.clone())?);
        } else if !join.has_muc_namespace || seat.is_some_and(|seat| seat.presence != join.presence) {
            let presence = join.presence.clone();
            decision.ephemeral.push(Ephemeral::Presence { session: by.session, presence });
        }
        if join.has_muc_namespace {
            decision.welcome = Some(welcome(by, join));
        }
        Ok(decision)
    }

    pub(super) fn may_enter(&self, by: &Actor) -> Result<(), Refusal> {
        may_enter(self.door(), self.comer(by))
    }

    pub(super) fn door(&self) -> Door {
        Door {
            is_locked: self.is_locked,
            is_members_only: self.settings.members_only,
            has_password: self.settings.password.is_some(),
            is_disabled: self.settings.disabled,
        }
    }

    pub(super) fn comer(&self, by: &Actor) -> Comer {
        Comer {
            place: self.standings.place(&by.jid.bare()),
            is_administrator: by.is_administrator,
            is_inside: self.rank(by).role > Role::None,
        }
    }

    fn check_password(&self, by: &Actor, given: Option<&str>) -> Result<(), Refusal> {
        let Some(wanted) = self.settings.password.as_deref().filter(|_| !by.is_administrator) else {
            return Ok(());
        };
        verify_slices_are_equal(wanted.as_bytes(), given.unwrap_or_default().as_bytes())
            .map_err(|_| Refusal::PasswordRequired)
    }

    /// A nick is free for who holds it already and for whom it is reserved (§7.2.8, §7.12).
    pub(super) fn check_nick(&self, jid: &BareJid, key: &str) -> Result<(), Refusal> {
        let is_reserved = self.standings.reserved_for(key).is_some_and(|holder| holder != jid);
        let is_taken = self.occupants.by_nick_key(key).is_some_and(|occupant| occupant.jid != *jid);
        if is_reserved || is_taken { Err(Refusal::NickTaken) } else { Ok(()) }
    }

    fn sit_down(
        &self,
        by: &Actor,
        nick_key: Arc<str>,
        join: &Join,
        decision: &mut Decision,
    ) -> Result<(), Refusal> {
        let rank = self.rank(by);
        let is_full = self.settings.occupants_max.is_some_and(|max| self.occupants.len() >= max as usize);
        // §7.2.9: who fills a room must not keep out those who could clear it.
        if is_full && !rank.administrates() {
            return Err(Refusal::Full);
        }
        let jid = by.jid.bare();
        let place = self.standings.place(&jid);
        let joined = Joined {
            nick: join.nick.clone(),
            nick_key,
            session: by.session,
            jid: by.jid.clone(),
            occupant_id: occupant_id(&self.secret, &jid),
            affiliation: place.affiliation,
            presents: place.extent.presents,
            // An administrator of the service shows no affiliation that he has not, but acts as a moderator.
            role: default_role(rank.affiliation, place.extent.presents, &self.settings),
            presence: join.presence.clone(),
            has_created: false,
            nick_assigned: false,
        };
        self.tell_traffic(decision, Change::Joined(joined));
        Ok(())
    }

    /// Another session of the same person under the same nick: it takes the seat of one that lost its connection, or a
    /// seat of its own beside the others (§7.2.8).
    fn sit_down_beside(
        &self,
        by: &Actor,
        occupant: &Occupant,
        join: &Join,
        decision: &mut Decision,
    ) -> Result<(), Refusal> {
        if let Some(seat) = seat_to_take(occupant, &by.jid) {
            let taken_over = Change::TakenOver {
                session: seat.session,
                by: by.session,
                jid: by.jid.clone(),
                presence: join.presence.clone(),
            };
            self.tell_traffic(decision, taken_over);
            if seat.presence != join.presence {
                let presence = join.presence.clone();
                decision.ephemeral.push(Ephemeral::Presence { session: by.session, presence });
            }
            return Ok(());
        }
        if occupant.seats.len() >= SEATS_MAX {
            return Err(Refusal::Full);
        }
        let joined = Joined {
            nick: occupant.nick.clone(),
            nick_key: occupant.nick_key.clone(),
            session: by.session,
            jid: by.jid.clone(),
            occupant_id: occupant.occupant_id.clone(),
            affiliation: occupant.affiliation,
            presents: occupant.presents,
            role: occupant.role,
            presence: join.presence.clone(),
            has_created: false,
            nick_assigned: join.nick != occupant.nick,
        };
        self.tell_traffic(decision, Change::Joined(joined));
        Ok(())
    }

    /// Sessions under other nicks that had this very address: it has one owner at a time, so they are ghosts.
    fn seats_at(&self, jid: &FullJid, nick_key: &str) -> Vec<Change> {
        let bare = jid.bare();
        let elsewhere = self.occupants.by_jid(&bare).filter(|occupant| *occupant.nick_key != *nick_key);
        elsewhere
            .flat_map(|occupant| occupant.seats.iter().map(move |seat| (occupant, seat)))
            .filter(|(_, seat)| seat.jid == *jid)
            .map(|(occupant, seat)| left(occupant, seat.session, Departure::Technical))
            .collect()
    }

    /// XEP-0045 §7.14; from who is not inside it is silently ignored (§17.3).
    pub(super) fn leave(&self, by: &Actor, presence: Payload) -> Decision {
        let mut decision = Decision::default();
        if let Some(occupant) = self.occupants.by_session(by.session) {
            let left = Left {
                nick: (*occupant.nick).into(),
                nick_key: (*occupant.nick_key).into(),
                occupant_id: occupant.occupant_id.clone(),
                session: by.session,
                cause: Departure::Own,
                presence,
            };
            self.tell_traffic(&mut decision, Change::Left(left));
        }
        self.end_if_abandoned(&mut decision);
        decision
    }

    pub(super) fn remove(&self, by: &Actor, cause: Departure) -> Decision {
        let mut decision = Decision::default();
        if let Some(occupant) = self.occupants.by_session(by.session) {
            self.tell_traffic(&mut decision, left(occupant, by.session, cause));
        }
        self.end_if_abandoned(&mut decision);
        decision
    }

    pub(super) fn detach(&self, by: &Actor, deadline: Timestamp) -> Decision {
        let mut decision = Decision::default();
        if self.occupants.by_session(by.session).is_some() {
            let detached = Change::Detached { session: by.session, deadline: Some(deadline) };
            self.tell_traffic(&mut decision, detached);
        }
        decision
    }

    /// The session goes on on this member, whatever the seat says of its connection.
    pub(super) fn attach(&self, by: &Actor, after: Seq) -> Result<Decision, Refusal> {
        self.occupant_of(by)?;
        let mut decision = Decision { resumes: Some(after), ..Decision::default() };
        self.tell_traffic(&mut decision, Change::Detached { session: by.session, deadline: None });
        Ok(decision)
    }

    fn reattach(&self, by: &Actor) -> Decision {
        let mut decision = Decision::default();
        let seats = self.occupants.by_session(by.session).map_or(&[][..], |occupant| &occupant.seats);
        if seats.iter().any(|seat| seat.session == by.session && seat.deadline.is_some()) {
            self.tell_traffic(&mut decision, Change::Detached { session: by.session, deadline: None });
        }
        decision
    }

    pub(super) fn expire(&self, sessions: &[SessionId], now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        for occupant in self.occupants.iter() {
            for seat in &occupant.seats {
                let is_due = seat.deadline.is_some_and(|deadline| deadline <= now);
                if is_due && sessions.contains(&seat.session) {
                    let left = left(occupant, seat.session, Departure::Lapsed);
                    self.tell_traffic(&mut decision, left);
                }
            }
        }
        self.end_if_abandoned(&mut decision);
        decision
    }

    pub(super) fn set_presence(&self, by: &Actor, presence: Payload) -> Result<Decision, Refusal> {
        self.occupant_of(by)?;
        let ephemeral = vec![Ephemeral::Presence { session: by.session, presence }];
        Ok(Decision { ephemeral, ..Decision::default() })
    }

    pub(super) fn rename(&self, by: &Actor, nick: &str, presence: Payload) -> Result<Decision, Refusal> {
        if *nick == *self.occupant_of(by)?.nick {
            return self.set_presence(by, presence);
        }
        Ok(Decision { changes: vec![self.renamed(by, nick, presence)?], ..Decision::default() })
    }

    /// XEP-0045 §7.6. A nick that the same person holds with another session is taken as well: two occupants do not
    /// become one.
    fn renamed(&self, by: &Actor, nick: &str, presence: Payload) -> Result<Change, Refusal> {
        let occupant = self.occupant_of(by)?;
        let new_nick_key = nick_key(nick)?;
        if *new_nick_key != *occupant.nick_key {
            self.check_nick(&occupant.jid, &new_nick_key)?;
            if self.occupants.by_nick_key(&new_nick_key).is_some() {
                return Err(Refusal::NickTaken);
            }
        }
        Ok(Change::Renamed {
            session: by.session,
            nick_key: (*occupant.nick_key).into(),
            nick: (*occupant.nick).into(),
            new_nick_key,
            new_nick: nick.into(),
            presence,
        })
    }

    /// Joins and parts go to the log, or past it in a crowded room.
    fn tell_traffic(&self, decision: &mut Decision, change: Change) {
        if self.is_crowded { &mut decision.quiet } else { &mut decision.changes }.push(change);
    }

    /// A temporary room ends with the last part (§7.14). A locked one ends instead of it: its creator is told of the
    /// destruction (§10.1.3).
    pub(super) fn end_if_abandoned(&self, decision: &mut Decision) {
        let is_part = |change: &&Change| matches!(change, Change::Left(_));
        let parts = decision.changes.iter().chain(&decision.quiet).filter(is_part).count();
        if parts == 0 || parts < self.occupants.session_count() || self.is_kept_when_empty() {
            return;
        }
        if self.is_locked {
            *decision = Decision::default();
        }
        decision.changes.push(Change::Destroyed {
            by: None,
            reason: "".into(),
            alternate: None,
            password: None,
        });
    }
}

/// Applying.
impl Room {
    pub(super) fn take_joined(&mut self, joined: &Joined) {
        let seat = Seat {
            session: joined.session,
            jid: joined.jid.clone(),
            presence: joined.presence.clone(),
            deadline: None,
        };
        match self.occupants.by_nick_key(&joined.nick_key) {
            Some(_) => self.occupants.update(&joined.nick_key, |occupant| occupant.seats.insert(0, seat)),
            None => self.occupants.put(Occupant {
                nick: joined.nick.clone(),
                nick_key: joined.nick_key.clone(),
                jid: joined.jid.bare(),
                occupant_id: joined.occupant_id.clone(),
                affiliation: joined.affiliation,
                presents: joined.presents,
                role: joined.role,
                seats: [seat].into(),
            }),
        }
        self.count_crowd();
    }

    pub(super) fn take_left(&mut self, left: &Left) {
        self.change_seats(left.session, |seats| seats.retain(|seat| seat.session != left.session));
        self.count_crowd();
    }

    pub(super) fn take_detached(&mut self, session: SessionId, deadline: Option<Timestamp>) {
        self.change_seats(session, |seats| {
            for seat in seats.iter_mut().filter(|seat| seat.session == session) {
                seat.deadline = deadline;
            }
        });
    }

    pub(super) fn take_over(&mut self, session: SessionId, by: SessionId, jid: &FullJid, presence: &Payload) {
        let mut taken = Seat { session: by, jid: jid.clone(), presence: presence.clone(), deadline: None };
        self.change_seats(session, |seats| {
            if planted!(ReturnedIsParted) {
                taken.deadline = seats.iter().find_map(|seat| seat.deadline);
            }
            seats.retain(|seat| seat.session != session);
            seats.insert(0, taken);
        });
    }

    pub(super) fn take_rename(&mut self, nick_key: &str, new_nick_key: &str, new_nick: &str) {
        self.occupants.update(nick_key, |occupant| {
            occupant.nick = new_nick.into();
            occupant.nick_key = new_nick_key.into();
        });
    }

    /// The session that sent presence last is the one shown to others.
    pub(super) fn take_presence(&mut self, session: SessionId, presence: &Payload) {
        self.change_seats(session, |seats| {
            if let Some(position) = seats.iter().position(|seat| seat.session == session) {
                seats[..=position].rotate_right(1);
                seats[0].presence = presence.clone();
            }
        });
    }

    /// Moves between telling everybody and telling few, with room between the two marks.
    pub(super) fn count_crowd(&mut self) {
        let (count, limit) = (self.occupants.len(), self.participant_update_limit() as usize);
        self.is_crowded = count > limit || self.is_crowded && count * 100 >= limit * CALM_PERCENT;
    }

    fn change_seats(&mut self, session: SessionId, change: impl FnOnce(&mut Seats)) {
        let Some(occupant) = self.occupants.by_session(session) else { return };
        let nick_key = occupant.nick_key.clone();
        let mut is_empty = false;
        self.occupants.update(&nick_key, |occupant| {
            change(&mut occupant.seats);
            is_empty = occupant.seats.is_empty();
        });
        if is_empty {
            self.occupants.remove(&nick_key);
        }
    }
}

/// A session that goes without a word of its own.
pub(super) fn left(occupant: &Occupant, session: SessionId, cause: Departure) -> Change {
    Change::Left(Left {
        nick: (*occupant.nick).into(),
        nick_key: (*occupant.nick_key).into(),
        occupant_id: occupant.occupant_id.clone(),
        session,
        cause,
        presence: Payload::default(),
    })
}

/// All sessions of an occupant who is put out.
pub(super) fn all_left<'a>(
    occupant: &'a Occupant,
    cause: &'a Departure,
) -> impl Iterator<Item = Change> + 'a {
    occupant.seats.iter().map(move |seat| left(occupant, seat.session, cause.clone()))
}

/// The seat of the same address, whose connection must be gone, or else one that is known to have lost its own.
fn seat_to_take<'a>(occupant: &'a Occupant, jid: &FullJid) -> Option<&'a Seat> {
    let candidates = occupant.seats.iter().filter(|seat| seat.jid == *jid || seat.deadline.is_some());
    candidates.max_by_key(|seat| (seat.jid == *jid, Reverse(seat.deadline)))
}

fn welcome(by: &Actor, join: Join) -> Welcome {
    Welcome { session: by.session, history: join.history, affiliations_since: join.affiliations_since }
}

impl From<&Occupant> for Rank {
    fn from(occupant: &Occupant) -> Self {
        Self { affiliation: occupant.affiliation, role: occupant.role }
    }
}

#[cfg(test)]
mod tests;
