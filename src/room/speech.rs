//! What occupants say: to everybody, and to each other through the room.

use crate::chat::command::Actor;
use crate::chat::event::{Change, Decision, Ephemeral};
use crate::chat::message::{Content, Retention};
use crate::chat::refusal::Refusal;
use crate::room::rights::{Act, Rank, allowed};
use crate::room::state::{Room, nick_key};

impl Room {
    /// XEP-0045 §7.4.
    pub(super) fn post(&self, by: &Actor, content: Content) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, self.speaking(by))?;
        let author = self.author(by);
        let content = self.retained(content);
        Ok(match content.retention {
            Retention::Ephemeral => {
                Decision { ephemeral: vec![Ephemeral::Message { author, content }], ..Decision::default() }
            }
            Retention::Kept | Retention::Transient => {
                Decision { changes: vec![Change::Posted { author, content }], ..Decision::default() }
            }
        })
    }

    /// XEP-0045 §7.5. What is said in private is not the room's to keep: it is logged until it was delivered.
    pub(super) fn whisper(&self, by: &Actor, to: &str, content: Content) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, Act::Whisper)?;
        let recipient = self.occupants.by_nick_key(&nick_key(to)?).ok_or(Refusal::NoSuchOccupant)?;
        let author = self.author(by);
        let to = (*recipient.nick).into();
        Ok(if content.retention == Retention::Ephemeral {
            Decision { ephemeral: vec![Ephemeral::Whisper { author, to, content }], ..Decision::default() }
        } else {
            let content = Content { retention: Retention::Transient, ..content };
            let whispered = Change::Whispered { author, to, to_jid: recipient.jid.clone(), content };
            Decision { changes: vec![whispered], ..Decision::default() }
        })
    }

    pub(super) fn speaking(&self, by: &Actor) -> Act {
        // Seldom asked: in most rooms the answer does not matter.
        let presents = self.settings.is_auditorium() && self.standings.place(&by.jid.bare()).extent.presents;
        Act::Speak { presents }
    }

    /// Rights that belong to a stay count for the session that is in the room, not for its person elsewhere.
    pub(super) fn may_as_occupant(&self, by: &Actor, act: Act) -> Result<(), Refusal> {
        let occupant = self.occupant_of(by)?;
        let rank = Rank { role: occupant.role, ..self.rank(by) };
        allowed(rank, act, &self.settings)
    }

    /// A room without an archive keeps nothing for longer than delivery takes.
    pub(super) fn retained(&self, content: Content) -> Content {
        if content.retention == Retention::Kept && !self.is_archived() {
            Content { retention: Retention::Transient, ..content }
        } else {
            content
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::settings::{PrivateMessages, Settings};
    use crate::room::scene::{Scene, content};

    fn post(retention: Retention) -> Command {
        Command::Post { content: content(retention) }
    }

    fn whisper(to: &str, retention: Retention) -> Command {
        Command::Whisper { to: to.into(), content: content(retention) }
    }

    #[test]
    fn who_has_voice_is_heard() {
        let moderated = Settings { moderated: true, ..Settings::default() };
        let check = |settings: &Settings, who: &str, retention, expected: Result<&[&str], Refusal>| {
            Scene::with(settings.clone()).full().check(who, post(retention), expected);
        };
        let open = Settings::default();
        check(&open, "bob", Retention::Kept, Ok(&["bob says (kept)"]));
        check(&open, "bob", Retention::Transient, Ok(&["bob says (transient)"]));
        check(&open, "bob", Retention::Ephemeral, Ok(&["ephemeral: bob says"]));
        check(&open, "stranger", Retention::Kept, Err(Refusal::NotAnOccupant));
        check(&moderated, "bob", Retention::Kept, Err(Refusal::NoVoice));
        check(&moderated, "bob", Retention::Ephemeral, Err(Refusal::NoVoice));
        check(&moderated, "member", Retention::Kept, Ok(&["member says (kept)"]));
        check(&moderated, "admin", Retention::Kept, Ok(&["admin says (kept)"]));
        let off_the_record = Settings { archived: false, ..Settings::default() };
        check(&off_the_record, "bob", Retention::Kept, Ok(&["bob says (transient)"]));
        check(&off_the_record, "bob", Retention::Ephemeral, Ok(&["ephemeral: bob says"]));
    }

    #[test]
    fn private_messages_obey_their_setting() {
        let check = |allow, moderated, who: &str, to: &str, expected: Result<&[&str], Refusal>| {
            let settings = Settings { private_messages: allow, moderated, ..Settings::default() };
            Scene::with(settings).full().check(who, whisper(to, Retention::Kept), expected);
        };
        use PrivateMessages::{Anyone, Moderators, None, Participants};
        check(Anyone, true, "bob", "owner", Ok(&["bob whispers to owner (transient)"]));
        check(Anyone, false, "bob", "OWNER", Ok(&["bob whispers to owner (transient)"]));
        check(Anyone, false, "bob", "bob", Ok(&["bob whispers to bob (transient)"]));
        check(Anyone, false, "bob", "nobody", Err(Refusal::NoSuchOccupant));
        check(Anyone, false, "stranger", "bob", Err(Refusal::NotAnOccupant));
        check(Participants, true, "bob", "owner", Err(Refusal::Forbidden));
        check(Participants, true, "member", "owner", Ok(&["member whispers to owner (transient)"]));
        check(Moderators, false, "member", "owner", Err(Refusal::Forbidden));
        check(Moderators, false, "admin", "bob", Ok(&["admin whispers to bob (transient)"]));
        check(None, false, "owner", "bob", Err(Refusal::PrivateMessagesOff));
    }

    #[test]
    fn a_typing_notice_in_private_costs_no_commit() {
        let expected = &["ephemeral: bob whispers to owner"][..];
        Scene::open().full().check("bob", whisper("owner", Retention::Ephemeral), Ok(expected));
    }

    #[test]
    fn a_locked_room_opens_when_its_creator_speaks() {
        let check = |who: &str, command, expected: Result<&[&str], Refusal>| {
            Scene::locked().check(who, command, expected);
        };
        check("owner", post(Retention::Kept), Ok(&["owner says (kept)", "configured"]));
        check("owner", post(Retention::Transient), Ok(&["owner says (transient)", "configured"]));
        check("owner", post(Retention::Ephemeral), Err(Refusal::Locked));
        check("owner", whisper("owner", Retention::Kept), Err(Refusal::Locked));
        check("bob", post(Retention::Kept), Err(Refusal::Locked));
    }
}
