//! Messages to a room or an occupant (XEP-0045 §7.4, §7.5, §7.8, §7.13, §8.1; XEP-0424).

use perch_address::Jid;
use perch_xmpp::namespace;
use perch_xmpp::stanza::Stanza;
use perch_xmpp::xml::Element;

use crate::chat::affiliation::Role;
use crate::chat::command::{Command, Invitation};
use crate::chat::id::MessageId;
use crate::chat::message::Retention;
use crate::chat::refusal::Refusal;
use crate::session::xmpp::content::content;

/// What a message to the room or to an occupant asks for; `None`: nothing that needs an answer.
pub fn command(stanza: &Stanza, room: &str, nick: Option<&str>) -> Result<Option<Command>, Refusal> {
    match (stanza.type_.as_deref().unwrap_or("normal"), nick) {
        ("error", _) => Ok(None),
        ("groupchat", None) => groupchat(stanza, room).map(Some),
        ("groupchat", Some(_)) => {
            Err(Refusal::BadRequest("a groupchat message goes to the room, not to an occupant"))
        }
        (_, Some(nick)) => Ok(Some(Command::Whisper { to: nick.into(), content: content(stanza, room) })),
        (_, None) => to_room(stanza, room),
    }
}

fn groupchat(stanza: &Stanza, room: &str) -> Result<Command, Refusal> {
    let mut content = content(stanza, room);
    if let Some(retract) = stanza.child("retract", namespace::RETRACT) {
        let target =
            retract.element().attribute("id").and_then(MessageId::parse).ok_or(Refusal::NoSuchMessage)?;
        content.retention = Retention::Kept;
        return Ok(Command::Retract { target, target_author: None, content });
    }
    // Only a subject without body and thread changes the subject (§8.1); else it is a message that has a title.
    let is_message = content.text.is_some() || stanza.has("thread", namespace::CLIENT);
    match stanza.child("subject", namespace::CLIENT) {
        Some(subject) if !is_message => {
            content.retention = Retention::Kept;
            Ok(Command::SetSubject { subject: subject.text().into(), content })
        }
        _ => Ok(Command::Post { content }),
    }
}

/// Invitations, declines and voice requests are messages to the room itself.
fn to_room(stanza: &Stanza, room: &str) -> Result<Option<Command>, Refusal> {
    if let Some(x) = stanza.child("x", namespace::MUC_USER) {
        let x = x.element();
        let invitations = x
            .children()
            .filter(|child| child.is("invite", namespace::MUC_USER))
            .map(invitation)
            .collect::<Result<Vec<_>, _>>()?;
        if !invitations.is_empty() {
            return Ok(Some(Command::Invite { invitations }));
        }
        if let Some(decline) = x.child("decline", namespace::MUC_USER) {
            let to = address(decline, "to")?.bare();
            let reason = reason(decline);
            return Ok(Some(Command::Decline { to, reason, content: content(stanza, room) }));
        }
    }
    if let Some(form) = stanza.child("x", namespace::DATA_FORM) {
        return voice(&form.element()).map(Some);
    }
    Err(Refusal::BadRequest("a message to the room is of type groupchat"))
}

fn invitation(invite: &Element) -> Result<Invitation, Refusal> {
    let continues = invite.child("continue", namespace::MUC_USER);
    Ok(Invitation {
        to: address(invite, "to")?.bare(),
        reason: reason(invite),
        continues: continues.map(|c| c.attribute("thread").unwrap_or_default().into()),
    })
}

fn address(element: &Element, name: &str) -> Result<Jid, Refusal> {
    element
        .attribute(name)
        .and_then(|text| Jid::new(text).ok())
        .ok_or(Refusal::BadRequest("an address is missing"))
}

fn reason(element: &Element) -> Box<str> {
    element.child_text("reason", namespace::MUC_USER).unwrap_or_default().into()
}

/// The request for voice, and the form by which a moderator answers it (§7.13, §8.6).
fn voice(form: &Element) -> Result<Command, Refusal> {
    let value = |var: &str| {
        form.children()
            .find(|f| f.attribute("var") == Some(var))
            .and_then(|f| f.child_text("value", namespace::DATA_FORM))
    };
    if value("FORM_TYPE").as_deref() != Some(namespace::MUC_REQUEST) {
        return Err(Refusal::BadRequest("this form is not known"));
    }
    match (value("muc#request_allow"), value("muc#roomnick")) {
        (Some(allow), Some(nick)) => {
            Ok(Command::AnswerVoice { nick: nick.into(), allow: matches!(allow.as_str(), "true" | "1") })
        }
        (None, _) => {
            let role = value("muc#role").and_then(|role| Role::parse(&role)).unwrap_or(Role::Participant);
            Ok(Command::RequestVoice { role })
        }
        (Some(_), None) => Err(Refusal::BadRequest("the nick is missing")),
    }
}
