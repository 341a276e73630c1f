//! Configuration: what holds for all rooms, by level. What is changed here is in effect on every member when the operation
//! returns.

use serde_json::json;

use super::{Admin, AdminError, Condition, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::administration::configuration::{Configuration, Values};
use crate::chat::administration::level::Level;
use crate::chat::administration::{ActNumber, Versioned};
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

impl Admin {
    /// All configurations, the global one too where nobody has set it: that one has version 0.
    pub async fn configurations(&self, caller: &Caller) -> Result<Vec<Versioned<Configuration>>, AdminError> {
        self.may_see(caller, Operation::ShowConfiguration, Target::Pool).await?;
        let mut set = self.store.configurations().await?;
        if !set.iter().any(|found| found.value.level == Level::Global) {
            set.insert(0, Versioned { version: ActNumber(0), value: Configuration::global() });
        }
        Ok(set)
    }

    pub async fn configuration(
        &self,
        caller: &Caller,
        level: &str,
    ) -> Result<Versioned<Configuration>, AdminError> {
        let set = self.configurations(caller).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        set.into_iter().find(|found| found.value.level == level).ok_or(AdminError::NotThere)
    }

    /// What is in force here.
    pub async fn effective_configuration(&self, caller: &Caller) -> Result<Configuration, AdminError> {
        self.may_see(caller, Operation::ShowConfiguration, Target::Pool).await?;
        Ok(Configuration::effective(&self.store.configurations().await?, &self.here))
    }

    /// Makes or changes the configuration of that level.
    pub async fn put_configuration(
        &self,
        caller: &Caller,
        level: &str,
        values: Values,
        condition: Condition,
    ) -> Result<Versioned<Configuration>, AdminError> {
        let act = self.may_do(caller, Operation::ChangeConfiguration, Target::Pool, level).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        let configuration = Configuration::new(level, values)?;
        let current = self.stored_configuration(&configuration.level).await?;
        let expected = condition.expected(current.as_ref())?;
        let was = current.map(|current| told(&current.value.values));
        let act = Act { was, became: Some(told(&configuration.values)), ..act };
        let deed = Deed::PutConfiguration { configuration: configuration.clone(), expected };
        Ok(Versioned { version: self.administer_rights(deed, act).await?, value: configuration })
    }

    /// Removes the configuration; that takes the global one back to what it was at first.
    pub async fn remove_configuration(
        &self,
        caller: &Caller,
        level: &str,
        condition: Condition,
    ) -> Result<Configuration, AdminError> {
        let act = self.may_do(caller, Operation::ChangeConfiguration, Target::Pool, level).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        let current = self.stored_configuration(&level).await?;
        let expected = condition.expected(current.as_ref())?;
        let (Some(current), Some(expected)) = (current, expected) else {
            // What is as it was at first cannot be taken further back.
            return match level {
                Level::Global => Ok(Configuration::global()),
                _ => Err(AdminError::NotThere),
            };
        };
        let act = Act { was: Some(told(&current.value.values)), ..act };
        self.administer_rights(Deed::RemoveConfiguration { level, expected }, act).await?;
        Ok(current.value)
    }

    async fn stored_configuration(
        &self,
        level: &Level,
    ) -> Result<Option<Versioned<Configuration>>, AdminError> {
        Ok(self.store.configurations().await?.into_iter().find(|found| found.value.level == *level))
    }
}

/// Values as the audit log has them.
fn told(values: &Values) -> Box<str> {
    json!({
        "default_history": values.default_history,
        "participant_update_limit": values.participant_update_limit,
        "file_kb_max": values.file_kb_max,
        "room_management_url": values.room_management_url,
    })
    .to_string()
    .into()
}
