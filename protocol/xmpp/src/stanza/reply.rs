//! Answers that follow from the stanza they answer (RFC 6120 §8.2.3, §8.3).

use super::Stanza;
use super::error::{ErrorType, StanzaCondition};
use crate::namespace;
use crate::xml::Element;

/// The result of an iq, to whoever asked.
pub fn iq_result(request: &Stanza, payload: Option<Element>) -> Element {
    reply(request, "result").with_children(payload)
}

/// The refusal of a stanza, to its sender, or none where an error must not be answered (RFC 6120 §8.3.1): two that
/// answer each other's errors never end. The payload is not sent back, as §8.3.1 permits.
pub fn error_reply(
    stanza: &Stanza,
    error_type: ErrorType,
    condition: StanzaCondition,
    text: Option<&str>,
    extra: Option<Element>,
) -> Option<Element> {
    if matches!(stanza.type_.as_deref(), Some("error" | "result")) {
        return None;
    }
    let text = text.map(|text| Element::new("text", namespace::STANZA_ERROR).with_text(text));
    let error = Element::new("error", namespace::CLIENT)
        .with_attribute("type", error_type.as_str())
        .with_child(Element::new(condition.as_str(), namespace::STANZA_ERROR))
        .with_children(text)
        .with_children(extra);
    Some(reply(stanza, "error").with_child(error))
}

fn reply(stanza: &Stanza, type_: &str) -> Element {
    Element::new(stanza.kind.as_str(), namespace::CLIENT)
        .with_optional("from", stanza.to.clone())
        .with_optional("to", stanza.from.clone())
        .with_optional("id", stanza.id.clone())
        .with_attribute("type", type_)
}
