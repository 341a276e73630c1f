//! A small XMPP client, made for tests: it shares no code with the server and verifies all that it can.

pub(crate) mod element;
mod scram;
pub(crate) mod stream;

pub(crate) use element::{Element, escape};
pub(crate) use scram::SaltedPassword;
pub(crate) use stream::{Connector, Stream};

pub(crate) const CLIENT: &str = "jabber:client";
pub(crate) const STREAM_MANAGEMENT: &str = "urn:xmpp:sm:3";
pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
pub(crate) const FORM: &str = "jabber:x:data";
pub(crate) const STANZA_ID: &str = "urn:xmpp:sid:0";
pub(crate) const DELAY: &str = "urn:xmpp:delay";
pub(crate) const FORWARD: &str = "urn:xmpp:forward:0";
pub(crate) const ARCHIVE: &str = "urn:xmpp:mam:2";
pub(crate) const RESULT_SET: &str = "http://jabber.org/protocol/rsm";
const STREAMS: &str = "http://etherx.jabber.org/streams";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
