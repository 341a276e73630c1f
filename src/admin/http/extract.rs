//! Requests read and answers written; what is not understood is refused like everything else.

use axum::Extension;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::document::Sheet;
use super::refusal::Refused;
use super::signature::{Input, Output};
use crate::admin::api::Condition;
use crate::admin::caller::Caller;
use crate::admin::wire::ChangeQuery;
use crate::chat::administration::ActNumber;

/// JSON, in and out.
pub(super) struct Json<T>(pub(super) T);

/// What was made.
pub(super) struct Created<T>(pub(super) T);

/// What has a version.
pub(super) struct Tagged<T>(pub(super) ActNumber, pub(super) T);

/// A query.
pub(super) struct Query<T>(pub(super) T);

/// What stands in the path where the route has names.
pub(super) struct Path<T>(pub(super) T);

/// Who asks to see something.
pub(super) struct Asker(pub(super) Caller);

/// Who asks for a change: to be done, or only tried.
pub(super) struct Changer(pub(super) Caller);

/// `If-Match` and `If-None-Match` (RFC 9110 §13.1).
pub(super) struct Precondition(pub(super) Condition);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let axum::Json(value) = axum::Json::from_request(request, state).await?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let axum::extract::Query(value) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let axum::extract::Path(value) = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let caller = Extension::<Caller>::from_request_parts(parts, state).await;
        // Whoever serves the routes says who asks; a request of which that is not known is nobody's.
        let Extension(caller) = caller.map_err(|_| Refused::unauthenticated())?;
        Ok(Self(caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Changer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let Asker(caller) = Asker::from_request_parts(parts, state).await?;
        let Query(query) = Query::<ChangeQuery>::from_request_parts(parts, state).await?;
        Ok(Self(Caller { is_trial: query.dry_run, ..caller }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let values = |name: HeaderName| {
            let values = parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
            values.flat_map(|value| value.split(',')).map(str::trim).collect::<Vec<_>>()
        };
        let (matches, differs) = (values(IF_MATCH), values(IF_NONE_MATCH));
        Ok(Self(match (matches.as_slice(), differs.as_slice()) {
            ([], []) => Condition::Any,
            (["*"], []) => Condition::Present,
            ([], ["*"]) => Condition::New,
            // What is no tag of ours is one that nothing has.
            (tags, []) => Condition::Versions(tags.iter().filter_map(|tag| version(tag)).collect()),
            // It would have to be there, and not.
            (_, ["*"]) => Condition::Versions(Vec::new()),
            _ => {
                let text = "If-None-Match is understood as * alone";
                return Err(Refused::new(StatusCode::BAD_REQUEST, "bad-precondition", text));
            }
        }))
    }
}

/// A strong tag of ours.
fn version(tag: &str) -> Option<ActNumber> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok().map(ActNumber)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = format!("\"{}\"", self.0.0);
        ([(ETAG, tag)], axum::Json(self.1)).into_response()
    }
}

impl<T: JsonSchema> Input for Json<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.takes_body::<T>();
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.takes_query::<T>();
    }
}

impl<T: JsonSchema> Input for Path<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.takes_path::<T>();
    }
}

impl Input for Asker {
    fn describe(_: &mut Sheet<'_>) {}
}

impl Input for Changer {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.takes_query::<ChangeQuery>();
    }
}

impl Input for Precondition {
    fn describe(sheet: &mut Sheet<'_>) {
        let any = json!({ "type": "string" });
        sheet.takes_header("If-Match", "Only if the object has this version, as ETag has it.", any);
        let new = json!({ "type": "string", "enum": ["*"] });
        sheet.takes_header("If-None-Match", "Only if there is no such object yet.", new);
        sheet.refuses(&[StatusCode::PRECONDITION_FAILED]);
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.answers::<T>(StatusCode::OK, false);
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.answers::<T>(StatusCode::CREATED, false);
    }
}

impl<T: JsonSchema> Output for Tagged<T> {
    fn describe(sheet: &mut Sheet<'_>) {
        sheet.answers::<T>(StatusCode::OK, true);
    }
}
