//! Roles: who is more than a user.

use perch_address::BareJid;
use serde_json::json;

use super::{Admin, AdminError, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::chat::administration::role::Role;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;

/// A role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    pub address: BareJid,
    pub role: Role,
    /// By the configuration of this member; it cannot be revoked here.
    pub is_configured: bool,
}

impl Admin {
    /// Everybody who has a role, by address.
    pub async fn roles(&self, caller: &Caller) -> Result<Vec<RoleEntry>, AdminError> {
        self.may_see(caller, Operation::ListRoles, Target::Pool).await?;
        let configured = self.accounts.admins().iter().map(|address| {
            Ok(RoleEntry { address: address.clone(), role: Role::Administrator, is_configured: true })
        });
        let granted = self.store.roles().await?.into_iter().map(|grant| {
            Ok(RoleEntry { address: self.address(&grant.name)?, role: grant.role, is_configured: false })
        });
        let mut roles: Vec<_> = configured.chain(granted).collect::<Result<_, AdminError>>()?;
        roles.sort_by_key(|entry| (entry.address.to_string(), entry.role));
        Ok(roles)
    }

    /// Who has it already has it.
    pub async fn grant_role(
        &self,
        caller: &Caller,
        role: Role,
        address: &str,
    ) -> Result<RoleEntry, AdminError> {
        let (address, act) = self.may_change_role(caller, Operation::GrantRole, role, address).await?;
        let account = self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?.id;
        self.administer(Deed::GrantRole { account, role }, act).await?;
        Ok(RoleEntry { address, role, is_configured: false })
    }

    pub async fn revoke_role(
        &self,
        caller: &Caller,
        role: Role,
        address: &str,
    ) -> Result<RoleEntry, AdminError> {
        let (address, act) = self.may_change_role(caller, Operation::RevokeRole, role, address).await?;
        let account = self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?.id;
        self.administer(Deed::RevokeRole { account, role }, act).await?;
        Ok(RoleEntry { address, role, is_configured: false })
    }

    async fn may_change_role(
        &self,
        caller: &Caller,
        operation: Operation,
        role: Role,
        address: &str,
    ) -> Result<(BareJid, Act), AdminError> {
        let act = self.may_do(caller, operation, Target::Pool, address).await?;
        let address = self.address(address)?;
        let became = json!({ "role": role.as_str() }).to_string();
        let act = Act { object: address.to_string().into(), became: Some(became.into()), ..act };
        Ok((address, act))
    }
}
