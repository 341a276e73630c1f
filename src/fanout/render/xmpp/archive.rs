//! Messages of the past as an archive sends them (XEP-0313 §4.2): each wrapped, with its id and its time.

use perch_xmpp::{datetime, namespace};

use super::packet::{finish, start};
use super::write::{CLOSE_X, attribute, from, occupant_id, open_muc_user, text_element};
use crate::chat::account::entry::Letter;
use crate::chat::account::packet::PacketKind;
use crate::chat::id::{MessageId, Timestamp};
use crate::chat::message::{Author, Content};
use crate::fanout::frame::Frame;

/// One result of a query.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    /// Whose archive it is.
    pub archive: &'a str,
    /// What the client calls its query.
    pub query_id: Option<&'a str>,
    pub id: MessageId,
    pub at: Timestamp,
}

/// What stands in the place of a message that was retracted (XEP-0424 §5.1, XEP-0425 §5.1).
#[derive(Debug, Clone, Copy)]
pub struct Tombstone<'a> {
    pub at: Timestamp,
    /// The retraction.
    pub by: MessageId,
    /// What the retraction's sender knows it by, and whoever was shown it.
    pub id: Option<&'a str>,
    /// Of a moderation: who did it, and why.
    pub moderation: Option<(&'a Author, &'a str)>,
    /// A sentence that stands in its place: whoever knows no tombstones reads it as what was said.
    pub replacement: Option<&'a str>,
}

/// A message of an account's archive, as it was.
pub fn letter(finding: Finding<'_>, letter: &Letter) -> Frame {
    let kind = PacketKind::Message(letter.kind);
    wrap(finding, letter.content.payload.0.len(), |out| {
        let mut inner = start(kind, letter.from.as_str(), letter.content.payload.0.len());
        attribute("to", letter.to.as_str(), &mut inner);
        client_namespace(&mut inner);
        let content = &letter.content;
        finish(kind, content.id.as_deref(), content.lang.as_deref(), &content.payload, &mut inner);
        out.extend_from_slice(&inner);
    })
}

/// A message of a room's archive, without `to` (XEP-0313 §5.1.2). No author: the room itself. `with_jid`: the reader may
/// see who it was.
pub fn groupchat(
    finding: Finding<'_>,
    author: Option<&Author>,
    content: &Content,
    tombstone: Option<Tombstone<'_>>,
    with_jid: bool,
) -> Frame {
    wrap(finding, content.payload.0.len(), |out| {
        room_message(finding, author, content, tombstone, with_jid, false, out);
    })
}

/// Why somebody is shown a message of a room that he is not in.
#[derive(Debug, Clone, Copy)]
pub enum Cause<'a> {
    /// It is meant for him.
    Mention,
    /// His topic feed of that name has found it.
    Feed(&'a str),
    /// He wants to be shown all.
    All,
}

/// A message for somebody who is not in the room, as XEP-0452 §3.2 shows mentions. Whoever does not know what it is about is
/// told in its body.
pub fn shown(
    finding: Finding<'_>,
    cause: Cause<'_>,
    author: &Author,
    content: &Content,
    with_jid: bool,
) -> Frame {
    let mut out = Vec::with_capacity(content.payload.0.len() + 640);
    out.extend_from_slice(b"<message");
    attribute("from", finding.archive, &mut out);
    attribute("type", "headline", &mut out);
    out.push(b'>');
    let around = match cause {
        Cause::Mention => Some(("mentions", namespace::MENTIONS, None)),
        Cause::Feed(name) => Some(("feed", namespace::FEEDS, Some(name))),
        Cause::All => None,
    };
    if let Some((element, namespace, name)) = around {
        out.extend_from_slice(format!("<{element}").as_bytes());
        attribute("xmlns", namespace, &mut out);
        if let Some(name) = name {
            attribute("name", name, &mut out);
        }
        out.push(b'>');
    }
    forwarded(finding, &mut out, |out| {
        room_message(finding, Some(author), content, None, with_jid, true, out)
    });
    if let Some((element, ..)) = around {
        out.extend_from_slice(format!("</{element}>").as_bytes());
    }
    let text = content.text.as_deref().unwrap_or_default();
    text_element("body", &format!("{}: {text}", author.nick), &mut out);
    out.extend_from_slice(b"</message>");
    Frame::new(out)
}

/// `with_id`: what is around it does not say which message of the archive it is.
fn room_message(
    finding: Finding<'_>,
    author: Option<&Author>,
    content: &Content,
    tombstone: Option<Tombstone<'_>>,
    with_jid: bool,
    with_id: bool,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"<message");
    from(finding.archive, author.map(|author| &*author.nick), out);
    client_namespace(out);
    attribute("type", "groupchat", out);
    if let Some(id) = &content.id {
        attribute("id", id, out);
    }
    if let Some(lang) = &content.lang {
        attribute("xml:lang", lang, out);
    }
    out.push(b'>');
    match tombstone {
        Some(tombstone) => {
            retracted(finding.archive, &tombstone, out);
            if let Some(replacement) = tombstone.replacement {
                text_element("body", replacement, out);
            }
        }
        None => out.extend_from_slice(&content.payload.0),
    }
    if with_id {
        out.extend_from_slice(b"<stanza-id");
        attribute("xmlns", namespace::STABLE_ID, out);
        attribute("by", finding.archive, out);
        attribute("id", &finding.id.to_string(), out);
        out.extend_from_slice(b"/>");
    }
    if let Some(author) = author {
        occupant_id(&author.occupant_id, out);
    }
    if let Some(author) = author.filter(|_| with_jid) {
        real_address(author, out);
    }
    out.extend_from_slice(b"</message>");
}

fn real_address(author: &Author, out: &mut Vec<u8>) {
    open_muc_user(out);
    out.extend_from_slice(b"<item");
    match &author.resource {
        Some(resource) => attribute("jid", &format!("{}/{resource}", author.jid), out),
        None => attribute("jid", author.jid.as_str(), out),
    }
    out.extend_from_slice(b"/>");
    out.extend_from_slice(CLOSE_X);
}

fn retracted(room: &str, tombstone: &Tombstone<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<retracted");
    attribute("xmlns", namespace::RETRACT, out);
    attribute("stamp", &datetime::format(tombstone.at.0), out);
    match tombstone.id {
        Some(id) => attribute("id", id, out),
        None => attribute("id", &tombstone.by.to_string(), out),
    }
    out.push(b'>');
    if let Some((moderator, reason)) = tombstone.moderation {
        out.extend_from_slice(b"<moderated");
        attribute("xmlns", namespace::MODERATE, out);
        if !moderator.nick.is_empty() {
            attribute("by", &format!("{room}/{}", moderator.nick), out);
        }
        out.push(b'>');
        occupant_id(&moderator.occupant_id, out);
        out.extend_from_slice(b"</moderated>");
        text_element("reason", reason, out);
    }
    out.extend_from_slice(b"</retracted>");
}

fn wrap(finding: Finding<'_>, payload_bytes: usize, message: impl FnOnce(&mut Vec<u8>)) -> Frame {
    let mut out = Vec::with_capacity(payload_bytes + 640);
    out.extend_from_slice(b"<message");
    attribute("from", finding.archive, &mut out);
    out.extend_from_slice(b"><result");
    attribute("xmlns", namespace::ARCHIVE, &mut out);
    if let Some(query_id) = finding.query_id {
        attribute("queryid", query_id, &mut out);
    }
    attribute("id", &finding.id.to_string(), &mut out);
    out.push(b'>');
    forwarded(finding, &mut out, message);
    out.extend_from_slice(b"</result></message>");
    Frame::new(out)
}

/// A message of the past, with its time (XEP-0297).
fn forwarded(finding: Finding<'_>, out: &mut Vec<u8>, message: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"<forwarded");
    attribute("xmlns", namespace::FORWARD, out);
    out.extend_from_slice(b"><delay");
    attribute("xmlns", namespace::DELAY, out);
    attribute("stamp", &datetime::format(finding.at.0), out);
    out.extend_from_slice(b"/>");
    message(out);
    out.extend_from_slice(b"</forwarded>");
}

/// Inside of the wrapping another namespace is the default; the payload is meant for this one.
fn client_namespace(out: &mut Vec<u8>) {
    attribute("xmlns", namespace::CLIENT, out);
}

#[cfg(test)]
mod tests {
    use perch_address::{BareJid, Jid};

    use super::*;
    use crate::chat::account::packet::MessageKind;
    use crate::chat::id::{Epoch, Seq};
    use crate::chat::message::{Payload, Retention};

    fn content(payload: &str) -> Content {
        Content {
            id: Some("m1".into()),
            lang: None,
            text: None,
            payload: Payload::from(payload.to_owned()),
            retention: Retention::Kept,
        }
    }

    fn finding(archive: &str) -> Finding<'_> {
        let id = MessageId::new(Epoch(1), Seq(7));
        Finding { archive, query_id: Some("q1"), id, at: Timestamp(1_031_699_305_000) }
    }

    fn check(frame: &Frame, archive: &str, expected: &str) {
        let mut out = Vec::new();
        frame.write(b" to='own@x/y'", &mut out);
        let wrapped = format!(
            "<message to='own@x/y' from='{archive}'><result xmlns='urn:xmpp:mam:2' queryid='q1' id='0001000000000007'>\
             <forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>{expected}</forwarded></result></message>"
        );
        assert_eq!(String::from_utf8(out).unwrap(), wrapped);
    }

    #[test]
    fn a_letter_is_shown_as_it_was_sent() {
        let letter = Letter {
            kind: MessageKind::Chat,
            from: Jid::new("romeo@montague.example/orchard").unwrap(),
            to: Jid::new("juliet@capulet.example").unwrap(),
            content: content("<body>hi</body>"),
            is_kept_offline: true,
            is_copied: true,
            is_archived: true,
        };
        check(
            &super::letter(finding("juliet@capulet.example"), &letter),
            "juliet@capulet.example",
            "<message from='romeo@montague.example/orchard' to='juliet@capulet.example' xmlns='jabber:client' id='m1' \
             type='chat'><body>hi</body></message>",
        );
    }

    #[test]
    fn a_rooms_message_names_its_author_only_to_who_may_see_him() {
        let author = Author {
            nick: "Hag".into(),
            jid: BareJid::new("hag@shakespeare.example").unwrap(),
            resource: Some("pda".into()),
            occupant_id: "o1".into(),
        };
        let room = "coven@chat.example";
        let head = "<message from='coven@chat.example/Hag' xmlns='jabber:client' type='groupchat' id='m1'>";
        let occupant = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o1'/>";
        let shown = groupchat(finding(room), Some(&author), &content("<body>hi</body>"), None, false);
        check(&shown, room, &format!("{head}<body>hi</body>{occupant}</message>"));
        let shown = groupchat(finding(room), Some(&author), &content("<body>hi</body>"), None, true);
        let item =
            "<x xmlns='http://jabber.org/protocol/muc#user'><item jid='hag@shakespeare.example/pda'/></x>";
        check(&shown, room, &format!("{head}<body>hi</body>{occupant}{item}</message>"));
        let tombstone = Tombstone {
            at: Timestamp(1_031_699_306_000),
            by: MessageId::new(Epoch(1), Seq(9)),
            id: None,
            moderation: Some((&author, "rude")),
            replacement: None,
        };
        let shown = groupchat(finding(room), Some(&author), &content(""), Some(tombstone), false);
        let retracted = "<retracted xmlns='urn:xmpp:message-retract:1' stamp='2002-09-10T23:08:26Z' \
            id='0001000000000009'><moderated xmlns='urn:xmpp:message-moderate:1' by='coven@chat.example/Hag'>\
            <occupant-id xmlns='urn:xmpp:occupant-id:0' id='o1'/></moderated><reason>rude</reason></retracted>";
        check(&shown, room, &format!("{head}{retracted}{occupant}</message>"));
    }
}
