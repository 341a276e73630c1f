//! Headers: their names, and what the values of those that this project reads mean.
//!
//! Each type borrows its value from the message and is read when it is asked for, by the accessors of
//! [`Headers`](crate::message::Headers). Its `Display` writes it as it would be read again.

mod digest;
mod name;
mod name_addr;
mod params;
#[cfg(test)]
mod tests;
mod value;
mod via;

pub use digest::{Challenge, Credentials};
pub use name::Name;
pub use name_addr::{Contact, NameAddr};
pub use params::{Params, Quoted};
pub use value::{CSeq, MediaType, Replaces, Role, SessionExpires, Word};
pub(crate) use value::{call_id, max_forwards, retry_after};
pub use via::Via;
