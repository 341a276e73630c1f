//! A route: where it is, what serves it, and what the document says of it.

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::document::Sheet;
use super::signature::Signature;
use crate::admin::api::Admin;
use crate::admin::rights::Operation;

pub(super) struct Route {
    pub(super) method: Method,
    /// Behind the prefix; names of parameters in braces.
    pub(super) path: &'static str,
    /// What programs that are made from the document call it.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    /// What it answers beside what its signature tells.
    pub(super) refusals: &'static [StatusCode],
    /// Tells what its signature does.
    pub(super) describe: fn(&mut Sheet<'_>),
    pub(super) handler: MethodRouter<Admin>,
}

/// Who may use a route, as far as that is known before he asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Whoever has a token that is good for it.
    Token(Operation),
    /// The same, or whoever proves himself by name and password.
    TokenOrPassword(Operation),
}

impl Route {
    /// A route that anybody with any token may try, until it is said what it needs.
    pub(super) fn new<H, T, U>(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Admin> + Signature<U>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method of the standard");
        Self {
            method,
            path,
            id,
            summary,
            access: Access::Open,
            refusals: &[],
            describe: H::describe,
            handler: on(filter, handler),
        }
    }

    pub(super) fn open(self) -> Self {
        Self { access: Access::Open, ..self }
    }

    pub(super) fn needs(self, operation: Operation) -> Self {
        Self { access: Access::Token(operation), ..self }
    }

    pub(super) fn or_password(self) -> Self {
        let access = match self.access {
            Access::Token(operation) => Access::TokenOrPassword(operation),
            access => access,
        };
        Self { access, ..self }
    }

    pub(super) fn refuses(self, refusals: &'static [StatusCode]) -> Self {
        Self { refusals, ..self }
    }
}
