//! Configuring and destroying a room (XEP-0045 §10.1, §10.2, §10.9): `muc#owner` both ways.
//!
//! What a submission leaves out stays as it was, so that a client may send the fields that it knows.

mod fields;

use perch_address::Jid;
use perch_xmpp::extension::form::{Form, FormKind};
use perch_xmpp::namespace;
use perch_xmpp::xml::Element;

use crate::chat::answer::Configuration;
use crate::chat::command::{Command, People};
use crate::chat::refusal::Refusal;

/// What an owner's request asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The form.
    Form,
    /// What was filled in; it becomes a command beside what is configured now.
    Submission(Form),
    /// Cancelling, or destroying.
    Command(Command),
}

/// Reads the `<query/>` of an iq; `is_set` tells a change from a question.
pub fn request(query: &Element, is_set: bool) -> Result<Request, Refusal> {
    if !is_set {
        return Ok(Request::Form);
    }
    if let Some(destroy) = query.child("destroy", namespace::MUC_OWNER) {
        return self::destroy(destroy).map(Request::Command);
    }
    let x = query.child("x", namespace::DATA_FORM).ok_or(Refusal::BadRequest("the form is missing"))?;
    let form = Form::read(x).map_err(|_fault| Refusal::BadRequest("the form is malformed"))?;
    match form.kind {
        FormKind::Cancel => Ok(Request::Command(Command::CancelConfiguration)),
        // An empty one takes the room as it is: the instant room of §10.1.2.
        FormKind::Submit if form.is_empty() || form.form_type() == Some(namespace::MUC_ROOM_CONFIG) => {
            Ok(Request::Submission(form))
        }
        FormKind::Submit | FormKind::Form | FormKind::Result => {
            Err(Refusal::BadRequest("this form is not the one that was asked for"))
        }
    }
}

/// The command that a submission means in a room with this configuration.
pub fn submission(form: &Form, current: &Configuration) -> Result<Command, Refusal> {
    let settings = fields::read(form, &current.settings)?;
    Ok(Command::Configure {
        settings: Box::new(settings),
        people: People {
            owners: fields::addresses(form, fields::OWNERS)?,
            admins: fields::addresses(form, fields::ADMINS)?,
            presenters: fields::addresses(form, fields::PRESENTERS)?,
        },
    })
}

/// The form with what is configured now.
pub fn form(room: &str, configuration: &Configuration) -> Element {
    let instructions = if configuration.is_locked {
        "The room opens when you submit this form; as it stands, with the defaults. Cancelling destroys it."
    } else {
        "Complete this form to change the configuration of the room."
    };
    let form = Form::new(FormKind::Form, namespace::MUC_ROOM_CONFIG)
        .with_title(&format!("Configuration of {room}"))
        .with_instructions(instructions);
    let form = fields::all(configuration).into_iter().fold(form, Form::with_field);
    Element::new("query", namespace::MUC_OWNER).with_child(form.to_element())
}

fn destroy(destroy: &Element) -> Result<Command, Refusal> {
    let text = |name| destroy.child_text(name, namespace::MUC_OWNER);
    let alternate = match destroy.attribute("jid").filter(|jid| !jid.is_empty()) {
        Some(text) => {
            let jid = Jid::new(text).map_err(|_malformed| Refusal::BadRequest("an address is malformed"))?;
            Some(jid.bare())
        }
        None => None,
    };
    Ok(Command::Destroy {
        reason: text("reason").unwrap_or_default().into(),
        alternate,
        password: text("password").filter(|password| !password.is_empty()).map(Into::into),
    })
}

#[cfg(test)]
mod tests;
