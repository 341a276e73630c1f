//! Configurations, by level. They go with the version of the rights, so that a change is in effect where that is shown.

use tracing::instrument;

use crate::chat::administration::configuration::{Configuration, Values};
use crate::chat::administration::level::Level;
use crate::chat::administration::{ActNumber, Versioned};
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::principal::rights::raise;
use crate::store::row::Columns;

impl Store {
    /// All configurations that are set, by level.
    #[instrument(skip_all)]
    pub async fn configurations(&self) -> Result<Vec<Versioned<Configuration>>, StoreError> {
        ask_lasting!(self, engine => all(&mut *engine.look().await?).await)
    }
}

pub(in crate::store) async fn all<C: Connection>(
    connection: &mut C,
) -> Result<Vec<Versioned<Configuration>>, StoreError> {
    connection.run(CONFIGURATIONS, &[]).await?.iter().map(stored).collect()
}

pub(super) async fn put<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    configuration: &Configuration,
    expected: Option<ActNumber>,
) -> Result<Result<(), DeedError>, StoreError> {
    let level = configuration.level.to_string();
    let Values { default_history, participant_update_limit, file_kb_max, room_management_url } =
        &configuration.values;
    let values = [
        Bind::Text(&level),
        Bind::Number((*default_history).into()),
        Bind::Number((*participant_update_limit).into()),
        Bind::Number((*file_kb_max).into()),
        Bind::TextIfAny(room_management_url.as_deref()),
        Bind::Number(number.0),
        Bind::Number(expected.map_or(0, |version| version.0)),
    ];
    let is_put = match expected {
        Some(_) => connection.finds(CHANGE, &values).await?,
        None => connection.finds(ADD, &values[..6]).await?,
    };
    raised_if(connection, is_put).await
}

pub(super) async fn remove<C: Connection>(
    connection: &mut C,
    level: &Level,
    expected: ActNumber,
) -> Result<Result<(), DeedError>, StoreError> {
    let level = level.to_string();
    let is_there = connection.finds(REMOVE, &[Bind::Text(&level), Bind::Number(expected.0)]).await?;
    raised_if(connection, is_there).await
}

async fn raised_if<C: Connection>(
    connection: &mut C,
    is_done: bool,
) -> Result<Result<(), DeedError>, StoreError> {
    if !is_done {
        return Ok(Err(DeedError::Stale));
    }
    raise(connection).await?;
    Ok(Ok(()))
}

fn stored(row: &impl Columns) -> Result<Versioned<Configuration>, StoreError> {
    let version = row.integer(5)?;
    let unknown = || StoreError::Inconsistent { table: "configuration", row: version };
    let number = |column| row.integer(column)?.try_into().map_err(|_| unknown());
    let values = Values {
        default_history: number(1)?,
        participant_update_limit: number(2)?,
        file_kb_max: number(3)?,
        room_management_url: row.text_if_any(4)?.map(Into::into),
    };
    let level = Level::parse(row.text(0)?).ok_or_else(unknown)?;
    let value = Configuration::new(level, values).map_err(|_| unknown())?;
    Ok(Versioned { version: ActNumber(version), value })
}

const CONFIGURATIONS: &str =
    "SELECT level, default_history, participant_update_limit, file_kb_max, room_management_url, version
    FROM configuration ORDER BY level";
const ADD: &str = "INSERT INTO configuration (level, default_history, participant_update_limit, file_kb_max,
        room_management_url, version)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (level) DO NOTHING RETURNING level";
const CHANGE: &str =
    "UPDATE configuration SET default_history = $2, participant_update_limit = $3, file_kb_max = $4,
        room_management_url = $5, version = $6
    WHERE level = $1 AND version = $7 RETURNING level";
const REMOVE: &str = "DELETE FROM configuration WHERE level = $1 AND version = $2 RETURNING level";
