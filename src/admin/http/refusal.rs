//! Why a request was not done, as its answer: a problem in JSON (RFC 9457).

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::admin::api::AdminError;
use crate::admin::wire::{KeysError, Problem};

#[derive(Debug)]
pub(super) struct Refused(Problem, StatusCode);

impl Refused {
    /// `name` is for programs and never changes; `detail` is for people.
    pub(super) fn new(status: StatusCode, name: &str, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("{}{name}", Problem::PREFIX),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        };
        Self(problem, status)
    }

    pub(super) fn unauthenticated() -> Self {
        AdminError::Unauthenticated.into()
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        let (status, name) = match error {
            AdminError::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            AdminError::TooManyAttempts => (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts"),
            AdminError::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            AdminError::OutOfScope(_) => (StatusCode::FORBIDDEN, "out-of-scope"),
            AdminError::Address(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-address"),
            AdminError::NotOurs => (StatusCode::UNPROCESSABLE_ENTITY, "not-ours"),
            AdminError::NameTaken => (StatusCode::CONFLICT, "name-taken"),
            AdminError::NoSuchAccount => (StatusCode::NOT_FOUND, "no-such-account"),
            AdminError::Password(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-password"),
            AdminError::NoSuchMember => (StatusCode::NOT_FOUND, "no-such-member"),
            AdminError::LastActive => (StatusCode::CONFLICT, "last-active"),
            AdminError::NoWish => (StatusCode::UNPROCESSABLE_ENTITY, "no-wish"),
            AdminError::NoTrial => (StatusCode::CONFLICT, "no-trial"),
            AdminError::NotThere => (StatusCode::NOT_FOUND, "not-there"),
            AdminError::Stale => (StatusCode::PRECONDITION_FAILED, "stale"),
            AdminError::InUse(_) => (StatusCode::CONFLICT, "in-use"),
            AdminError::TooManyTokens => (StatusCode::CONFLICT, "too-many-tokens"),
            AdminError::NoScopes => (StatusCode::UNPROCESSABLE_ENTITY, "no-scopes"),
            AdminError::BadExpiry => (StatusCode::UNPROCESSABLE_ENTITY, "bad-expiry"),
            AdminError::BadHolder => (StatusCode::UNPROCESSABLE_ENTITY, "bad-holder"),
            AdminError::BadLevel => (StatusCode::UNPROCESSABLE_ENTITY, "bad-level"),
            AdminError::NotGranted => (StatusCode::UNPROCESSABLE_ENTITY, "not-granted"),
            AdminError::NoSuchPrincipal => (StatusCode::NOT_FOUND, "no-such-principal"),
            AdminError::AddressTaken => (StatusCode::CONFLICT, "address-taken"),
            AdminError::CannotHold => (StatusCode::UNPROCESSABLE_ENTITY, "cannot-hold"),
            AdminError::NotMade => (StatusCode::UNPROCESSABLE_ENTITY, "not-made"),
            AdminError::OfDirectory => (StatusCode::CONFLICT, "of-directory"),
            AdminError::DirectoryAway => (StatusCode::SERVICE_UNAVAILABLE, "directory-away"),
            AdminError::BadName => (StatusCode::UNPROCESSABLE_ENTITY, "bad-name"),
            AdminError::NoSuchRoom => (StatusCode::NOT_FOUND, "no-such-room"),
            AdminError::NoSuchCategory => (StatusCode::NOT_FOUND, "no-such-category"),
            AdminError::WhichCategory => (StatusCode::UNPROCESSABLE_ENTITY, "which-category"),
            AdminError::TooLong => (StatusCode::UNPROCESSABLE_ENTITY, "too-long"),
            AdminError::Room(_) => (StatusCode::CONFLICT, "room-refuses"),
            AdminError::BadDate => (StatusCode::UNPROCESSABLE_ENTITY, "bad-date"),
            AdminError::NoSuchPlace => (StatusCode::UNPROCESSABLE_ENTITY, "no-such-place"),
            AdminError::BeingIndexed => (StatusCode::SERVICE_UNAVAILABLE, "being-indexed"),
            AdminError::NothingAsked => (StatusCode::UNPROCESSABLE_ENTITY, "nothing-asked"),
            AdminError::Policy(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-policy"),
            AdminError::Configuration(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-configuration"),
            AdminError::Addin(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-addin"),
            AdminError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, name, error.to_string())
    }
}

impl From<KeysError> for Refused {
    fn from(error: KeysError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-keys", error.to_string())
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad-body", rejection.body_text())
    }
}

impl From<BytesRejection> for Refused {
    fn from(rejection: BytesRejection) -> Self {
        Self::new(rejection.status(), "bad-body", rejection.body_text())
    }
}

impl From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad-query", rejection.body_text())
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "bad-path", rejection.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(problem, status) = self;
        let mut response = (status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"perch\""));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            _ => {}
        }
        response
    }
}
