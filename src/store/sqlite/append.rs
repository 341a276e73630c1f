//! Makes decisions true: compares them with the rooms they were made for, gives them their seqs, and writes the logs
//! and what follows from them.
//!
//! All decisions of a group go out together, a statement for each table. Should a rule of the schema object to one of
//! them, all are undone and written again one by one, so that only that one fails.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio::sync::oneshot;

use crate::chat::event::Change;
use crate::chat::id::{Epoch, Origin, RoomId, RulesVersion, Seq, Timestamp};
use crate::store::error::{AppendError, StoreError};
use crate::store::fault::log_inconsistency;
use crate::store::record::{Class, Record};
use crate::store::room::{Append, Appended};
use crate::store::sqlite::batch::{Batch, Form, Script};
use crate::store::sqlite::fault::is_constraint;
use crate::store::sqlite::project::Scene;

/// An append that waits for its group.
#[derive(Debug)]
pub(super) struct Job {
    append: Append,
    outcome: Option<Result<Appended, AppendError>>,
    reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// What the appends of a store have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) has_journal: bool,
    pub(super) transient_lifetime: std::time::Duration,
}

/// Is a transaction open already, with work of others in it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    No,
    Yes,
}

impl Job {
    pub(super) fn new(append: Append) -> (Self, oneshot::Receiver<Result<Appended, AppendError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { append, outcome: None, reply }, answer)
    }

    /// Called once the group's fate is known.
    pub(super) fn answer(self, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            (_, Some(Err(refusal))) => Err(refusal),
            (Ok(()), Some(Ok(appended))) => Ok(appended),
            (Ok(()), None) => Err(StoreError::Unavailable.into()),
            (Err(fault), _) => Err(fault.into()),
        };
        // Who asked may have gone; what was committed stays committed.
        let _ = self.reply.send(answer);
    }
}

/// Writes the appends of a group and commits it, together with what the transaction holds already, if one is `begun`.
/// An error spoils the group.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    jobs: &mut [Job],
    rules: Rules,
    begun: Begun,
) -> Result<(), StoreError> {
    let (begin, undo) = match begun {
        Begun::No => (BEGIN_AND_HEADS, "ROLLBACK; BEGIN IMMEDIATE"),
        Begun::Yes => (MARK_AND_HEADS, "ROLLBACK TO appends"),
    };
    let mut heads = read_heads(connection, jobs, begin).await?;
    let mut plan = Plan::new(rules);
    for job in &mut *jobs {
        job.outcome = Some(plan.add(&job.append, &mut heads));
    }
    explain_stale(connection, jobs).await?;
    match plan.into_script(&heads).then_commit().run(connection).await {
        Ok(()) => Ok(()),
        Err(fault) if is_constraint(&fault) => {
            sqlx::query(undo).execute(&mut *connection).await?;
            write_singly(connection, jobs, rules).await?;
            explain_stale(connection, jobs).await?;
            sqlx::query("COMMIT").execute(connection).await?;
            Ok(())
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn write_singly(
    connection: &mut SqliteConnection,
    jobs: &mut [Job],
    rules: Rules,
) -> Result<(), StoreError> {
    let mut heads = read_heads(connection, jobs, HEADS).await?;
    for job in jobs {
        let room = job.append.room;
        let before = heads.remove_entry(&room);
        let mut head: BTreeMap<RoomId, Head> = before.into_iter().collect();
        let mut plan = Plan::new(rules);
        let outcome = plan.add(&job.append, &mut head);
        sqlx::query("SAVEPOINT job").execute(&mut *connection).await?;
        job.outcome = Some(match plan.into_script(&head).run(connection).await {
            Ok(()) => {
                heads.extend(head);
                outcome
            }
            Err(fault) if is_constraint(&fault) => {
                sqlx::query("ROLLBACK TO job").execute(&mut *connection).await?;
                heads.extend(before);
                Err(explain(connection, &job.append, &fault).await?)
            }
            Err(fault) => return Err(fault.into()),
        });
        sqlx::query("RELEASE job").execute(&mut *connection).await?;
    }
    Ok(())
}

/// Which rule an append met.
async fn explain(
    connection: &mut SqliteConnection,
    append: &Append,
    fault: &sqlx::Error,
) -> Result<AppendError, StoreError> {
    if let Some(seq) = written(connection, append).await? {
        return Ok(AppendError::AlreadyDone { seq });
    }
    if fault.to_string().contains(NICK_TAKEN) {
        return Ok(AppendError::NickTaken);
    }
    log_inconsistency(fault);
    Ok(StoreError::Inconsistent { table: "room", row: append.room.0 }.into())
}

/// A repeated append is likely to be stale as well; that it was done says more.
async fn explain_stale(connection: &mut SqliteConnection, jobs: &mut [Job]) -> Result<(), StoreError> {
    for job in jobs.iter_mut().filter(|job| job.outcome == Some(Err(AppendError::Stale))) {
        if let Some(seq) = written(connection, &job.append).await? {
            job.outcome = Some(Err(AppendError::AlreadyDone { seq }));
        }
    }
    Ok(())
}

async fn written(connection: &mut SqliteConnection, append: &Append) -> Result<Option<Seq>, StoreError> {
    let Some(origin) = append.origin else { return Ok(None) };
    let seq: Option<i64> = sqlx::query_scalar(WRITTEN)
        .bind(origin.session.0)
        .bind(origin.number)
        .bind(append.room.0)
        .fetch_optional(connection)
        .await?;
    Ok(seq.map(Seq))
}

/// Where a room's log stands. Read and moved inside one transaction of the one writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) is_open: bool,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    pub(super) rules: RulesVersion,
    /// Events of the conversation so far.
    pub(super) archived: i64,
    pub(super) last_at: Timestamp,
    /// Appends with quiet changes so far.
    quiet: i64,
    has_moved: bool,
}

impl Head {
    /// Of a room that is being made.
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            is_open: true,
            epoch,
            seq: Seq(0),
            rules: RulesVersion(0),
            archived: 0,
            last_at: Timestamp(0),
            quiet: 0,
            has_moved: false,
        }
    }

    /// Moves on by one event.
    fn take(&mut self, change: &Change, at: Timestamp) {
        self.has_moved = true;
        self.seq = self.seq.next();
        self.last_at = at;
        self.rules.0 += i64::from(change.moves_rules());
        self.is_open &= !matches!(change, Change::Destroyed { .. });
    }

    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            is_open: row.try_get(1)?,
            epoch: Epoch(row.try_get(2)?),
            seq: Seq(row.try_get(3)?),
            rules: RulesVersion(row.try_get(4)?),
            archived: row.try_get(5)?,
            last_at: Timestamp(row.try_get(6)?),
            quiet: row.try_get(7)?,
            has_moved: false,
        })
    }
}

async fn read_heads(
    connection: &mut SqliteConnection,
    jobs: &[Job],
    sql: &'static str,
) -> Result<BTreeMap<RoomId, Head>, StoreError> {
    let mut rooms = String::from("[");
    for job in jobs {
        rooms.push_str(if rooms.len() > 1 { "," } else { "" });
        rooms.push_str(&job.append.room.0.to_string());
    }
    rooms.push(']');
    let rows = sqlx::query(sql).bind(rooms).fetch_all(connection).await?;
    let mut heads = BTreeMap::new();
    for row in &rows {
        heads.insert(RoomId(row.try_get(0)?), Head::from_row(row)?);
    }
    Ok(heads)
}

/// The rows of some appends, each table by itself: only within a table does the order matter.
#[derive(Debug)]
pub(super) struct Plan {
    rules: Rules,
    events: Batch,
    journal: Batch,
    projections: Batch,
}

impl Plan {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, events: Batch::default(), journal: Batch::default(), projections: Batch::default() }
    }

    pub(super) fn add(
        &mut self,
        append: &Append,
        heads: &mut BTreeMap<RoomId, Head>,
    ) -> Result<Appended, AppendError> {
        let head = heads.get_mut(&append.room).filter(|head| head.is_open).ok_or(AppendError::Gone)?;
        if head.rules != append.rules {
            return Err(AppendError::Stale);
        }
        let first = head.seq.next();
        let at = head.last_at.max(append.at);
        let mut origin = append.origin;
        for change in &*append.changes {
            head.take(change, at);
            let scene = Scene { room: append.room, epoch: head.epoch, seq: head.seq, at };
            // The key stands on the first row only: a key is unique, and who looks for it wants the first seq.
            self.event(scene, head, &Record::of(change), origin.take());
            scene.project(&mut self.projections, change);
            if self.rules.has_journal {
                scene.journal(&mut self.journal, change, Some(head.seq));
            }
        }
        if !append.quiet.is_empty() {
            head.has_moved = true;
            head.quiet += 1;
        }
        let scene = Scene { room: append.room, epoch: head.epoch, seq: head.seq, at };
        for change in &*append.quiet {
            scene.project(&mut self.projections, change);
            if self.rules.has_journal {
                scene.journal(&mut self.journal, change, None);
            }
        }
        Ok(Appended { first, at, rules: head.rules, quiet: head.quiet })
    }

    fn event(&mut self, scene: Scene, head: &mut Head, record: &Record<'_>, origin: Option<Origin>) {
        head.archived += i64::from(record.class == Class::Conversation);
        let ordinal = (record.class == Class::Conversation).then_some(head.archived);
        let expires = record.expires().then(|| scene.at.plus(self.rules.transient_lifetime).0);
        let (author, content) = (record.author, record.content);
        let row = [
            scene.room.0.into(),
            record.class.number().into(),
            scene.seq.0.into(),
            i64::from(head.epoch.0).into(),
            scene.at.0.into(),
            ordinal.into(),
            record.kind.number().into(),
            origin.map(|origin| origin.session.0).into(),
            origin.map(|origin| origin.number).into(),
            origin.map(|origin| origin.settled).into(),
            author.map(|author| &*author.nick).into(),
            author.map(|author| author.jid.as_str()).into(),
            author.and_then(|author| author.resource.as_deref()).into(),
            author.map(|author| &*author.occupant_id).into(),
            content.and_then(|content| content.id.as_deref()).into(),
            content.and_then(|content| content.lang.as_deref()).into(),
            content.and_then(|content| content.text.as_deref()).into(),
            content.map(|content| content.payload.as_str()).into(),
            expires.into(),
            record.data.as_deref().into(),
        ];
        self.events.row(scene.room.0, &EVENT, row);
    }

    /// Content is copied to the journal before a retraction takes it out, and both come after it was written.
    pub(super) fn into_script(self, heads: &BTreeMap<RoomId, Head>) -> Script {
        let mut moved = Batch::default();
        for (room, head) in heads.iter().filter(|(_, head)| head.has_moved) {
            let row = [
                room.0.into(),
                i64::from(head.is_open).into(),
                head.seq.0.into(),
                head.rules.0.into(),
                head.archived.into(),
                head.last_at.0.into(),
                head.quiet.into(),
            ];
            moved.row(room.0, &MOVE, row);
        }
        [self.journal, self.projections, moved]
            .into_iter()
            .fold(self.events.into_script(), |script, batch| script.then(batch.into_script()))
    }
}

const NICK_TAKEN: &str = "nick taken";
macro_rules! heads {
    () => {
        "SELECT room, open, epoch, seq, rules, archived, last_at, quiet FROM room_log
            WHERE room IN (SELECT value FROM json_each(?))"
    };
}
const HEADS: &str = heads!();
/// A savepoint costs a copy of every page that is touched: only what must survive an undoing gets one.
const MARK_AND_HEADS: &str = concat!("SAVEPOINT appends; ", heads!());
const BEGIN_AND_HEADS: &str = concat!("BEGIN IMMEDIATE; ", heads!());
const WRITTEN: &str =
    "SELECT seq FROM room_event WHERE origin_session = ? AND origin_number = ? AND room = ?";

/// `OR FAIL`, here and in other forms: what a refused statement leaves behind is undone with all else, so that the
/// engine need not keep the pages as they were.
static EVENT: Form = Form::new(
    "INSERT OR FAIL INTO room_event (room, class, seq, epoch, at, ordinal, kind, origin_session, origin_number,
        origin_settled, nick, jid, resource, occupant_id, stanza_id, lang, text, payload, expires, data) VALUES",
    20,
    "",
);
static MOVE: Form = Form::new(
    "UPDATE OR FAIL room_log SET open = moved.column2, seq = moved.column3, rules = moved.column4,
        archived = moved.column5, last_at = moved.column6, quiet = moved.column7 FROM (VALUES",
    7,
    ") AS moved WHERE room_log.room = moved.column1",
);
