//! Categories: for whom rooms are. What is changed here is in effect on every member when the operation returns.

use perch_address::BareJid;
use serde_json::json;

use super::{Admin, AdminError, Condition, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::administration::{ActNumber, Versioned};
use crate::chat::category::{Category, CategoryId, CategoryText, LIST_MAX, Rules, TEXT_MAX};
use crate::chat::words::name_key;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

/// A category, and how many rooms it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryInfo {
    pub category: Category,
    pub rooms: u64,
}

/// What is to be different; what is absent stays. Principals are added and struck by address.
#[derive(Debug, Clone, Default)]
pub struct CategoryChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub allowed: ListChange,
    pub denied: ListChange,
    pub creators: ListChange,
    pub rules: RulesChange,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListChange {
    /// The whole list, before anything is added or struck.
    pub set: Option<Vec<String>>,
    pub add: Vec<String>,
    pub strike: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct RulesChange {
    pub file_upload: Option<bool>,
    pub invitations: Option<bool>,
    pub history: Option<bool>,
    pub managers_destroy: Option<bool>,
}

impl Admin {
    /// In the order in which they were made.
    pub async fn categories(&self, caller: &Caller) -> Result<Vec<CategoryInfo>, AdminError> {
        self.may_see(caller, Operation::ListCategories, Target::Pool).await?;
        let counts = self.store.rooms_by_category().await?;
        let info = |category: Category| {
            let rooms = counts.iter().find(|(id, _)| *id == category.id).map_or(0, |(_, rooms)| *rooms);
            CategoryInfo { category, rooms }
        };
        Ok(self.store.categories().await?.into_iter().map(info).collect())
    }

    pub async fn category(&self, caller: &Caller, name: &str) -> Result<CategoryInfo, AdminError> {
        let categories = self.categories(caller).await?;
        let found = categories.into_iter().find(|info| is_called(&info.category, name));
        found.ok_or(AdminError::NoSuchCategory)
    }

    pub async fn add_category(
        &self,
        caller: &Caller,
        name: &str,
        change: CategoryChange,
    ) -> Result<Category, AdminError> {
        let act = self.may_do(caller, Operation::ChangeCategory, Target::Pool, name).await?;
        let nothing = CategoryText {
            name: name.into(),
            description: "".into(),
            allowed: Vec::new(),
            denied: Vec::new(),
            creators: Vec::new(),
            rules: Rules::default(),
        };
        let new = self.category_text(nothing, change)?;
        let act = Act { became: Some(told(&new)), ..act };
        let number = self.administer_rights(Deed::AddCategory(new.clone()), act).await?;
        Ok(new.with(CategoryId(number.0), number.0))
    }

    pub async fn change_category(
        &self,
        caller: &Caller,
        name: &str,
        change: CategoryChange,
        condition: Condition,
    ) -> Result<Category, AdminError> {
        let act = self.may_do(caller, Operation::ChangeCategory, Target::Pool, name).await?;
        let current = self.stored_category(name).await?;
        let id = current.value.id;
        let expected = condition.expected(Some(&current))?.unwrap_or(current.version);
        let was = CategoryText::from(current.value);
        let becomes = self.category_text(was.clone(), change)?;
        let act = Act { was: Some(told(&was)), became: Some(told(&becomes)), ..act };
        let deed = Deed::ChangeCategory { id, becomes: becomes.clone(), expected };
        let number = self.administer_rights(deed, act).await?;
        Ok(becomes.with(id, number.0))
    }

    /// Only where no room is in it.
    pub async fn remove_category(
        &self,
        caller: &Caller,
        name: &str,
        condition: Condition,
    ) -> Result<Category, AdminError> {
        let act = self.may_do(caller, Operation::ChangeCategory, Target::Pool, name).await?;
        let current = self.stored_category(name).await?;
        let expected = condition.expected(Some(&current))?.unwrap_or(current.version);
        let act = Act { was: Some(told(&current.value.clone().into())), ..act };
        self.administer_rights(Deed::RemoveCategory { id: current.value.id, expected }, act).await?;
        Ok(current.value)
    }

    /// How many rooms are in a category that the caller has just seen.
    pub async fn rooms_in(&self, id: CategoryId) -> Result<u64, AdminError> {
        let counts = self.store.rooms_by_category().await?;
        Ok(counts.into_iter().find(|(category, _)| *category == id).map_or(0, |(_, rooms)| rooms))
    }

    pub(super) async fn stored_category(&self, name: &str) -> Result<Versioned<Category>, AdminError> {
        let found = self.store.categories().await?.into_iter().find(|category| is_called(category, name));
        let category = found.ok_or(AdminError::NoSuchCategory)?;
        Ok(Versioned { version: ActNumber(category.version), value: category })
    }

    /// Does it, and returns when every member goes by it.
    pub(super) async fn administer_rights(&self, deed: Deed, act: Act) -> Result<ActNumber, AdminError> {
        let is_trial = act.is_trial;
        let number = self.administer(deed, act).await?;
        if !is_trial {
            self.directory.settle().await?;
        }
        Ok(number)
    }

    fn category_text(&self, was: CategoryText, change: CategoryChange) -> Result<CategoryText, AdminError> {
        let name = change.name.map_or(was.name, Into::into);
        let description = change.description.map_or(was.description, Into::into);
        let is_name = !name.trim().is_empty() && !name.contains(char::is_control);
        if !is_name || name.chars().count() > TEXT_MAX {
            return Err(AdminError::BadName);
        }
        if description.chars().count() > TEXT_MAX {
            return Err(AdminError::TooLong);
        }
        let rules = Rules {
            file_upload: change.rules.file_upload.unwrap_or(was.rules.file_upload),
            invitations: change.rules.invitations.unwrap_or(was.rules.invitations),
            history: change.rules.history.unwrap_or(was.rules.history),
            managers_destroy: change.rules.managers_destroy.unwrap_or(was.rules.managers_destroy),
        };
        Ok(CategoryText {
            name,
            description,
            allowed: self.changed(was.allowed, change.allowed)?,
            denied: self.changed(was.denied, change.denied)?,
            creators: self.changed(was.creators, change.creators)?,
            rules,
        })
    }

    pub(super) fn changed(
        &self,
        mut list: Vec<BareJid>,
        change: ListChange,
    ) -> Result<Vec<BareJid>, AdminError> {
        let addresses = |texts: Vec<String>| -> Result<Vec<BareJid>, AdminError> {
            texts.iter().map(|text| self.any_principal(text)).collect()
        };
        if let Some(set) = change.set {
            list = addresses(set)?;
        }
        let struck = addresses(change.strike)?;
        list.extend(addresses(change.add)?);
        list.retain(|listed| !struck.contains(listed));
        list.sort();
        list.dedup();
        if list.len() > LIST_MAX { Err(AdminError::TooLong) } else { Ok(list) }
    }

    /// A user, group, unit or domain. A name alone is that of an account, and what has a dot is a domain.
    pub(super) fn any_principal(&self, text: &str) -> Result<BareJid, AdminError> {
        let domain = self.accounts.domain().domain();
        if text.contains('@') || text.contains('.') || text == domain {
            return Ok(BareJid::new(text)?);
        }
        Ok(BareJid::from_parts(Some(text), domain)?)
    }
}

fn is_called(category: &Category, name: &str) -> bool {
    name_key(&category.name) == name_key(name)
}

/// A category as the audit log has it.
fn told(text: &CategoryText) -> Box<str> {
    json!({
        "name": text.name,
        "description": text.description,
        "allowed": text.allowed,
        "denied": text.denied,
        "creators": text.creators,
        "rules": text.rules,
    })
    .to_string()
    .into()
}
