//! What people and rooms say, as a MESSAGE for a client of SIP (RFC 3428, RFC 7572).
//!
//! A room's post comes from the room, so that an answer goes there; who said it is the display name, and stands before the
//! text, since many clients show nothing else. What was said earlier has its time in Date.

use std::fmt;

use bytes::Bytes;
use perch_address::{BareJid, Jid};
use perch_sip::header::{Name, Quoted};
use perch_sip::message::Writer;
use perch_sip::uri::Uri;
use perch_sip::{Method, Status};
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;
use perch_xmpp::{datetime, namespace};
use time::OffsetDateTime;

use crate::chat::id::Seq;
use crate::sip::address::to_sip;
use crate::sip::check::{TEXT, tag};
use crate::sip::condition::to_condition;
use crate::sip::registration::Binding;

/// A text on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// Who is written back to.
    from: Jid,
    display: Option<String>,
    subject: Option<String>,
    lang: Option<String>,
    /// When it was said, if not now, in milliseconds since 1970.
    at: Option<i64>,
    text: String,
    /// The sender and his id of it, should the client refuse it.
    sender: Option<(Jid, String)>,
    /// When the client has it, the account's log is read up to there.
    pub(super) mark: Option<Seq>,
}

/// What tells one request from another, and where it goes.
pub(super) struct Envelope<'a> {
    pub(super) binding: Option<&'a Binding>,
    pub(super) account: &'a BareJid,
    pub(super) transport: &'static str,
    pub(super) branch: &'a str,
    pub(super) call_id: &'a str,
    pub(super) number: u32,
}

/// What a presence says of the client's own place in a room.
pub(super) struct Place {
    pub(super) is_inside: bool,
    /// What the client is to be told of it.
    pub(super) letter: Option<Letter>,
}

impl Letter {
    /// Something that a room, or the service, says of its own.
    pub(super) fn notice(from: &Jid, text: impl Into<String>) -> Self {
        Self {
            from: from.bare().into(),
            display: None,
            subject: None,
            lang: None,
            at: None,
            text: text.into(),
            sender: None,
            mark: None,
        }
    }

    /// Reads a message stanza. `None`: there is nothing in it to read for people.
    pub(super) fn read(message: &Element, rooms_domain: &BareJid) -> Option<Self> {
        let from = Jid::new(message.attribute("from")?).ok()?;
        let body = message.child_text("body", namespace::CLIENT);
        let subject = message.child_text("subject", namespace::CLIENT).filter(|subject| !subject.is_empty());
        let delay = message.child("delay", namespace::DELAY).and_then(|delay| delay.attribute("stamp"));
        let letter = Self {
            lang: message.attribute("xml:lang").map(str::to_owned),
            at: delay.and_then(datetime::parse),
            ..Self::notice(&from, "")
        };
        if from.domain() == rooms_domain.domain() {
            return letter.of_room(message, &from, body, subject);
        }
        let sender = message.attribute("id").map(|id| (from.clone(), id.to_owned()));
        Some(Self { from, subject, text: body?, sender, ..letter })
    }

    fn of_room(
        self,
        message: &Element,
        from: &Jid,
        body: Option<String>,
        subject: Option<String>,
    ) -> Option<Self> {
        let Some(nick) = from.resource() else {
            return Some(Self { text: invitation(message, from)?, ..self });
        };
        let display = Some(nick.to_owned());
        if message.attribute("type") != Some("groupchat") {
            return Some(Self { from: from.clone(), display, text: body?, ..self });
        }
        let text = match (body, subject) {
            (Some(body), _) => format!("{nick}: {body}"),
            (None, Some(subject)) => format!("{nick} set the subject: {subject}"),
            (None, None) => return None,
        };
        Some(Self { display, text, ..self })
    }

    /// The request that takes it to the client.
    pub(super) fn write(&self, envelope: Envelope<'_>) -> Bytes {
        let Envelope { binding, account, transport, branch, call_id, number } = envelope;
        let person = to_sip(account.as_jid());
        let target = binding.map_or(&*person, |binding| &binding.contact);
        let target = Uri::parse(target).expect("it was read, or made of an address");
        let via = format_args!("SIP/2.0/{transport} {};branch={branch}", account.domain());
        let domain = account.domain();
        let mut request = Writer::request(&Method::Message, &target).header(Name::Via, via);
        for path in binding.iter().flat_map(|binding| &binding.paths) {
            request = request.header(Name::Route, path);
        }
        let mut request = request
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("{};tag={}", self.sender_address(), tag()))
            .header(Name::To, format_args!("<{person}>"))
            .header(Name::CallId, format_args!("{call_id}@{domain}"))
            .header(Name::CSeq, format_args!("{number} {}", Method::Message));
        for (name, value) in [(Name::Subject, &self.subject), (Name::ContentLanguage, &self.lang)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(at) = self.at {
            request = request.header(Name::Date, Date(at));
        }
        request
            .header(Name::ContentType, format_args!("{TEXT};charset=UTF-8"))
            .finish_with(self.text.as_bytes())
    }

    fn sender_address(&self) -> String {
        let uri = to_sip(&self.from);
        match &self.display {
            Some(name) => format!("{} <{uri}>", Quoted(name)),
            None => format!("<{uri}>"),
        }
    }

    /// What its sender is told when the client refuses it (RFC 7247 §6). Rooms are told nothing.
    pub(super) fn bounce(&self, status: Status) -> Option<Stanza> {
        let (sender, id) = self.sender.as_ref()?;
        let condition = to_condition(status);
        let error = Element::new("error", namespace::CLIENT)
            .with_attribute("type", condition.usual_type().as_str())
            .with_child(Element::new(condition.as_str(), namespace::STANZA_ERROR))
            .with_child(Element::new("text", namespace::STANZA_ERROR).with_text(status.reason()));
        let payload = error.to_bytes(namespace::CLIENT);
        let mut stanza = Stanza::from_payload(Kind::Message, payload).ok()?;
        stanza.type_ = Some("error".into());
        stanza.to = Some(sender.as_str().into());
        stanza.id = Some(id.as_str().into());
        Some(stanza)
    }
}

/// The answer to an iq that asks the client for something.
pub(super) fn refuse_request(request: &Element) -> Option<Stanza> {
    let condition = perch_xmpp::stanza::error::StanzaCondition::ServiceUnavailable;
    let error = Element::new("error", namespace::CLIENT)
        .with_attribute("type", condition.usual_type().as_str())
        .with_child(Element::new(condition.as_str(), namespace::STANZA_ERROR));
    let mut stanza = Stanza::from_payload(Kind::Iq, error.to_bytes(namespace::CLIENT)).ok()?;
    stanza.type_ = Some("error".into());
    stanza.to = request.attribute("from").map(Into::into);
    stanza.id = Some(request.attribute("id")?.into());
    Some(stanza)
}

/// A mediated invitation (XEP-0045 §7.8.2).
fn invitation(message: &Element, room: &Jid) -> Option<String> {
    let invite = message.child("x", namespace::MUC_USER)?.child("invite", namespace::MUC_USER)?;
    let by = Jid::new(invite.attribute("from")?).ok()?.bare();
    let reason =
        invite.child_text("reason", namespace::MUC_USER).map_or_else(String::new, |why| format!(" ({why})"));
    Some(format!(
        "{} invites you to this room{reason}. Send #join to {} to enter.",
        to_sip(by.as_jid()),
        to_sip(room)
    ))
}

/// What a presence from a room says of the client's own place in it, with the room's localpart.
pub(super) fn own_presence(presence: &Element, rooms_domain: &BareJid) -> Option<(Box<str>, Place)> {
    let from = Jid::new(presence.attribute("from")?).ok()?;
    let user = presence.child("x", namespace::MUC_USER)?;
    let has = |code: &str| {
        user.children().any(|child| child.name() == "status" && child.attribute("code") == Some(code))
    };
    if from.domain() != rooms_domain.domain() || !has("110") {
        return None;
    }
    let room = from.local()?.into();
    // A new nick is told as a departure under the old one.
    let is_inside = presence.attribute("type") != Some("unavailable") || has("303");
    let reason = DEPARTURES.iter().find(|(code, _)| has(code)).map(|(_, text)| *text);
    let is_destroyed = user.child("destroy", namespace::MUC_USER).is_some();
    let text = if is_destroyed { Some("This room was destroyed.") } else { reason };
    let letter = text.filter(|_| !is_inside).map(|text| Letter::notice(&from, text));
    Some((room, Place { is_inside, letter }))
}

/// XEP-0045 §15.6.2, of a departure that the client did not ask for.
const DEPARTURES: [(&str, &str); 6] = [
    ("301", "You were banned from this room."),
    ("307", "You were removed from this room."),
    ("321", "You are no member of this room any more."),
    ("322", "This room is for members only now."),
    ("332", "The service is shutting down."),
    ("333", "You were taken out of this room for technical reasons."),
];

/// A time as RFC 3261 §20.17 writes it.
pub(super) struct Date(pub(super) i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(time) = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)) else {
            return Err(fmt::Error);
        };
        let [weekday, month] = [time.weekday().to_string(), time.month().to_string()];
        let (year, day) = (time.year(), time.day());
        let (hour, minute, second) = time.to_hms();
        write!(f, "{:.3}, {day:02} {:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT", weekday, month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(xml: &str) -> Option<Letter> {
        let element = Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap();
        Letter::read(&element, &BareJid::new("rooms.x").unwrap())
    }

    /// From and the text, as they are sent.
    fn check(xml: &str, expected: Option<(&str, &str)>) {
        let found = letter(xml).map(|letter| (letter.sender_address(), letter.text));
        assert_eq!(found.as_ref().map(|(from, text)| (from.as_str(), text.as_str())), expected, "{xml}");
    }

    #[test]
    fn what_is_said_is_told_and_the_rest_is_not() {
        check("<message from='b@x/phone'><body>hi</body></message>", Some(("<sip:b@x;gr=phone>", "hi")));
        check(
            "<message from='b@x/phone'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
            None,
        );
        check(
            "<message from='t@rooms.x/Al B' type='groupchat'><body>hi</body></message>",
            Some(("\"Al B\" <sip:t@rooms.x>", "Al B: hi")),
        );
        check(
            "<message from='t@rooms.x/Al' type='groupchat'><subject>Tea</subject></message>",
            Some(("\"Al\" <sip:t@rooms.x>", "Al set the subject: Tea")),
        );
        check("<message from='t@rooms.x' type='groupchat'><subject/></message>", None);
        check(
            "<message from='t@rooms.x/Al' type='chat'><body>psst</body></message>",
            Some(("\"Al\" <sip:t@rooms.x;gr=Al>", "psst")),
        );
        check(
            "<message from='t@rooms.x'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='b@x/y'>\
             <reason>tea</reason></invite></x></message>",
            Some((
                "<sip:t@rooms.x>",
                "sip:b@x invites you to this room (tea). Send #join to sip:t@rooms.x to enter.",
            )),
        );
    }

    #[test]
    fn a_letter_is_written_with_the_time_at_which_it_was_said() {
        let xml = "<message from='b@x/phone' xml:lang='en'><subject>Tea</subject><body>hi</body>\
                   <delay xmlns='urn:xmpp:delay' stamp='2010-11-13T23:29:00.500Z'/></message>";
        let account = BareJid::new("a@x").unwrap();
        let envelope = Envelope {
            binding: None,
            account: &account,
            transport: "TLS",
            branch: "z9hG4bK1",
            call_id: "c",
            number: 7,
        };
        let bytes = letter(xml).unwrap().write(envelope);
        let text = std::str::from_utf8(&bytes).unwrap();
        let tag = text.split(";tag=").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
        let expected = [
            "MESSAGE sip:a@x SIP/2.0",
            "Via: SIP/2.0/TLS x;branch=z9hG4bK1",
            "Max-Forwards: 70",
            &format!("From: <sip:b@x;gr=phone>;tag={tag}"),
            "To: <sip:a@x>",
            "Call-ID: c@x",
            "CSeq: 7 MESSAGE",
            "Subject: Tea",
            "Content-Language: en",
            "Date: Sat, 13 Nov 2010 23:29:00 GMT",
            "Content-Type: text/plain;charset=UTF-8",
            "Content-Length: 2",
            "",
            "hi",
        ];
        assert_eq!(text, expected.join("\r\n"));
    }

    #[test]
    fn a_refusal_goes_back_to_who_wrote_it() {
        let letter = letter("<message from='b@x/phone' id='7'><body>hi</body></message>").unwrap();
        let stanza = letter.bounce(Status::new(486).unwrap()).unwrap();
        let bytes = stanza.to_element().to_bytes(namespace::CLIENT);
        let expected = "<message to='b@x/phone' id='7' type='error'><error type='wait'><recipient-unavailable \
                        xmlns='NS'/><text xmlns='NS'>Busy Here</text></error></message>";
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected.replace("NS", namespace::STANZA_ERROR));
    }

    #[test]
    fn whether_somebody_is_inside_is_told_by_his_own_presence() {
        let check = |xml: &str, expected: Option<(bool, Option<&str>)>| {
            let xml = xml.replace("MUC", "http://jabber.org/protocol/muc#user");
            let element = Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap();
            let found = own_presence(&element, &BareJid::new("rooms.x").unwrap());
            let found = found.map(|(_, place)| (place.is_inside, place.letter.map(|letter| letter.text)));
            assert_eq!(
                found.as_ref().map(|(is_inside, text)| (*is_inside, text.as_deref())),
                expected,
                "{xml}"
            );
        };
        check(
            "<presence from='t@rooms.x/a'><x xmlns='MUC'><status code='110'/></x></presence>",
            Some((true, None)),
        );
        check("<presence from='t@rooms.x/b'><x xmlns='MUC'/></presence>", None);
        check(
            "<presence from='t@rooms.x/a' type='unavailable'><x xmlns='MUC'><status code='110'/></x></presence>",
            Some((false, None)),
        );
        check(
            "<presence from='t@rooms.x/a' type='unavailable'><x xmlns='MUC'><status code='110'/>\
             <status code='303'/></x></presence>",
            Some((true, None)),
        );
        check(
            "<presence from='t@rooms.x/a' type='unavailable'><x xmlns='MUC'><status code='110'/>\
             <status code='307'/></x></presence>",
            Some((false, Some("You were removed from this room."))),
        );
    }
}
