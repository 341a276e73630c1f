//! Administration: every operation once, typed, with the rights to it checked here and nowhere else.
//!
//! | module | what |
//! |---|---|
//! | [`api`] | the operations |
//! | [`caller`] | who asks for one |
//! | [`rights`] | who may do what |
//! | [`http`] | the operations as HTTP and JSON |
//! | [`socket`] | serves that to the operator of this machine |
//! | [`wire`] | the JSON, as both ends name it |
//!
//! The command line and whatever else administers are clients of these, without a logic of their own.

pub mod api;
pub mod caller;
pub mod http;
pub mod rights;
#[cfg(test)]
pub(crate) mod scene;
pub mod socket;
pub mod wire;

pub use api::{Admin, AdminError};
pub use caller::Caller;
