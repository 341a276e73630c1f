//! Categories. Whoever changes one raises the version of the rights, by which each member of a pool goes.

use perch_address::BareJid;
use tracing::instrument;

use crate::chat::administration::ActNumber;
use crate::chat::category::{Category, CategoryId, CategoryText};
use crate::chat::words::name_key;
use crate::store::Store;
use crate::store::administration::DeedError;
use crate::store::connection::{Bind, Connection};
use crate::store::error::StoreError;
use crate::store::principal::rights::raise;
use crate::store::record::json;
use crate::store::row::{self, Columns};

type Done = Result<Result<(), DeedError>, StoreError>;

impl Store {
    /// In the order in which they were made.
    #[instrument(skip_all)]
    pub async fn categories(&self) -> Result<Vec<Category>, StoreError> {
        ask_lasting!(self, engine => engine.look().await?.run(ALL, &[]).await?.iter().map(row::category).collect())
    }

    /// Whether a room has that name, in whatever capitals.
    #[instrument(skip_all)]
    pub async fn is_room_called(&self, name: &str) -> Result<bool, StoreError> {
        ask_lasting!(self, engine => is_room_called(&mut *engine.look().await?, name).await)
    }

    /// How many rooms are in each that has some.
    #[instrument(skip_all)]
    pub async fn rooms_by_category(&self) -> Result<Vec<(CategoryId, u64)>, StoreError> {
        ask_lasting!(self, engine => {
            engine.look().await?.run(COUNTS, &[]).await?.iter().map(row::category_count).collect()
        })
    }
}

pub(super) async fn add<C: Connection>(connection: &mut C, number: ActNumber, new: &CategoryText) -> Done {
    raise(connection).await?;
    if is_taken(connection, &new.name, CategoryId(0)).await? {
        return Ok(Err(DeedError::NameTaken));
    }
    put(connection, ADD, CategoryId(number.0), number, new).await?;
    Ok(Ok(()))
}

pub(super) async fn change<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    id: CategoryId,
    becomes: &CategoryText,
    expected: ActNumber,
) -> Done {
    raise(connection).await?;
    if is_taken(connection, &becomes.name, id).await? {
        return Ok(Err(DeedError::NameTaken));
    }
    if !connection.finds(HELD, &[Bind::Number(id.0), Bind::Number(expected.0)]).await? {
        return Ok(Err(DeedError::Stale));
    }
    put(connection, CHANGE, id, number, becomes).await?;
    Ok(Ok(()))
}

/// Only where no room is in it.
pub(super) async fn remove<C: Connection>(connection: &mut C, id: CategoryId, expected: ActNumber) -> Done {
    raise(connection).await?;
    // Held until the end: no room comes in meanwhile.
    if !connection.finds(HELD, &[Bind::Number(id.0), Bind::Number(expected.0)]).await? {
        return Ok(Err(DeedError::Stale));
    }
    let rooms = connection.run(ROOMS, &[Bind::Number(id.0)]).await?;
    let rooms = rooms.first().map_or(Ok(0), |row| row.integer(0))?.unsigned_abs();
    if rooms > 0 {
        return Ok(Err(DeedError::InUse(rooms)));
    }
    connection.run(REMOVE, &[Bind::Number(id.0)]).await?;
    Ok(Ok(()))
}

/// Somebody is gone: his address, should another get it, is in no list. What it was denied stays denied. Whoever was
/// changing such a category by its older text is refused, or he would bring the address back.
pub(super) async fn forget<C: Connection>(
    connection: &mut C,
    number: ActNumber,
    address: &BareJid,
) -> Result<(), StoreError> {
    let rows = connection.run(ALL, &[]).await?;
    for found in rows.iter().map(row::category).collect::<Result<Vec<_>, _>>()? {
        if !found.allowed.iter().chain(&found.creators).any(|listed| listed == address) {
            continue;
        }
        let id = found.id;
        let mut text = CategoryText::from(found);
        text.allowed.retain(|listed| listed != address);
        text.creators.retain(|listed| listed != address);
        put(connection, CHANGE, id, number, &text).await?;
    }
    Ok(())
}

async fn put<C: Connection>(
    connection: &mut C,
    sql: &'static str,
    id: CategoryId,
    number: ActNumber,
    text: &CategoryText,
) -> Result<(), StoreError> {
    let lists = [&text.allowed, &text.denied, &text.creators].map(json);
    let rules = json(&text.rules);
    let key = name_key(&text.name);
    let values = [
        Bind::Number(id.0),
        Bind::Text(&text.name),
        Bind::Text(&text.description),
        Bind::Text(&lists[0]),
        Bind::Text(&lists[1]),
        Bind::Text(&lists[2]),
        Bind::Text(&rules),
        Bind::Number(number.0),
        Bind::Text(&key),
    ];
    connection.run(sql, &values).await.map(drop)
}

async fn is_room_called<C: Connection>(connection: &mut C, name: &str) -> Result<bool, StoreError> {
    connection.finds(ROOM_CALLED, &[Bind::Text(&name_key(name))]).await
}

/// Whether another category, or a room, has the name.
async fn is_taken<C: Connection>(
    connection: &mut C,
    name: &str,
    but: CategoryId,
) -> Result<bool, StoreError> {
    let namesake = [Bind::Text(&name_key(name)), Bind::Number(but.0)];
    Ok(connection.finds(NAMESAKE, &namesake).await? || is_room_called(connection, name).await?)
}

pub(in crate::store) const ALL: &str =
    "SELECT id, name, description, allowed, denied, creators, rules, version
    FROM category ORDER BY id";
const COUNTS: &str = "SELECT category, count(*) FROM room
    WHERE category IS NOT NULL AND name IS NOT NULL GROUP BY category ORDER BY category";
const NAMESAKE: &str = "SELECT id FROM category WHERE name_key = $1 AND id <> $2";
const ROOM_CALLED: &str = "SELECT id FROM room WHERE name IS NOT NULL AND title_key = $1 LIMIT 1";
const ADD: &str =
    "INSERT INTO category (id, name, description, allowed, denied, creators, rules, version, name_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const CHANGE: &str =
    "UPDATE category SET name = $2, description = $3, allowed = $4, denied = $5, creators = $6,
    rules = $7, version = $8, name_key = $9 WHERE id = $1";
/// Whoever makes a room in it has to hold it too.
const HELD: &str = "UPDATE category SET id = id WHERE id = $1 AND version = $2 RETURNING id";
const ROOMS: &str = "SELECT count(*) FROM room WHERE category = $1 AND name IS NOT NULL";
const REMOVE: &str = "DELETE FROM category WHERE id = $1";
