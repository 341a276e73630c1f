//! What follows from a change beside its row in the log: the statements of this engine. A room loaded from what is
//! written by them is the room that applied the same changes.
//!
//! They are run by the database inside the call that appends, each with `$1` its arguments as JSON, `$2` the log's id,
//! `$3` the seq of the change, `$4` its stamp, `$5` the epoch, `$6` and `$7` this member and its incarnation.

use serde::Serialize;
use serde_json::{Value, json};

use crate::chat::event::{AffiliationSet, Change, Departure, Joined};
use crate::chat::id::{Epoch, MessageId, Seq, Timestamp};
use crate::chat::settings::Settings;
use crate::chat::snapshot::Subject;
use crate::chat::words::name_key;
use crate::store::record::{self, Tombstone};

/// A statement that follows from the change at `place` of an append.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) sql: &'static str,
    pub(super) place: i64,
    pub(super) args: Value,
}

/// All that follows from an append.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// May be objected to, and then the append is refused alone.
    steps: Vec<Step>,
    /// Nicks that nobody may have when all is done.
    vacated: Vec<(Box<str>, i64)>,
    /// After the events of all were written: what changes events.
    late: Vec<Step>,
}

pub(super) fn closes(change: &Change) -> bool {
    matches!(change, Change::Destroyed { .. })
}

/// As the call takes them; None for nothing.
pub(super) fn text(steps: &[Step]) -> Option<String> {
    (!steps.is_empty()).then(|| record::json(&steps))
}

impl Following {
    pub(super) fn of(&mut self, change: &Change, place: i64) {
        let mut then = |sql, args| self.steps.push(Step { sql, place, args });
        match change {
            Change::Created { settings, locked, .. } => then(CONFIGURE, configuration(settings, *locked)),
            // The first configuration takes the room into service.
            Change::Configured { settings, .. } => {
                then(CONFIGURE, configuration(settings, false));
            }
            Change::Destroyed { .. } => {
                for sql in [UNNAME, EMPTY, FORGET] {
                    then(sql, Value::Null);
                }
            }
            Change::Joined(joined) => then(SEAT, seat(joined)),
            Change::Left(left) => {
                let sql = if left.cause == Departure::Lapsed { LAPSE } else { UNSEAT };
                then(sql, json!({ "nick_key": left.nick_key, "session": left.session }));
                if left.cause.is_forced() {
                    self.vacated.push((left.nick_key.clone(), place));
                }
            }
            Change::Detached { session, deadline } => {
                let sql = if deadline.is_some() { DETACH } else { ATTACH };
                then(sql, json!({ "session": session, "deadline": deadline }));
            }
            Change::TakenOver { session, by, jid, presence } => then(
                TAKE_OVER,
                json!({ "session": session, "by": by, "resource": jid.resource(), "presence": presence }),
            ),
            Change::Renamed { session, nick_key, new_nick_key, new_nick, presence, .. } => {
                then(SIT, json!({ "session": session, "nick_key": nick_key, "wanted": new_nick_key }));
                then(RENAME, json!({ "nick_key": nick_key, "new_nick_key": new_nick_key, "nick": new_nick }));
                then(SHOW, json!({ "session": session, "presence": presence }));
            }
            Change::RoleSet { nick_key, role, .. } | Change::Regraded { nick_key, role, .. } => {
                then(SET_ROLE, json!({ "nick_key": nick_key, "role": role.as_str() }));
            }
            Change::AffiliationSet(set) => self.affiliation(set, place),
            Change::SubjectSet { author, subject, content } => {
                // Seq and stamp are put in where they are known.
                let subject = Subject {
                    seq: Seq(0),
                    at: Timestamp(0),
                    author: author.clone(),
                    text: subject.clone(),
                    content: content.clone(),
                };
                then(SET_SUBJECT, json!(subject));
            }
            Change::Retracted { target, .. } => {
                // Its id and stamp are put in where they are known.
                let tombstone = Tombstone::of(change, MessageId::new(Epoch(0), Seq(0)), Timestamp(0));
                then(CLEAR_SUBJECT, json!({ "target": target.seq() }));
                let args = json!({ "target": target.seq(), "tombstone": tombstone });
                self.late.push(Step { sql: BLANK, place, args });
            }
            Change::Cleared { below, .. } => then(RAISE_FLOOR, json!({ "below": below })),
            Change::Posted { .. }
            | Change::Whispered { .. }
            | Change::Invited { .. }
            | Change::VoiceRequested { .. } => {}
        }
    }

    fn affiliation(&mut self, set: &AffiliationSet, place: i64) {
        let args = json!({
            "jid": set.jid,
            "affiliation": set.affiliation.as_str(),
            "nick": set.nick,
            "reason": set.reason,
            "attends": set.extent.attends,
            "presents": set.extent.presents,
            "version": set.version,
        });
        self.steps.push(Step { sql: AFFILIATION, place, args });
        let known: Vec<_> = set.roles.iter().map(|(nick_key, _)| nick_key).collect();
        self.steps.push(Step { sql: ALL_KNOWN, place, args: json!({ "jid": set.jid, "known": known }) });
        self.steps.push(Step { sql: SET_VERSION, place, args: json!({ "version": set.version }) });
        for (nick_key, role) in &set.roles {
            let args = json!({ "nick_key": nick_key, "role": role.as_str() });
            self.steps.push(Step { sql: SET_ROLE, place, args });
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.late.is_empty()
    }

    pub(super) fn into_texts(mut self) -> (Option<String>, Option<String>) {
        for (nick_key, place) in self.vacated {
            self.steps.push(Step { sql: VACATED, place, args: json!({ "nick_key": nick_key }) });
        }
        (text(&self.steps), text(&self.late))
    }
}

fn configuration(settings: &Settings, locked: bool) -> Value {
    json!({ "settings": record::json(settings), "public": settings.is_listed(), "locked": locked,
        "category": settings.category, "title_key": name_key(&settings.name) })
}

fn seat(joined: &Joined) -> Value {
    json!({
        "nick_key": joined.nick_key,
        "session": joined.session,
        "nick": joined.nick,
        "owner": joined.jid.bare().as_str(),
        "resource": joined.jid.resource(),
        "occupant_id": joined.occupant_id,
        "role": joined.role.as_str(),
        "presence": joined.presence,
    })
}

const CONFIGURE: &str = "UPDATE room SET settings = $1 ->> 'settings', public = ($1 ->> 'public')::boolean,
    locked = ($1 ->> 'locked')::boolean, category = ($1 ->> 'category')::bigint,
    title_key = $1 ->> 'title_key' WHERE id = $2";
const UNNAME: &str = "UPDATE room SET former_name = name, name = NULL, category = NULL WHERE id = $2";
const EMPTY: &str = "DELETE FROM seat WHERE room = $2";
const FORGET: &str = "DELETE FROM affiliation WHERE room = $2";
const SEAT: &str = "SELECT seat_1($1, $2, $4, $6, $7)";
const UNSEAT: &str = "SELECT unseat_1($1, $2)";
/// Whoever was to come back for it may have done so, at another member.
const LAPSE: &str = "WITH lapsed AS (
        DELETE FROM seat WHERE session = ($1 ->> 'session')::bigint AND room = $2 AND deadline IS NOT NULL
        RETURNING nick_key)
    SELECT need_1(EXISTS (SELECT FROM lapsed WHERE nick_key = $1 ->> 'nick_key'))";
const DETACH: &str = "UPDATE seat SET deadline = ($1 ->> 'deadline')::bigint, claimed_until = NULL
    WHERE session = ($1 ->> 'session')::bigint AND room = $2";
/// Who comes back is this member's from now on; if he was not given up meanwhile, as another saw to.
const ATTACH: &str = "WITH attached AS (
        UPDATE seat SET deadline = NULL, claimed_until = NULL, member = $6, incarnation = $7
        WHERE session = ($1 ->> 'session')::bigint AND room = $2
        RETURNING session)
    SELECT need_1(EXISTS (SELECT FROM attached))";
/// Whose seat it was may have left it meanwhile, as another member saw to, or have come back to it.
const TAKE_OVER: &str = "WITH taken AS (
        UPDATE seat SET session = ($1 ->> 'by')::bigint, resource = $1 ->> 'resource',
            presence = $1 ->> 'presence', shown_at = $4, deadline = NULL, claimed_until = NULL, member = $6,
            incarnation = $7
        WHERE session = ($1 ->> 'session')::bigint AND room = $2
            AND (resource = $1 ->> 'resource' OR deadline IS NOT NULL)
        RETURNING session)
    SELECT need_1(EXISTS (SELECT FROM taken))";
/// Another device of his may have changed the nick that is to be changed, and somebody else be called so by now; or have
/// come in under the one that he wants, and two occupants do not become one.
const SIT: &str = "SELECT need_1(EXISTS (SELECT FROM seat
        WHERE session = ($1 ->> 'session')::bigint AND room = $2 AND nick_key = $1 ->> 'nick_key')
    AND NOT EXISTS (SELECT FROM seat AS other
        WHERE room = $2 AND nick_key = $1 ->> 'wanted' AND nick_key <> $1 ->> 'nick_key'
            AND owner = (SELECT owner FROM seat WHERE session = ($1 ->> 'session')::bigint AND room = $2)))";
const RENAME: &str = "UPDATE seat SET nick_key = $1 ->> 'new_nick_key', nick = $1 ->> 'nick'
    WHERE room = $2 AND nick_key = $1 ->> 'nick_key'";
const SHOW: &str = "UPDATE seat SET presence = $1 ->> 'presence', shown_at = $4
    WHERE room = $2 AND session = ($1 ->> 'session')::bigint";
/// Who is put out goes with all his devices, and no new role passes somebody over: not even who has just come in by
/// another member, unseen by this one.
const VACATED: &str = "SELECT need_1(NOT EXISTS (SELECT FROM seat
    WHERE room = $2 AND nick_key = $1 ->> 'nick_key'))";
const ALL_KNOWN: &str = "SELECT need_1(NOT EXISTS (SELECT FROM seat
    WHERE room = $2 AND owner = $1 ->> 'jid' AND NOT ($1 -> 'known') ? nick_key))";
const SET_ROLE: &str =
    "UPDATE seat SET role = $1 ->> 'role' WHERE room = $2 AND nick_key = $1 ->> 'nick_key'";
const SET_SUBJECT: &str =
    "UPDATE room SET subject = ($1 || jsonb_build_object('seq', $3, 'at', $4))::text WHERE id = $2";
const CLEAR_SUBJECT: &str =
    "UPDATE room SET subject = NULL WHERE id = $2 AND subject::jsonb -> 'seq' = $1 -> 'target'";
const SET_VERSION: &str = "UPDATE room
    SET affiliations_version = greatest(affiliations_version, ($1 ->> 'version')::bigint) WHERE id = $2";
const AFFILIATION: &str = "INSERT INTO affiliation (room, jid, affiliation, nick, reason, version, attends, presents)
    VALUES ($2, $1 ->> 'jid', $1 ->> 'affiliation', $1 ->> 'nick', $1 ->> 'reason', ($1 ->> 'version')::bigint,
        ($1 ->> 'attends')::boolean, ($1 ->> 'presents')::boolean)
    ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation, nick = excluded.nick,
        reason = excluded.reason, version = excluded.version, attends = excluded.attends,
        presents = excluded.presents";
/// What lies below is not shown from now on, and removed when there is time.
const RAISE_FLOOR: &str =
    "UPDATE room_log SET first_seq = greatest(first_seq, ($1 ->> 'below')::bigint) WHERE room = $2";
/// A message keeps its row and its seq; a subject goes with the content that announced it.
const BLANK: &str = "UPDATE room_event SET lang = NULL, text = NULL, payload = '', expires = NULL,
        data = (coalesce(data::jsonb - 'subject', '{}') || jsonb_build_object('tombstone', ($1 -> 'tombstone')
            || jsonb_build_object('by', lpad(to_hex(($5 << 48) | $3), 16, '0'), 'at', $4)))::text
    WHERE room = $2 AND class IN (0, 1) AND seq = ($1 ->> 'target')::bigint AND kind <> 0";
