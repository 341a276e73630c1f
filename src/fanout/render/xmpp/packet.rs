//! Stanzas of and between accounts: their addresses are written, their content is passed on as it came.

use perch_xmpp::xml::write::escape_attribute;

use super::write::attribute;
use crate::chat::account::packet::{Packet, PacketKind};
use crate::chat::message::Payload;
use crate::fanout::frame::Frame;

/// A packet with the address that it names, whoever gets it (RFC 6121 §8.5.2: a bare address is not rewritten).
pub fn addressed(packet: &Packet) -> Frame {
    let mut out = start(packet.kind, packet.from.as_str(), packet.payload.0.len());
    out.extend_from_slice(b" to='");
    escape_attribute(packet.to.as_str(), &mut out);
    out.push(b'\'');
    finish(packet.kind, packet.id.as_deref(), packet.lang.as_deref(), &packet.payload, &mut out);
    Frame::addressed(out)
}

/// A stanza for any session, each by its own address.
pub fn open(kind: PacketKind, from: &str, id: Option<&str>, payload: &Payload) -> Frame {
    let mut out = start(kind, from, payload.0.len());
    finish(kind, id, None, payload, &mut out);
    Frame::new(out)
}

pub(super) fn start(kind: PacketKind, from: &str, payload_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload_bytes + 256);
    out.push(b'<');
    out.extend_from_slice(kind.name().as_bytes());
    attribute("from", from, &mut out);
    out
}

pub(super) fn finish(
    kind: PacketKind,
    id: Option<&str>,
    lang: Option<&str>,
    payload: &Payload,
    out: &mut Vec<u8>,
) {
    if let Some(id) = id {
        attribute("id", id, out);
    }
    if let Some(kind) = kind.type_attribute() {
        attribute("type", kind, out);
    }
    if let Some(lang) = lang {
        attribute("xml:lang", lang, out);
    }
    if payload.0.is_empty() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    out.extend_from_slice(&payload.0);
    out.extend_from_slice(b"</");
    out.extend_from_slice(kind.name().as_bytes());
    out.push(b'>');
}

#[cfg(test)]
mod tests {
    use perch_address::Jid;

    use super::*;
    use crate::chat::account::packet::{IqKind, MessageKind, PresenceKind};

    fn written(frame: &Frame) -> String {
        let mut out = Vec::new();
        frame.write(b" to='own@x/y'", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_packet_keeps_its_address_and_a_notice_gets_the_sessions() {
        let packet = Packet {
            kind: PacketKind::Message(MessageKind::Chat),
            from: Jid::new("romeo@montague.example/it's").unwrap(),
            to: Jid::new("juliet@capulet.example").unwrap(),
            id: Some("a<1".into()),
            lang: Some("en".into()),
            payload: Payload::from("<body>hi</body>".to_owned()),
        };
        assert_eq!(
            written(&addressed(&packet)),
            "<message from='romeo@montague.example/it&apos;s' to='juliet@capulet.example' id='a&lt;1' type='chat' \
             xml:lang='en'><body>hi</body></message>"
        );
        let check = |kind, payload: &str, expected: &str| {
            assert_eq!(written(&open(kind, "a@b", Some("1"), &Payload::from(payload.to_owned()))), expected);
        };
        check(
            PacketKind::Presence(PresenceKind::Available),
            "",
            "<presence to='own@x/y' from='a@b' id='1'/>",
        );
        check(PacketKind::Iq(IqKind::Set), "<q/>", "<iq to='own@x/y' from='a@b' id='1' type='set'><q/></iq>");
    }
}
