//! What a MESSAGE asks for, as a stanza: a letter to a person (RFC 7572), a post in a room, or one of the words by which
//! clients without conferences use rooms, known from Kamailio's instant messaging conferences: `#join` and its like.

use bytes::Bytes;
use perch_address::{BareJid, Jid};
use perch_sip::header::Name;
use perch_sip::message::Request;
use perch_sip::uri::Uri;
use perch_xmpp::namespace;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use crate::sip::address::{to_jid, to_sip};
use crate::sip::errand::Then;

/// What somebody asks of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Help,
    /// Enters the room; `Create` makes it, where it is not there yet, and takes it into service.
    Join,
    Create,
    Leave,
    Members,
    Rooms,
    Invite(&'a str),
    /// Takes somebody out: an occupant by his nick, a member by his address.
    Remove(&'a str),
    Destroy,
}

/// What is done about a MESSAGE.
pub(super) enum Deed {
    HandIn {
        stanza: Box<Stanza>,
        to: Jid,
        then: Then,
    },
    /// There is an answer to tell already.
    Tell(String),
    Refuse(&'static str),
}

/// What a list is of.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// In whose name it is told.
    pub(super) room: Jid,
    heading: &'static str,
    /// Whether occupants are listed, who are told by their nicks.
    is_of_nicks: bool,
}

/// Reads a command. `None`: the body is no command; an error is told to whoever wrote it.
pub(super) fn read(body: &str) -> Option<Result<Command<'_>, String>> {
    let words = body.trim().strip_prefix('#')?;
    let (word, argument) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let argument = argument.trim();
    let whom = || match argument {
        "" => Err(format!("#{word} needs to be told whom.")),
        _ => Ok(argument),
    };
    Some(match word.to_ascii_lowercase().as_str() {
        "help" => Ok(Command::Help),
        "join" => Ok(Command::Join),
        "create" => Ok(Command::Create),
        "leave" => Ok(Command::Leave),
        "members" => Ok(Command::Members),
        "rooms" => Ok(Command::Rooms),
        "destroy" => Ok(Command::Destroy),
        "invite" => whom().map(Command::Invite),
        "remove" => whom().map(Command::Remove),
        _ => Err(format!("There is no command #{word}. Send #help for those that there are.")),
    })
}

impl Command<'_> {
    /// What is asked of the room by it.
    pub(super) fn carry_out(self, request: &Request, room: &Jid, rooms_domain: &BareJid) -> Deed {
        let list = |to: Jid, heading, is_of_nicks| {
            let query = Element::new("query", namespace::DISCO_ITEMS);
            let listed = Listed { room: room.clone(), heading, is_of_nicks };
            hand_in(Kind::Iq, "get", &[query], to, Then::List(listed))
        };
        match self {
            Self::Help => Deed::Tell(HELP.to_owned()),
            Self::Join => enter(request, room, Then::Answer),
            Self::Create => enter(request, room, Then::Open),
            Self::Leave => hand_in(Kind::Presence, "unavailable", &[], room.clone(), Then::Answer),
            Self::Members => list(room.clone(), "In the room:", true),
            Self::Rooms => list(rooms_domain.as_jid().clone(), "Rooms:", false),
            Self::Invite(whom) => invite(whom, room),
            Self::Remove(whom) => remove(whom, room),
            Self::Destroy => {
                let destroy = Element::new("destroy", namespace::MUC_OWNER);
                let query = Element::new("query", namespace::MUC_OWNER).with_child(destroy);
                hand_in(Kind::Iq, "set", &[query], room.clone(), Then::Answer)
            }
        }
    }
}

/// A message that is no command: to the room, to an occupant, or to a person.
pub(super) fn say(request: &Request, body: &str, to: &Jid, is_room: bool) -> Deed {
    let mut children = vec![Element::new("body", namespace::CLIENT).with_text(body)];
    let header = |name| request.headers.values(name).next();
    if !is_room {
        if let Some(subject) = header(Name::Subject) {
            children.insert(0, Element::new("subject", namespace::CLIENT).with_text(subject));
        }
        if let Some(thread) = header(Name::CallId) {
            children.push(Element::new("thread", namespace::CLIENT).with_text(thread));
        }
    }
    let kind = match (is_room, to.is_bare()) {
        (true, true) => "groupchat",
        (true, false) => "chat",
        // RFC 7572 §5: a page has no type.
        (false, _) => "",
    };
    let mut stanza = stanza(Kind::Message, kind, &children);
    stanza.lang = header(Name::ContentLanguage).map(Into::into);
    Deed::HandIn { stanza: Box::new(stanza), to: to.clone(), then: Then::Answer }
}

/// The form by which a new room is taken into service as it is (XEP-0045 §10.1.2).
pub(super) fn open_room() -> Stanza {
    let form = Element::new("x", namespace::DATA_FORM).with_attribute("type", "submit");
    let query = Element::new("query", namespace::MUC_OWNER).with_child(form);
    stanza(Kind::Iq, "set", &[query])
}

/// Enters a room under the name that the client shows, or the first part of its address.
fn enter(request: &Request, room: &Jid, then: Then) -> Deed {
    let from = request.headers.from().ok();
    let display = from.and_then(|from| from.display_name().map(|name| name.into_owned()));
    let user = || from.and_then(|from| from.uri.as_sip()?.user().map(|user| user.into_owned()));
    let occupant = display.or_else(user).and_then(|nick| room.bare().with_resource(&nick).ok());
    let Some(occupant) = occupant else { return Deed::Refuse("the name in From is no nick") };
    let wish = Element::new("x", namespace::MUC);
    hand_in(Kind::Presence, "", &[wish], occupant.as_jid().clone(), then)
}

fn invite(whom: &str, room: &Jid) -> Deed {
    let Some(whom) = address(whom) else { return Deed::Refuse("who is invited is told by an address") };
    let invite = Element::new("invite", namespace::MUC_USER).with_attribute("to", whom.as_str());
    let wish = Element::new("x", namespace::MUC_USER).with_child(invite);
    hand_in(Kind::Message, "", &[wish], room.clone(), Then::Answer)
}

fn remove(whom: &str, room: &Jid) -> Deed {
    let item = Element::new("item", namespace::MUC_ADMIN);
    let item = match address(whom) {
        Some(address) => item.with_attribute("affiliation", "none").with_attribute("jid", address.as_str()),
        None => item.with_attribute("role", "none").with_attribute("nick", whom),
    };
    let query = Element::new("query", namespace::MUC_ADMIN).with_child(item);
    hand_in(Kind::Iq, "set", &[query], room.clone(), Then::Answer)
}

/// The address that somebody wrote, as a URI or without its scheme.
fn address(text: &str) -> Option<BareJid> {
    let text = text.trim_start_matches('<').trim_end_matches('>');
    let with_scheme = if text.contains(':') { text.to_owned() } else { format!("sip:{text}") };
    let jid = to_jid(Uri::parse(&with_scheme).ok()?.as_sip()?).ok()?;
    jid.local().is_some().then(|| jid.bare())
}

fn hand_in(kind: Kind, type_: &str, children: &[Element], to: Jid, then: Then) -> Deed {
    Deed::HandIn { stanza: Box::new(stanza(kind, type_, children)), to, then }
}

pub(super) fn stanza(kind: Kind, type_: &str, children: &[Element]) -> Stanza {
    let mut payload = Vec::new();
    children.iter().for_each(|child| child.write(namespace::CLIENT, &mut payload));
    let stanza = Stanza::from_payload(kind, Bytes::from(payload));
    let mut stanza = stanza.expect("what is written is well-formed, whatever its texts were");
    stanza.type_ = (!type_.is_empty()).then(|| type_.into());
    stanza
}

impl Listed {
    /// What the result of a disco#items request lists, a line each.
    pub(super) fn text(&self, result: &Element) -> String {
        let query = result.child("query", namespace::DISCO_ITEMS);
        let items = query.into_iter().flat_map(Element::children);
        let lines = items.filter_map(|item| {
            let jid = Jid::new(item.attribute("jid")?).ok()?;
            match (self.is_of_nicks, item.attribute("name")) {
                (true, _) => jid.resource().map(str::to_owned),
                (false, Some(name)) => Some(format!("{} ({name})", to_sip(&jid))),
                (false, None) => Some(to_sip(&jid)),
            }
        });
        lines.fold(self.heading.to_owned(), |text, line| format!("{text}\n{line}"))
    }
}

const HELP: &str = "#join enters this room, #leave leaves it.\n\
                    #members tells who is in it, #rooms which rooms there are.\n\
                    #create makes this room. #invite ADDRESS, #remove NICK and #destroy are for those who manage it.\n\
                    Anything else is said to the room.";

#[cfg(test)]
mod tests {
    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    #[test]
    fn commands_are_known_by_their_sign() {
        let check = |body: &str, expected: Option<Result<Command<'_>, &str>>| {
            let read = read(body);
            let told =
                read.as_ref().map(|read| read.as_ref().map(|command| *command).map_err(String::as_str));
            assert_eq!(told, expected, "{body}");
        };
        check("hello #join", None);
        check("", None);
        check("#join", Some(Ok(Command::Join)));
        check(" #Join \r\n", Some(Ok(Command::Join)));
        check("#invite  bob@h.example ", Some(Ok(Command::Invite("bob@h.example"))));
        check("#remove Old Man", Some(Ok(Command::Remove("Old Man"))));
        check("#remove", Some(Err("#remove needs to be told whom.")));
        check("#dance", Some(Err("There is no command #dance. Send #help for those that there are.")));
    }

    fn request(from: &str) -> Request {
        let text = format!(
            "MESSAGE sip:x@h SIP/2.0\r\nFrom: {from}\r\nCall-ID: call@c\r\nSubject: Tea\r\nContent-Language: en\r\n\r\n"
        );
        match Message::parse(text.into(), Limits::PEER) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn written(deed: Deed) -> String {
        match deed {
            Deed::HandIn { mut stanza, to, .. } => {
                stanza.to = Some(to.as_str().into());
                let bytes = stanza.to_element().to_bytes(namespace::CLIENT);
                String::from_utf8(bytes.to_vec()).unwrap()
            }
            Deed::Tell(text) => text,
            Deed::Refuse(reason) => format!("refused: {reason}"),
        }
    }

    #[test]
    fn commands_are_the_rooms_own() {
        let (room, rooms) = (Jid::new("tea@rooms.example").unwrap(), BareJid::new("rooms.example").unwrap());
        let check = |from: &str, command: Command<'_>, expected: &str| {
            let expected = expected.replace("MUC", "http://jabber.org/protocol/muc");
            assert_eq!(written(command.carry_out(&request(from), &room, &rooms)), expected, "{command:?}");
        };
        let a = "<sip:a@h>;tag=1";
        check(a, Command::Join, "<presence to='tea@rooms.example/a'><x xmlns='MUC'/></presence>");
        check(
            "\"Al B\" <sip:a@h>;tag=1",
            Command::Join,
            "<presence to='tea@rooms.example/Al B'><x xmlns='MUC'/></presence>",
        );
        check(a, Command::Leave, "<presence to='tea@rooms.example' type='unavailable'/>");
        check(
            a,
            Command::Remove("Al"),
            "<iq to='tea@rooms.example' type='set'><query xmlns='MUC#admin'><item role='none' nick='Al'/></query></iq>",
        );
        check(
            a,
            Command::Remove("sip:b@h.example"),
            "<iq to='tea@rooms.example' type='set'><query xmlns='MUC#admin'>\
             <item affiliation='none' jid='b@h.example'/></query></iq>",
        );
        check(
            a,
            Command::Invite("b@h.example"),
            "<message to='tea@rooms.example'><x xmlns='MUC#user'><invite to='b@h.example'/></x></message>",
        );
        check(
            a,
            Command::Destroy,
            "<iq to='tea@rooms.example' type='set'><query xmlns='MUC#owner'><destroy/></query></iq>",
        );
        check(a, Command::Invite("h.example"), "refused: who is invited is told by an address");
    }

    #[test]
    fn a_message_is_the_stanza_of_rfc_7572() {
        let check = |to: &str, is_room: bool, body: &str, expected: &str| {
            let to = Jid::new(to).unwrap();
            assert_eq!(written(say(&request("<sip:a@h>;tag=1"), body, &to, is_room)), expected);
        };
        check(
            "b@h.example",
            false,
            "a < b",
            "<message to='b@h.example' xml:lang='en'><subject>Tea</subject><body>a &lt; b</body>\
             <thread>call@c</thread></message>",
        );
        check(
            "tea@rooms.example",
            true,
            "hi",
            "<message to='tea@rooms.example' type='groupchat' xml:lang='en'><body>hi</body></message>",
        );
        check(
            "tea@rooms.example/nick",
            true,
            "hi",
            "<message to='tea@rooms.example/nick' type='chat' xml:lang='en'><body>hi</body></message>",
        );
        check(
            "tea@rooms.example",
            true,
            "a\u{1}b",
            "<message to='tea@rooms.example' type='groupchat' xml:lang='en'><body>a\u{fffd}b</body></message>",
        );
    }
}
