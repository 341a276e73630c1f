//! What a handler's signature says: parameters, bodies, answers. The document is made of it, so that the two cannot differ.

use axum::Extension;
use axum::extract::State;

use super::document::Sheet;
use super::refusal::Refused;
use crate::admin::api::Admin;

/// A handler, as far as the document goes.
pub(super) trait Signature<T> {
    fn describe(sheet: &mut Sheet<'_>);
}

/// What a handler takes.
pub(super) trait Input {
    fn describe(sheet: &mut Sheet<'_>);
}

/// What a handler gives.
pub(super) trait Output {
    fn describe(sheet: &mut Sheet<'_>);
}

macro_rules! signature {
    ($($input:ident)*) => {
        impl<F, W, O, $($input,)*> Signature<($($input,)*)> for F
        where
            F: Fn($($input,)*) -> W,
            W: Future<Output = O>,
            O: Output,
            $($input: Input,)*
        {
            fn describe(sheet: &mut Sheet<'_>) {
                $($input::describe(sheet);)*
                O::describe(sheet);
            }
        }
    };
}

signature!(A);
signature!(A B);
signature!(A B C);
signature!(A B C D);
signature!(A B C D E);

impl<O: Output> Output for Result<O, Refused> {
    fn describe(sheet: &mut Sheet<'_>) {
        O::describe(sheet);
    }
}

/// No part of the request.
impl Input for State<Admin> {
    fn describe(_: &mut Sheet<'_>) {}
}

/// No part of the request.
impl<T> Input for Extension<T> {
    fn describe(_: &mut Sheet<'_>) {}
}
