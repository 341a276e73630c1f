//! Who is asking, over the network: nothing behind this is reached by anybody who has not proved that.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::refusal::Refused;
use super::{DOCUMENT, PREFIX};
use crate::admin::api::{Admin, AdminError};
use crate::admin::caller::Caller;

/// From where a request comes. Whoever takes connections puts it to each.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What somebody shows to prove who he is.
enum Proof {
    Token(String),
    Password { name: String, password: String },
}

pub(super) async fn admit(State(admin): State<Admin>, mut request: Request, next: Next) -> Response {
    // The document says nothing that is not in the source.
    let is_document = request.uri().path().strip_prefix(PREFIX) == Some(DOCUMENT);
    if is_document && request.method() == Method::GET {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>().copied();
    match caller(&admin, peer, proof(&request)).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => Refused::from(error).into_response(),
    }
}

async fn caller(admin: &Admin, peer: Option<Peer>, proof: Option<Proof>) -> Result<Caller, AdminError> {
    let Peer(peer) = peer.ok_or(AdminError::Unauthenticated)?;
    match proof.ok_or(AdminError::Unauthenticated)? {
        Proof::Token(text) => admin.by_token(&text, peer).await,
        Proof::Password { name, password } => admin.by_password(&name, password, peer).await,
    }
}

fn proof(request: &Request) -> Option<Proof> {
    let (scheme, proof) = credentials(request.headers())?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Proof::Token(proof.to_owned()));
    }
    // A password is good for a token, and for nothing else: programs are not to keep one.
    let wants_token = request.method() == Method::POST && request.uri().path() == format!("{PREFIX}/tokens");
    if scheme.eq_ignore_ascii_case("basic") && wants_token {
        let (name, password) = basic(proof)?;
        return Some(Proof::Password { name, password });
    }
    None
}

/// Scheme and proof, if there are any, and only once.
fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, proof) = value.split_once(' ')?;
    values.next().is_none().then_some((scheme, proof.trim_start_matches(' ')))
}

/// Name and password (RFC 7617 §2).
fn basic(proof: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(proof).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
