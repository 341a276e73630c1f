//! The audit log, for who may read it.

use super::{Admin, AdminError, Page, Target};
use crate::admin::caller::Caller;
use crate::admin::rights::Operation;
use crate::store::administration::act::{AuditQuery, LoggedAct};

impl Admin {
    /// What was done, the oldest first.
    pub async fn audit(&self, caller: &Caller, query: AuditQuery) -> Result<Page<LoggedAct>, AdminError> {
        self.may_see(caller, Operation::ReadAudit, Target::Pool).await?;
        let limit = super::page_limit(Some(query.limit));
        let acts = self.store.audit(&AuditQuery { limit: limit + 1, ..query }).await?;
        Ok(Page::of(acts, limit, |act| act.number.0.to_string()))
    }
}
