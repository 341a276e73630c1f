//! Add-ins: the pages that rooms may have beside them.

use serde_json::json;

use super::{Admin, AdminError, Condition, Page, Target, page_limit};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::administration::Versioned;
use crate::chat::administration::addin::Addin;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

impl Admin {
    /// The add-ins whose names come after `after`, at most `limit`, by name.
    pub async fn addins(
        &self,
        caller: &Caller,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Versioned<Addin>>, AdminError> {
        self.may_see(caller, Operation::ListAddins, Target::Pool).await?;
        let limit = page_limit(limit);
        let addins = self.store.addins(after, limit + 1).await?.into_iter().map(|found| found.addin);
        Ok(Page::of(addins.collect(), limit, |addin| addin.value.name.to_string()))
    }

    pub async fn addin(&self, caller: &Caller, name: &str) -> Result<Versioned<Addin>, AdminError> {
        self.may_see(caller, Operation::ListAddins, Target::Pool).await?;
        Ok(self.store.addin(name).await?.ok_or(AdminError::NotThere)?.addin)
    }

    pub async fn add_addin(
        &self,
        caller: &Caller,
        name: &str,
        url: &str,
    ) -> Result<Versioned<Addin>, AdminError> {
        let act = self.may_do(caller, Operation::ChangeAddin, Target::Pool, name).await?;
        let addin = Addin::new(name, url)?;
        let act = Act { object: addin.name.clone(), became: Some(told(&addin)), ..act };
        let version = self.administer(Deed::AddAddin(addin.clone()), act).await?;
        Ok(Versioned { version, value: addin })
    }

    /// Gives the add-in `name` that name and address.
    pub async fn change_addin(
        &self,
        caller: &Caller,
        name: &str,
        new_name: &str,
        url: &str,
        condition: Condition,
    ) -> Result<Versioned<Addin>, AdminError> {
        let act = self.may_do(caller, Operation::ChangeAddin, Target::Pool, name).await?;
        let addin = Addin::new(new_name, url)?;
        let current = self.store.addin(name).await?.ok_or(AdminError::NotThere)?;
        let expected = condition.expected(Some(&current.addin))?.ok_or(AdminError::Stale)?;
        let (was, became) = (Some(told(&current.addin.value)), Some(told(&addin)));
        let deed = Deed::ChangeAddin { number: current.number, addin: addin.clone(), expected };
        Ok(Versioned { version: self.administer(deed, Act { was, became, ..act }).await?, value: addin })
    }

    /// Removes the add-in. One that rooms have stays, unless it is removed by force.
    pub async fn remove_addin(
        &self,
        caller: &Caller,
        name: &str,
        condition: Condition,
        is_forced: bool,
    ) -> Result<Addin, AdminError> {
        let act = self.may_do(caller, Operation::ChangeAddin, Target::Pool, name).await?;
        let current = self.store.addin(name).await?.ok_or(AdminError::NotThere)?;
        let expected = condition.expected(Some(&current.addin))?.ok_or(AdminError::Stale)?;
        let act = Act { was: Some(told(&current.addin.value)), ..act };
        self.administer(Deed::RemoveAddin { number: current.number, expected, is_forced }, act).await?;
        Ok(current.addin.value)
    }
}

/// An add-in as the audit log has it.
fn told(addin: &Addin) -> Box<str> {
    json!({ "name": addin.name, "url": addin.url }).to_string().into()
}
