//! Rows of categories.

use crate::chat::category::{Category, CategoryId};
use crate::store::error::StoreError;
use crate::store::row::Columns;

/// `id, name, description, allowed, denied, creators, rules, version`
pub(in crate::store) fn category(row: &impl Columns) -> Result<Category, StoreError> {
    let id = CategoryId(row.integer(0)?);
    let inconsistent = |_| StoreError::Inconsistent { table: "category", row: id.0 };
    Ok(Category {
        id,
        name: row.text(1)?.into(),
        description: row.text(2)?.into(),
        allowed: serde_json::from_str(row.text(3)?).map_err(inconsistent)?,
        denied: serde_json::from_str(row.text(4)?).map_err(inconsistent)?,
        creators: serde_json::from_str(row.text(5)?).map_err(inconsistent)?,
        rules: serde_json::from_str(row.text(6)?).map_err(inconsistent)?,
        version: row.integer(7)?,
    })
}

/// `category, count`
pub(in crate::store) fn category_count(row: &impl Columns) -> Result<(CategoryId, u64), StoreError> {
    Ok((CategoryId(row.integer(0)?), row.integer(1)?.unsigned_abs()))
}
