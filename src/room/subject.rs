//! The subject (XEP-0045 §8.1): one at a time, told to whoever joins.

use std::sync::Arc;

use crate::chat::command::Actor;
use crate::chat::event::{Change, Decision};
use crate::chat::id::{Seq, Timestamp};
use crate::chat::message::{Author, Content};
use crate::chat::refusal::Refusal;
use crate::chat::snapshot::Subject;
use crate::room::rights::Act;
use crate::room::state::Room;

impl Room {
    pub(super) fn set_subject(
        &self,
        by: &Actor,
        subject: Box<str>,
        content: Content,
    ) -> Result<Decision, Refusal> {
        self.may_as_occupant(by, Act::SetSubject)?;
        let subject_set =
            Change::SubjectSet { author: self.author(by), subject, content: self.retained(content) };
        Ok(Decision { changes: vec![subject_set], ..Decision::default() })
    }

    /// A cleared subject is kept as an empty one, with its time (§7.2.15).
    pub(super) fn take_subject(
        &mut self,
        seq: Seq,
        at: Timestamp,
        author: &Author,
        text: &str,
        content: &Content,
    ) {
        self.subject = Some(Arc::new(Subject {
            seq,
            at,
            author: author.clone(),
            text: text.into(),
            content: content.clone(),
        }));
    }

    /// With the message that announced it the subject is taken back: who comes in is not told it any more.
    pub(super) fn take_retraction(&mut self, target: Seq) {
        self.subject.take_if(|subject| subject.seq == target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::Command;
    use crate::chat::id::{Epoch, MessageId};
    use crate::chat::message::Retention;
    use crate::chat::settings::Settings;
    use crate::room::scene::{Scene, author, content};

    fn set(subject: &str) -> Command {
        Command::SetSubject { subject: subject.into(), content: content(Retention::Kept) }
    }

    #[test]
    fn the_subject_is_the_moderators_unless_the_owner_says_otherwise() {
        let check = |by_participants, moderated, who: &str, expected: Result<&[&str], Refusal>| {
            let settings =
                Settings { subject_by_participants: by_participants, moderated, ..Settings::default() };
            Scene::with(settings).full().check(who, set("tea"), expected);
        };
        check(false, false, "owner", Ok(&["owner sets subject \"tea\""]));
        check(false, false, "admin", Ok(&["admin sets subject \"tea\""]));
        check(false, false, "member", Err(Refusal::Forbidden));
        check(true, false, "bob", Ok(&["bob sets subject \"tea\""]));
        check(true, true, "bob", Err(Refusal::Forbidden));
        check(true, true, "member", Ok(&["member sets subject \"tea\""]));
        check(true, false, "stranger", Err(Refusal::NotAnOccupant));
    }

    #[test]
    fn the_room_remembers_the_last_subject_and_when_it_was_set() {
        let mut scene = Scene::open().full();
        assert_eq!(scene.room.subject(), None);
        scene.act("owner", set("tea")).unwrap();
        scene.act("admin", set("")).unwrap();
        let subject = scene.room.subject().unwrap();
        assert_eq!((&*subject.text, &*subject.author.nick), ("", "admin"));
        assert_eq!((subject.seq, subject.at), (scene.room.seq(), scene.now));
    }

    #[test]
    fn a_subject_is_taken_back_with_its_message() {
        let mut scene = Scene::open().full();
        scene.act("owner", set("tea")).unwrap();
        let tea = scene.room.seq();
        scene.act("owner", set("rude")).unwrap();
        let moderate = |target| Command::Moderate {
            target: MessageId::new(Epoch(1), target),
            target_author: Some(author("owner")),
            reason: "".into(),
        };
        scene.act("owner", moderate(tea)).unwrap();
        assert_eq!(&*scene.room.subject().unwrap().text, "rude", "it came after that");
        let rude = scene.room.subject().unwrap().seq;
        scene.act("owner", moderate(rude)).unwrap();
        assert_eq!(scene.room.subject(), None);
    }
}
