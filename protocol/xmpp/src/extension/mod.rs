//! Payloads that several extensions share.
//!
//! | module | what |
//! |---|---|
//! | [`adhoc`] | commands: asking for one, and what came of it (XEP-0050) |
//! | [`form`] | data forms: asking, filling in, reporting (XEP-0004) |
//! | [`paging`] | results in pages (XEP-0059) |

pub mod adhoc;
pub mod form;
pub mod paging;
