//! Principals over HTTP.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Created, Json, Path, Query};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::principals as api;
use crate::admin::api::{Admin, AdminError, PAGE_MAX};
use crate::admin::rights::Operation;
use crate::admin::wire::principals::{
    AddressPage, Enrolled, Enrolments, Entry, NewPrincipal, PlacedPrincipal, Principal, PrincipalChange,
    PrincipalPage, PrincipalQuery, RefusedEnrolment,
};
use crate::admin::wire::{Address, PageQuery};
use crate::chat;
use crate::store;

pub(super) fn routes() -> Vec<Route> {
    const PRINCIPAL: &str = "/principals/{address}";
    const MEMBER: &str = "/principals/{address}/members/{member}";
    let look = |route: Route| route.needs(Operation::ListPrincipals);
    let change = |route: Route| route.needs(Operation::ChangePrincipal).refuses(&[StatusCode::CONFLICT]);
    vec![
        look(Route::new(Method::GET, "/principals", "listPrincipals", "Principals, by address", principals)),
        look(Route::new(
            Method::GET,
            PRINCIPAL,
            "showPrincipal",
            "A principal, and what it belongs to",
            principal,
        )),
        look(Route::new(
            Method::GET,
            "/principals/{address}/members",
            "listMembers",
            "Who is directly in a group or unit",
            members,
        )),
        look(Route::new(
            Method::GET,
            "/principals/{address}/users",
            "listUsersOf",
            "The users who belong to a principal, by whatever way",
            users,
        )),
        change(Route::new(Method::POST, "/principals", "makePrincipal", "Make a group or unit", make)),
        change(Route::new(Method::PATCH, PRINCIPAL, "renamePrincipal", "Rename a group or unit", rename)),
        change(Route::new(Method::DELETE, PRINCIPAL, "removePrincipal", "Remove a group or unit", remove)),
        change(Route::new(Method::PUT, MEMBER, "admit", "Take somebody into a group or unit", admit)),
        change(Route::new(
            Method::DELETE,
            MEMBER,
            "dismiss",
            "Take somebody out of a group or unit",
            dismiss,
        )),
        change(Route::new(Method::POST, "/enrolments", "enroll", "Take many into groups and units", enroll)),
    ]
}

async fn principals(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<PrincipalQuery>,
) -> Result<Json<PrincipalPage>, Refused> {
    let query = store::principal::PrincipalQuery {
        kind: query.kind,
        words: query.words.as_deref(),
        after: query.after.as_deref(),
        limit: query.limit.map_or(PAGE_MAX, Into::into),
    };
    Ok(Json(page(admin.principals(&caller, query).await?)))
}

async fn make(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewPrincipal>,
) -> Result<Created<Principal>, Refused> {
    let made = admin.make_principal(&caller, new.kind, &new.name).await?;
    Ok(Created(shown(made)))
}

async fn principal(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(address): Path<String>,
) -> Result<Json<PlacedPrincipal>, Refused> {
    let placed = admin.principal(&caller, &address).await?;
    Ok(Json(PlacedPrincipal { principal: shown(placed.principal), belongs: placed.belongs }))
}

async fn rename(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
    Json(change): Json<PrincipalChange>,
) -> Result<Json<Principal>, Refused> {
    Ok(Json(shown(admin.rename_principal(&caller, &address, &change.name).await?)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
) -> Result<Json<Address>, Refused> {
    let address = admin.remove_principal(&caller, &address).await?.to_string();
    Ok(Json(Address { address }))
}

async fn members(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(address): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<PrincipalPage>, Refused> {
    let limit = query.limit.map_or(PAGE_MAX, Into::into);
    Ok(Json(page(admin.members_of(&caller, &address, query.after.as_deref(), limit).await?)))
}

async fn admit(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path((address, member)): Path<(String, String)>,
) -> Result<Json<Address>, Refused> {
    let address = admin.admit(&caller, &address, &member).await?.to_string();
    Ok(Json(Address { address }))
}

async fn dismiss(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path((address, member)): Path<(String, String)>,
) -> Result<Json<Address>, Refused> {
    let address = admin.dismiss(&caller, &address, &member).await?.to_string();
    Ok(Json(Address { address }))
}

async fn users(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(address): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<AddressPage>, Refused> {
    let limit = query.limit.map_or(PAGE_MAX, Into::into);
    let page = admin.users_of(&caller, &address, query.after.as_deref(), limit).await?;
    let addresses = page.addresses.iter().map(ToString::to_string).collect();
    Ok(Json(AddressPage { addresses, next: page.next }))
}

async fn enroll(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(asked): Json<Enrolments>,
) -> Result<Json<Enrolled>, Refused> {
    let enrolments: Vec<_> = asked
        .enrolments
        .into_iter()
        .map(|one| api::Enrolment {
            kind: one.kind,
            parent: one.parent,
            member: one.member,
            member_kind: one.member_kind,
        })
        .collect();
    let refused = admin.enroll(&caller, &enrolments, asked.last).await?.into_iter();
    let told = |(place, error): (usize, AdminError)| RefusedEnrolment { place, text: error.to_string() };
    Ok(Json(Enrolled { refused: refused.map(told).collect() }))
}

fn page(page: api::PrincipalPage) -> PrincipalPage {
    PrincipalPage { principals: page.principals.into_iter().map(shown).collect(), next: page.next }
}

fn shown(principal: chat::principal::Principal) -> Principal {
    Principal {
        address: principal.address.to_string(),
        kind: principal.kind,
        name: principal.name.into(),
        standing: principal.standing,
        entry: principal.entry.map(|entry| Entry { id: entry.id.into(), dn: entry.dn.into() }),
    }
}
