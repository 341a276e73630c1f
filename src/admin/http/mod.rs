//! The operations as HTTP and JSON: one route each, no logic. What is a route is in the OpenAPI document, because both are
//! made from the same table.
//!
//! | module | what |
//! |---|---|
//! | `users`, `principals`, `categories`, `rooms`, `messages`, `pool`, `tokens`, `roles`, `audit`, `policies`, `configurations`, `addins` | the routes, by subject |
//! | `route`, `signature`, `document` | what a route says of itself |
//! | `extract`, `refusal` | requests read, refusals written |
//! | `door`, `finish` | who is asking; that an act is finished |

mod addins;
mod audit;
mod categories;
mod configurations;
mod document;
mod door;
mod extract;
mod finish;
mod messages;
mod policies;
mod pool;
mod principals;
mod refusal;
mod roles;
mod rooms;
mod route;
mod signature;
mod tokens;
mod users;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::{Extension, Router, middleware};
use tokio_util::task::TaskTracker;

use super::api::Admin;
use super::caller::Caller;

pub use door::Peer;

use document::Document;
use refusal::Refused;
use route::Route;

/// All routes, for the operator of this machine. What changes something is done among `acts`.
pub fn for_operator(admin: Admin, acts: TaskTracker) -> Router {
    router(admin, acts).layer(Extension(Caller::operator()))
}

/// All routes, for whoever proves who he is. Each request carries its [`Peer`].
pub fn for_network(admin: Admin, acts: TaskTracker) -> Router {
    router(admin.clone(), acts).layer(middleware::from_fn_with_state(admin, door::admit))
}

fn router(admin: Admin, acts: TaskTracker) -> Router {
    let routes = routes();
    let document = Document::of(&routes);
    let mut router = Router::new();
    for Route { path, handler, .. } in routes {
        router = router.route(&format!("{PREFIX}{path}"), handler);
    }
    router
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn_with_state(acts, finish::finish))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(Extension(document))
        .with_state(admin)
}

/// Every route there is.
fn routes() -> Vec<Route> {
    let document = Route::new(Method::GET, DOCUMENT, "document", "This document", document::show).open();
    [users::routes(), pool::routes(), tokens::routes(), roles::routes(), audit::routes()]
        .into_iter()
        .chain([principals::routes(), categories::routes(), rooms::routes(), messages::routes()])
        .chain([policies::routes(), configurations::routes(), addins::routes(), vec![document]])
        .flatten()
        .collect()
}

async fn no_such_route() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this address")
}

async fn no_such_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "the method is not for this address")
}

/// Where the API is, and which version of it: one that breaks what clients rely on gets another number.
pub const PREFIX: &str = "/api/v1";

/// Where the document is, behind the prefix.
const DOCUMENT: &str = "/openapi.json";

/// A request is about one object: its JSON is short.
pub const BODY_BYTES_MAX: usize = 64 << 10;
