//! Presence to everybody and to somebody, and subscriptions (RFC 6121 §3, §4).

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Child, Stanza};

use super::presence_kind;
use crate::account::{Appearance, Capabilities, Command};
use crate::chat::account::packet::{PacketKind, PresenceKind};
use crate::chat::command as room;
use crate::chat::message::Payload;
use crate::session::Session;

impl Session {
    pub(super) async fn send_presence(&mut self, number: u64, stanza: &Stanza, to: Option<Jid>) {
        let Some(kind) = presence_kind(stanza) else {
            return self.refuse(number, stanza, StanzaCondition::BadRequest);
        };
        match (kind, to) {
            (PresenceKind::Available, None) => self.account.appear(appearance(stanza)).await,
            (PresenceKind::Unavailable, None) => {
                self.account.vanish(payload(stanza)).await;
                // It goes to everybody who was sent presence, and so to every room (RFC 6121 §4.5.2).
                self.leave_rooms(&room::Command::Leave { presence: payload(stanza) }).await;
            }
            (PresenceKind::Available | PresenceKind::Unavailable, Some(to)) => {
                let appearance = (kind == PresenceKind::Available).then(|| appearance(stanza));
                if let Err(refusal) = self.account.direct(to, appearance, payload(stanza)).await {
                    return self.refuse_as(number, stanza, refusal.into());
                }
            }
            (PresenceKind::Subscription(_), None) => {
                return self.refuse(number, stanza, StanzaCondition::BadRequest);
            }
            (PresenceKind::Subscription(request), Some(to)) => {
                // RFC 6121 §3.1.2: it goes from account to account.
                let command = Command::Subscription { to: to.bare(), request, payload: payload(stanza) };
                if let Err(refusal) = self.account.ask(command).await {
                    return self.refuse_as(number, stanza, refusal.into());
                }
            }
            (PresenceKind::Error, Some(to)) => {
                let packet = self.packet(stanza, PacketKind::Presence(kind), to);
                self.account.relay(packet).await;
            }
            // Only servers probe (RFC 6121 §4.3).
            (PresenceKind::Probe, _) | (PresenceKind::Error, None) => {}
        }
        self.done(number);
    }
}

/// Reads an available presence.
pub(in crate::session) fn appearance(stanza: &Stanza) -> Appearance {
    let photo = stanza.child("x", namespace::VCARD_UPDATE).map(|update| update.element());
    let photo = photo.and_then(|update| update.child_text("photo", namespace::VCARD_UPDATE));
    let hides_photo = photo.is_some_and(|hash| hash.is_empty());
    let is_dropped =
        |child: &Child<'_>| is_forged(child) || (!hides_photo && child.is("x", namespace::VCARD_UPDATE));
    let priority =
        stanza.child("priority", namespace::CLIENT).and_then(|priority| priority.text().trim().parse().ok());
    Appearance {
        priority: priority.unwrap_or(0),
        payload: Payload(stanza.payload_without(is_dropped)),
        capabilities: capabilities(stanza),
        hides_photo,
    }
}

fn payload(stanza: &Stanza) -> Payload {
    Payload(stanza.payload_without(is_forged))
}

fn capabilities(stanza: &Stanza) -> Option<Capabilities> {
    let element = stanza.child("c", namespace::CAPS)?.element();
    Some(Capabilities {
        node: element.attribute("node")?.into(),
        hash: element.attribute("hash").unwrap_or_default().into(),
        version: element.attribute("ver")?.into(),
    })
}

/// What only rooms and servers say in presence.
fn is_forged(child: &Child<'_>) -> bool {
    matches!(
        (child.name(), child.namespace()),
        ("x", namespace::MUC_USER) | ("occupant-id", namespace::OCCUPANT_ID) | ("delay", namespace::DELAY)
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use perch_xmpp::stanza::Kind;

    use super::*;

    fn read(content: &str) -> Appearance {
        appearance(&Stanza::from_payload(Kind::Presence, Bytes::from(content.to_owned())).unwrap())
    }

    #[test]
    fn priority_is_a_small_number_or_zero() {
        let check = |text: &str, expected: i8| {
            assert_eq!(read(&format!("<priority>{text}</priority>")).priority, expected, "{text}");
        };
        check("5", 5);
        check(" -1 ", -1);
        check("-128", -128);
        check("128", 0);
        check("high", 0);
        check("", 0);
        assert_eq!(read("").priority, 0);
    }

    #[test]
    fn only_who_says_that_there_is_no_photo_is_believed() {
        let update = |inner: &str| format!("<x xmlns='vcard-temp:x:update'>{inner}</x>");
        let check = |content: String, kept: &str, hides_photo: bool| {
            let appearance = read(&format!("<show>away</show>{content}"));
            assert_eq!(appearance.payload.as_str(), format!("<show>away</show>{kept}"));
            assert_eq!(appearance.hides_photo, hides_photo);
        };
        check(String::new(), "", false);
        check(update(""), "", false);
        check(update("<photo>abc</photo>"), "", false);
        check(update("<photo/>"), &update("<photo/>"), true);
    }

    #[test]
    fn capabilities_are_read_as_they_are_announced() {
        let caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://x' ver='abc='/>";
        let expected = Capabilities { node: "http://x".into(), hash: "sha-1".into(), version: "abc=".into() };
        assert_eq!(read(caps).capabilities, Some(expected));
        assert_eq!(read("<c xmlns='http://jabber.org/protocol/caps'/>").capabilities, None);
    }
}
