//! Appends to accounts' logs: what waits together goes to the database as one call. An append has a part for each
//! account that it concerns; all of them come true or none.

use sqlx::Row;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use tokio::sync::oneshot;

use crate::chat::account::entry::{AccountAppend, AccountAppended, AccountChange};
use crate::chat::id::{Origin, Seq, Timestamp};
use crate::store::account_log::{AccountAppendError, UNARCHIVED_LIFETIME, body_of, is_archived, peer_of};
use crate::store::error::StoreError;
use crate::store::fault::log_inconsistency;
use crate::store::postgres::account_project::follow;
use crate::store::postgres::project::text;
use crate::store::postgres::queue::Logged;
use crate::store::postgres::{Own, fault, writer};
use crate::store::record;

/// An append that waits for its group.
#[derive(Debug)]
pub(super) struct Job {
    parts: Vec<AccountAppend>,
    at: Timestamp,
    /// It may have been written before.
    is_repeated: bool,
    outcome: Option<Outcome>,
    reply: oneshot::Sender<Outcome>,
}

type Outcome = Result<Vec<AccountAppended>, AccountAppendError>;

impl Job {
    pub(super) fn new(parts: Vec<AccountAppend>, at: Timestamp) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, answer) = oneshot::channel();
        (Self { parts, at, is_repeated: false, outcome: None, reply }, answer)
    }

    /// `outcome, first_seq, stamp` of each part.
    fn read(&mut self, rows: &[PgRow]) -> Result<(), sqlx::Error> {
        let mut places = Vec::with_capacity(rows.len());
        let mut refusal = None;
        let mut is_own = self.is_repeated;
        for row in rows {
            let outcome: i64 = row.try_get(0)?;
            let at = Timestamp(row.try_get::<Option<i64>, _>(2)?.unwrap_or_default());
            places.push(AccountAppended {
                first: Seq(row.try_get::<Option<i64>, _>(1)?.unwrap_or_default()),
                at,
            });
            match outcome {
                2 => {
                    refusal = refusal.or(Some(AccountAppendError::AlreadyDone));
                    // An older stamp is of another append with that key.
                    is_own &= at >= self.at;
                }
                3 => refusal = refusal.or(Some(AccountAppendError::Stale)),
                4 => refusal = refusal.or(Some(AccountAppendError::Gone)),
                _ => {}
            }
        }
        self.outcome = Some(match refusal {
            None => Ok(places),
            // It was this append, whose answer was lost.
            Some(AccountAppendError::AlreadyDone) if is_own => Ok(places),
            Some(refusal) => Err(refusal),
        });
        Ok(())
    }
}

impl Logged for Job {
    fn logs(&self) -> impl Iterator<Item = i64> + '_ {
        self.parts.iter().map(|part| part.account.0)
    }

    fn keys(&self) -> impl Iterator<Item = (i64, Origin)> + '_ {
        self.parts.iter().filter_map(|part| key(part).map(|key| (part.account.0, key)))
    }
}

impl writer::Job for Job {
    type Rules = Own;

    async fn write(jobs: &mut [Self], own: &Own, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut call = Call::new(jobs);
        for (job, number) in jobs.iter().zip(1..) {
            call.add(job, number);
        }
        let rows = call.query(own).fetch_all(connection).await?;
        let mut rows = rows.as_slice();
        for job in jobs {
            let (own, others) = rows.split_at_checked(job.parts.len()).ok_or(sqlx::Error::RowNotFound)?;
            job.read(own)?;
            rows = others;
        }
        Ok(())
    }

    /// Where no part has a key, it could not be found again.
    fn try_again(&mut self) -> bool {
        self.is_repeated = true;
        self.parts.iter().all(|part| part.changes.is_empty() || key(part).is_some())
            && self.parts.iter().any(|part| key(part).is_some())
    }

    fn may_be_written(&self) -> bool {
        self.is_repeated
    }

    fn object(&mut self, objection: &sqlx::Error) {
        self.outcome = Some(Err(match fault::constraint(objection) {
            // One key in two parts for one account.
            Some("account_event_origin") => AccountAppendError::AlreadyDone,
            // Removed between two statements.
            Some("account_log_account_fkey") => AccountAppendError::Gone,
            _ => {
                log_inconsistency(objection);
                let row = self.parts.first().map_or(0, |part| part.account.0);
                StoreError::Inconsistent { table: "account_log", row }.into()
            }
        }));
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

/// The key, where something is written that has it.
fn key(part: &AccountAppend) -> Option<Origin> {
    part.origin.filter(|_| !part.changes.is_empty())
}

/// One call: the columns of all parts and of their entries.
#[derive(Debug, Default)]
struct Call<'j> {
    /// Sorted: their rows are locked in this order, by all members.
    accounts: Vec<i64>,
    job: Vec<i64>,
    slot: Vec<i64>,
    at: Vec<i64>,
    events: Vec<i64>,
    archived: Vec<i64>,
    handled: Vec<Option<i64>>,
    after: Vec<Option<i64>>,
    session: Vec<Option<i64>>,
    number: Vec<Option<i64>>,
    steps: Vec<Option<String>>,
    event: Events<'j>,
}

#[derive(Debug, Default)]
struct Events<'j> {
    part: Vec<i64>,
    place: Vec<i64>,
    class: Vec<i64>,
    ordinal: Vec<Option<i64>>,
    jid: Vec<Option<String>>,
    resource: Vec<Option<&'j str>>,
    waits: Vec<bool>,
    input: Vec<bool>,
    lives: Vec<Option<i64>>,
    settled: Vec<Option<i64>>,
    text: Vec<Option<&'j str>>,
    change: Vec<String>,
}

impl<'j> Call<'j> {
    fn new(jobs: &[Job]) -> Self {
        let mut accounts: Vec<i64> = jobs.iter().flat_map(Logged::logs).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Self { accounts, ..Self::default() }
    }

    fn add(&mut self, job: &'j Job, number: i64) {
        for part in &job.parts {
            let mut archived = 0;
            let mut steps = Vec::new();
            for (change, place) in part.changes.iter().zip(0..) {
                let ordinal = is_archived(change).then(|| {
                    archived += 1;
                    archived
                });
                let settled = part.origin.filter(|_| place == 0).map(|origin| origin.settled);
                self.event.add((self.job.len() as i64 + 1, place), change, ordinal, settled);
                follow(&mut steps, change, place);
            }
            let slot = self.accounts.binary_search(&part.account.0).expect("gathered from all parts");
            self.job.push(number);
            self.slot.push(slot as i64 + 1);
            self.at.push(job.at.0);
            self.events.push(part.changes.len() as i64);
            self.archived.push(archived);
            self.handled.push(part.handled.map(|seq| seq.0));
            self.after.push(part.after.map(|seq| seq.0));
            self.session.push(key(part).map(|key| key.session.0));
            self.number.push(key(part).map(|key| key.number));
            self.steps.push(text(&steps));
        }
    }

    fn query(&self, own: &Own) -> Query<'static, Postgres, PgArguments> {
        let event = &self.event;
        sqlx::query(APPEND)
            .bind(&*own.member)
            .bind(own.incarnation)
            .bind(&self.accounts)
            .bind(&self.job)
            .bind(&self.slot)
            .bind(&self.at)
            .bind(&self.events)
            .bind(&self.archived)
            .bind(&self.handled)
            .bind(&self.after)
            .bind(&self.session)
            .bind(&self.number)
            .bind(&self.steps)
            .bind(&event.part)
            .bind(&event.place)
            .bind(&event.class)
            .bind(&event.ordinal)
            .bind(&event.jid)
            .bind(&event.resource)
            .bind(&event.waits)
            .bind(&event.input)
            .bind(&event.lives)
            .bind(&event.settled)
            .bind(&event.text)
            .bind(&event.change)
    }
}

impl<'j> Events<'j> {
    fn add(
        &mut self,
        (part, place): (i64, i64),
        change: &'j AccountChange,
        ordinal: Option<i64>,
        settled: Option<i64>,
    ) {
        let peer = peer_of(change);
        self.part.push(part);
        self.place.push(place);
        self.class.push(i64::from(ordinal.is_none()));
        self.ordinal.push(ordinal);
        self.jid.push(peer.map(|jid| jid.bare().as_str().to_owned()));
        self.resource.push(peer.and_then(|jid| jid.resource()));
        self.waits.push(matches!(change, AccountChange::Received(letter) if letter.is_kept_offline));
        self.input.push(matches!(change, AccountChange::Approached { .. }));
        self.lives.push(ordinal.is_none().then_some(UNARCHIVED_LIFETIME.as_millis() as i64));
        self.settled.push(settled);
        self.text.push(body_of(change));
        self.change.push(record::json(change));
    }
}

const APPEND: &str =
    "SELECT outcome, first_seq, stamp FROM append_accounts_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
