//! Registering with a room (XEP-0045 §7.10): `jabber:iq:register` both ways, with the form `muc#register`.

use perch_xmpp::extension::form::{Field, Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::chat::answer::Registration;
use crate::chat::command::Command;
use crate::chat::refusal::Refusal;

/// What a submission asks for: a nick, or an end (XEP-0077 §3.2).
pub fn command(query: &Element) -> Result<Command, Refusal> {
    if query.child("remove", namespace::REGISTER).is_some() {
        return Ok(Command::Unregister);
    }
    let x = query.child("x", namespace::DATA_FORM).ok_or(Refusal::BadRequest("the form is missing"))?;
    let form = Form::read(x).map_err(|_fault| Refusal::BadRequest("the form is malformed"))?;
    if form.kind != FormKind::Submit || form.form_type() != Some(namespace::MUC_REGISTER) {
        return Err(Refusal::BadRequest("this form is not the one that was asked for"));
    }
    let nick = form.value(NICK).map(str::trim).filter(|nick| !nick.is_empty());
    Ok(Command::Register { nick: nick.ok_or(Refusal::BadRequest("the nick is missing"))?.into() })
}

/// The form; beside it, what is registered already.
pub fn form(registration: &Registration) -> Element {
    let nick = registration.nick.as_deref();
    let registered = nick.map(|nick| {
        let element = |name| Element::new(name, namespace::REGISTER);
        [element("registered"), element("username").with_text(nick)]
    });
    let wanted = Field::text(NICK, "Desired nickname", nick.unwrap_or_default()).required();
    let form = Form::new(FormKind::Form, namespace::MUC_REGISTER)
        .with_title("Registration with this room")
        .with_instructions("Choose the nickname that is to be yours in this room.")
        .with_field(wanted);
    Element::new("query", namespace::REGISTER)
        .with_children(registered.into_iter().flatten())
        .with_child(
            Element::new("instructions", namespace::REGISTER)
                .with_text("To register, fill in the form with the nickname that is to be yours."),
        )
        .with_child(form.to_element())
}

const NICK: &str = "muc#register_roomnick";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::affiliation::Affiliation;

    fn parse(inner: &str) -> Element {
        let xml = format!("<query xmlns='jabber:iq:register'>{inner}</query>");
        Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap()
    }

    #[test]
    fn a_submission_reserves_a_nick() {
        let check = |inner: &str, expected| assert_eq!(command(&parse(inner)), expected, "{inner}");
        let form = |type_: &str, form_type: &str, field: &str| {
            format!(
                "<x xmlns='jabber:x:data' type='{type_}'><field var='FORM_TYPE'><value>{form_type}</value>\
                 </field>{field}</x>"
            )
        };
        let nick = "<field var='muc#register_roomnick'><value> Hecate </value></field>\
                    <field var='muc#register_email'><value>h@x</value></field>";
        let register = Command::Register { nick: "Hecate".into() };
        check(&form("submit", namespace::MUC_REGISTER, nick), Ok(register));
        check("<remove/>", Ok(Command::Unregister));
        let bad = |fault| Err(Refusal::BadRequest(fault));
        check("", bad("the form is missing"));
        check("<username>Hecate</username>", bad("the form is missing"));
        check(&form("order", namespace::MUC_REGISTER, nick), bad("the form is malformed"));
        let other = bad("this form is not the one that was asked for");
        check(&form("submit", "urn:tea", nick), other.clone());
        check(&form("cancel", namespace::MUC_REGISTER, nick), other);
        check(&form("submit", namespace::MUC_REGISTER, ""), bad("the nick is missing"));
        let blank = "<field var='muc#register_roomnick'><value> </value></field>";
        check(&form("submit", namespace::MUC_REGISTER, blank), bad("the nick is missing"));
    }

    #[test]
    fn the_form_asks_for_a_nick_and_says_which_one_there_is() {
        let check = |nick: Option<&str>, registered| {
            let registration = Registration { affiliation: Affiliation::Member, nick: nick.map(Into::into) };
            let query = form(&registration);
            let x = query.child("x", namespace::DATA_FORM).unwrap();
            assert!(Form::read(x).unwrap().field(NICK).unwrap().is_required);
            assert_eq!(query.child("registered", namespace::REGISTER).is_some(), registered);
            assert_eq!(query.child_text("username", namespace::REGISTER).as_deref(), nick);
        };
        check(None, false);
        check(Some("Hecate"), true);
    }
}
