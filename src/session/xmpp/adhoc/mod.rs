//! Ad-hoc commands (XEP-0050, XEP-0133): administration by whatever client one has at hand.
//!
//! | module | what |
//! |---|---|
//! | [`catalogue`] | which commands there are, where, and what each asks for |
//! | [`execution`] | what each does: it hands what was filled in to the administration |
//! | [`feeds`] | what those do that are about one's own topic feeds |
//! | [`refusal`] | why one was not done, as an error |
//!
//! Whether somebody may is decided by the administration, at every step anew: what is offered to him follows it, and what
//! he does is refused and logged there.

mod catalogue;
mod execution;
mod feeds;
mod refusal;

use perch_xmpp::extension::adhoc::{Action, AdHocError, Note, Request, Response, Status};
use perch_xmpp::extension::form::Form;
use perch_xmpp::namespace;
use perch_xmpp::stanza::error::StanzaCondition;
use perch_xmpp::stanza::{Stanza, error_reply, iq_result};
use perch_xmpp::xml::Element;

use self::catalogue::AdHoc;
pub(super) use self::catalogue::Place;
use self::execution::Done;
use self::refusal::Failure;
use crate::admin::Caller;
use crate::admin::caller::{Origin, Who};
use crate::session::{Session, random_session_id};

/// Commands whose form its client has, the oldest first: the id of each command session, and which command it is.
#[derive(Debug, Default)]
pub(in crate::session) struct CommandsBegun(Vec<(String, AdHoc)>);

/// What somebody asks about commands.
enum Question {
    /// Which there are for him (XEP-0050 §2.2).
    Items,
    /// What the list is.
    ListInfo,
    /// What a command is.
    Info(AdHoc),
    /// A step of one.
    Step,
    /// A step asked for as if it changed nothing.
    Misplaced,
}

impl Session {
    /// Answers what is about the commands of that place. `false`: it is about something else.
    pub(super) async fn answer_command(
        &mut self,
        number: u64,
        stanza: &Stanza,
        place: Place<'_>,
        payload: &Element,
    ) -> bool {
        let is_set = match stanza.type_.as_deref() {
            Some("get") => false,
            Some("set") => true,
            // An answer is not answered.
            _ => return false,
        };
        let Some(question) = Question::of(place, payload, is_set) else { return false };
        // Boxed: what the administration needs is not to be part of how every stanza is handled.
        let answer = Box::pin(self.ask_administration(stanza, place, question, payload)).await;
        match answer {
            Ok(content) => {
                self.reply(&iq_result(stanza, Some(content)));
                self.done(number);
            }
            Err(failure) => self.refuse_command(number, stanza, &failure),
        }
        true
    }

    async fn ask_administration(
        &mut self,
        stanza: &Stanza,
        place: Place<'_>,
        question: Question,
        payload: &Element,
    ) -> Result<Element, Failure> {
        match question {
            Question::Items => self.command_items(stanza, place).await,
            Question::ListInfo => Ok(catalogue::list_info()),
            Question::Info(command) => self.command_info(place, command).await,
            Question::Step => Ok(self.take_step(place, payload).await?.to_element()),
            Question::Misplaced => Err(StanzaCondition::BadRequest.into()),
        }
    }

    fn refuse_command(&mut self, number: u64, stanza: &Stanza, failure: &Failure) {
        let (condition, specific) = failure.verdict();
        let text = failure.text();
        let specific = specific.map(AdHocError::to_element);
        match error_reply(stanza, condition.usual_type(), condition, text.as_deref(), specific) {
            Some(error) => {
                self.reply(&error);
                self.refused(number);
            }
            None => self.done(number),
        }
    }

    /// Each person sees what he may do, and nothing else.
    async fn command_items(&self, stanza: &Stanza, place: Place<'_>) -> Result<Element, Failure> {
        let caller = self.caller();
        let host = stanza.to.as_deref().unwrap_or(self.services.domain.as_str());
        let mut items =
            Element::new("query", namespace::DISCO_ITEMS).with_attribute("node", namespace::COMMANDS);
        for command in AdHoc::at(place) {
            if command.is_offered(&self.services.admin, &caller, place).await? {
                items.push(command.item(host));
            }
        }
        Ok(items)
    }

    async fn command_info(&self, place: Place<'_>, command: AdHoc) -> Result<Element, Failure> {
        let is_offered = command.is_offered(&self.services.admin, &self.caller(), place).await?;
        if is_offered { Ok(command.info()) } else { Err(StanzaCondition::Forbidden.into()) }
    }

    async fn take_step(&mut self, place: Place<'_>, element: &Element) -> Result<Response, Failure> {
        let Request { node, session, action, form } = Request::read(element)?;
        let command = AdHoc::find(place, &node).ok_or(StanzaCondition::ItemNotFound)?;
        if let Some(id) = &session {
            self.commands.check(id, command)?;
        }
        match (action, session) {
            (Action::Cancel, Some(id)) => {
                self.commands.end(&id);
                Ok(response(command, id, Status::Canceled, None, Vec::new()))
            }
            (Action::Execute | Action::Complete, session) => {
                self.execute_command(place, command, session, form).await
            }
            // There is one form: nothing lies before it or behind it. And what was not begun cannot be given up.
            (Action::Cancel | Action::Previous | Action::Next, _) => Err(AdHocError::BadAction.into()),
        }
    }

    /// Hands out the form, or does what it says. Whoever knows the form may send it filled in at once.
    async fn execute_command(
        &mut self,
        place: Place<'_>,
        command: AdHoc,
        session: Option<String>,
        form: Option<Form>,
    ) -> Result<Response, Failure> {
        let caller = self.caller();
        let admin = &self.services.admin;
        let asked = command.form().filter(|_| form.is_none() && session.is_none());
        if let Some(asked) = asked {
            if !command.is_offered(admin, &caller, place).await? {
                return Err(StanzaCondition::Forbidden.into());
            }
            let id = self.commands.begin(command)?;
            return Ok(response(command, id, Status::Executing, Some(asked), Vec::new()));
        }
        let done = match self.execute_feed(command, form.as_ref()).await {
            Some(done) => done,
            None => execution::execute(admin, &caller, place, command, form.as_ref()).await,
        };
        let done = match done {
            // The form stays with the client.
            Err(failure) if failure.can_be_corrected() => return Err(failure),
            done => done,
        };
        let id = match session {
            Some(id) => id,
            None => new_id()?,
        };
        self.commands.end(&id);
        let Done { report, notes } = done?;
        Ok(response(command, id, Status::Completed, report, notes))
    }

    /// Who asks the administration for something.
    fn caller(&self) -> Caller {
        Caller::new(Who::Account(self.jid.bare()), Origin::Network(self.peer))
    }
}

impl Question {
    fn of(place: Place<'_>, payload: &Element, is_set: bool) -> Option<Self> {
        let node = payload.attribute("node");
        match (payload.name(), payload.namespace()) {
            ("command", namespace::COMMANDS) => Some(if is_set { Self::Step } else { Self::Misplaced }),
            ("query", namespace::DISCO_ITEMS) if !is_set && node == Some(namespace::COMMANDS) => {
                Some(Self::Items)
            }
            ("query", namespace::DISCO_INFO) if !is_set && node == Some(namespace::COMMANDS) => {
                Some(Self::ListInfo)
            }
            ("query", namespace::DISCO_INFO) if !is_set => AdHoc::find(place, node?).map(Self::Info),
            _ => None,
        }
    }
}

impl CommandsBegun {
    /// The id of a command session that begins. Of too many the oldest is given up.
    fn begin(&mut self, command: AdHoc) -> Result<String, Failure> {
        if self.0.len() >= BEGUN_MAX {
            self.0.remove(0);
        }
        let id = new_id()?;
        self.0.push((id.clone(), command));
        Ok(id)
    }

    /// Whether that is the id of a session of that command. Ids are not told apart by who got them: one that looks like
    /// ours was given to somebody once, perhaps by another member or before a restart.
    fn check(&self, id: &str, command: AdHoc) -> Result<(), AdHocError> {
        match self.0.iter().find(|(begun, _)| begun == id) {
            Some((_, begun)) if *begun == command => Ok(()),
            None if is_like_ours(id) => Err(AdHocError::SessionExpired),
            _ => Err(AdHocError::BadSessionId),
        }
    }

    fn end(&mut self, id: &str) {
        self.0.retain(|(begun, _)| begun != id);
    }
}

fn response(
    command: AdHoc,
    session: String,
    status: Status,
    form: Option<Form>,
    notes: Vec<Note>,
) -> Response {
    Response { node: command.node().into(), session, status, form, notes }
}

fn new_id() -> Result<String, Failure> {
    let id = random_session_id().ok_or(StanzaCondition::InternalServerError)?;
    Ok(format!("{:016x}", id.0))
}

fn is_like_ours(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Forms that one session may have before it at a time.
const BEGUN_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_session_is_of_one_command_and_ends_once() {
        let mut begun = CommandsBegun::default();
        let id = begun.begin(AdHoc::AddUser).unwrap();
        let check = |begun: &CommandsBegun, id: &str, command, expected| {
            assert_eq!(begun.check(id, command), expected, "{id}");
        };
        check(&begun, &id, AdHoc::AddUser, Ok(()));
        check(&begun, &id, AdHoc::DeleteUser, Err(AdHocError::BadSessionId));
        check(&begun, "add-user:1", AdHoc::AddUser, Err(AdHocError::BadSessionId));
        begun.end(&id);
        check(&begun, &id, AdHoc::AddUser, Err(AdHocError::SessionExpired));
    }

    #[test]
    fn of_too_many_the_oldest_is_given_up() {
        let mut begun = CommandsBegun::default();
        let ids: Vec<_> = (0..=BEGUN_MAX).map(|_| begun.begin(AdHoc::AddUser).unwrap()).collect();
        assert_eq!(begun.check(&ids[0], AdHoc::AddUser), Err(AdHocError::SessionExpired));
        assert!(ids[1..].iter().all(|id| begun.check(id, AdHoc::AddUser).is_ok()));
    }
}
