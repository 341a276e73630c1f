//! Routes to the roles.

use axum::extract::State;
use axum::http::Method;

use super::extract::{Asker, Changer, Json, Path};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::api::role::RoleEntry;
use crate::admin::rights::Operation;
use crate::admin::wire::{RoleGrant, RoleName, Roles};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/roles", "listRoles", "Everybody who has a role, by address", list)
            .needs(Operation::ListRoles),
        Route::new(Method::PUT, "/roles/{role}/{address}", "grantRole", "Give an account a role", grant)
            .needs(Operation::GrantRole),
        Route::new(
            Method::DELETE,
            "/roles/{role}/{address}",
            "revokeRole",
            "Take a role from an account",
            revoke,
        )
        .needs(Operation::RevokeRole),
    ]
}

async fn list(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<Roles>, Refused> {
    let roles = admin.roles(&caller).await?.into_iter().map(role).collect();
    Ok(Json(Roles { roles }))
}

async fn grant(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path((name, address)): Path<(RoleName, String)>,
) -> Result<Json<RoleGrant>, Refused> {
    Ok(Json(role(admin.grant_role(&caller, name.into(), &address).await?)))
}

async fn revoke(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path((name, address)): Path<(RoleName, String)>,
) -> Result<Json<RoleGrant>, Refused> {
    Ok(Json(role(admin.revoke_role(&caller, name.into(), &address).await?)))
}

fn role(entry: RoleEntry) -> RoleGrant {
    RoleGrant { address: entry.address.to_string(), role: entry.role.into(), configured: entry.is_configured }
}
