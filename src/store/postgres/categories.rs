//! Categories: made, changed, removed, listed. Whoever changes one holds the version of the rights, so that nobody changes
//! another meanwhile.

use crate::chat::category::{Category, CategoryId};
use crate::store::category::CategoryText;
use crate::store::error::{CategoryError, StoreError};
use crate::store::postgres::Postgres;
use crate::store::postgres::links::Link;
use crate::store::postgres::principals::{next_version, raise};
use crate::store::record::json;
use crate::store::row::{self, Columns};

impl Postgres {
    pub(in crate::store) async fn create_category(
        &self,
        new: CategoryText,
    ) -> Result<Category, CategoryError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let version = next_version(&mut link).await?;
        check_name(&mut link, &new.name, 0).await?;
        let query = sqlx::query(CREATE)
            .bind(&*new.name)
            .bind(&*new.description)
            .bind(json(&new.allowed))
            .bind(json(&new.denied))
            .bind(json(&new.creators))
            .bind(json(&new.rules))
            .bind(version);
        let row = link.row(query).await?.ok_or(StoreError::Unavailable)?;
        let made = new.with(row.integer(0)?, version);
        self.end(link, version).await?;
        Ok(made)
    }

    pub(in crate::store) async fn change_category(
        &self,
        id: CategoryId,
        seen: i64,
        becomes: CategoryText,
    ) -> Result<Category, CategoryError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let version = next_version(&mut link).await?;
        check(&mut link, id, seen).await?;
        check_name(&mut link, &becomes.name, id.0).await?;
        let query = sqlx::query(CHANGE)
            .bind(&*becomes.name)
            .bind(&*becomes.description)
            .bind(json(&becomes.allowed))
            .bind(json(&becomes.denied))
            .bind(json(&becomes.creators))
            .bind(json(&becomes.rules))
            .bind(version)
            .bind(id.0);
        link.execute(query).await?;
        self.end(link, version).await?;
        Ok(becomes.with(id.0, version))
    }

    pub(in crate::store) async fn remove_category(
        &self,
        id: CategoryId,
        seen: i64,
    ) -> Result<(), CategoryError> {
        let mut link = self.links.link().await?;
        link.begin().await?;
        let version = next_version(&mut link).await?;
        check(&mut link, id, seen).await?;
        // Held until the end: no room comes in meanwhile.
        link.execute(sqlx::query(HOLD).bind(id.0)).await?;
        let rooms = match link.row(sqlx::query(ROOMS).bind(id.0)).await? {
            Some(row) => row.integer(0)?.unsigned_abs(),
            None => 0,
        };
        if rooms > 0 {
            return Err(CategoryError::NotEmpty { rooms });
        }
        link.execute(sqlx::query(REMOVE).bind(id.0)).await?;
        self.end(link, version).await
    }

    pub(in crate::store) async fn categories(&self) -> Result<Vec<Category>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(ALL_CATEGORIES)).await?;
        rows.iter().map(row::category).collect()
    }

    pub(in crate::store) async fn rooms_by_category(&self) -> Result<Vec<(CategoryId, u64)>, StoreError> {
        let rows = self.links.link().await?.rows(sqlx::query(COUNTS)).await?;
        rows.iter().map(row::category_count).collect()
    }

    async fn end(&self, mut link: Link, version: i64) -> Result<(), CategoryError> {
        raise(&mut link, version).await?;
        link.commit().await?;
        self.keeper.has_rights(version);
        Ok(())
    }
}

/// That it is there, and as it was seen.
async fn check(link: &mut Link, id: CategoryId, seen: i64) -> Result<(), CategoryError> {
    let row = link.row(sqlx::query(VERSION).bind(id.0)).await?.ok_or(CategoryError::NoSuchCategory)?;
    if row.integer(0)? == seen { Ok(()) } else { Err(CategoryError::Stale) }
}

/// That no other category, and no room, has the name.
async fn check_name(link: &mut Link, name: &str, but: i64) -> Result<(), CategoryError> {
    match link.row(sqlx::query(TAKEN).bind(name).bind(but)).await? {
        Some(_) => Err(CategoryError::NameTaken),
        None => Ok(()),
    }
}

pub(super) const ALL_CATEGORIES: &str =
    "SELECT id, name, description, allowed, denied, creators, rules, version
    FROM category ORDER BY id";
const COUNTS: &str = "SELECT category, count(*) FROM room
    WHERE category IS NOT NULL AND name IS NOT NULL GROUP BY category ORDER BY category";
const CREATE: &str = "INSERT INTO category (name, description, allowed, denied, creators, rules, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
const CHANGE: &str =
    "UPDATE category SET name = $1, description = $2, allowed = $3, denied = $4, creators = $5,
    rules = $6, version = $7 WHERE id = $8";
const HOLD: &str = "SELECT id FROM category WHERE id = $1 FOR UPDATE";
const REMOVE: &str = "DELETE FROM category WHERE id = $1";
const VERSION: &str = "SELECT version FROM category WHERE id = $1";
const ROOMS: &str = "SELECT count(*) FROM room WHERE category = $1 AND name IS NOT NULL";
const TAKEN: &str = "SELECT 1 FROM category WHERE lower(name) = lower($1) AND id <> $2
    UNION ALL SELECT 1 FROM room WHERE name IS NOT NULL AND lower(settings::json ->> 'name') = lower($1) LIMIT 1";
