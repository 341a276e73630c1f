//! The rows, and what is read from them. Whatever is done here is done at once: interleaving is the callers' affair.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use perch_address::BareJid;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::command::HistoryRequest;
use crate::chat::event::{Change, Event};
use crate::chat::id::{Epoch, MessageId, RoomId, Seq, SessionId, Timestamp};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::occupant::{Occupant, Seat};
use crate::chat::snapshot::{RoomSnapshot, Standing};
use crate::store::archive::{ArchivedKind, ArchivedMessage};
use crate::store::error::StoreError;
use crate::store::member::{MemberState, Showing};
use crate::store::model::Own;
use crate::store::room::{DetachedRoom, RoomPlace};
use crate::store::session::{Addressee, REPEATED, SavedSession, SessionRow, WRITTEN_MAX, Written};

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) rooms: BTreeMap<RoomId, RoomRows>,
    pub(super) members: BTreeMap<Box<str>, MemberRow>,
    pub(super) sessions: BTreeMap<SessionId, Held>,
    /// How often another database has taken this one's place.
    pub(super) successions: u16,
    /// Commits of incarnations that were over.
    pub(super) trespasses: u64,
}

#[derive(Debug)]
pub(super) struct RoomRows {
    pub(super) projected: Projected,
    pub(super) log: Vec<Event>,
    /// Each with the seq that it began behind.
    pub(super) epochs: Vec<(Seq, Epoch)>,
    pub(super) keys: BTreeMap<(SessionId, i64), Seq>,
}

/// What follows from the log.
#[derive(Debug, Clone)]
pub(super) struct Projected {
    /// Without those who have a place in it.
    pub(super) head: RoomSnapshot,
    /// Not destroyed: then its name is free.
    pub(super) is_open: bool,
    pub(super) standings: BTreeMap<BareJid, Standing>,
    pub(super) seats: Vec<SeatRow>,
}

#[derive(Debug, Clone)]
pub(super) struct SeatRow {
    pub(super) nick_key: Arc<str>,
    pub(super) nick: Arc<str>,
    pub(super) seat: Seat,
    pub(super) occupant_id: Box<str>,
    pub(super) role: Role,
    pub(super) shown_at: Timestamp,
    pub(super) member: Box<str>,
    pub(super) incarnation: i64,
    pub(super) claimed_until: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct MemberRow {
    pub(super) incarnation: i64,
    pub(super) showing: Showing,
    pub(super) wanted: MemberState,
    pub(super) lease_until: Duration,
}

/// A session, and who holds it.
#[derive(Debug)]
pub(super) struct Held {
    row: SessionRow,
    member: Box<str>,
    incarnation: i64,
}

impl Tables {
    pub(super) fn stands(&self, own: &Own) -> bool {
        self.members.get(&own.member).is_some_and(|row| row.incarnation == own.incarnation)
    }

    pub(super) fn named(&self, name: &str) -> Option<&RoomRows> {
        self.rooms.values().find(|room| room.projected.is_open && *room.projected.head.name == *name)
    }

    pub(super) fn load_room(&self, name: &str) -> Option<RoomSnapshot> {
        self.named(name).map(|room| room.projected.snapshot())
    }

    pub(super) fn room_count(&self) -> u64 {
        self.rooms.values().filter(|room| room.projected.is_open).count() as u64
    }

    pub(super) fn rooms_ahead(&self, known: &[RoomPlace]) -> Vec<RoomId> {
        let is_ahead = |place: &&RoomPlace| {
            self.rooms.get(&place.room).is_some_and(|room| {
                let head = &room.projected.head;
                head.seq > place.seq || head.quiet > place.quiet
            })
        };
        let mut ahead: Vec<RoomId> = known.iter().filter(is_ahead).map(|place| place.room).collect();
        ahead.sort();
        ahead
    }

    /// Of a member's lives up to that one, or of all. Says in which room each was.
    pub(super) fn detach_seats(
        &mut self,
        member: &str,
        up_to: Option<i64>,
        deadline: Timestamp,
    ) -> Vec<RoomId> {
        let mut detached = Vec::new();
        for (id, room) in &mut self.rooms {
            for row in &mut room.projected.seats {
                let is_theirs = *row.member == *member && up_to.is_none_or(|up_to| row.incarnation <= up_to);
                if is_theirs && row.seat.deadline.is_none() {
                    row.seat.deadline = Some(deadline);
                    detached.push(*id);
                }
            }
        }
        detached
    }

    pub(super) fn rooms_with_detached_seats(&self) -> Vec<DetachedRoom> {
        let first = |(id, room): (&RoomId, &RoomRows)| {
            let deadline = room.projected.seats.iter().filter_map(|row| row.seat.deadline).min()?;
            Some(DetachedRoom { id: *id, name: room.projected.head.name.clone(), deadline })
        };
        let mut rooms: Vec<_> = self.rooms.iter().filter_map(first).collect();
        rooms.sort_by_key(|room| room.deadline);
        rooms
    }

    pub(super) fn events_after(&self, room: RoomId, seq: Seq, limit: u32) -> Vec<(MessageId, Event)> {
        let Some(room) = self.rooms.get(&room) else { return Vec::new() };
        let events = room.log.iter().filter(|event| event.seq > seq).take(limit as usize);
        events.map(|event| (room.id_of(event.seq), event.clone())).collect()
    }

    pub(super) fn history(
        &self,
        room: RoomId,
        until: Seq,
        request: HistoryRequest,
        limit: u32,
    ) -> Vec<ArchivedMessage> {
        let Some(room) = self.rooms.get(&room) else { return Vec::new() };
        let limit = request.stanzas_max.unwrap_or(limit).min(limit) as usize;
        let mut budget = request.characters_max.map_or(usize::MAX, |characters| characters as usize);
        let is_shown = |message: &ArchivedMessage| {
            message.kind == ArchivedKind::Post && !message.content.payload.0.is_empty()
        };
        let newest = room.log.iter().rev().filter(|event| event.seq <= until && is_kept(&event.change));
        let mut messages: Vec<_> = newest
            .filter_map(|event| archived(room, event))
            .filter(is_shown)
            .take(limit)
            .filter(|message| request.since.is_none_or(|since| message.at >= since))
            .take_while(|message| {
                let rest = budget.checked_sub(message.content.payload.as_str().chars().count());
                budget = rest.unwrap_or(0);
                rest.is_some()
            })
            .collect();
        messages.reverse();
        messages
    }

    pub(super) fn message(&self, room: RoomId, seq: Seq) -> Option<ArchivedMessage> {
        let room = self.rooms.get(&room)?;
        let event = room.log.iter().find(|event| event.seq == seq)?;
        archived(room, event)
    }

    pub(super) fn save_sessions(&mut self, own: &Own, sessions: Vec<SessionRow>) {
        for row in sessions {
            let (member, incarnation) = (own.member.clone(), own.incarnation);
            self.sessions.insert(row.id, Held { row, member, incarnation });
        }
    }

    pub(super) fn forget_sessions(&mut self, sessions: &[SessionId]) {
        self.sessions.retain(|id, _| !sessions.contains(id));
    }

    pub(super) fn session(&self, id: SessionId) -> Result<Option<SavedSession>, StoreError> {
        let Some(Held { row, .. }) = self.sessions.get(&id) else { return Ok(None) };
        let events = || {
            self.rooms.values().flat_map(|room| room.log.iter().map(move |event| (room, event))).filter_map(
                |(room, event)| Some((room, event, event.origin.filter(|origin| origin.session == id)?)),
            )
        };
        let last = events().map(|(.., origin)| (origin.number, origin.settled)).max();
        let settled = row.handled.max(last.map_or(0, |(_, settled)| settled));
        let written: Vec<_> = events()
            .filter(|(.., origin)| origin.number > settled - REPEATED)
            .map(|(room, event, origin)| Ok(written(room, event, origin.number)))
            .take(WRITTEN_MAX as usize)
            .collect();
        SavedSession::gather(row.clone(), settled, written.into_iter(), std::iter::empty()).map(Some)
    }

    pub(super) fn detach_earlier_sessions(&mut self, own: &Own, deadline: Timestamp) -> u64 {
        let is_earlier = |held: &Held| held.member == own.member && held.incarnation != own.incarnation;
        self.end_sessions(is_earlier, deadline)
    }

    pub(super) fn detach_sessions(&mut self, member: &str, up_to: i64, deadline: Timestamp) -> u64 {
        let is_theirs = |held: &Held| *held.member == *member && held.incarnation <= up_to;
        self.end_sessions(is_theirs, deadline)
    }

    fn end_sessions(&mut self, which: impl Fn(&Held) -> bool, deadline: Timestamp) -> u64 {
        let mut count = 0;
        for held in self.sessions.values_mut().filter(|held| held.row.deadline.is_none() && which(held)) {
            held.row.deadline = Some(deadline);
            count += 1;
        }
        count
    }
}

impl RoomRows {
    /// The public id of what is there in the log.
    pub(super) fn id_of(&self, seq: Seq) -> MessageId {
        let (_, epoch) = self.epochs.iter().rfind(|(after, _)| *after < seq).expect("it began with the room");
        MessageId::new(*epoch, seq)
    }
}

impl Projected {
    /// The room with those who have a place in it, nick by nick, in each the seat that is shown first.
    pub(super) fn snapshot(&self) -> RoomSnapshot {
        let mut rows: Vec<&SeatRow> = self.seats.iter().collect();
        rows.sort_by_key(|row| (row.nick_key.clone(), Reverse(row.shown_at), row.seat.session));
        let mut occupants: Vec<Occupant> = Vec::new();
        for row in rows {
            match occupants.last_mut().filter(|occupant| occupant.nick_key == row.nick_key) {
                Some(occupant) => occupant.seats.push(row.seat.clone()),
                None => occupants.push(Occupant {
                    nick: row.nick.clone(),
                    nick_key: row.nick_key.clone(),
                    jid: row.seat.jid.bare(),
                    occupant_id: row.occupant_id.clone(),
                    affiliation: Affiliation::None,
                    presents: false,
                    role: row.role,
                    seats: [row.seat.clone()].into(),
                }),
            }
        }
        let affiliations = self.standings.values().cloned().collect();
        RoomSnapshot { affiliations, occupants, ..self.head.clone() }
    }
}

/// Who said what, where a change is a message.
pub(super) fn message_of(change: &Change) -> Option<(&Author, &Content)> {
    match change {
        Change::Posted { author, content }
        | Change::SubjectSet { author, content, .. }
        | Change::Whispered { author, content, .. }
        | Change::Retracted { author, content, .. } => Some((author, content)),
        _ => None,
    }
}

fn is_kept(change: &Change) -> bool {
    message_of(change).is_some_and(|(_, content)| content.retention == Retention::Kept)
}

fn archived(room: &RoomRows, event: &Event) -> Option<ArchivedMessage> {
    let (author, content) = message_of(&event.change)?;
    let kind = match &event.change {
        Change::Posted { .. } => ArchivedKind::Post,
        Change::SubjectSet { subject, .. } => ArchivedKind::Subject(subject.clone()),
        Change::Retracted { target, is_moderation, reason, .. } => ArchivedKind::Retraction {
            target: *target,
            is_moderation: *is_moderation,
            reason: reason.clone(),
        },
        _ => return None,
    };
    let (author, content) = (author.clone(), content.clone());
    Some(ArchivedMessage { id: room.id_of(event.seq), at: event.at, author, content, kind, tombstone: None })
}

fn written(room: &RoomRows, event: &Event, number: i64) -> Written {
    let head = &room.projected.head;
    let content = message_of(&event.change).map(|(_, content)| content);
    let is_archived = is_kept(&event.change);
    Written {
        number,
        to: Addressee::Room { id: head.id, name: head.name.clone(), seq: event.seq, is_archived },
        id: content.and_then(|content| content.id.clone()),
        payload: content.map_or_else(Payload::default, |content| content.payload.clone()),
    }
}
