//! Telling that there is something new in a room that one follows (XEP-0437), to whoever asks for that.

use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use crate::session::{Session, Telling};

impl Session {
    /// Presence for the rooms domain itself.
    pub(in crate::session) async fn rooms_service_presence(&mut self, number: u64, stanza: &Stanza) {
        let telling = match stanza.type_.as_deref() {
            Some("unavailable") => Telling::Not,
            None if stanza.has("rai", namespace::ACTIVITY_INDICATORS) => Telling::Anew,
            _ => return self.refuse(number, stanza, StanzaCondition::ServiceUnavailable),
        };
        match self.try_to_follow_rooms(telling).await {
            Ok(()) => self.done(number),
            Err(_) => self.refuse(number, stanza, StanzaCondition::ResourceConstraint),
        }
    }
}

/// What a session is told.
pub(in crate::session) fn notice(domain: &str, rooms: &[Box<str>]) -> Vec<u8> {
    let activity = |room: &str| {
        Element::new("activity", namespace::ACTIVITY_INDICATORS).with_text(&format!("{room}@{domain}"))
    };
    let rooms = rooms.iter().map(|room| activity(room));
    let rai = Element::new("rai", namespace::ACTIVITY_INDICATORS).with_children(rooms);
    let message = Element::new("message", namespace::CLIENT).with_attribute("from", domain).with_child(rai);
    message.to_bytes(namespace::CLIENT).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_names_the_rooms() {
        let notice = notice("rooms.x", &["tea".into(), "cave".into()]);
        assert_eq!(
            str::from_utf8(&notice).unwrap(),
            "<message from='rooms.x'><rai xmlns='urn:xmpp:rai:0'><activity>tea@rooms.x</activity>\
             <activity>cave@rooms.x</activity></rai></message>"
        );
    }
}
