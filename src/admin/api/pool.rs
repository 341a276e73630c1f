//! The members of the pool.

use serde_json::json;
use tracing::info;

use super::{Admin, AdminError, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::pool::MemberStatus;
use crate::store::administration::Deed;
use crate::store::administration::act::Act;
use crate::store::database::Database;
use crate::store::member::MemberState;

impl Admin {
    /// The members of the pool.
    pub async fn members(&self, caller: &Caller) -> Result<Vec<MemberStatus>, AdminError> {
        self.may_see(caller, Operation::ShowPool, Target::Pool).await?;
        Ok(self.pool.status().await?)
    }

    /// The database of the pool; `None` where the store is embedded.
    pub async fn database(&self, caller: &Caller) -> Result<Option<Database>, AdminError> {
        self.may_see(caller, Operation::ShowPool, Target::Pool).await?;
        Ok(self.pool.database().await?)
    }

    /// Says what a member of the pool is to be. It follows within seconds.
    pub async fn want_member(
        &self,
        caller: &Caller,
        name: &str,
        state: MemberState,
    ) -> Result<MemberStatus, AdminError> {
        let act = self.may_do(caller, Operation::ChangePool, Target::Pool, name).await?;
        if state == MemberState::Gone {
            return Err(AdminError::NoWish);
        }
        if caller.is_trial {
            return Err(AdminError::NoTrial);
        }
        let was = self.pool.status().await?.into_iter().find(|status| *status.member.name == *name);
        self.pool.want(name, state).await?;
        info!(member = name, who = %caller.who, state = state.as_str(), "a member of the pool is to change");
        let wanted = |state: MemberState| json!({ "state": state.as_str() }).to_string().into();
        let act =
            Act { was: was.map(|status| wanted(status.member.wanted)), became: Some(wanted(state)), ..act };
        self.administer(Deed::Elsewhere, act).await?;
        let members = self.pool.status().await?;
        members.into_iter().find(|status| *status.member.name == *name).ok_or(AdminError::NoSuchMember)
    }
}
