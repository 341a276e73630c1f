//! Policies: whether persistent chat is for everybody, and for whom it is otherwise. What is changed here is in effect on
//! every member when the operation returns.

use perch_address::BareJid;
use serde_json::json;

use super::{Admin, AdminError, Condition, Page, Target, page_limit};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::administration::level::Level;
use crate::chat::administration::policy::{Policies, Policy};
use crate::chat::administration::{ActNumber, Versioned};
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

/// What holds for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyOf {
    pub address: BareJid,
    /// What was granted.
    pub granted: Option<Level>,
    /// What is in force.
    pub effective: Policy,
}

/// To whom a policy was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantEntry {
    pub address: BareJid,
    pub level: Level,
}

impl Admin {
    /// All policies, the global one too where nobody has set it: that one has version 0.
    pub async fn policies(&self, caller: &Caller) -> Result<Vec<Versioned<Policy>>, AdminError> {
        self.may_see(caller, Operation::ListPolicies, Target::Pool).await?;
        let policies = self.all_policies().await?;
        let has_global = policies.set.iter().any(|policy| policy.value.level == Level::Global);
        let unset = Versioned { version: ActNumber(0), value: policies.global() };
        let mut set = policies.set;
        if !has_global {
            set.insert(0, unset);
        }
        Ok(set)
    }

    pub async fn policy(&self, caller: &Caller, level: &str) -> Result<Versioned<Policy>, AdminError> {
        let policies = self.policies(caller).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        policies.into_iter().find(|policy| policy.value.level == level).ok_or(AdminError::NotThere)
    }

    /// Makes or changes the policy of that level.
    pub async fn put_policy(
        &self,
        caller: &Caller,
        level: &str,
        is_enabled: bool,
        description: &str,
        condition: Condition,
    ) -> Result<Versioned<Policy>, AdminError> {
        let act = self.may_do(caller, Operation::ChangePolicy, Target::Pool, level).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        let policy = Policy::new(level, is_enabled, description)?;
        let current = self.stored_policy(&policy.level).await?;
        let expected = condition.expected(current.as_ref())?;
        let was = current.map(|current| told(&current.value));
        let act = Act { was, became: Some(told(&policy)), ..act };
        let deed = Deed::PutPolicy { policy: policy.clone(), expected };
        Ok(Versioned { version: self.administer_rights(deed, act).await?, value: policy })
    }

    /// Removes the policy; that takes the global one back to what it was at first. One that was granted stays, unless it
    /// is removed by force.
    pub async fn remove_policy(
        &self,
        caller: &Caller,
        level: &str,
        condition: Condition,
        is_forced: bool,
    ) -> Result<Policy, AdminError> {
        let act = self.may_do(caller, Operation::ChangePolicy, Target::Pool, level).await?;
        let level = Level::parse(level).ok_or(AdminError::BadLevel)?;
        let current = self.stored_policy(&level).await?;
        let expected = condition.expected(current.as_ref())?;
        let (Some(current), Some(expected)) = (current, expected) else {
            // What is as it was at first cannot be taken further back.
            return match level {
                Level::Global => Ok(self.all_policies().await?.global()),
                _ => Err(AdminError::NotThere),
            };
        };
        let act = Act { was: Some(told(&current.value)), ..act };
        self.administer_rights(Deed::RemovePolicy { level, expected, is_forced }, act).await?;
        Ok(current.value)
    }

    /// What holds for an account.
    pub async fn policy_of(&self, caller: &Caller, address: &str) -> Result<PolicyOf, AdminError> {
        let Ok(address) = self.address(address) else {
            self.may_see(caller, Operation::ShowPolicy, Target::Pool).await?;
            return Err(self.address(address).err().unwrap_or(AdminError::NotOurs));
        };
        self.may_see(caller, Operation::ShowPolicy, Target::Account(&address)).await?;
        self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?;
        self.effective_policy(address).await
    }

    /// Grants a policy of the kind `tag:NAME` to an account, or takes away what was granted.
    pub async fn grant_policy(
        &self,
        caller: &Caller,
        address: &str,
        level: Option<&str>,
    ) -> Result<PolicyOf, AdminError> {
        let act = self.may_do(caller, Operation::GrantPolicy, Target::Pool, address).await?;
        let address = self.address(address)?;
        let level = level.map(|level| Level::parse(level).ok_or(AdminError::BadLevel)).transpose()?;
        if !matches!(level, None | Some(Level::Tag(_))) {
            return Err(AdminError::NotGranted);
        }
        let account = self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?.id;
        let was = self.store.granted_policy(address.local().unwrap_or_default()).await?;
        let told = |level: &Level| json!({ "policy": level.to_string() }).to_string().into();
        let act = Act {
            object: address.to_string().into(),
            was: was.as_ref().map(told),
            became: level.as_ref().map(told),
            ..act
        };
        self.administer_rights(Deed::GrantPolicy { account, level }, act).await?;
        self.effective_policy(address).await
    }

    /// To whom policies were granted, by name.
    pub async fn policy_grants(
        &self,
        caller: &Caller,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<GrantEntry>, AdminError> {
        self.may_see(caller, Operation::ListPolicies, Target::Pool).await?;
        let limit = page_limit(limit);
        let grants = self
            .store
            .policy_grants(after, limit + 1)
            .await?
            .into_iter()
            .map(|grant| Ok(GrantEntry { address: self.address(&grant.name)?, level: grant.level }));
        let grants = grants.collect::<Result<_, AdminError>>()?;
        Ok(Page::of(grants, limit, |grant| grant.address.local().unwrap_or_default().to_owned()))
    }

    async fn effective_policy(&self, address: BareJid) -> Result<PolicyOf, AdminError> {
        let granted = self.store.granted_policy(address.local().unwrap_or_default()).await?;
        let effective = self.all_policies().await?.effective(granted.as_ref(), &self.here);
        Ok(PolicyOf { address, granted, effective })
    }

    async fn stored_policy(&self, level: &Level) -> Result<Option<Versioned<Policy>>, AdminError> {
        Ok(self.store.policies().await?.into_iter().find(|policy| policy.value.level == *level))
    }

    async fn all_policies(&self) -> Result<Policies, AdminError> {
        let set = self.store.policies().await?;
        Ok(Policies { is_enabled_by_default: self.store.is_enabled_by_default(), set })
    }
}

/// A policy as the audit log has it.
fn told(policy: &Policy) -> Box<str> {
    json!({ "enabled": policy.is_enabled, "description": policy.description }).to_string().into()
}
