//! XML as RFC 6120 §11 allows it.
