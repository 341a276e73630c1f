//! The accounts.

use perch_address::BareJid;
use serde_json::json;

use super::{Admin, AdminError, Page, Target, page_limit};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::auth::Secret;
use crate::store::administration::act::Act;

/// An account as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub address: BareJid,
    pub is_disabled: bool,
}

impl Admin {
    /// Adds an account. `address` may be the name alone.
    pub async fn add_user(&self, caller: &Caller, address: &str, secret: Secret) -> Result<User, AdminError> {
        let (address, act) = self.may_change_user(caller, Operation::AddUser, address).await?;
        let act = Act { became: Some(state(false)), ..act };
        self.accounts.administer_new(&address, secret, act).await?;
        Ok(User { address, is_disabled: false })
    }

    /// The users whose names come after `after`, at most `limit`, by name.
    pub async fn users(
        &self,
        caller: &Caller,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<User>, AdminError> {
        self.may_see(caller, Operation::ListUsers, Target::Pool).await?;
        let limit = page_limit(limit);
        let entries = self.accounts.page(after, limit + 1).await?;
        let users = entries.into_iter().map(|entry| {
            let address = self.address(&entry.name)?;
            Ok(User { address, is_disabled: entry.is_disabled })
        });
        let users = users.collect::<Result<_, AdminError>>()?;
        Ok(Page::of(users, limit, |user| user.address.local().unwrap_or_default().to_owned()))
    }

    /// How many accounts there are.
    pub async fn user_count(&self, caller: &Caller) -> Result<u64, AdminError> {
        self.may_see(caller, Operation::ListUsers, Target::Pool).await?;
        Ok(self.store.account_count().await?)
    }

    pub async fn user(&self, caller: &Caller, address: &str) -> Result<User, AdminError> {
        self.may_see(caller, Operation::ListUsers, Target::Pool).await?;
        let address = self.address(address)?;
        let account = self.accounts.find(&address).await?.ok_or(AdminError::NoSuchAccount)?;
        Ok(User { address, is_disabled: account.is_disabled })
    }

    /// Replaces what proves the account; its sessions end, and it has no tokens any more.
    pub async fn change_secret(
        &self,
        caller: &Caller,
        address: &str,
        secret: Secret,
    ) -> Result<BareJid, AdminError> {
        let (address, act) = self.may_change_user(caller, Operation::ChangeSecret, address).await?;
        self.accounts.change(&address, secret, None, act).await?;
        Ok(address)
    }

    /// Lets the account sign in, or no longer; in that case its sessions end, and it has no tokens any more.
    pub async fn set_user_disabled(
        &self,
        caller: &Caller,
        address: &str,
        is_disabled: bool,
    ) -> Result<User, AdminError> {
        let (address, act) = self.may_change_user(caller, Operation::ChangeUser, address).await?;
        let was = self.accounts.find(&address).await?.map(|account| state(account.is_disabled));
        let act = Act { was, became: Some(state(is_disabled)), ..act };
        self.accounts.set_disabled(&address, is_disabled, act).await?;
        self.directory.settle().await?;
        Ok(User { address, is_disabled })
    }

    /// Removes the account; its sessions end. Whoever gets the name next inherits no rights.
    pub async fn remove_user(&self, caller: &Caller, address: &str) -> Result<BareJid, AdminError> {
        let (address, act) = self.may_change_user(caller, Operation::RemoveUser, address).await?;
        let was = self.accounts.find(&address).await?.map(|account| state(account.is_disabled));
        self.accounts.remove(&address, Act { was, ..act }).await?;
        self.directory.settle().await?;
        Ok(address)
    }

    async fn may_change_user(
        &self,
        caller: &Caller,
        operation: Operation,
        address: &str,
    ) -> Result<(BareJid, Act), AdminError> {
        // A refusal is to say nothing of the address: who may change nobody is refused before it is read.
        let Ok(address) = self.address(address) else {
            self.may_do(caller, operation, Target::Pool, address).await?;
            return Err(self.address(address).err().unwrap_or(AdminError::NotOurs));
        };
        let act = self.may_do(caller, operation, Target::Account(&address), &address).await?;
        Ok((address, act))
    }
}

/// An account as the audit log has it.
fn state(is_disabled: bool) -> Box<str> {
    json!({ "disabled": is_disabled }).to_string().into()
}
