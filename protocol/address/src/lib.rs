//! Addresses that every dialect shares: prepared once at the edge, compared as bytes ever after.
//!
//! | module | what |
//! |---|---|
//! | [`jid`] | [`Jid`], [`BareJid`], [`FullJid`]: an XMPP address, valid by construction |
//! | [`preparation`] | nodeprep, resourceprep and host names: what makes two spellings one address |
//! | [`nickname`] | the key by which two room nicknames are the same, and passwords before they are hashed |
//!
//! Preparation is idempotent, and a string that would not be stable under a second pass is refused: an
//! address that changes whenever it is parsed again would be two addresses.

#![warn(missing_docs)]

pub mod jid;
pub mod nickname;
pub mod preparation;

pub use jid::{BareJid, FullJid, Jid};
pub use nickname::{nickname_key, prepare_password};
pub use preparation::{AddressError, Part};
