//! Routes to the policies, and to whom they were granted.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Json, Path, Precondition, Query, Tagged};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::{self, Admin};
use crate::admin::rights::Operation;
use crate::admin::wire::{
    GrantPage, PageQuery, Policies, Policy, PolicyGrant, PolicyOf, PolicyWish, RemovalQuery, WantedPolicy,
};
use crate::chat;
use crate::chat::administration::{ActNumber, Versioned};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/policies", "listPolicies", "All policies", list)
            .needs(Operation::ListPolicies),
        Route::new(Method::GET, "/policies/{level}", "showPolicy", "A policy", show)
            .needs(Operation::ListPolicies),
        Route::new(Method::PUT, "/policies/{level}", "putPolicy", "Make or change a policy", put)
            .needs(Operation::ChangePolicy),
        Route::new(
            Method::DELETE,
            "/policies/{level}",
            "removePolicy",
            "Remove a policy, or take the global one back to what it was at first",
            remove,
        )
        .needs(Operation::ChangePolicy)
        .refuses(&[StatusCode::CONFLICT]),
        Route::new(
            Method::GET,
            "/policy-grants",
            "listPolicyGrants",
            "To whom policies were granted",
            grants,
        )
        .needs(Operation::ListPolicies),
        Route::new(
            Method::GET,
            "/users/{address}/policy",
            "showPolicyOf",
            "What holds for an account",
            show_of,
        )
        .needs(Operation::ShowPolicy),
        Route::new(
            Method::PUT,
            "/users/{address}/policy",
            "grantPolicy",
            "Grant a policy to an account",
            grant,
        )
        .needs(Operation::GrantPolicy),
        Route::new(
            Method::DELETE,
            "/users/{address}/policy",
            "ungrantPolicy",
            "Take the policy away that was granted",
            ungrant,
        )
        .needs(Operation::GrantPolicy),
    ]
}

async fn list(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<Policies>, Refused> {
    let policies = admin.policies(&caller).await?.into_iter().map(policy).collect();
    Ok(Json(Policies { policies }))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(level): Path<String>,
) -> Result<Tagged<Policy>, Refused> {
    let found = admin.policy(&caller, &level).await?;
    Ok(Tagged(found.version, policy(found)))
}

async fn put(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(level): Path<String>,
    Precondition(condition): Precondition,
    Json(wanted): Json<WantedPolicy>,
) -> Result<Tagged<Policy>, Refused> {
    let put = admin.put_policy(&caller, &level, wanted.enabled, &wanted.description, condition).await?;
    Ok(Tagged(put.version, policy(put)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(level): Path<String>,
    Query(query): Query<RemovalQuery>,
    Precondition(condition): Precondition,
) -> Result<Json<Policy>, Refused> {
    let removed = admin.remove_policy(&caller, &level, condition, query.force).await?;
    Ok(Json(policy(Versioned { version: ActNumber(0), value: removed })))
}

async fn grants(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<PageQuery>,
) -> Result<Json<GrantPage>, Refused> {
    let page = admin.policy_grants(&caller, query.after.as_deref(), query.limit.map(Into::into)).await?;
    let grant = |entry: api::policy::GrantEntry| PolicyGrant {
        address: entry.address.to_string(),
        policy: entry.level.to_string(),
    };
    Ok(Json(GrantPage { grants: page.items.into_iter().map(grant).collect(), next: page.next }))
}

async fn show_of(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(address): Path<String>,
) -> Result<Json<PolicyOf>, Refused> {
    Ok(Json(policy_of(admin.policy_of(&caller, &address).await?)))
}

async fn grant(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
    Json(wish): Json<PolicyWish>,
) -> Result<Json<PolicyOf>, Refused> {
    Ok(Json(policy_of(admin.grant_policy(&caller, &address, Some(&wish.policy)).await?)))
}

async fn ungrant(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
) -> Result<Json<PolicyOf>, Refused> {
    Ok(Json(policy_of(admin.grant_policy(&caller, &address, None).await?)))
}

fn policy(found: Versioned<chat::administration::policy::Policy>) -> Policy {
    Policy {
        level: found.value.level.to_string(),
        enabled: found.value.is_enabled,
        description: found.value.description.into(),
        version: found.version.0,
    }
}

fn policy_of(found: api::policy::PolicyOf) -> PolicyOf {
    PolicyOf {
        address: found.address.to_string(),
        granted: found.granted.map(|level| level.to_string()),
        effective: found.effective.level.to_string(),
        enabled: found.effective.is_enabled,
    }
}
