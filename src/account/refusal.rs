//! An account's refusals as XMPP says them (RFC 6120 §8.3, XEP-0060 §12, XEP-0191 §3.3): one table.

use perch_xmpp::namespace;
use perch_xmpp::stanza::error::{ErrorType, StanzaCondition};
use perch_xmpp::xml::Element;

use crate::account::wire;
use crate::chat::account::packet::{IqKind, MessageKind, Packet, PacketKind, PresenceKind};
use crate::chat::account::refusal::AccountRefusal;

/// `<error/>` with its condition, the application's own condition where there is one, and a text for people.
pub(crate) fn error_element(refusal: AccountRefusal) -> Element {
    let (kind, condition, extra) = wire_form(refusal);
    let text = Element::new("text", namespace::STANZA_ERROR)
        .with_attribute("xml:lang", "en")
        .with_text(&refusal.to_string());
    Element::new("error", namespace::CLIENT)
        .with_attribute("type", kind.as_str())
        .with_child(Element::new(condition.as_str(), namespace::STANZA_ERROR))
        .with_child(text)
        .with_children(extra.map(|(name, namespace)| Element::new(name, namespace)))
}

/// The condition alone.
pub(crate) fn condition(refusal: AccountRefusal) -> StanzaCondition {
    wire_form(refusal).1
}

/// The packet that tells its sender why it was not taken; none where an error must not be answered.
pub(super) fn refuse(packet: &Packet, refusal: AccountRefusal) -> Option<Packet> {
    if packet.kind.is_final() {
        return None;
    }
    let kind = match packet.kind {
        PacketKind::Message(_) => PacketKind::Message(MessageKind::Error),
        PacketKind::Presence(_) => PacketKind::Presence(PresenceKind::Error),
        PacketKind::Iq(_) => PacketKind::Iq(IqKind::Error),
    };
    Some(Packet {
        kind,
        from: packet.to.clone(),
        to: packet.from.clone(),
        id: packet.id.clone(),
        lang: None,
        payload: wire::payload(&error_element(refusal)),
    })
}

type Extra = Option<(&'static str, &'static str)>;

fn wire_form(refusal: AccountRefusal) -> (ErrorType, StanzaCondition, Extra) {
    use AccountRefusal as R;
    use StanzaCondition as C;
    let condition = match refusal {
        R::BadRequest(_) | R::ItemRequired | R::NodeRequired | R::InvalidPayload | R::InvalidJid => {
            C::BadRequest
        }
        R::NotAcceptable(_) | R::Blocked => C::NotAcceptable,
        R::NoSuchItem => C::ItemNotFound,
        R::Unreachable => C::ServiceUnavailable,
        R::Forbidden => C::Forbidden,
        R::NotAllowed | R::ClosedNode => C::NotAllowed,
        R::NotOffered => C::FeatureNotImplemented,
        R::TooMany | R::TemporarilyUnavailable | R::NoSpace => C::ResourceConstraint,
        R::Exists | R::PreconditionNotMet => C::Conflict,
        R::PresenceRequired | R::GroupRequired | R::ApprovalRequired => C::NotAuthorized,
        R::NotSubscribed => C::UnexpectedRequest,
    };
    let kind = match refusal {
        R::Blocked | R::NotSubscribed => ErrorType::Cancel,
        _ => condition.usual_type(),
    };
    let extra = match refusal {
        R::Blocked => Some(("blocked", namespace::BLOCKING_ERRORS)),
        R::ItemRequired => Some(("item-required", namespace::PUBSUB_ERRORS)),
        R::NodeRequired => Some(("nodeid-required", namespace::PUBSUB_ERRORS)),
        R::InvalidPayload => Some(("invalid-payload", namespace::PUBSUB_ERRORS)),
        R::InvalidJid => Some(("invalid-jid", namespace::PUBSUB_ERRORS)),
        R::ClosedNode => Some(("closed-node", namespace::PUBSUB_ERRORS)),
        R::PreconditionNotMet => Some(("precondition-not-met", namespace::PUBSUB_ERRORS)),
        R::PresenceRequired => Some(("presence-subscription-required", namespace::PUBSUB_ERRORS)),
        R::GroupRequired => Some(("not-in-roster-group", namespace::PUBSUB_ERRORS)),
        R::ApprovalRequired => Some(("pending-subscription", namespace::PUBSUB_ERRORS)),
        R::NotSubscribed => Some(("not-subscribed", namespace::PUBSUB_ERRORS)),
        _ => None,
    };
    (kind, condition, extra)
}
