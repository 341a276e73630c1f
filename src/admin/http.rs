//! The operations as HTTP and JSON: one route each, no logic. Who calls is decided by where the router is served.

mod messages;
mod principals;

use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Extension, Router};

use super::api::{self, Admin, AdminError, Caller, PAGE_MAX};
use super::wire::{
    Address, Database, Keys, KeysError, MemberState, MemberWish, NewUser, PageQuery, PoolMember, PoolStatus,
    Problem, Secret, Standby, User, UserChange, UserPage,
};
use crate::auth;
use crate::pool::MemberStatus;
use crate::store;

/// All routes, on behalf of `caller`.
pub fn router(admin: Admin, caller: Caller) -> Router {
    Router::new()
        .route("/v1/users", get(users).post(add_user))
        .route("/v1/users/{address}", patch(change_user).delete(remove_user))
        .route("/v1/users/{address}/secret", put(change_secret))
        .route("/v1/messages/search", post(messages::search))
        .route("/v1/messages/remove", post(messages::remove))
        .route("/v1/rooms/search", post(messages::search_rooms))
        .route("/v1/rooms/{room}/clear", post(messages::clear))
        .route("/v1/pool", get(pool))
        .route("/v1/pool/{member}", patch(want_member))
        .merge(principals::routes())
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(Extension(caller))
        .with_state(admin)
}

async fn users(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<PageQuery>,
) -> Result<Json<UserPage>, Refused> {
    let page = admin.users(&caller, query.after.as_deref(), query.limit.unwrap_or(PAGE_MAX)).await?;
    Ok(Json(UserPage { users: page.users.into_iter().map(user).collect(), next: page.next }))
}

async fn add_user(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Json<User>), Refused> {
    let added = admin.add_user(&caller, &new.address, secret(new.secret)?).await?;
    Ok((StatusCode::CREATED, Json(user(added))))
}

async fn change_user(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Path(address): Path<String>,
    Json(change): Json<UserChange>,
) -> Result<Json<User>, Refused> {
    Ok(Json(user(admin.set_user_disabled(&caller, &address, change.disabled).await?)))
}

async fn remove_user(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Path(address): Path<String>,
) -> Result<Json<Address>, Refused> {
    let address = admin.remove_user(&caller, &address).await?.to_string();
    Ok(Json(Address { address }))
}

async fn change_secret(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Path(address): Path<String>,
    Json(new): Json<Secret>,
) -> Result<Json<Address>, Refused> {
    let address = admin.change_secret(&caller, &address, secret(new)?).await?.to_string();
    Ok(Json(Address { address }))
}

async fn pool(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<PoolStatus>, Refused> {
    let members = admin.members(&caller).await?.into_iter().map(member).collect();
    let database = admin.database(&caller).await?.map(database);
    Ok(Json(PoolStatus { members, database }))
}

async fn want_member(
    State(admin): State<Admin>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(wish): Json<MemberWish>,
) -> Result<Json<PoolMember>, Refused> {
    let state = match wish.state {
        MemberState::Active => store::member::MemberState::Active,
        MemberState::Standby => store::member::MemberState::Standby,
        MemberState::Draining => store::member::MemberState::Draining,
        MemberState::Gone => store::member::MemberState::Gone,
    };
    Ok(Json(member(admin.want_member(&caller, &name, state).await?)))
}

async fn no_such_route() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this address")
}

async fn no_such_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "the method is not for this address")
}

fn user(user: api::User) -> User {
    User { address: user.address.to_string(), disabled: user.is_disabled }
}

fn member(status: MemberStatus) -> PoolMember {
    let MemberStatus { member, is_me, heard } = status;
    let state = |state| match state {
        store::member::MemberState::Active => MemberState::Active,
        store::member::MemberState::Standby => MemberState::Standby,
        store::member::MemberState::Draining => MemberState::Draining,
        store::member::MemberState::Gone => MemberState::Gone,
    };
    // An embedded store ends no leases.
    let lease = member.lease.filter(|lease| *lease < Duration::MAX);
    PoolMember {
        name: member.name.into(),
        incarnation: member.incarnation,
        state: state(member.showing.state),
        wanted: state(member.wanted),
        alive: member.lease.is_some(),
        lease_ms: lease.map(ms),
        heard_ms: heard.filter(|_| member.lease.is_some()).map(ms),
        address: member.address.map(Into::into),
        asked: is_me,
    }
}

fn database(found: store::database::Database) -> Database {
    let standby = |standby: store::database::Standby| Standby {
        name: standby.name.map(Into::into),
        synchronous: standby.is_synchronous,
        behind_bytes: standby.behind,
        lag_ms: standby.lag.map(ms),
    };
    Database {
        host: found.host.into(),
        epoch: found.epoch.0,
        timeline: found.timeline,
        site: found.site.map(Into::into),
        synchronous: found.is_synchronous,
        standbys: found.standbys.into_iter().map(standby).collect(),
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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

/// Why a request was not done, as its answer.
struct Refused {
    status: StatusCode,
    problem: Problem,
}

impl Refused {
    fn new(status: StatusCode, error: &str, text: impl Into<String>) -> Self {
        Self { status, problem: Problem { error: error.to_owned(), text: text.into() } }
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        let (status, name) = match error {
            AdminError::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            AdminError::Address(_) => (StatusCode::BAD_REQUEST, "bad-address"),
            AdminError::NotOurs => (StatusCode::BAD_REQUEST, "not-ours"),
            AdminError::NameTaken => (StatusCode::CONFLICT, "name-taken"),
            AdminError::NoSuchAccount => (StatusCode::NOT_FOUND, "no-such-account"),
            AdminError::Password(_) => (StatusCode::BAD_REQUEST, "bad-password"),
            AdminError::NoSuchPrincipal => (StatusCode::NOT_FOUND, "no-such-principal"),
            AdminError::AddressTaken => (StatusCode::CONFLICT, "address-taken"),
            AdminError::CannotHold => (StatusCode::CONFLICT, "cannot-hold"),
            AdminError::NotMade => (StatusCode::BAD_REQUEST, "not-made"),
            AdminError::BadName => (StatusCode::BAD_REQUEST, "bad-name"),
            AdminError::OfDirectory => (StatusCode::CONFLICT, "of-directory"),
            AdminError::NoSuchMember => (StatusCode::NOT_FOUND, "no-such-member"),
            AdminError::LastActive => (StatusCode::CONFLICT, "last-active"),
            AdminError::NoWish => (StatusCode::BAD_REQUEST, "no-wish"),
            AdminError::NoSuchRoom => (StatusCode::NOT_FOUND, "no-such-room"),
            AdminError::NothingAsked => (StatusCode::BAD_REQUEST, "nothing-asked"),
            AdminError::BadDate => (StatusCode::BAD_REQUEST, "bad-date"),
            AdminError::NoSuchPlace => (StatusCode::BAD_REQUEST, "no-such-place"),
            AdminError::BeingIndexed => (StatusCode::SERVICE_UNAVAILABLE, "being-indexed"),
            AdminError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, name, error.to_string())
    }
}

impl From<KeysError> for Refused {
    fn from(error: KeysError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-keys", error.to_string())
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad-body", rejection.body_text())
    }
}

impl From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad-query", rejection.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.problem)).into_response()
    }
}

/// JSON in and out; what is no JSON is answered like every other refusal.
struct Json<T>(T);

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Refused> {
        let axum::Json(value) = axum::Json::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// A query, refused like every other.
struct Query<T>(T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Refused> {
        let axum::extract::Query(value) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}
