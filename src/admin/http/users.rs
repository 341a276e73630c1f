//! Routes to the accounts.

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Created, Json, Path, Query};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::{self, Admin};
use crate::admin::rights::Operation;
use crate::admin::wire::{Address, Keys, KeysError, NewUser, PageQuery, Secret, User, UserChange, UserPage};
use crate::auth;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/users", "listUsers", "The accounts, by name", list)
            .needs(Operation::ListUsers),
        Route::new(Method::POST, "/users", "addUser", "Add an account", add)
            .needs(Operation::AddUser)
            .refuses(&[StatusCode::CONFLICT]),
        Route::new(Method::GET, "/users/{address}", "showUser", "An account", show)
            .needs(Operation::ListUsers),
        Route::new(Method::PATCH, "/users/{address}", "changeUser", "Disable or enable an account", change)
            .needs(Operation::ChangeUser),
        Route::new(Method::DELETE, "/users/{address}", "removeUser", "Remove an account", remove)
            .needs(Operation::RemoveUser),
        Route::new(
            Method::PUT,
            "/users/{address}/secret",
            "changeSecret",
            "Give an account a new password",
            change_secret,
        )
        .needs(Operation::ChangeSecret),
    ]
}

async fn list(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<PageQuery>,
) -> Result<Json<UserPage>, Refused> {
    let page = admin.users(&caller, query.after.as_deref(), query.limit.map(Into::into)).await?;
    Ok(Json(UserPage { users: page.items.into_iter().map(user).collect(), next: page.next }))
}

async fn add(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewUser>,
) -> Result<Created<User>, Refused> {
    let added = admin.add_user(&caller, &new.address, secret(new.secret)?).await?;
    Ok(Created(user(added)))
}

async fn show(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Path(address): Path<String>,
) -> Result<Json<User>, Refused> {
    Ok(Json(user(admin.user(&caller, &address).await?)))
}

async fn change(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
    Json(change): Json<UserChange>,
) -> Result<Json<User>, Refused> {
    Ok(Json(user(admin.set_user_disabled(&caller, &address, change.disabled).await?)))
}

async fn remove(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
) -> Result<Json<Address>, Refused> {
    let address = admin.remove_user(&caller, &address).await?.to_string();
    Ok(Json(Address { address }))
}

async fn change_secret(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(address): Path<String>,
    Json(new): Json<Secret>,
) -> Result<Json<Address>, Refused> {
    let address = admin.change_secret(&caller, &address, secret(new)?).await?.to_string();
    Ok(Json(Address { address }))
}

fn user(user: api::user::User) -> User {
    User { address: user.address.to_string(), disabled: user.is_disabled }
}

fn secret(secret: Secret) -> Result<auth::Secret, KeysError> {
    match secret {
        Secret::Password(password) => Ok(auth::Secret::Password(password)),
        Secret::Keys(keys) => {
            if keys.is_empty() {
                return Err(KeysError);
            }
            let keys: Result<_, _> = keys.iter().map(|text| Ok(Keys::parse(text)?.0)).collect();
            keys.map(auth::Secret::Keys)
        }
    }
}
