//! Makes decisions about rooms true: what waits together goes to the database as one call, which gives each its seqs,
//! writes the logs and what follows from them, and says what became of each.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use tokio::sync::oneshot;

use crate::chat::id::{Origin, RulesVersion, Seq, Timestamp};
use crate::store::error::{AppendError, StoreError};
use crate::store::fault::log_inconsistency;
use crate::store::postgres::Own;
use crate::store::postgres::columns::{Events, Journal};
use crate::store::postgres::links::Link;
use crate::store::postgres::project::{self, Following};
use crate::store::postgres::queue::Logged;
use crate::store::postgres::say;
use crate::store::postgres::writer;
use crate::store::record::{Class, Record};
use crate::store::room::{Append, Appended};

/// An append that waits for its group.
#[derive(Debug)]
pub(super) struct Job {
    append: Append,
    /// It may have been written before.
    is_repeated: bool,
    outcome: Option<Result<Appended, AppendError>>,
    reply: oneshot::Sender<Result<Appended, AppendError>>,
}

/// What the appends of a store have in common.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) own: Own,
    pub(super) has_journal: bool,
    pub(super) transient_lifetime: Duration,
}

impl Job {
    pub(super) fn new(append: Append) -> (Self, oneshot::Receiver<Result<Appended, AppendError>>) {
        let (reply, answer) = oneshot::channel();
        (Self { append, is_repeated: false, outcome: None, reply }, answer)
    }

    /// The key, where something is written that has it.
    pub(super) fn key(&self) -> Option<Origin> {
        self.append.origin.filter(|_| !self.append.changes.is_empty())
    }

    pub(super) fn append(&self) -> &Append {
        &self.append
    }

    pub(super) fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    fn moves(&self) -> i64 {
        self.append.changes.iter().filter(|change| change.moves_rules()).count() as i64
    }

    /// `outcome, first_seq, stamp, version, quieted`
    fn read(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let place = || {
            let (first, at) = (Seq(row.try_get(1)?), Timestamp(row.try_get(2)?));
            let (rules, quiet) = (RulesVersion(row.try_get(3)?), row.try_get(4)?);
            Ok::<_, sqlx::Error>(Appended { first, at, rules, quiet })
        };
        self.outcome = Some(match row.try_get::<i64, _>(0)? {
            0 => Ok(place()?),
            1 => Err(AppendError::Stale),
            2 => {
                let Appended { first, at, quiet, .. } = place()?;
                // It was this append, whose answer was lost, and none before it: that would have an older stamp.
                if self.is_repeated && at >= self.append.at {
                    let rules = RulesVersion(self.append.rules.0 + self.moves());
                    Ok(Appended { first, at, rules, quiet })
                } else {
                    Err(AppendError::AlreadyDone { seq: first })
                }
            }
            3 => Err(AppendError::NickTaken),
            4 => Err(AppendError::Gone),
            _ => Err(self.inconsistent()),
        });
        Ok(())
    }

    pub(super) fn settle(&mut self, outcome: Result<Appended, AppendError>) {
        self.outcome = Some(outcome);
    }

    fn inconsistent(&self) -> AppendError {
        StoreError::Inconsistent { table: "room", row: self.append.room.0 }.into()
    }
}

impl Logged for Job {
    fn logs(&self) -> impl Iterator<Item = i64> + '_ {
        std::iter::once(self.append.room.0)
    }

    fn keys(&self) -> impl Iterator<Item = (i64, Origin)> + '_ {
        self.key().map(|key| (self.append.room.0, key)).into_iter()
    }
}

impl writer::Job for Job {
    type Rules = Rules;

    async fn write(
        jobs: &mut [Self],
        rules: &Rules,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        // Rows are locked in this order, by all members. Appends of one room stay as they came.
        jobs.sort_by_key(|job| job.append.room);
        if say::write(jobs, rules, connection).await? {
            return Ok(());
        }
        let rows = query(jobs, rules).fetch_all(connection).await?;
        jobs.iter_mut().zip(&rows).try_for_each(|(job, row)| job.read(row))
    }

    fn try_again(&mut self) -> bool {
        self.is_repeated = true;
        self.key().is_some()
    }

    fn may_be_written(&self) -> bool {
        self.is_repeated
    }

    fn object(&mut self, fault: &sqlx::Error) {
        log_inconsistency(fault);
        self.outcome = Some(Err(self.inconsistent()));
    }

    fn answer(self, fault: Option<StoreError>) {
        let answer = match fault {
            Some(fault) => Err(fault.into()),
            None => self.outcome.unwrap_or(Err(StoreError::Unavailable.into())),
        };
        // Who asked may have gone; what was committed stays committed.
        let _ = self.reply.send(answer);
    }
}

/// Jobs have to be sorted by their rooms.
fn query(jobs: &[Job], rules: &Rules) -> Query<'static, Postgres, PgArguments> {
    let mut call = Call::default();
    for (job, place) in jobs.iter().zip(1..) {
        call.add(job, place, rules);
    }
    call.query(&rules.own)
}

/// Writes one append inside a transaction of somebody else's.
pub(super) async fn write_within(
    link: &mut Link,
    append: Append,
    rules: &Rules,
) -> Result<Result<Appended, AppendError>, StoreError> {
    let (mut job, _) = Job::new(append);
    let row = link.row(query(std::slice::from_ref(&job), rules)).await?;
    row.map(|row| job.read(&row)).transpose()?;
    Ok(job.outcome.unwrap_or(Err(StoreError::Unavailable.into())))
}

/// One call: the columns of all jobs, of their events and of their rows of the journal.
#[derive(Debug, Default)]
struct Call<'j> {
    room: Vec<i64>,
    rules: Vec<i64>,
    at: Vec<i64>,
    events: Vec<i64>,
    archived: Vec<i64>,
    moves: Vec<i64>,
    quiet: Vec<i64>,
    closes: Vec<bool>,
    again: Vec<bool>,
    session: Vec<Option<i64>>,
    number: Vec<Option<i64>>,
    steps: Vec<Option<String>>,
    late: Vec<Option<String>>,
    event: Events<'j>,
    journal: Journal,
}

impl<'j> Call<'j> {
    fn add(&mut self, job: &'j Job, number: i64, rules: &Rules) {
        let append = &job.append;
        let mut following = Following::default();
        let mut archived = 0;
        for (change, place) in append.changes.iter().zip(0..) {
            let record = Record::of(change);
            let ordinal = (record.class == Class::Conversation).then(|| {
                archived += 1;
                archived
            });
            let settled = append.origin.filter(|_| place == 0).map(|origin| origin.settled);
            self.event.add((number, place), (ordinal, settled), &record, rules.transient_lifetime);
            following.of(change, place);
            self.journal.add(change, number, Some(place), rules.has_journal);
        }
        for change in &*append.quiet {
            following.of(change, append.changes.len() as i64 - 1);
            self.journal.add(change, number, None, rules.has_journal);
        }
        let key = job.key();
        self.room.push(append.room.0);
        self.rules.push(append.rules.0);
        self.at.push(append.at.0);
        self.events.push(append.changes.len() as i64);
        self.archived.push(archived);
        self.moves.push(job.moves());
        self.quiet.push(i64::from(!append.quiet.is_empty()));
        self.closes.push(append.changes.iter().any(project::closes));
        self.again.push(job.is_repeated);
        self.session.push(key.map(|key| key.session.0));
        self.number.push(key.map(|key| key.number));
        let (steps, late) = following.into_texts();
        self.steps.push(steps);
        self.late.push(late);
    }

    fn query(&self, own: &Own) -> Query<'static, Postgres, PgArguments> {
        let Self { event, journal, .. } = self;
        let query = sqlx::query(APPEND)
            .bind(&*own.member)
            .bind(own.incarnation)
            .bind(&self.room)
            .bind(&self.rules)
            .bind(&self.at)
            .bind(&self.events)
            .bind(&self.archived)
            .bind(&self.moves)
            .bind(&self.quiet)
            .bind(&self.closes)
            .bind(&self.again)
            .bind(&self.session)
            .bind(&self.number)
            .bind(&self.steps)
            .bind(&self.late);
        event
            .bind(query)
            .bind(&journal.whose)
            .bind(&journal.place)
            .bind(&journal.change)
            .bind(&journal.target)
    }
}

const APPEND: &str = "SELECT outcome, first_seq, stamp, version, quieted FROM append_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33,
    $34, $35)";
