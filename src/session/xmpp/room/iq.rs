//! Requests to a room (XEP-0045 §17.4: they are for the room alone): which of them it knows, and how it answers.

use perch_address::BareJid;
use perch_xmpp::extension::form::Form;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Kind, Stanza};
use perch_xmpp::xml::Element;

use crate::chat::answer::Answer;
use crate::chat::command::{Command, Query};
use crate::chat::id::MessageId;
use crate::chat::refusal::Refusal;
use crate::session::xmpp::room::{admin, disco, owner, register};

/// What a request asks of the room.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To be answered from what the room says.
    Query(Query, Rendering),
    /// To be answered with an empty result once it is done.
    Command(Command),
    /// A configuration form. What it leaves out is as it is now: with the answer to [`Query::Configuration`],
    /// [`owner::submission`] makes the command of it.
    Configure(Form),
    /// To be answered with an empty result at once.
    Ping,
}

/// In which form an answer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    Info,
    Items,
    ReservedNick,
    List,
    ConfigurationForm,
    RegistrationForm,
}

/// Why a request gets no further.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    Refused(Refusal),
    Condition(StanzaCondition),
}

/// Reads an iq of type `get` or `set` that is for the room itself.
pub fn request(stanza: &Stanza) -> Result<Request, Fault> {
    debug_assert_eq!(stanza.kind, Kind::Iq);
    let is_set = stanza.type_.as_deref() == Some("set");
    let Some(child) = stanza.children().next() else {
        return Err(Fault::Condition(StanzaCondition::BadRequest));
    };
    let payload = child.element();
    match (payload.name(), payload.namespace(), is_set) {
        ("query", namespace::DISCO_INFO, false) => match disco::topic(&payload)? {
            disco::Topic::Room => Ok(Request::Query(Query::Overview, Rendering::Info)),
            disco::Topic::ReservedNick => Ok(Request::Query(Query::Overview, Rendering::ReservedNick)),
        },
        ("query", namespace::DISCO_ITEMS, false) => match payload.attribute("node") {
            None | Some("") => Ok(Request::Query(Query::Overview, Rendering::Items)),
            Some(_) => Err(Fault::Condition(StanzaCondition::ItemNotFound)),
        },
        ("query", namespace::MUC_ADMIN, false) => {
            Ok(Request::Query(admin::query(&payload)?, Rendering::List))
        }
        ("query", namespace::MUC_ADMIN, true) => Ok(Request::Command(admin::command(&payload)?)),
        ("query", namespace::MUC_OWNER, _) => Ok(match owner::request(&payload, is_set)? {
            owner::Request::Form => Request::Query(Query::Configuration, Rendering::ConfigurationForm),
            owner::Request::Submission(form) => Request::Configure(form),
            owner::Request::Command(command) => Request::Command(command),
        }),
        ("query", namespace::REGISTER, false) => {
            Ok(Request::Query(Query::Registration, Rendering::RegistrationForm))
        }
        ("query", namespace::REGISTER, true) => Ok(Request::Command(register::command(&payload)?)),
        ("moderate", namespace::MODERATE, true) => {
            Ok(Request::Command(moderation(&payload, payload.attribute("id"), namespace::RETRACT)?))
        }
        ("apply-to", namespace::FASTEN, true) => Ok(Request::Command(fastened(&payload)?)),
        ("ping", namespace::PING, false) => Ok(Request::Ping),
        _ => Err(Fault::Condition(StanzaCondition::ServiceUnavailable)),
    }
}

/// The payload of the result.
pub fn answer(room: &BareJid, rendering: Rendering, answer: &Answer) -> Option<Element> {
    match (rendering, answer) {
        (Rendering::Info, Answer::Overview(overview)) => Some(disco::room_info(room, overview)),
        (Rendering::Items, Answer::Overview(overview)) => Some(disco::room_items(room, overview)),
        (Rendering::ReservedNick, Answer::Overview(overview)) => Some(disco::reserved_nick(overview)),
        (Rendering::List, Answer::Affiliations(standings)) => Some(admin::affiliation_list(standings)),
        (Rendering::List, Answer::Roles(entries)) => Some(admin::role_list(entries)),
        (Rendering::ConfigurationForm, Answer::Configuration(configuration)) => {
            Some(owner::form(room.as_str(), configuration))
        }
        (Rendering::RegistrationForm, Answer::Registration(registration)) => {
            Some(register::form(registration))
        }
        _ => None,
    }
}

/// A moderated retraction (XEP-0425 §3). Who wrote the message is for the room to find out.
fn moderation(moderate: &Element, id: Option<&str>, retraction: &str) -> Result<Command, Refusal> {
    if moderate.child("retract", retraction).is_none() {
        return Err(Refusal::BadRequest("messages can be moderated by retraction only"));
    }
    let id = id.ok_or(Refusal::BadRequest("the message's id is missing"))?;
    let target = MessageId::parse(id).ok_or(Refusal::NoSuchMessage)?;
    let reason = moderate.child_text("reason", moderate.namespace()).unwrap_or_default().into();
    Ok(Command::Moderate { target, target_author: None, reason })
}

/// COMPAT: Gajim 1.7 and slixmpp ask as XEP-0425 wrote it before its version 0.3.
fn fastened(apply_to: &Element) -> Result<Command, Refusal> {
    let moderate = apply_to
        .child("moderate", namespace::MODERATE_FASTENED)
        .ok_or(Refusal::BadRequest("only moderation is fastened to a message"))?;
    moderation(moderate, apply_to.attribute("id"), namespace::RETRACT_FASTENED)
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StanzaCondition> for Fault {
    fn from(condition: StanzaCondition) -> Self {
        Self::Condition(condition)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::chat::affiliation::{Affiliation, Role};
    use crate::chat::command::RoleItem;
    use crate::chat::id::{Epoch, Seq};

    fn check(type_: &str, payload: &str, expected: Result<Request, Fault>) {
        let mut stanza = Stanza::from_payload(Kind::Iq, Bytes::from(payload.to_owned())).unwrap();
        stanza.type_ = Some(type_.into());
        assert_eq!(request(&stanza), expected, "{type_} {payload}");
    }

    fn condition(condition: StanzaCondition) -> Result<Request, Fault> {
        Err(Fault::Condition(condition))
    }

    #[test]
    fn questions_are_told_apart_by_namespace_and_node() {
        let query = |ns: &str, node: &str| format!("<query xmlns='{ns}' node='{node}'/>");
        let overview = |rendering| Ok(Request::Query(Query::Overview, rendering));
        check("get", &query(namespace::DISCO_INFO, ""), overview(Rendering::Info));
        check("get", &query(namespace::DISCO_INFO, "x-roomuser-item"), overview(Rendering::ReservedNick));
        check("get", &query(namespace::DISCO_INFO, "tea"), condition(StanzaCondition::ItemNotFound));
        check("get", &query(namespace::DISCO_ITEMS, ""), overview(Rendering::Items));
        check("get", &query(namespace::DISCO_ITEMS, "tea"), condition(StanzaCondition::ItemNotFound));
        let form = Request::Query(Query::Configuration, Rendering::ConfigurationForm);
        check("get", &query(namespace::MUC_OWNER, ""), Ok(form));
        let registration = Request::Query(Query::Registration, Rendering::RegistrationForm);
        check("get", &query(namespace::REGISTER, ""), Ok(registration));
        let list = "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'/></query>";
        let members = Query::Affiliations(Affiliation::Member);
        check("get", list, Ok(Request::Query(members, Rendering::List)));
        check("get", "<ping xmlns='urn:xmpp:ping'/>", Ok(Request::Ping));
        check("get", "<query xmlns='urn:tea'/>", condition(StanzaCondition::ServiceUnavailable));
        check("set", "<ping xmlns='urn:xmpp:ping'/>", condition(StanzaCondition::ServiceUnavailable));
        check("set", &query(namespace::DISCO_INFO, ""), condition(StanzaCondition::ServiceUnavailable));
        check("get", "", condition(StanzaCondition::BadRequest));
    }

    #[test]
    fn changes_become_commands() {
        let kick = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='a' role='none'/></query>";
        let items = vec![RoleItem { nick: "a".into(), role: Role::None, reason: "".into() }];
        check("set", kick, Ok(Request::Command(Command::SetRoles { items })));
        let cancel = "<query xmlns='http://jabber.org/protocol/muc#owner'>\
                      <x xmlns='jabber:x:data' type='cancel'/></query>";
        check("set", cancel, Ok(Request::Command(Command::CancelConfiguration)));
        let remove = "<query xmlns='jabber:iq:register'><remove/></query>";
        check("set", remove, Ok(Request::Command(Command::Unregister)));
    }

    #[test]
    fn a_moderator_names_a_message_by_its_id() {
        let moderate = |id: &str, inner: &str| {
            format!("<moderate id='{id}' xmlns='urn:xmpp:message-moderate:1'>{inner}</moderate>")
        };
        let retract = "<retract xmlns='urn:xmpp:message-retract:1'/>";
        let target = MessageId::new(Epoch(0), Seq(7));
        let id = target.to_string();
        let command = |reason: &str| {
            let reason = reason.into();
            Ok(Request::Command(Command::Moderate { target, target_author: None, reason }))
        };
        check("set", &moderate(&id, retract), command(""));
        check("set", &moderate(&id, &format!("{retract}<reason>rude</reason>")), command("rude"));
        check("set", &moderate("x", retract), Err(Refusal::NoSuchMessage.into()));
        let other = Refusal::BadRequest("messages can be moderated by retraction only");
        check("set", &moderate(&id, ""), Err(other.into()));
        let fastened =
            |inner: &str| format!("<apply-to id='{id}' xmlns='urn:xmpp:fasten:0'>{inner}</apply-to>");
        let old = "<moderate xmlns='urn:xmpp:message-moderate:0'>\
                   <retract xmlns='urn:xmpp:message-retract:0'/><reason>rude</reason></moderate>";
        check("set", &fastened(old), command("rude"));
        let unknown = Refusal::BadRequest("only moderation is fastened to a message");
        check("set", &fastened(retract), Err(unknown.into()));
    }
}
