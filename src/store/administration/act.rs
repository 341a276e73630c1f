//! The audit log: what administrators did, and were refused. Lines are added and read, and nothing else.

use tracing::instrument;

use crate::chat::administration::ActNumber;
use crate::chat::id::Timestamp;
use crate::store::Store;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::row::Columns;

/// What somebody does, as the log will have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub at: Timestamp,
    /// `operator`, an address, or `service:` and a name.
    pub who: Box<str>,
    /// From where: `socket`, or an address of the network.
    pub origin: Box<str>,
    /// The token by which it was asked for.
    pub token: Option<ActNumber>,
    pub operation: &'static str,
    pub object: Box<str>,
    /// The object before, in JSON; None where it was not there, or is secret.
    pub was: Option<Box<str>>,
    /// The object after, or what was asked for; in JSON.
    pub became: Option<Box<str>>,
    pub outcome: Outcome,
    /// It is only to be seen whether it can be done: nothing is written, no line either.
    pub is_trial: bool,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Whoever asked had no right to it.
    Forbidden,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedAct {
    pub number: ActNumber,
    pub at: Timestamp,
    pub who: Box<str>,
    pub origin: Box<str>,
    pub token: Option<ActNumber>,
    pub operation: Box<str>,
    pub object: Box<str>,
    pub was: Option<Box<str>>,
    pub became: Option<Box<str>>,
    pub outcome: Outcome,
}

/// Which lines are wanted, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Those behind this one, in the order in which they were written.
    pub after: Option<ActNumber>,
    pub since: Option<Timestamp>,
    pub who: Option<Box<str>>,
    pub object: Option<Box<str>>,
    pub limit: u32,
}

impl Store {
    /// Whoever asks again behind the last line that he got has passed over none that is committed later: where several write
    /// at a time, a line is shown when all that began before it has ended.
    #[instrument(skip_all)]
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<LoggedAct>, StoreError> {
        ask_lasting!(self, engine => read(&mut *engine.look().await?, query).await)
    }
}

impl Outcome {
    const ALL: [Self; 2] = [Self::Done, Self::Forbidden];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Forbidden => "forbidden",
        }
    }
}

pub(super) async fn log<C: Connection>(connection: &mut C, act: &Act) -> Result<ActNumber, StoreError> {
    let values = [
        Bind::Number(act.at.0),
        Bind::Text(&act.who),
        Bind::Text(&act.origin),
        Bind::NumberIfAny(act.token.map(|number| number.0)),
        Bind::Text(act.operation),
        Bind::Text(&act.object),
        Bind::TextIfAny(act.was.as_deref()),
        Bind::TextIfAny(act.became.as_deref()),
        Bind::Text(act.outcome.as_str()),
    ];
    let rows = connection.run(LOG, &values).await?;
    Ok(ActNumber(rows.first().ok_or(StoreError::Unavailable)?.integer(0)?))
}

async fn read<C: Connection>(connection: &mut C, query: &AuditQuery) -> Result<Vec<LoggedAct>, StoreError> {
    let values = [
        Bind::Number(query.after.map_or(0, |after| after.0)),
        Bind::NumberIfAny(query.since.map(|since| since.0)),
        Bind::TextIfAny(query.who.as_deref()),
        Bind::TextIfAny(query.object.as_deref()),
        Bind::Number(query.limit.into()),
    ];
    connection.run(C::AUDIT, &values).await?.iter().map(logged_act).collect()
}

fn logged_act(row: &impl Columns) -> Result<LoggedAct, StoreError> {
    let number = row.integer(0)?;
    let outcome = row.text(9)?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome);
    Ok(LoggedAct {
        number: ActNumber(number),
        at: Timestamp(row.integer(1)?),
        who: row.text(2)?.into(),
        origin: row.text(3)?.into(),
        token: row.integer_if_any(4)?.map(ActNumber),
        operation: row.text(5)?.into(),
        object: row.text(6)?.into(),
        was: row.text_if_any(7)?.map(Into::into),
        became: row.text_if_any(8)?.map(Into::into),
        outcome: outcome.ok_or(StoreError::Inconsistent { table: "audit", row: number })?,
    })
}

const LOG: &str = "INSERT INTO audit (at, who, origin, token, operation, object, was, became, outcome)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING number";

#[cfg(test)]
impl Act {
    /// One as tests need it: an operator's, of an account.
    pub(crate) fn of_the_operator() -> Self {
        Self {
            at: Timestamp(0),
            who: "operator".into(),
            origin: "socket".into(),
            token: None,
            operation: "user.change",
            object: "alice@localhost".into(),
            was: None,
            became: None,
            outcome: Outcome::Done,
            is_trial: false,
        }
    }
}
