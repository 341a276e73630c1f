//! Taking messages back: one's own (XEP-0424), or as a moderator anybody's (XEP-0425).

use crate::chat::command::Actor;
use crate::chat::event::{Change, Decision};
use crate::chat::id::{MessageId, Seq};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::refusal::Refusal;
use crate::room::rights::{Act, allowed};
use crate::room::state::Room;

impl Room {
    /// A retraction carries a text of its own for clients that do not know it, so it needs what a message needs.
    pub(super) fn retract(
        &self,
        by: &Actor,
        target: MessageId,
        target_author: Option<Author>,
        content: Content,
    ) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, self.speaking(by))?;
        if target_author.ok_or(Refusal::NoSuchMessage)?.jid != by.jid.bare() {
            return Err(Refusal::Forbidden);
        }
        let content = Content { retention: Retention::Kept, ..content };
        let retracted = Change::Retracted {
            target,
            author: self.author(by),
            is_moderation: false,
            reason: "".into(),
            content,
            is_replacement: false,
        };
        Ok(Decision { changes: vec![retracted], ..Decision::default() })
    }

    pub(super) fn moderate(
        &self,
        by: &Actor,
        target: MessageId,
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
        let author = self.author(by);
        let moderated = moderation(target, author, reason, false, Retention::Kept);
        Ok(Decision { changes: vec![moderated], ..Decision::default() })
    }

    /// The administration asks for no one's rank: it is its act, and the owners', to take out what anybody wrote.
    pub(super) fn expunge(
        &self,
        by: &Actor,
        targets: &[MessageId],
        replacement: Option<&str>,
        is_told: bool,
    ) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Expunge, &self.settings)?;
        if targets.len() > EXPUNGED_MAX {
            return Err(Refusal::BadRequest("too many messages at once"));
        }
        let author = self.author(by);
        let retention = if is_told { Retention::Kept } else { Retention::Transient };
        let expunged = targets.iter().map(|target| {
            let reason = replacement.unwrap_or_default().into();
            moderation(*target, author.clone(), reason, replacement.is_some(), retention)
        });
        Ok(Decision { changes: expunged.collect(), ..Decision::default() })
    }

    pub(super) fn clear(&self, by: &Actor, below: Seq) -> Result<Decision, Refusal> {
        allowed(self.rank(by), Act::Expunge, &self.settings)?;
        // What is not said yet cannot be taken out.
        let below = below.min(self.seq.next());
        let cleared = (below > self.first_seq).then(|| Change::Cleared { below, by: self.author(by) });
        Ok(Decision { changes: cleared.into_iter().collect(), ..Decision::default() })
    }
}

/// Without words of its own: what there is to say stands in its reason.
fn moderation(
    target: MessageId,
    author: Author,
    reason: Box<str>,
    is_replacement: bool,
    retention: Retention,
) -> Change {
    let content = Content { id: None, lang: None, text: None, payload: Payload::default(), retention };
    Change::Retracted { target, author, is_moderation: true, reason, content, is_replacement }
}

/// Messages that are taken out in one append.
pub const EXPUNGED_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::id::Epoch;
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

    #[test]
    fn owners_and_the_administration_take_out_what_anybody_wrote() {
        let expunge = |replacement: Option<&str>, is_told| Command::Expunge {
            targets: vec![TARGET, MessageId::new(Epoch(1), Seq(8))],
            replacement: replacement.map(Into::into),
            is_told,
        };
        let check = |who: &str, command, expected: Result<&[&str], Refusal>| {
            Scene::open().full().check(who, command, expected);
        };
        check("owner", expunge(None, true), Ok(&["owner moderates 7", "owner moderates 8"]));
        check("owner", expunge(Some("gone"), true), Ok(&["owner replaces 7", "owner replaces 8"]));
        let silently: &[&str] = &["owner silently removes 7", "owner silently removes 8"];
        check("owner", expunge(None, false), Ok(silently));
        check("admin", expunge(None, true), Err(Refusal::Forbidden));
        check("bob", expunge(None, true), Err(Refusal::Forbidden));
        let targets = vec![TARGET; EXPUNGED_MAX + 1];
        let too_many = Command::Expunge { targets, replacement: None, is_told: true };
        check("owner", too_many, Err(Refusal::BadRequest("too many messages at once")));
    }

    #[test]
    fn a_room_is_cleared_up_to_where_it_is() {
        let clear = |below| Command::Clear { below: Seq(below) };
        let mut scene = Scene::open().full();
        scene.check("admin", clear(3), Err(Refusal::Forbidden));
        scene.check("owner", clear(3), Ok(&["owner clears below 3"]));
        scene.act("owner", clear(3)).unwrap();
        assert_eq!(scene.room.first_seq(), Seq(3));
        scene.check("owner", clear(3), Ok(&[]));
        let next = scene.room.seq().next();
        scene.check("owner", clear(i64::MAX), Ok(&[&*format!("owner clears below {}", next.0)]));
    }
}
