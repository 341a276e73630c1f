//! Categories: made, changed, removed, listed.

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnection;

use crate::chat::category::{Category, CategoryId};
use crate::store::category::CategoryText;
use crate::store::error::{CategoryError, StoreError};
use crate::store::record::json;
use crate::store::row;
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::principals::{next_version, raise};

impl Sqlite {
    pub(in crate::store) async fn create_category(
        &self,
        new: CategoryText,
    ) -> Result<Category, CategoryError> {
        let made = self.writer.transact(move |connection| create(connection, new).boxed()).await?;
        self.has_rights(made.version);
        Ok(made)
    }

    pub(in crate::store) async fn change_category(
        &self,
        id: CategoryId,
        seen: i64,
        becomes: CategoryText,
    ) -> Result<Category, CategoryError> {
        let changed =
            self.writer.transact(move |connection| change(connection, id, seen, becomes).boxed()).await?;
        self.has_rights(changed.version);
        Ok(changed)
    }

    pub(in crate::store) async fn remove_category(
        &self,
        id: CategoryId,
        seen: i64,
    ) -> Result<(), CategoryError> {
        let version: i64 =
            self.writer.transact(move |connection| remove(connection, id, seen).boxed()).await?;
        self.has_rights(version);
        Ok(())
    }

    pub(in crate::store) async fn categories(&self) -> Result<Vec<Category>, StoreError> {
        let rows = sqlx::query(ALL_CATEGORIES).fetch_all(&self.readers).await?;
        rows.iter().map(row::category).collect()
    }

    pub(in crate::store) async fn rooms_by_category(&self) -> Result<Vec<(CategoryId, u64)>, StoreError> {
        let rows = sqlx::query(COUNTS).fetch_all(&self.readers).await?;
        rows.iter().map(row::category_count).collect()
    }
}

async fn create(
    connection: &mut SqliteConnection,
    new: CategoryText,
) -> Result<Result<Category, CategoryError>, StoreError> {
    if is_taken(connection, &new.name, 0).await? {
        return Ok(Err(CategoryError::NameTaken));
    }
    let version = next_version(connection).await?;
    let id: i64 = sqlx::query_scalar(CREATE)
        .bind(&*new.name)
        .bind(&*new.description)
        .bind(json(&new.allowed))
        .bind(json(&new.denied))
        .bind(json(&new.creators))
        .bind(json(&new.rules))
        .bind(version)
        .fetch_one(&mut *connection)
        .await?;
    raise(connection, version).await?;
    Ok(Ok(new.with(id, version)))
}

async fn change(
    connection: &mut SqliteConnection,
    id: CategoryId,
    seen: i64,
    becomes: CategoryText,
) -> Result<Result<Category, CategoryError>, StoreError> {
    if let Err(refusal) = check(connection, id, seen).await? {
        return Ok(Err(refusal));
    }
    if is_taken(connection, &becomes.name, id.0).await? {
        return Ok(Err(CategoryError::NameTaken));
    }
    let version = next_version(connection).await?;
    sqlx::query(CHANGE)
        .bind(&*becomes.name)
        .bind(&*becomes.description)
        .bind(json(&becomes.allowed))
        .bind(json(&becomes.denied))
        .bind(json(&becomes.creators))
        .bind(json(&becomes.rules))
        .bind(version)
        .bind(id.0)
        .execute(&mut *connection)
        .await?;
    raise(connection, version).await?;
    Ok(Ok(becomes.with(id.0, version)))
}

async fn remove(
    connection: &mut SqliteConnection,
    id: CategoryId,
    seen: i64,
) -> Result<Result<i64, CategoryError>, StoreError> {
    if let Err(refusal) = check(connection, id, seen).await? {
        return Ok(Err(refusal));
    }
    let rooms: i64 = sqlx::query_scalar(ROOMS).bind(id.0).fetch_one(&mut *connection).await?;
    if rooms > 0 {
        return Ok(Err(CategoryError::NotEmpty { rooms: rooms.unsigned_abs() }));
    }
    let version = next_version(connection).await?;
    sqlx::query(REMOVE).bind(id.0).execute(&mut *connection).await?;
    raise(connection, version).await?;
    Ok(Ok(version))
}

/// Whether it is there, and as it was seen.
async fn check(
    connection: &mut SqliteConnection,
    id: CategoryId,
    seen: i64,
) -> Result<Result<(), CategoryError>, StoreError> {
    let version: Option<i64> =
        sqlx::query_scalar(VERSION).bind(id.0).fetch_optional(&mut *connection).await?;
    Ok(match version {
        None => Err(CategoryError::NoSuchCategory),
        Some(version) if version != seen => Err(CategoryError::Stale),
        Some(_) => Ok(()),
    })
}

/// Whether another category, or a room, has the name.
async fn is_taken(connection: &mut SqliteConnection, name: &str, but: i64) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(TAKEN).bind(name).bind(but).fetch_one(connection).await?)
}

pub(super) const ALL_CATEGORIES: &str =
    "SELECT id, name, description, allowed, denied, creators, rules, version
    FROM category ORDER BY id";
const COUNTS: &str = "SELECT category, count(*) FROM room
    WHERE category IS NOT NULL AND name IS NOT NULL GROUP BY category ORDER BY category";
const CREATE: &str = "INSERT INTO category (name, description, allowed, denied, creators, rules, version)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id";
const CHANGE: &str = "UPDATE category SET name = ?, description = ?, allowed = ?, denied = ?, creators = ?,
    rules = ?, version = ? WHERE id = ?";
const REMOVE: &str = "DELETE FROM category WHERE id = ?";
const VERSION: &str = "SELECT version FROM category WHERE id = ?";
const ROOMS: &str = "SELECT count(*) FROM room WHERE category = ? AND name IS NOT NULL";
const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM category WHERE name = ?1 COLLATE NOCASE AND id <> ?2)
    OR EXISTS (SELECT 1 FROM room WHERE name IS NOT NULL AND settings ->> '$.name' = ?1 COLLATE NOCASE)";
