//! Stand-in.
use crate::chat::refusal::Refusal;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;
pub fn error_element(refusal: &Refusal) -> Element {
    let c = StanzaCondition::NotAcceptable;
    Element::new("error", perch_xmpp::namespace::CLIENT)
        .with_attribute("type", "cancel")
        .with_child(Element::new(c.as_str(), perch_xmpp::namespace::STANZA_ERROR))
        .with_child(Element::new("text", perch_xmpp::namespace::STANZA_ERROR).with_text(&refusal.to_string()))
}
