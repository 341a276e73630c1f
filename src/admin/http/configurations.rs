//! Routes to what holds for all rooms.

use axum::extract::State;
use axum::http::Method;

use super::extract::{Asker, Changer, Json, Path, Precondition, Tagged};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::Admin;
use crate::admin::rights::Operation;
use crate::admin::wire::{Configuration, Configurations, Values};
use crate::chat;
use crate::chat::administration::{ActNumber, Versioned};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/configurations", "listConfigurations", "All configurations", list)
            .needs(Operation::ShowConfiguration),
        Route::new(
            Method::GET,
            "/configuration",
            "showEffectiveConfiguration",
            "The configuration that is in force on the member that is asked",
            effective,
        )
        .needs(Operation::ShowConfiguration),
        Route::new(Method::GET, "/configurations/{level}", "showConfiguration", "A configuration", show)
            .needs(Operation::ShowConfiguration),
        Route::new(
            Method::PUT,
            "/configurations/{level}",
            "putConfiguration",
            "Make or change a configuration",
            put,
        )
        .needs(Operation::ChangeConfiguration),
        Route::new(
            Method::DELETE,
            "/configurations/{level}",
            "removeConfiguration",
            "Remove a configuration, or take the global one back to what it was at first",
            remove,
        )
        .needs(Operation::ChangeConfiguration),
    ]
}

async fn list(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<Configurations>, Refused> {
    let configurations = admin.configurations(&caller).await?.into_iter().map(configuration).collect();
    Ok(Json(Configurations { configurations }))
}

async fn effective(State(admin): State<Admin>, Asker(caller): Asker) -> Result<Json<Values>, Refused> {
    Ok(Json(admin.effective_configuration(&caller).await?.values.into()))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(level): Path<String>,
) -> Result<Tagged<Configuration>, Refused> {
    let found = admin.configuration(&caller, &level).await?;
    Ok(Tagged(found.version, configuration(found)))
}

async fn put(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(level): Path<String>,
    Precondition(condition): Precondition,
    Json(values): Json<Values>,
) -> Result<Tagged<Configuration>, Refused> {
    let put = admin.put_configuration(&caller, &level, values.into(), condition).await?;
    Ok(Tagged(put.version, configuration(put)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(level): Path<String>,
    Precondition(condition): Precondition,
) -> Result<Json<Configuration>, Refused> {
    let removed = admin.remove_configuration(&caller, &level, condition).await?;
    Ok(Json(configuration(Versioned { version: ActNumber(0), value: removed })))
}

fn configuration(found: Versioned<chat::administration::configuration::Configuration>) -> Configuration {
    Configuration {
        level: found.value.level.to_string(),
        values: found.value.values.into(),
        version: found.version.0,
    }
}
