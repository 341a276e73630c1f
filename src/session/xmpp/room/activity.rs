//! Following rooms from outside (XEP-0437): who asks to be told follows those that are among his bookmarks (XEP-0402), each
//! from the message on that he has seen last (XEP-0490), or from now on.

use std::collections::BTreeMap;

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::xml::Element;

use crate::chat::account::node::Item;
use crate::chat::id::MessageId;
use crate::session::Session;
use crate::session::followers::Since;
use crate::store::account_log::ItemChoice;
use crate::store::error::StoreError;

impl Session {
    /// Presence for the rooms domain itself.
    pub(in crate::session) async fn rooms_service_presence(&mut self, number: u64, stanza: &Stanza) {
        match stanza.type_.as_deref() {
            Some("unavailable") => self.following = None,
            None if stanza.has("rai", namespace::ACTIVITY_INDICATORS) => {
                if self.follow_rooms().await.is_err() {
                    return self.refuse(number, stanza, StanzaCondition::ResourceConstraint);
                }
            }
            _ => return self.refuse(number, stanza, StanzaCondition::ServiceUnavailable),
        }
        self.done(number);
    }

    /// Follows what is bookmarked now.
    pub(in crate::session) async fn follow_rooms(&mut self) -> Result<(), StoreError> {
        // The former subscription ends before the new one begins: they are told apart by the session alone.
        self.following = None;
        let now = self.services.clock.now();
        let domain = self.services.rooms.domain();
        let seen = self.own_items(namespace::DISPLAYED).await?;
        let seen: BTreeMap<&str, MessageId> =
            seen.iter().filter_map(|item| Some((&*item.id, seen_message(item)?))).collect();
        let mut rooms = BTreeMap::new();
        for bookmark in self.own_items(namespace::BOOKMARKS).await?.iter().take(FOLLOWED_MAX) {
            let Ok(room) = BareJid::new(&bookmark.id) else { continue };
            let Some(name) = room.local().filter(|_| room.domain() == domain) else { continue };
            let since = seen.get(room.as_str()).map_or(Since::Time(now), |id| Since::Message(*id));
            let is_inside = self.joined.get(name).is_some();
            rooms.insert(name.into(), (!is_inside).then_some(since));
        }
        let following = self.services.followers.follow(&self.actor(None), &self.mailbox, rooms);
        self.following = Some(Box::new(following));
        Ok(())
    }

    /// The newest items of a node of the session's own account.
    async fn own_items(&self, node: &str) -> Result<Vec<Item>, StoreError> {
        let choice = ItemChoice::Newest(FOLLOWED_MAX as u32);
        self.services.accounts.store().node_items(self.account.account(), node, &choice).await
    }
}

/// The message that an item of XEP-0490 is about.
fn seen_message(item: &Item) -> Option<MessageId> {
    let displayed = Element::parse(&item.payload.0, namespace::CLIENT).ok()?;
    let id = displayed.child("stanza-id", namespace::STABLE_ID)?;
    MessageId::parse(id.attribute("id")?)
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

/// Bookmarks that are followed, the newest ones.
const FOLLOWED_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::chat::id::{Epoch, Seq, Timestamp};
    use crate::chat::message::Payload;

    #[test]
    fn what_was_seen_last_is_read_from_its_item() {
        let check = |payload: &str, expected: Option<MessageId>| {
            let item = Item {
                id: "tea@rooms.x".into(),
                payload: Payload(Bytes::from(payload.to_owned())),
                publisher: "a@x/b".parse().unwrap(),
                at: Timestamp(0),
            };
            assert_eq!(seen_message(&item), expected, "{payload}");
        };
        let displayed =
            |inner: &str| format!("<displayed xmlns='urn:xmpp:mds:displayed:0'>{inner}</displayed>");
        let id = MessageId::new(Epoch(1), Seq(7));
        let stanza_id = |id: &str| format!("<stanza-id xmlns='urn:xmpp:sid:0' by='tea@rooms.x' id='{id}'/>");
        check(&displayed(&stanza_id(&id.to_string())), Some(id));
        check(&displayed(&stanza_id("elsewhere")), None);
        check(&displayed(""), None);
        check("", None);
    }

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
