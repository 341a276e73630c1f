//! What a stream offers after its header (RFC 6120 §4.3.2): before TLS, before authentication, and behind it.

use super::{Negotiation, StartTls};
use crate::namespace;
use crate::sasl::{Mechanism, Offer};
use crate::xml::Element;

/// How much a stream takes (XEP-0478).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnouncedLimits {
    /// Bytes of one stanza.
    pub max_bytes: u32,
    /// Seconds of silence after which the peer is looked after.
    pub idle_seconds: Option<u32>,
}

impl Negotiation {
    /// The features that the stream offers now, written.
    pub(super) fn features(&self) -> Vec<u8> {
        let features = match &self.account {
            Some(_) => self.session_features(),
            None => self.entrance_features(),
        };
        let mut out = b"<stream:features>".to_vec();
        for feature in features {
            feature.write(namespace::CLIENT, &mut out);
        }
        out.extend_from_slice(b"</stream:features>");
        out
    }

    fn entrance_features(&self) -> Vec<Element> {
        let mut features = Vec::new();
        if self.offers_starttls() {
            let starttls = Element::new("starttls", namespace::TLS);
            if self.demands_tls() {
                // Whatever else stood here could be taken by a client whose request for TLS was cut out.
                return vec![starttls.with_child(Element::new("required", namespace::TLS))];
            }
            features.push(starttls);
        }
        features.extend(mechanisms(&self.offer));
        features.extend(channel_bindings(&self.offer));
        if self.config.registration {
            features.push(Element::new("register", namespace::REGISTER_FEATURE));
        }
        features.extend(self.config.entrance_limits.map(limits));
        features
    }

    fn session_features(&self) -> Vec<Element> {
        // Old clients ask for a session; the answer changes nothing, and new ones need not ask (RFC 6121 errata 2907).
        let session = Element::new("session", namespace::SESSION)
            .with_child(Element::new("optional", namespace::SESSION));
        let mut features = vec![Element::new("bind", namespace::BIND), session];
        features.push(Element::new("sm", namespace::STREAM_MANAGEMENT));
        features.push(Element::new("ver", namespace::ROSTER_VERSIONING));
        features.push(Element::new("sub", namespace::SUBSCRIPTION_PRE_APPROVAL));
        features.extend(self.config.session_limits.map(limits));
        features.extend(self.config.session_features.iter().cloned());
        features
    }

    pub(super) fn offers_starttls(&self) -> bool {
        !self.is_secured && self.config.starttls != StartTls::Off
    }

    pub(super) fn demands_tls(&self) -> bool {
        !self.is_secured && self.config.starttls == StartTls::Required
    }
}

fn mechanisms(offer: &Offer) -> Option<Element> {
    let name =
        |mechanism: &Mechanism| Element::new("mechanism", namespace::SASL).with_text(mechanism.as_str());
    (!offer.mechanisms.is_empty())
        .then(|| Element::new("mechanisms", namespace::SASL).with_children(offer.mechanisms.iter().map(name)))
}

/// The types of channel binding, where a mechanism can use one (XEP-0440).
fn channel_bindings(offer: &Offer) -> Option<Element> {
    let binding =
        |name| Element::new("channel-binding", namespace::CHANNEL_BINDING).with_attribute("type", name);
    offer.offers_binding().then(|| {
        Element::new("sasl-channel-binding", namespace::CHANNEL_BINDING)
            .with_children(offer.bindings.types().map(binding))
    })
}

fn limits(announced: AnnouncedLimits) -> Element {
    let number =
        |name, value: u32| Element::new(name, namespace::STREAM_LIMITS).with_text(&value.to_string());
    Element::new("limits", namespace::STREAM_LIMITS)
        .with_child(number("max-bytes", announced.max_bytes))
        .with_children(announced.idle_seconds.map(|seconds| number("idle-seconds", seconds)))
}
