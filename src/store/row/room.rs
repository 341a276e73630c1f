//! Rows of rooms and of what is projected from their logs.

use std::sync::Arc;

use perch_address::BareJid;

use crate::chat::affiliation::{Affiliation, Role};
use crate::chat::event::Extent;
use crate::chat::id::{Epoch, RoomGuid, RoomId, RulesVersion, Seq, SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::note::RoomName;
use crate::chat::occupant::{Occupant, Seat};
use crate::chat::snapshot::{RoomSnapshot, Standing};
use crate::store::error::StoreError;
use crate::store::member::DueSeat;
use crate::store::retention::Retained;
use crate::store::room::{DetachedRoom, RoomEntry};
use crate::store::row::Columns;

/// A room without those who have a place in it.
#[derive(Debug)]
pub(in crate::store) struct Head(RoomSnapshot);

impl Head {
    /// `id, name, secret, settings, locked, subject, affiliations_version, epoch, first_seq, seq, rules, last_at,
    /// quiet, guid`
    pub(in crate::store) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        let id = RoomId(row.integer(0)?);
        let inconsistent = || StoreError::Inconsistent { table: "room", row: id.0 };
        let subject = row.text_if_any(5)?;
        Ok(Self(RoomSnapshot {
            id,
            guid: RoomGuid::parse(row.text(13)?).ok_or_else(inconsistent)?,
            name: row.text(1)?.into(),
            epoch: Epoch(row.integer(7)? as u16),
            seq: Seq(row.integer(9)?),
            first_seq: Seq(row.integer(8)?),
            rules: RulesVersion(row.integer(10)?),
            last_at: Timestamp(row.integer(11)?),
            quiet: row.integer(12)?,
            secret: row.bytes(2)?.try_into().map_err(|_| inconsistent())?,
            is_locked: row.flag(4)?,
            settings: serde_json::from_str(row.text(3)?).map_err(|_| inconsistent())?,
            subject: subject.map(serde_json::from_str).transpose().map_err(|_| inconsistent())?,
            affiliations: Vec::new(),
            affiliations_version: row.integer(6)?,
            occupants: Vec::new(),
        }))
    }

    pub(in crate::store) fn id(&self) -> RoomId {
        self.0.id
    }

    pub(in crate::store) fn with(
        self,
        standings: &[impl Columns],
        seats: &[impl Columns],
    ) -> Result<RoomSnapshot, StoreError> {
        let affiliations = self::standings(standings, self.0.id)?;
        let occupants = occupants(seats, self.0.id)?;
        Ok(RoomSnapshot { affiliations, occupants, ..self.0 })
    }
}

/// `jid, affiliation, nick, reason, version, attends, presents`
fn standings(rows: &[impl Columns], room: RoomId) -> Result<Vec<Standing>, StoreError> {
    let inconsistent = StoreError::Inconsistent { table: "affiliation", row: room.0 };
    let mut standings = Vec::with_capacity(rows.len());
    for row in rows {
        standings.push(Standing {
            jid: BareJid::new(row.text(0)?).map_err(|_| inconsistent)?,
            affiliation: Affiliation::parse(row.text(1)?).ok_or(inconsistent)?,
            nick: row.text_if_any(2)?.map(Into::into),
            reason: row.text(3)?.into(),
            version: row.integer(4)?,
            extent: Extent { attends: row.flag(5)?, presents: row.flag(6)? },
        });
    }
    Ok(standings)
}

/// `nick_key, session, nick, owner, resource, occupant_id, role, presence, deadline`: nick by nick, in each the seat
/// that is shown first.
fn occupants(rows: &[impl Columns], room: RoomId) -> Result<Vec<Occupant>, StoreError> {
    let inconsistent = StoreError::Inconsistent { table: "seat", row: room.0 };
    let mut occupants: Vec<Occupant> = Vec::new();
    for row in rows {
        let nick_key: Arc<str> = row.text(0)?.into();
        let owner = BareJid::new(row.text(3)?).map_err(|_| inconsistent)?;
        let seat = Seat {
            session: SessionId(row.integer(1)?),
            jid: owner.with_resource(row.text(4)?).map_err(|_| inconsistent)?,
            presence: Payload::from(row.text(7)?.to_owned()),
            deadline: row.integer_if_any(8)?.map(Timestamp),
        };
        match occupants.last_mut().filter(|occupant| occupant.nick_key == nick_key) {
            Some(occupant) => occupant.seats.push(seat),
            None => occupants.push(Occupant {
                nick_key,
                nick: row.text(2)?.into(),
                // Not for the store to say: it follows from what he belongs to.
                affiliation: Affiliation::None,
                presents: false,
                jid: owner,
                occupant_id: row.text(5)?.into(),
                role: Role::parse(row.text(6)?).ok_or(inconsistent)?,
                seats: [seat].into(),
            }),
        }
    }
    Ok(occupants)
}

/// `id, name, title`
pub(in crate::store) fn room_entry(row: &impl Columns) -> Result<RoomEntry, StoreError> {
    Ok(RoomEntry { id: RoomId(row.integer(0)?), name: row.text(1)?.into(), title: row.text(2)?.into() })
}

/// `room, name, deadline`
pub(in crate::store) fn detached_room(row: &impl Columns) -> Result<DetachedRoom, StoreError> {
    Ok(DetachedRoom {
        id: RoomId(row.integer(0)?),
        name: row.text(1)?.into(),
        deadline: Timestamp(row.integer(2)?),
    })
}

/// `room, name, session, deadline`
pub(in crate::store) fn due_seat(row: &impl Columns) -> Result<DueSeat, StoreError> {
    Ok(DueSeat {
        room: RoomId(row.integer(0)?),
        name: row.text(1)?.into(),
        session: SessionId(row.integer(2)?),
        deadline: Timestamp(row.integer(3)?),
    })
}

/// `id, days`
pub(in crate::store) fn retained(row: &impl Columns) -> Result<Retained, StoreError> {
    let id = RoomId(row.integer(0)?);
    let days = row.integer(1)?.try_into();
    Ok(Retained { id, days: days.map_err(|_| StoreError::Inconsistent { table: "room", row: id.0 })? })
}

/// `guid, name`
pub(in crate::store) fn room_of_guid(row: &impl Columns) -> Result<(RoomGuid, Box<str>), StoreError> {
    let guid = RoomGuid::parse(row.text(0)?).ok_or(StoreError::Inconsistent { table: "room", row: 0 })?;
    Ok((guid, row.text(1)?.into()))
}

/// `id, name`
pub(in crate::store) fn room_name(row: &impl Columns) -> Result<RoomName, StoreError> {
    Ok(RoomName { id: RoomId(row.integer(0)?), name: row.text(1)?.into() })
}
