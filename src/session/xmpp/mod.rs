//! XMPP stanzas to commands, and outcomes to stanzas.

pub mod account;
pub mod adhoc;
mod archive;
pub mod content;
pub mod dispatch;
pub mod refusal;
pub mod room;

use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::xml::Element;

/// The empty answer to a stanza.
pub(super) fn reply_to(stanza: &Stanza, type_: &str) -> Element {
    Element::new(stanza.kind.as_str(), namespace::CLIENT)
        .with_optional("from", stanza.to.clone())
        .with_optional("to", stanza.from.clone())
        .with_optional("id", stanza.id.clone())
        .with_attribute("type", type_)
}
