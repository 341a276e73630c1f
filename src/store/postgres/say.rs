//! What most appends are: words from which nothing follows but their rows. Those of all rooms that wait are written by a
//! call of their own, which costs a third of the general one (`append.rs`).

use sqlx::Row;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;

use crate::chat::id::{RulesVersion, Seq, Timestamp};
use crate::store::postgres::append::{Job, Rules};
use crate::store::postgres::columns::{Events, Journal};
use crate::store::postgres::fault;
use crate::store::postgres::project::Following;
use crate::store::record::{Class, Record};
use crate::store::room::Appended;

/// Writes the jobs, which are sorted by their rooms. `false`: there is more to them, and nothing was written.
pub(super) async fn write(
    jobs: &mut [Job],
    rules: &Rules,
    connection: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    let Some((query, places)) = Call::of(jobs, rules).map(|call| (call.query(rules), call.places)) else {
        return Ok(false);
    };
    let rows = match query.fetch_all(connection).await {
        Ok(rows) => rows,
        // The general call finds out for which of them.
        Err(fault) if fault::is_for_another_call(&fault) || fault::constraint(&fault) == Some(KEYS) => {
            return Ok(false);
        }
        Err(fault) => return Err(fault),
    };
    for (job, (log, offset)) in jobs.iter_mut().zip(places) {
        let row = rows.get(log).ok_or(sqlx::Error::RowNotFound)?;
        job.settle(Ok(read(row, offset)?));
    }
    Ok(true)
}

/// `first_seq, stamp, version, quieted` of a room, for the job whose events begin at that place.
fn read(row: &PgRow, offset: i64) -> Result<Appended, sqlx::Error> {
    Ok(Appended {
        first: Seq(row.try_get::<i64, _>(0)? + offset),
        at: Timestamp(row.try_get(1)?),
        rules: RulesVersion(row.try_get(2)?),
        quiet: row.try_get(3)?,
    })
}

#[derive(Debug, Default)]
struct Call<'j> {
    room: Vec<i64>,
    rules: Vec<i64>,
    at: Vec<i64>,
    events: Vec<i64>,
    archived: Vec<i64>,
    event: Events<'j>,
    session: Vec<Option<i64>>,
    number: Vec<Option<i64>>,
    journal: Journal,
    /// Of each job: which room, and where in it.
    places: Vec<(usize, i64)>,
}

impl<'j> Call<'j> {
    fn of(jobs: &'j [Job], rules: &Rules) -> Option<Self> {
        let mut call = Self::default();
        jobs.iter().all(|job| call.add(job, rules)).then_some(call)
    }

    /// False when there is more to it.
    fn add(&mut self, job: &'j Job, rules: &Rules) -> bool {
        let append = job.append();
        let room = append.room.0;
        if job.is_repeated() || append.changes.is_empty() || !append.quiet.is_empty() {
            return false;
        }
        if self.room.last() != Some(&room) {
            self.room.push(room);
            self.rules.push(append.rules.0);
            self.at.push(append.at.0);
            self.events.push(0);
            self.archived.push(0);
        }
        let log = self.room.len() - 1;
        if self.rules[log] != append.rules.0 {
            return false;
        }
        self.at[log] = self.at[log].max(append.at.0);
        self.places.push((log, self.events[log]));
        let mut key = job.key();
        for change in append.changes.iter() {
            let mut following = Following::default();
            following.of(change, 0);
            if !following.is_empty() || change.moves_rules() {
                return false;
            }
            let record = Record::of(change);
            let place = self.events[log];
            let ordinal = (record.class == Class::Conversation).then(|| {
                self.archived[log] += 1;
                self.archived[log]
            });
            self.events[log] += 1;
            // It stands on the first of them only.
            let key = key.take();
            let settled = key.map(|key| key.settled);
            self.event.add((room, place), (ordinal, settled), &record, rules.transient_lifetime);
            self.session.push(key.map(|key| key.session.0));
            self.number.push(key.map(|key| key.number));
            self.journal.add(change, room, Some(place), rules.has_journal);
        }
        true
    }

    fn query(&self, rules: &Rules) -> Query<'static, Postgres, PgArguments> {
        let Self { event, journal, .. } = self;
        let query = sqlx::query(SAY)
            .bind(&*rules.own.member)
            .bind(rules.own.incarnation)
            .bind(&self.room)
            .bind(&self.rules)
            .bind(&self.at)
            .bind(&self.events)
            .bind(&self.archived)
            .bind(&self.session)
            .bind(&self.number);
        event.bind(query).bind(&journal.whose).bind(&journal.place).bind(&journal.change)
    }
}

/// No key is in the logs twice.
const KEYS: &str = "room_event_origin";
const SAY: &str =
    "SELECT first_seq, stamp, version, quieted FROM say_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)";
