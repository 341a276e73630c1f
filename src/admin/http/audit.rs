//! The route to the audit log.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Json, Query};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::{Admin, PAGE_MAX};
use crate::admin::rights::Operation;
use crate::admin::wire::{AuditEntry, AuditPage, AuditQuery, time_of, time_text};
use crate::chat::administration::ActNumber;
use crate::store::administration::act::{self, LoggedAct};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/audit", "readAudit", "What administrators did, the oldest first", read)
            .needs(Operation::ReadAudit),
    ]
}

async fn read(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Refused> {
    let no_time = || Refused::new(StatusCode::BAD_REQUEST, "bad-query", "since is no time of RFC 3339");
    let since = query.since.as_deref().map(|since| time_of(since).ok_or_else(no_time)).transpose()?;
    let query = act::AuditQuery {
        after: query.after.map(ActNumber),
        since,
        who: query.who.map(Into::into),
        object: query.object.map(Into::into),
        limit: query.limit.map_or(PAGE_MAX, Into::into),
    };
    let page = admin.audit(&caller, query).await?;
    Ok(Json(AuditPage { entries: page.items.into_iter().map(entry).collect(), next: page.next }))
}

fn entry(act: LoggedAct) -> AuditEntry {
    // What is no JSON is shown as it stands.
    let json = |text: Box<str>| serde_json::from_str(&text).unwrap_or_else(|_| text.into_string().into());
    AuditEntry {
        id: act.number.0,
        at: time_text(act.at),
        who: act.who.into(),
        origin: act.origin.into(),
        token: act.token.map(|number| number.0),
        operation: act.operation.into(),
        object: act.object.into(),
        before: act.was.map(json),
        after: act.became.map(json),
        outcome: act.outcome.as_str().to_owned(),
    }
}
