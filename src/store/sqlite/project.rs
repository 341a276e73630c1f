//! What follows from a change beside its row in the log. The one place where that is said: a room loaded from what
//! is written here is the room that applied the same changes.

use crate::chat::event::{AffiliationSet, Change, Joined};
use crate::chat::id::{Epoch, MessageId, RoomId, Seq, Timestamp};
use crate::chat::settings::Settings;
use crate::chat::snapshot::Subject;
use crate::chat::words::name_key;
use crate::store::record::{Tombstone, is_journalled, json};
use crate::store::sqlite::batch::{Batch, Form, Value};

/// Where a change takes place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) room: RoomId,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
}

impl Scene {
    pub(super) fn project(self, batch: &mut Batch, change: &Change) {
        let room = Value::from(self.room.0);
        match change {
            Change::Created { settings, locked, .. } => self.settings(batch, settings, *locked),
            // The first configuration takes the room into service.
            Change::Configured { settings, .. } => self.settings(batch, settings, false),
            Change::Destroyed { .. } => {
                batch.one(self.room.0, UNNAME, [room.clone()]);
                batch.one(self.room.0, EMPTY, [room.clone()]);
                batch.one(self.room.0, FORGET, [room]);
            }
            Change::Joined(joined) => self.seat(batch, joined),
            Change::Left(left) => {
                batch.row(self.room.0, &UNSEAT, [room, (&*left.nick_key).into(), left.session.0.into()])
            }
            Change::Detached { session, deadline } => {
                batch.row(self.room.0, &DETACH, [room, session.0.into(), deadline.map(|at| at.0).into()]);
            }
            Change::TakenOver { session, by, jid, presence } => batch.row(
                self.room.0,
                &TAKE_OVER,
                [
                    room,
                    session.0.into(),
                    by.0.into(),
                    jid.resource().into(),
                    presence.as_str().into(),
                    self.at.0.into(),
                ],
            ),
            Change::Renamed { session, nick_key, new_nick_key, new_nick, presence, .. } => {
                batch.one(
                    self.room.0,
                    RENAME,
                    [(&**new_nick_key).into(), (&**new_nick).into(), room.clone(), (&**nick_key).into()],
                );
                batch.one(
                    self.room.0,
                    SHOW,
                    [presence.as_str().into(), self.at.0.into(), room, session.0.into()],
                );
            }
            Change::RoleSet { nick_key, role, .. } | Change::Regraded { nick_key, role, .. } => {
                batch.one(self.room.0, SET_ROLE, [role.as_str().into(), room, (&**nick_key).into()]);
            }
            Change::AffiliationSet(set) => self.affiliation(batch, set),
            Change::SubjectSet { author, subject, content } => {
                let (author, text, content) = (author.clone(), subject.clone(), content.clone());
                let subject = Subject { seq: self.seq, at: self.at, author, text, content };
                batch.one(self.room.0, SET_SUBJECT, [json(&subject).into(), room]);
            }
            Change::Retracted { target, .. } => {
                let tombstone = Tombstone::of(change, MessageId::new(self.epoch, self.seq), self.at);
                batch.one(self.room.0, CLEAR_SUBJECT, [room.clone(), target.seq().0.into()]);
                batch.one(self.room.0, BLANK, [json(&tombstone).into(), room, target.seq().0.into()]);
            }
            Change::Cleared { below, .. } => {
                batch.one(self.room.0, RAISE_FLOOR, [below.0.into(), room]);
            }
            Change::Posted { .. }
            | Change::Whispered { .. }
            | Change::Invited { .. }
            | Change::VoiceRequested { .. } => {}
        }
    }

    /// What compliance is to know: who came and went, and what was said. `seq` is None for what the log does not have.
    pub(super) fn journal(self, batch: &mut Batch, change: &Change, seq: Option<Seq>) {
        if !is_journalled(change) {
            return;
        }
        let row: [Value; 4] =
            [self.at.0.into(), self.room.0.into(), seq.map(|seq| seq.0).into(), json(change).into()];
        match change {
            Change::Retracted { target, .. } => {
                let [at, room, seq, change] = row;
                let values = [at, room.clone(), seq, change, room, target.seq().0.into()];
                batch.one(self.room.0, JOURNAL_ORIGINAL, values);
            }
            _ => batch.row(self.room.0, &JOURNAL, row),
        }
    }

    fn settings(self, batch: &mut Batch, settings: &Settings, locked: bool) {
        let values = [
            json(settings).into(),
            i64::from(settings.is_listed()).into(),
            i64::from(locked).into(),
            settings.category.map(|category| category.0).into(),
            name_key(&settings.name).into(),
            self.room.0.into(),
        ];
        batch.one(self.room.0, CONFIGURE, values);
    }

    fn seat(self, batch: &mut Batch, joined: &Joined) {
        let row = [
            self.room.0.into(),
            (&*joined.nick_key).into(),
            joined.session.0.into(),
            (&*joined.nick).into(),
            joined.jid.bare().as_str().into(),
            joined.jid.resource().into(),
            (&*joined.occupant_id).into(),
            joined.role.as_str().into(),
            joined.presence.as_str().into(),
            self.at.0.into(),
        ];
        batch.row(self.room.0, &SEAT, row);
    }

    fn affiliation(self, batch: &mut Batch, set: &AffiliationSet) {
        let row = [
            self.room.0.into(),
            set.jid.as_str().into(),
            set.affiliation.as_str().into(),
            set.nick.as_deref().into(),
            (&*set.reason).into(),
            set.version.into(),
            i64::from(set.extent.attends).into(),
            i64::from(set.extent.presents).into(),
        ];
        batch.row(self.room.0, &AFFILIATION, row);
        batch.one(self.room.0, SET_VERSION, [set.version.into(), self.room.0.into()]);
        for (nick_key, role) in &set.roles {
            batch.one(
                self.room.0,
                SET_ROLE,
                [role.as_str().into(), self.room.0.into(), (&**nick_key).into()],
            );
        }
    }
}

const CONFIGURE: &str =
    "UPDATE room SET settings = ?, public = ?, locked = ?, category = ?, title_key = ? WHERE id = ?";
const UNNAME: &str = "UPDATE room SET former_name = name, name = NULL, category = NULL WHERE id = ?";
const EMPTY: &str = "DELETE FROM seat WHERE room = ?";
const FORGET: &str = "DELETE FROM affiliation WHERE room = ?";
const RENAME: &str = "UPDATE seat SET nick_key = ?, nick = ? WHERE room = ? AND nick_key = ?";
const SHOW: &str = "UPDATE seat SET presence = ?, shown_at = ? WHERE room = ? AND session = ?";
const SET_ROLE: &str = "UPDATE seat SET role = ? WHERE room = ? AND nick_key = ?";
const SET_SUBJECT: &str = "UPDATE room SET subject = ? WHERE id = ?";
const CLEAR_SUBJECT: &str = "UPDATE room SET subject = NULL WHERE id = ? AND subject ->> '$.seq' = ?";
const SET_VERSION: &str = "UPDATE room SET affiliations_version = max(affiliations_version, ?) WHERE id = ?";
/// What lies below is not shown from now on, and removed when there is time.
const RAISE_FLOOR: &str = "UPDATE room_log SET first_seq = max(first_seq, ?) WHERE room = ?";
/// A message keeps its row and its seq; a subject goes with the content that announced it.
const BLANK: &str = "UPDATE room_event SET lang = NULL, text = NULL, payload = '', expires = NULL,
        data = json_set(coalesce(json_remove(data, '$.subject'), '{}'), '$.tombstone', json(?))
    WHERE room = ? AND class IN (0, 1) AND seq = ? AND kind <> 0";
const JOURNAL_ORIGINAL: &str = "INSERT INTO journal (at, room, seq, change, original)
    SELECT ?, ?, ?, ?, (
        SELECT json_object('at', at, 'nick', nick, 'jid', jid, 'text', text, 'payload', payload)
        FROM room_event WHERE room = ? AND class IN (0, 1) AND seq = ? AND kind <> 0)";

static SEAT: Form = Form::new(
    "INSERT OR FAIL INTO seat
        (room, nick_key, session, nick, owner, resource, occupant_id, role, presence, shown_at) VALUES",
    10,
    "ON CONFLICT (room, nick_key, session) DO UPDATE SET nick = excluded.nick, resource = excluded.resource,
        role = excluded.role, presence = excluded.presence, shown_at = excluded.shown_at, deadline = NULL",
);
static UNSEAT: Form = Form::new("DELETE FROM seat WHERE (room, nick_key, session) IN (VALUES", 3, ")");
static DETACH: Form = Form::new(
    "UPDATE OR FAIL seat SET deadline = gone.column3 FROM (VALUES",
    3,
    ") AS gone WHERE seat.session = gone.column2 AND seat.room = gone.column1",
);
static TAKE_OVER: Form = Form::new(
    "UPDATE OR FAIL seat SET session = new.column3, resource = new.column4, presence = new.column5,
        shown_at = new.column6, deadline = NULL FROM (VALUES",
    6,
    ") AS new WHERE seat.session = new.column2 AND seat.room = new.column1",
);
static AFFILIATION: Form = Form::new(
    "INSERT OR FAIL INTO affiliation (room, jid, affiliation, nick, reason, version, attends, presents) VALUES",
    8,
    "ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation, nick = excluded.nick,
        reason = excluded.reason, version = excluded.version, attends = excluded.attends,
        presents = excluded.presents",
);
static JOURNAL: Form = Form::new("INSERT OR FAIL INTO journal (at, room, seq, change) VALUES", 4, "");
