//! What is asked of the store about categories, and what it answers. Each change raises the version of the rights.

use perch_address::BareJid;
use tracing::instrument;

use crate::chat::category::{Category, CategoryId, Rules};
use crate::store::Store;
use crate::store::error::{CategoryError, StoreError};

impl Store {
    #[instrument(skip_all)]
    pub async fn create_category(&self, new: CategoryText) -> Result<Category, CategoryError> {
        ask_lasting!(self, engine => engine.create_category(new).await)
    }

    /// Makes it what it is to be, if it is still what who asks has seen.
    #[instrument(skip_all)]
    pub async fn change_category(
        &self,
        id: CategoryId,
        seen: i64,
        becomes: CategoryText,
    ) -> Result<Category, CategoryError> {
        ask_lasting!(self, engine => engine.change_category(id, seen, becomes).await)
    }

    /// Only where no room is in it.
    #[instrument(skip_all)]
    pub async fn remove_category(&self, id: CategoryId, seen: i64) -> Result<(), CategoryError> {
        ask_lasting!(self, engine => engine.remove_category(id, seen).await)
    }

    /// In the order in which they were made.
    #[instrument(skip_all)]
    pub async fn categories(&self) -> Result<Vec<Category>, StoreError> {
        ask_lasting!(self, engine => engine.categories().await)
    }

    /// How many rooms are in each that has some.
    #[instrument(skip_all)]
    pub async fn rooms_by_category(&self) -> Result<Vec<(CategoryId, u64)>, StoreError> {
        ask_lasting!(self, engine => engine.rooms_by_category().await)
    }
}

/// A category but for what the store gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryText {
    pub name: Box<str>,
    pub description: Box<str>,
    pub allowed: Vec<BareJid>,
    pub denied: Vec<BareJid>,
    pub creators: Vec<BareJid>,
    pub rules: Rules,
}

impl CategoryText {
    pub(super) fn with(self, id: i64, version: i64) -> Category {
        let Self { name, description, allowed, denied, creators, rules } = self;
        Category { id: CategoryId(id), name, description, allowed, denied, creators, rules, version }
    }
}

impl From<Category> for CategoryText {
    fn from(category: Category) -> Self {
        let Category { name, description, allowed, denied, creators, rules, .. } = category;
        Self { name, description, allowed, denied, creators, rules }
    }
}
