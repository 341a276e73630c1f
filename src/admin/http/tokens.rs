//! Routes to the tokens.

use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode};

use super::extract::{Asker, Changer, Created, Json, Path, Query};
use super::refusal::Refused;
use super::route::Route;
use crate::admin::api::token::{HolderName, TokenEntry};
use crate::admin::api::{Admin, AdminError};
use crate::admin::rights::Operation;
use crate::admin::wire::{MadeToken, NewToken, Token, TokenPage, TokenQuery, time_text};
use crate::chat::administration::ActNumber;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            Method::GET,
            "/tokens",
            "listTokens",
            "The tokens, in the order in which they were made",
            list,
        )
        .needs(Operation::ListTokens)
        .refuses(&[StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY]),
        Route::new(Method::POST, "/tokens", "addToken", "Make a token", add)
            .needs(Operation::AddToken)
            .or_password()
            .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS]),
        Route::new(Method::DELETE, "/tokens/{id}", "revokeToken", "Revoke a token", revoke)
            .needs(Operation::RevokeToken),
    ]
}

async fn list(
    State(admin): State<Admin>,
    Asker(caller): Asker,
    Query(query): Query<TokenQuery>,
) -> Result<Json<TokenPage>, Refused> {
    let after = query.after.map(ActNumber);
    let page = admin.tokens(&caller, query.account.as_deref(), after, query.limit.map(Into::into)).await?;
    Ok(Json(TokenPage { tokens: page.items.into_iter().map(token).collect(), next: page.next }))
}

async fn add(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Json(new): Json<NewToken>,
) -> Result<Created<MadeToken>, Refused> {
    let holder = match (new.account, new.service) {
        (None, None) => HolderName::Asker,
        (Some(account), None) => HolderName::Account(account),
        (None, Some(service)) => HolderName::Service(service),
        (Some(_), Some(_)) => return Err(AdminError::BadHolder.into()),
    };
    let scopes = new.scopes.into_iter().map(Into::into).collect();
    let made = admin.add_token(&caller, holder, scopes, Duration::from_secs(new.expires_in)).await?;
    Ok(Created(MadeToken { token: made.text.to_string(), entry: token(made.entry) }))
}

async fn revoke(
    State(admin): State<Admin>,
    Changer(caller): Changer,
    Path(number): Path<i64>,
) -> Result<Json<Token>, Refused> {
    Ok(Json(token(admin.revoke_token(&caller, ActNumber(number)).await?)))
}

fn token(entry: TokenEntry) -> Token {
    Token {
        id: entry.number.0,
        holder: entry.holder.to_string(),
        scopes: entry.scopes.into_iter().map(Into::into).collect(),
        created_at: time_text(entry.created_at),
        expires_at: time_text(entry.expires_at),
    }
}
