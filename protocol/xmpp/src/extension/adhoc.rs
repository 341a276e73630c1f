//! Ad-hoc commands (XEP-0050): what somebody wants done, the form that he fills in for it, and what came of it.
//!
//! All commands here have one form or none: a command session is *executing* while the form is with who asked.

use thiserror::Error;

use super::form::Form;
use crate::namespace;
use crate::stanza::error::StanzaCondition;
use crate::xml::Element;

/// One step, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which command; empty if none is named.
    pub node: String,
    /// The command session that it belongs to; `None` begins one.
    pub session: Option<String>,
    /// What is to happen.
    pub action: Action,
    /// What was filled in.
    pub form: Option<Form>,
}

/// What is to happen (XEP-0050 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Whatever is usual here.
    Execute,
    /// Give it up.
    Cancel,
    /// Back to the form before.
    Previous,
    /// On to the next form.
    Next,
    /// Do it.
    Complete,
}

/// How far a command session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A form is to be filled in.
    Executing,
    /// It is over.
    Completed,
    /// It was given up.
    Canceled,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Which command.
    pub node: String,
    /// The command session.
    pub session: String,
    /// How far it is.
    pub status: Status,
    /// What is to be filled in, or what is reported.
    pub form: Option<Form>,
    /// What there is to say, in words.
    pub notes: Vec<Note>,
}

/// Something said about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it says that something was not done.
    pub is_error: bool,
    /// For people.
    pub text: String,
}

/// Why a step is not taken, where the protocol itself is the matter (XEP-0050 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AdHocError {
    /// No action at all.
    #[error("this action is not known")]
    MalformedAction,
    /// An action that there is not in this step.
    #[error("this step does not have that action")]
    BadAction,
    /// No form, or one that cannot be used.
    #[error("the form is missing, or cannot be read")]
    BadPayload,
    /// An id that was never given.
    #[error("no command has this session id")]
    BadSessionId,
    /// A session that there is no more.
    #[error("this command is over; begin it anew")]
    SessionExpired,
}

impl Request {
    /// Reads a `<command/>`.
    pub fn read(command: &Element) -> Result<Self, AdHocError> {
        let action = command.attribute("action").unwrap_or(Action::Execute.as_str());
        let form = command.child("x", namespace::DATA_FORM).map(Form::read).transpose();
        Ok(Self {
            node: command.attribute("node").unwrap_or_default().into(),
            session: command.attribute("sessionid").map(Into::into),
            action: Action::parse(action).ok_or(AdHocError::MalformedAction)?,
            // Of whatever type it is: §3.5.1 has even a cancelled form be taken as filled in.
            form: form.map_err(|_fault| AdHocError::BadPayload)?,
        })
    }
}

impl Response {
    /// The `<command/>` that answers the step.
    pub fn to_element(&self) -> Element {
        let element = |name: &str| Element::new(name, namespace::COMMANDS);
        // Without `execute` the usual action would be `next` (§3.4), which there is not.
        let actions = (self.status == Status::Executing).then(|| {
            let complete = Action::Complete.as_str();
            element("actions").with_attribute("execute", complete).with_child(element(complete))
        });
        element("command")
            .with_attribute("node", self.node.as_str())
            .with_attribute("sessionid", self.session.as_str())
            .with_attribute("status", self.status.as_str())
            .with_children(actions)
            .with_children(self.form.as_ref().map(Form::to_element))
            .with_children(self.notes.iter().map(Note::to_element))
    }
}

impl Note {
    /// That something was done.
    pub fn info(text: impl Into<String>) -> Self {
        Self { is_error: false, text: text.into() }
    }

    /// That something was not done.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, text: text.into() }
    }

    fn to_element(&self) -> Element {
        Element::new("note", namespace::COMMANDS)
            .with_attribute("type", if self.is_error { "error" } else { "info" })
            .with_text(&self.text)
    }
}

impl Action {
    /// The attribute value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Cancel => "cancel",
            Self::Previous => "prev",
            Self::Next => "next",
            Self::Complete => "complete",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Execute, Self::Cancel, Self::Previous, Self::Next, Self::Complete]
            .into_iter()
            .find(|action| action.as_str() == text)
    }
}

impl Status {
    /// The attribute value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Executing => "executing",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
        }
    }
}

impl AdHocError {
    /// The condition of RFC 6120 beside which it stands.
    pub fn condition(self) -> StanzaCondition {
        match self {
            Self::SessionExpired => StanzaCondition::NotAllowed,
            _ => StanzaCondition::BadRequest,
        }
    }

    /// The condition of its own.
    pub fn to_element(self) -> Element {
        let name = match self {
            Self::MalformedAction => "malformed-action",
            Self::BadAction => "bad-action",
            Self::BadPayload => "bad-payload",
            Self::BadSessionId => "bad-sessionid",
            Self::SessionExpired => "session-expired",
        };
        Element::new(name, namespace::COMMANDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extension::form::{Field, FormKind};

    fn read(attributes: &str, inner: &str) -> Result<Request, AdHocError> {
        let xml =
            format!("<command xmlns='http://jabber.org/protocol/commands' {attributes}>{inner}</command>");
        Request::read(&Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap())
    }

    #[test]
    fn a_step_names_a_command_and_perhaps_a_session_and_an_action() {
        let check = |attributes: &str, session: Option<&str>, action| {
            let session = session.map(Into::into);
            assert_eq!(
                read(attributes, ""),
                Ok(Request { node: "brew".into(), session, action, form: None })
            );
        };
        check("node='brew'", None, Action::Execute);
        check("node='brew' action='execute'", None, Action::Execute);
        check("node='brew' action='cancel' sessionid='1'", Some("1"), Action::Cancel);
        check("node='brew' action='prev' sessionid='1'", Some("1"), Action::Previous);
        check("node='brew' action='next' sessionid='1'", Some("1"), Action::Next);
        check("node='brew' action='complete' sessionid='1'", Some("1"), Action::Complete);
        assert_eq!(read("node='brew' action='pour'", ""), Err(AdHocError::MalformedAction));
        assert_eq!(read("node='brew' action=''", ""), Err(AdHocError::MalformedAction));
        assert_eq!(read("", "").unwrap().node, "");
    }

    #[test]
    fn a_step_may_bring_a_form() {
        let form = |type_: &str| {
            format!(
                "<x xmlns='jabber:x:data' type='{type_}'><field var='kind'><value>green</value></field></x>"
            )
        };
        for type_ in ["submit", "cancel"] {
            let form = read("node='brew'", &form(type_)).unwrap().form.unwrap();
            assert_eq!(form.value("kind"), Some("green"));
        }
        assert_eq!(read("node='brew'", &form("order")), Err(AdHocError::BadPayload));
    }

    #[test]
    fn an_answer_says_how_far_it_is() {
        let check = |status, form, notes: &[Note], expected: &str| {
            let (node, session, notes) = ("brew".into(), "1".into(), notes.to_vec());
            let bytes =
                Response { node, session, status, form, notes }.to_element().to_bytes(namespace::COMMANDS);
            assert_eq!(str::from_utf8(&bytes).unwrap(), expected);
        };
        let form = Form::new(FormKind::Form, "urn:tea").with_field(Field::text("kind", "Kind", ""));
        let shown = String::from_utf8(form.to_element().to_bytes(namespace::COMMANDS).to_vec()).unwrap();
        check(
            Status::Executing,
            Some(form),
            &[],
            &format!(
                "<command node='brew' sessionid='1' status='executing'>\
                 <actions execute='complete'><complete/></actions>{shown}</command>"
            ),
        );
        check(
            Status::Completed,
            None,
            &[Note::info("Done"), Note::error("No milk")],
            "<command node='brew' sessionid='1' status='completed'>\
             <note type='info'>Done</note><note type='error'>No milk</note></command>",
        );
        check(Status::Canceled, None, &[], "<command node='brew' sessionid='1' status='canceled'/>");
    }
}
