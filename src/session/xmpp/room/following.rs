//! Which rooms a session follows from outside: those among its user's bookmarks (XEP-0402), each from the message on that he
//! has seen last (XEP-0490), or from now on. A client that joins a room by itself is not shown what was said before.

use std::collections::BTreeMap;
use std::sync::Arc;

use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;
use tracing::debug;

use crate::chat::account::node::Item;
use crate::chat::id::MessageId;
use crate::session::Session;
use crate::session::followers::attention::{Attention, Feed, Setting};
use crate::session::followers::{Since, Telling, Wish};
use crate::store::account_log::ItemChoice;
use crate::store::error::StoreError;

/// What a bookmark says of following its room.
#[derive(Debug, PartialEq, Eq)]
struct Bookmark {
    nick: Option<String>,
    joins_by_itself: bool,
    setting: Setting,
}

impl Session {
    /// Follows what is bookmarked now, if that can be found out.
    pub(crate) async fn follow_rooms(&mut self, telling: Telling) {
        if let Err(error) = self.try_to_follow_rooms(telling).await {
            debug!(%error, "a session goes on following the rooms that it followed");
        }
    }

    pub(in crate::session) async fn try_to_follow_rooms(
        &mut self,
        telling: Telling,
    ) -> Result<(), StoreError> {
        let now = self.services.clock.now();
        let domain = self.services.rooms.domain();
        let bookmarks = self.own_items(namespace::BOOKMARKS, FOLLOWED_MAX).await?;
        let bookmarks = bookmarks.iter().filter_map(|item| {
            let room = BareJid::new(&item.id).ok().filter(|room| room.domain() == domain)?;
            Some((room, Bookmark::read(&parsed(item)?)))
        });
        let bookmarks: Vec<(BareJid, Bookmark)> = bookmarks.collect();
        if bookmarks.is_empty() {
            self.following = None;
            return Ok(());
        }
        let seen = self.own_items(namespace::DISPLAYED, FOLLOWED_MAX).await?;
        let seen: BTreeMap<&str, MessageId> =
            seen.iter().filter_map(|item| Some((&*item.id, seen_message(item)?))).collect();
        let feeds = self.own_items(namespace::FEEDS, FEEDS_MAX).await?;
        let feeds: Arc<[Feed]> =
            feeds.iter().filter_map(|item| Feed::read(&item.id, &parsed(item)?)).collect();
        let mut rooms = BTreeMap::new();
        for (room, bookmark) in bookmarks {
            let Some(name) = room.local() else { continue };
            if self.joined.get(name).is_some() {
                rooms.insert(name.into(), None);
                continue;
            }
            let seen = seen.get(room.as_str()).filter(|_| !bookmark.joins_by_itself);
            let nick = bookmark.nick.as_deref();
            let wish = Wish {
                attention: Attention::new(bookmark.setting, self.jid.bare(), nick, &room, feeds.clone()),
                since: seen.map_or(Since::Time(now), |id| Since::Message(*id)),
            };
            rooms.insert(name.into(), Some(wish));
        }
        let (former, own) = (self.following.take().map(|following| *following), self.actor(None));
        let following = self.services.followers.follow(former, (&own, &self.mailbox), rooms, telling);
        self.following = Some(Box::new(following));
        Ok(())
    }

    /// The newest items of a node of the session's own account.
    pub(in crate::session::xmpp) async fn own_items(
        &self,
        node: &str,
        max: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let choice = ItemChoice::Newest(max as u32);
        self.services.accounts.store().node_items(self.account.account(), node, &choice).await
    }
}

impl Bookmark {
    fn read(conference: &Element) -> Self {
        let notify = conference.child("extensions", namespace::BOOKMARKS);
        let notify =
            notify.and_then(|extensions| extensions.child("notify", namespace::NOTIFICATION_SETTINGS));
        Self {
            nick: conference.child_text("nick", namespace::BOOKMARKS).filter(|nick| !nick.is_empty()),
            joins_by_itself: matches!(conference.attribute("autojoin"), Some("true" | "1")),
            setting: notify.and_then(Setting::read).unwrap_or_default(),
        }
    }
}

pub(in crate::session::xmpp) fn parsed(item: &Item) -> Option<Element> {
    Element::parse(&item.payload.0, namespace::CLIENT).ok()
}

/// The message that an item of XEP-0490 is about.
fn seen_message(item: &Item) -> Option<MessageId> {
    let displayed = parsed(item)?;
    let id = displayed.child("stanza-id", namespace::STABLE_ID)?;
    MessageId::parse(id.attribute("id")?)
}

/// Bookmarks that are followed, the newest ones.
const FOLLOWED_MAX: usize = 1000;
/// Topic feeds that are looked at, the newest ones: each is held against each message.
pub(in crate::session::xmpp) const FEEDS_MAX: usize = 50;

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
    fn a_bookmark_says_how_its_room_is_followed() {
        let check = |attributes: &str, inner: &str, nick: Option<&str>, joins_by_itself, setting| {
            let text = format!("<conference xmlns='urn:xmpp:bookmarks:1' {attributes}>{inner}</conference>");
            let read = Bookmark::read(&Element::parse(text.as_bytes(), namespace::CLIENT).unwrap());
            assert_eq!(read, Bookmark { nick: nick.map(str::to_owned), joins_by_itself, setting }, "{text}");
        };
        let notify = |inner: &str| {
            format!(
                "<extensions><notify xmlns='urn:xmpp:notification-settings:1'>{inner}</notify></extensions>"
            )
        };
        check("", "", None, false, Setting::OnMention);
        check("autojoin='true'", "<nick>Hatter</nick>", Some("Hatter"), true, Setting::OnMention);
        check("autojoin='0'", &notify("<always/>"), None, false, Setting::Always);
        check("autojoin='1'", &notify("<never/>"), None, true, Setting::Never);
    }
}
