//! Asking for voice in a moderated room, and the moderators' answer (XEP-0045 §7.13, §8.6).

use crate::chat::affiliation::Role;
use crate::chat::command::{Actor, RoleItem};
use crate::chat::event::{Change, Decision};
use crate::chat::id::Timestamp;
use crate::chat::message::Author;
use crate::chat::refusal::Refusal;
use crate::room::state::{Room, nick_key};

impl Room {
    /// Who has voice already is left as he is: a request that crossed with its answer is no fault.
    pub(super) fn request_voice(&self, by: &Actor, role: Role) -> Result<Decision, Refusal> {
        let occupant = self.occupant_of(by)?;
        if role != Role::Participant {
            return Err(Refusal::BadRequest("only the role of a participant can be asked for"));
        }
        if occupant.role >= role {
            return Ok(Decision::default());
        }
        // Moderators see whom they give a voice, down to the device that asked (§8.6).
        let author = Author { resource: Some(by.jid.resource().into()), ..self.author(by) };
        let requested = Change::VoiceRequested { author, role };
        Ok(Decision { changes: vec![requested], ..Decision::default() })
    }

    /// A moderator's yes gives voice to who is still a visitor; a no, or an answer that comes second, does nothing.
    pub(super) fn answer_voice(
        &self,
        by: &Actor,
        nick: Box<str>,
        allow: bool,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        if !self.rank(by).moderates() {
            return Err(Refusal::Forbidden);
        }
        let target = self.occupants.by_nick_key(&nick_key(&nick)?).ok_or(Refusal::NoSuchOccupant)?;
        if !allow || target.role != Role::Visitor {
            return Ok(Decision::default());
        }
        self.set_roles(by, vec![RoleItem { nick, role: Role::Participant, reason: "".into() }], now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::settings::Settings;
    use crate::room::scene::Scene;

    fn moderated() -> Scene {
        Scene::with(Settings { moderated: true, ..Settings::default() }).full()
    }

    #[test]
    fn a_visitor_asks_for_voice() {
        let check = |who: &str, role, expected: Result<&[&str], Refusal>| {
            moderated().check(who, Command::RequestVoice { role }, expected);
        };
        check("bob", Role::Participant, Ok(&["bob requests voice"]));
        check("member", Role::Participant, Ok(&[]));
        let only = Refusal::BadRequest("only the role of a participant can be asked for");
        check("bob", Role::Moderator, Err(only));
        check("stranger", Role::Participant, Err(Refusal::NotAnOccupant));
    }

    #[test]
    fn a_moderator_answers() {
        let check = |who: &str, nick: &str, allow, expected: Result<&[&str], Refusal>| {
            moderated().check(who, Command::AnswerVoice { nick: nick.into(), allow }, expected);
        };
        check("admin", "bob", true, Ok(&["bob is now participant"]));
        check("admin", "bob", false, Ok(&[]));
        check("admin", "owner", true, Ok(&[]));
        check("admin", "nobody", true, Err(Refusal::NoSuchOccupant));
        check("member", "bob", true, Err(Refusal::Forbidden));
        check("bob", "bob", true, Err(Refusal::Forbidden));
    }
}
