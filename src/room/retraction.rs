//! Taking messages back: one's own (XEP-0424), or as a moderator anybody's (XEP-0425).

use crate::chat::command::Actor;
use crate::chat::event::{Change, Decision};
use crate::chat::id::Seq;
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::refusal::Refusal;
use crate::room::rights::{Act, allowed};
use crate::room::state::Room;

impl Room {
    /// A retraction carries a text of its own for clients that do not know it, so it needs what a message needs.
    pub(super) fn retract(
        &self,
        by: &Actor,
        target: Seq,
        target_author: Option<Author>,
        content: Content,
    ) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, self.speaking(by))?;
        if target_author.ok_or(Refusal::NoSuchMessage)?.jid != by.jid.bare() {
            return Err(Refusal::Forbidden);
        }
        let content = Content { retention: Retention::Kept, ..content };
        Ok(self.retracted(by, target, false, "".into(), content))
    }

    pub(super) fn moderate(
        &self,
        by: &Actor,
        target: Seq,
        target_author: Option<Author>,
        reason: Box<str>,
    ) -> Result<Decision, Refusal> {
        let rank = self.rank(by);
        // Who is no moderator does not learn whether there is such a message.
        if !rank.moderates() {
            return Err(Refusal::Forbidden);
        }
        let author = self.standings.of(&target_author.ok_or(Refusal::NoSuchMessage)?.jid);
        allowed(rank, Act::Moderate { author }, &self.settings)?;
        let content = Content {
            id: None,
            lang: None,
            text: None,
            payload: Payload::default(),
            retention: Retention::Kept,
        };
        Ok(self.retracted(by, target, true, reason, content))
    }

    fn retracted(
        &self,
        by: &Actor,
        target: Seq,
        is_moderation: bool,
        reason: Box<str>,
        content: Content,
    ) -> Decision {
        let retracted = Change::Retracted { target, author: self.author(by), is_moderation, reason, content };
        Decision { changes: vec![retracted], ..Decision::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::id::{Epoch, MessageId};
    use crate::chat::settings::Settings;
    use crate::room::scene::{Scene, author, content};

    const TARGET: MessageId = MessageId::new(Epoch(1), Seq(7));

    fn retract(of: Option<&str>) -> Command {
        let content = content(Retention::Kept);
        Command::Retract { target: TARGET, target_author: of.map(author), content }
    }

    fn moderate(of: Option<&str>) -> Command {
        Command::Moderate { target: TARGET, target_author: of.map(author), reason: "rude".into() }
    }

    #[test]
    fn ones_own_words_can_be_taken_back() {
        let check = |who: &str, of, expected: Result<&[&str], Refusal>| {
            Scene::open().full().check(who, retract(of), expected);
        };
        check("bob", Some("bob"), Ok(&["bob retracts 7"]));
        check("bob", Some("member"), Err(Refusal::Forbidden));
        check("owner", Some("bob"), Err(Refusal::Forbidden));
        check("bob", None, Err(Refusal::NoSuchMessage));
        check("stranger", Some("stranger"), Err(Refusal::NotAnOccupant));
        let settings = Settings { moderated: true, ..Settings::default() };
        Scene::with(settings).full().check("bob", retract(Some("bob")), Err(Refusal::NoVoice));
    }

    #[test]
    fn a_moderator_takes_out_what_others_said_but_not_his_betters() {
        let check = |who: &str, of, expected: Result<&[&str], Refusal>| {
            Scene::open().full().check(who, moderate(of), expected);
        };
        check("admin", Some("bob"), Ok(&["admin moderates 7"]));
        check("admin", Some("admin"), Ok(&["admin moderates 7"]));
        check("admin", Some("gone"), Ok(&["admin moderates 7"]));
        check("admin", Some("owner"), Err(Refusal::TargetOutranks));
        check("owner", Some("owner"), Ok(&["owner moderates 7"]));
        check("admin", None, Err(Refusal::NoSuchMessage));
        check("bob", Some("bob"), Err(Refusal::Forbidden));
        check("bob", None, Err(Refusal::Forbidden));
        check("stranger", Some("bob"), Err(Refusal::Forbidden));
    }
}
