//! XMPP without I/O.
