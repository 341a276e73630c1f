//! Add-ins. Rooms name the one that they have by its number, in their settings.

use tracing::instrument;

use crate::chat::administration::addin::Addin;
use crate::chat::administration::{ActNumber, Versioned};
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::row::Columns;

type Done = Result<Result<(), DeedError>, StoreError>;

/// An add-in as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAddin {
    pub number: ActNumber,
    pub addin: Versioned<Addin>,
}

impl Store {
    /// By name, from the one behind `after` on.
    #[instrument(skip_all)]
    pub async fn addins(&self, after: Option<&str>, limit: u32) -> Result<Vec<StoredAddin>, StoreError> {
        let after = after.map(Addin::key).unwrap_or_default();
        let values = [Bind::Text(&after), Bind::Number(limit.into())];
        ask_lasting!(self, engine => engine.look().await?.run(ADDINS, &values).await?.iter().map(stored).collect())
    }

    #[instrument(skip_all)]
    pub async fn addin(&self, name: &str) -> Result<Option<StoredAddin>, StoreError> {
        let key = Addin::key(name);
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(ADDIN, &[Bind::Text(&key)]).await?;
            rows.first().map(stored).transpose()
        })
    }

    /// By the number that rooms have of it.
    #[instrument(skip_all)]
    pub async fn addin_numbered(&self, number: ActNumber) -> Result<Option<StoredAddin>, StoreError> {
        ask_lasting!(self, engine => {
            let rows = engine.look().await?.run(NUMBERED, &[Bind::Number(number.0)]).await?;
            rows.first().map(stored).transpose()
        })
    }
}

pub(super) async fn add<C: Connection>(connection: &mut C, number: ActNumber, addin: &Addin) -> Done {
    let key = Addin::key(&addin.name);
    let values = [Bind::Number(number.0), Bind::Text(&key), Bind::Text(&addin.name), Bind::Text(&addin.url)];
    let is_added = connection.finds(ADD, &values).await?;
    Ok(if is_added { Ok(()) } else { Err(DeedError::NameTaken) })
}

pub(super) async fn change<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    known: ActNumber,
    addin: &Addin,
    expected: ActNumber,
) -> Done {
    let key = Addin::key(&addin.name);
    if connection.finds(NAMESAKE, &[Bind::Text(&key), Bind::Number(known.0)]).await? {
        return Ok(Err(DeedError::NameTaken));
    }
    let values = [
        Bind::Number(known.0),
        Bind::Text(&key),
        Bind::Text(&addin.name),
        Bind::Text(&addin.url),
        Bind::Number(number.0),
        Bind::Number(expected.0),
    ];
    let is_changed = connection.finds(CHANGE, &values).await?;
    Ok(if is_changed { Ok(()) } else { Err(DeedError::Stale) })
}

pub(super) async fn remove<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    expected: ActNumber,
    is_forced: bool,
) -> Done {
    if !is_forced {
        let rooms = connection.run(C::ROOMS_WITH_ADDIN, &[Bind::Number(number.0)]).await?;
        let rooms = rooms.first().map_or(Ok(0), |row| row.integer(0))?.unsigned_abs();
        if rooms > 0 {
            return Ok(Err(DeedError::InUse(rooms)));
        }
    }
    let is_there = connection.finds(REMOVE, &[Bind::Number(number.0), Bind::Number(expected.0)]).await?;
    Ok(if is_there { Ok(()) } else { Err(DeedError::Stale) })
}

fn stored(row: &impl Columns) -> Result<StoredAddin, StoreError> {
    let number = row.integer(0)?;
    let value = Addin::new(row.text(1)?, row.text(2)?)
        .map_err(|_| StoreError::Inconsistent { table: "addin", row: number })?;
    let addin = Versioned { version: ActNumber(row.integer(3)?), value };
    Ok(StoredAddin { number: ActNumber(number), addin })
}

const ADDINS: &str =
    "SELECT number, name, url, version FROM addin WHERE name_key > $1 ORDER BY name_key LIMIT $2";
const ADDIN: &str = "SELECT number, name, url, version FROM addin WHERE name_key = $1";
const NUMBERED: &str = "SELECT number, name, url, version FROM addin WHERE number = $1";
const ADD: &str = "INSERT INTO addin (number, name_key, name, url, version) VALUES ($1, $2, $3, $4, $1)
    ON CONFLICT (name_key) DO NOTHING RETURNING number";
const NAMESAKE: &str = "SELECT number FROM addin WHERE name_key = $1 AND number <> $2";
const CHANGE: &str = "UPDATE addin SET name_key = $2, name = $3, url = $4, version = $5
    WHERE number = $1 AND version = $6 RETURNING number";
const REMOVE: &str = "DELETE FROM addin WHERE number = $1 AND version = $2 RETURNING number";
