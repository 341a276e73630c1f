//! Of what is said in a room that he is not in a user is told: nothing, what is meant for him, or all (XEP-0492); and what
//! one of his topic feeds looks for.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use perch_address::BareJid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use crate::chat::words::{Matching, Wording};
use crate::store::archive::{ArchivedKind, ArchivedMessage};

/// What a user wants to be told of one room.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    setting: Setting,
    user: BareJid,
    /// What he is called there.
    names: Arc<[Wording]>,
    /// The room's address, with his nick as its resource.
    occupant: Option<Box<str>>,
    feeds: Arc<[Feed]>,
}

/// What of a room he is told of, feeds aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Setting {
    Never,
    /// Also for rooms of which nothing is set, whoever may be in them: who wants all of a room goes in.
    #[default]
    OnMention,
    Always,
}

/// What somebody looks for in all rooms that he follows: words, authors, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feed {
    pub(crate) name: Box<str>,
    pub(crate) wording: Option<Wording>,
    /// One of them has said it; empty for anybody.
    pub(crate) authors: Vec<BareJid>,
}

/// Why a user is told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Mention,
    Feed(Box<str>),
    /// He wants to be told of everything.
    All,
}

/// A message as it is looked at for all who might be told of it.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) message: &'a ArchivedMessage,
    text: &'a str,
    /// Who is mentioned (XEP-0372), and whom it answers (XEP-0461): addresses.
    meant: Vec<String>,
}

impl Attention {
    pub(crate) fn new(
        setting: Setting,
        user: BareJid,
        nick: Option<&str>,
        room: &BareJid,
        feeds: Arc<[Feed]>,
    ) -> Self {
        let names = [nick, user.local()].into_iter().flatten();
        let names =
            names.map(|name| Wording { matching: Matching::Phrase, ..Wording::typed(name) }).collect();
        let occupant = nick.map(|nick| format!("{room}/{nick}").into());
        Self { setting, user, names, occupant, feeds }
    }

    /// Why he is to be told of it, if he is. Feeds find nobody by his address where the room does not show him addresses.
    pub(crate) fn reason(&self, said: &Said<'_>, sees_addresses: bool) -> Option<Reason> {
        if self.setting == Setting::Never || said.message.author.jid == self.user {
            return None;
        }
        if self.is_meant(said) {
            return Some(Reason::Mention);
        }
        let feed = self.feeds.iter().find(|feed| feed.finds(said, sees_addresses));
        let feed = feed.map(|feed| Reason::Feed(feed.name.clone()));
        feed.or((self.setting == Setting::Always).then_some(Reason::All))
    }

    fn is_meant(&self, said: &Said<'_>) -> bool {
        let is_his = |address: &String| {
            *address == *self.user.as_str() || self.occupant.as_deref() == Some(address.as_str())
        };
        said.meant.iter().any(is_his) || self.names.iter().any(|name| name.matches(said.text))
    }
}

impl Feed {
    fn finds(&self, said: &Said<'_>, sees_addresses: bool) -> bool {
        let is_author =
            self.authors.is_empty() || sees_addresses && self.authors.contains(&said.message.author.jid);
        is_author && self.wording.as_ref().is_none_or(|wording| wording.matches(said.text))
    }

    /// An item of the node: its id is the name. `None`: it looks for nothing, which would be everything.
    pub(crate) fn read(name: &str, payload: &Element) -> Option<Self> {
        let matching = match payload.attribute("match") {
            None | Some("all") => Matching::All,
            Some("any") => Matching::Any,
            Some("phrase") => Matching::Phrase,
            Some(_) => return None,
        };
        let text = payload.child_text("words", namespace::FEEDS).unwrap_or_default();
        let wording = Wording { matching, ..Wording::typed(text.trim()) };
        let wording = Some(wording).filter(|wording| !wording.phrases().is_empty());
        let authors = payload.children().filter(|child| child.is("author", namespace::FEEDS));
        let authors: Vec<BareJid> =
            authors.filter_map(|author| BareJid::new(author.text().trim()).ok()).collect();
        let feed = Self { name: name.into(), wording, authors };
        (payload.is("feed", namespace::FEEDS) && (feed.wording.is_some() || !feed.authors.is_empty()))
            .then_some(feed)
    }
}

impl Setting {
    /// What a bookmark's `notify` says for a client (XEP-0492 §2): what it says of clients goes before what it says of all.
    /// Which kind of client it is, is not known; what is said of one kind is not taken for all.
    pub(crate) fn read(notify: &Element) -> Option<Self> {
        let of = |category: Option<&str>| {
            notify.children().find_map(|setting| {
                let is_it = setting.namespace() == namespace::NOTIFICATION_SETTINGS
                    && setting.attribute("identity-category") == category
                    && setting.attribute("identity-type").is_none();
                match setting.name() {
                    "never" if is_it => Some(Self::Never),
                    "on-mention" if is_it => Some(Self::OnMention),
                    "always" if is_it => Some(Self::Always),
                    _ => None,
                }
            })
        };
        of(Some("client")).or_else(|| of(None))
    }
}

impl<'a> Said<'a> {
    /// `None`: nobody said anything, or it was taken back.
    pub(crate) fn of(message: &'a ArchivedMessage) -> Option<Self> {
        let is_post = message.kind == ArchivedKind::Post && message.tombstone.is_none();
        let text = message.content.text.as_deref().filter(|_| is_post)?;
        let stanza = Stanza::from_payload(Kind::Message, message.content.payload.0.clone()).ok()?;
        let meant = stanza.children().filter_map(|child| {
            let element = child.element();
            match (element.name(), element.namespace()) {
                ("reference", namespace::REFERENCE) if element.attribute("type") == Some("mention") => {
                    let uri = element.attribute("uri")?.strip_prefix("xmpp:")?;
                    let address = uri.split('?').next().unwrap_or_default();
                    percent_decode_str(address).decode_utf8().ok().map(Cow::into_owned)
                }
                ("reply", namespace::REPLY) => element.attribute("to").map(str::to_owned),
                _ => None,
            }
        });
        Some(Self { message, text, meant: meant.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::{Epoch, MessageId, Seq, Timestamp};
    use crate::chat::message::{Author, Content, Payload, Retention};

    fn message(author: &str, text: &str, rest: &str) -> ArchivedMessage {
        let author = Author {
            nick: "somebody".into(),
            jid: author.parse().unwrap(),
            resource: None,
            occupant_id: "1".into(),
        };
        let content = Content {
            id: None,
            lang: None,
            text: Some(text.into()),
            payload: Payload::from(format!("<body>{text}</body>{rest}")),
            retention: Retention::Kept,
        };
        ArchivedMessage {
            id: MessageId::new(Epoch(1), Seq(7)),
            at: Timestamp(0),
            author,
            content,
            kind: ArchivedKind::Post,
            tombstone: None,
        }
    }

    fn element(text: &str) -> Element {
        Element::parse(text.as_bytes(), namespace::CLIENT).unwrap()
    }

    fn attention(setting: Setting, feeds: &[&str]) -> Attention {
        let feed = |text: &&str| {
            Feed::read("outages", &element(&format!("<feed xmlns='urn:perch:feeds:0'{text}</feed>"))).unwrap()
        };
        let feeds = feeds.iter().map(feed).collect();
        let room = "tea@rooms.x".parse().unwrap();
        Attention::new(setting, "bob@x".parse().unwrap(), Some("Mad Hatter"), &room, feeds)
    }

    #[test]
    fn told_of_what_is_meant_for_one() {
        let check = |text: &str, rest: &str, expected: Option<Reason>| {
            let message = message("alice@x", text, rest);
            let reason = attention(Setting::OnMention, &[]).reason(&Said::of(&message).unwrap(), true);
            assert_eq!(reason, expected, "{text} {rest}");
        };
        let mention =
            |uri: &str| format!("<reference xmlns='urn:xmpp:reference:0' type='mention' uri='{uri}'/>");
        let reply = |to: &str| format!("<reply xmlns='urn:xmpp:reply:0' id='1' to='{to}'/>");
        check("mad hatter: tea?", "", Some(Reason::Mention));
        check("ask Bob", "", Some(Reason::Mention));
        check("a mad world, says the hatter", "", None);
        check("Bobby", "", None);
        check("tea?", &mention("xmpp:bob@x"), Some(Reason::Mention));
        check("tea?", &mention("xmpp:tea@rooms.x/Mad Hatter"), Some(Reason::Mention));
        check("tea?", &mention("xmpp:tea@rooms.x/Mad%20Hatter?join"), Some(Reason::Mention));
        check("tea?", &mention("xmpp:carol@x"), None);
        check("yes", &reply("tea@rooms.x/Mad Hatter"), Some(Reason::Mention));
        check("yes", &reply("tea@rooms.x/Alice"), None);
    }

    #[test]
    fn a_room_may_be_silenced_and_oneself_is_no_news() {
        let check = |setting, author: &str, text: &str, expected: Option<Reason>| {
            let message = message(author, text, "");
            let reason =
                attention(setting, &["><words>fire</words>"]).reason(&Said::of(&message).unwrap(), true);
            assert_eq!(reason, expected, "{setting:?} {author} {text}");
        };
        check(Setting::Never, "alice@x", "bob, fire!", None);
        check(Setting::Always, "alice@x", "nothing", Some(Reason::All));
        check(Setting::Always, "alice@x", "fire", Some(Reason::Feed("outages".into())));
        check(Setting::Always, "alice@x", "bob, fire!", Some(Reason::Mention));
        check(Setting::Always, "bob@x", "bob, fire!", None);
    }

    #[test]
    fn a_feed_looks_for_words_and_authors() {
        let check = |feed: &str, author: &str, text: &str, is_found: bool| {
            let message = message(author, text, "");
            let reason = attention(Setting::OnMention, &[feed]).reason(&Said::of(&message).unwrap(), true);
            assert_eq!(reason.is_some(), is_found, "{feed} {author} {text}");
        };
        check("><words>database down</words>", "alice@x", "The database is DOWN", true);
        check("><words>database down</words>", "alice@x", "the database is up", false);
        check(" match='any'><words>database disk</words>", "alice@x", "a disk is full", true);
        check(" match='phrase'><words>disk full</words>", "alice@x", "a disk is full", false);
        check("><author>carol@x</author><author>alice@x</author>", "alice@x", "anything", true);
        check("><author>carol@x</author>", "alice@x", "anything", false);
        check("><words>disk</words><author>carol@x</author>", "alice@x", "disk", false);
        check("><words>disk</words><author>carol@x</author>", "carol@x", "disk", true);
    }

    #[test]
    fn who_may_not_see_addresses_finds_nobody_by_his() {
        let feeds = ["><author>alice@x</author>", "><words>disk</words><author>alice@x</author>"];
        let message = message("alice@x", "a disk is full", "");
        let said = Said::of(&message).unwrap();
        assert_eq!(attention(Setting::OnMention, &feeds).reason(&said, false), None);
        let words = attention(Setting::OnMention, &["><words>disk</words>"]).reason(&said, false);
        assert_eq!(words, Some(Reason::Feed("outages".into())));
    }

    #[test]
    fn a_feed_that_looks_for_nothing_is_none() {
        let check = |text: &str| assert_eq!(Feed::read("f", &element(text)), None, "{text}");
        check("<feed xmlns='urn:perch:feeds:0'/>");
        check("<feed xmlns='urn:perch:feeds:0'><words> ,. </words></feed>");
        check("<feed xmlns='urn:perch:feeds:0'><author>@</author></feed>");
        check("<feed xmlns='urn:perch:feeds:0' match='some'><words>a</words></feed>");
        check("<feed xmlns='urn:other'><words>a</words></feed>");
    }

    #[test]
    fn what_is_said_of_clients_goes_before_what_is_said_of_all() {
        let check = |inner: &str, expected: Option<Setting>| {
            let notify =
                element(&format!("<notify xmlns='urn:xmpp:notification-settings:1'>{inner}</notify>"));
            assert_eq!(Setting::read(&notify), expected, "{inner}");
        };
        check("<never/>", Some(Setting::Never));
        check("<always/>", Some(Setting::Always));
        check("<never/><on-mention identity-category='client'/>", Some(Setting::OnMention));
        check("<always identity-category='client' identity-type='phone'/><never/>", Some(Setting::Never));
        check("<always identity-category='gateway'/>", None);
        check("", None);
    }
}
