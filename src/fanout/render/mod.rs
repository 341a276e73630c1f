//! Events into bytes, once for each way of seeing them. One dialect a folder or file.

pub mod xmpp;
