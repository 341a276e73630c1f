//! Payloads that several extensions share.
//!
//! | module | what |
//! |---|---|
//! | [`form`] | data forms: asking, filling in, reporting (XEP-0004) |
//! | [`paging`] | results in pages (XEP-0059) |

pub mod form;
pub mod paging;
