//! Routes to the add-ins.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Created, Json, Path, Precondition, Query, Tagged};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::rights::Operation;
use crate::admin::wire::{Addin, AddinPage, NewAddin, PageQuery, RemovalQuery};
use crate::chat;
use crate::chat::administration::{ActNumber, Versioned};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/addins", "listAddins", "The add-ins, by name", list)
            .needs(Operation::ListAddins),
        Route::new(Method::POST, "/addins", "addAddin", "Add an add-in", add)
            .needs(Operation::ChangeAddin)
            .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::GET, "/addins/{name}", "showAddin", "An add-in", show)
            .needs(Operation::ListAddins),
        Route::new(
            Method::PUT,
            "/addins/{name}",
            "changeAddin",
            "Give an add-in a name and an address",
            change,
        )
        .needs(Operation::ChangeAddin)
        .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::DELETE, "/addins/{name}", "removeAddin", "Remove an add-in", remove)
            .needs(Operation::ChangeAddin)
            .refuses(&[StatusCode::CONFLICT]),
    ]
}

async fn list(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<PageQuery>,
) -> Result<Json<AddinPage>, Refused> {
    let page = admin.addins(&caller, query.after.as_deref(), query.limit.map(Into::into)).await?;
    Ok(Json(AddinPage { addins: page.items.into_iter().map(addin).collect(), next: page.next }))
}

async fn add(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewAddin>,
) -> Result<Created<Addin>, Refused> {
    Ok(Created(addin(admin.add_addin(&caller, &new.name, &new.url).await?)))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Result<Tagged<Addin>, Refused> {
    let found = admin.addin(&caller, &name).await?;
    Ok(Tagged(found.version, addin(found)))
}

async fn change(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(name): Path<String>,
    Precondition(condition): Precondition,
    Json(new): Json<NewAddin>,
) -> Result<Tagged<Addin>, Refused> {
    let changed = admin.change_addin(&caller, &name, &new.name, &new.url, condition).await?;
    Ok(Tagged(changed.version, addin(changed)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(name): Path<String>,
    Query(query): Query<RemovalQuery>,
    Precondition(condition): Precondition,
) -> Result<Json<Addin>, Refused> {
    let removed = admin.remove_addin(&caller, &name, condition, query.force).await?;
    Ok(Json(addin(Versioned { version: ActNumber(0), value: removed })))
}

fn addin(found: Versioned<chat::administration::addin::Addin>) -> Addin {
    Addin { name: found.value.name.into(), url: found.value.url.into(), version: found.version.0 }
}
