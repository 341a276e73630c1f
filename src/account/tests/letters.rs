//! Messages: who is shown them, who gets a copy, what waits and what is kept.

use MessageKind::{Chat, Headline, Normal};
use Retention::{Ephemeral, Kept, Transient};

use crate::account::handle::Command;
use crate::account::scene::{World, bare};
use crate::chat::account::entry::{AccountChange, AccountEvent};
use crate::chat::account::packet::MessageKind;
use crate::chat::account::preferences::{ArchiveDefault, ArchivePreferences};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::{Seq, SessionId};
use crate::chat::message::Retention;

#[test]
fn a_message_to_the_account_reaches_all_that_take_messages_and_copies_the_rest() {
    let mut world = World::of_two();
    for (session, resource) in [(3, "phone"), (4, "tv")] {
        world.attach("juliet", session, resource);
        world.ask(session, Command::SetCarbons(true)).unwrap();
    }
    world.appear(3, 5);
    world.appear(4, -1);
    world.attach("romeo", 5, "car");
    world.ask(5, Command::SetCarbons(true)).unwrap();
    world.take_all();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    let mut check = |session, plain, copies| {
        let lines = world.take(session);
        let is_copy = |line: &&String| line.contains("urn:xmpp:carbons:2");
        assert_eq!(lines.iter().filter(is_copy).count(), copies, "copies for {session}: {lines:?}");
        assert_eq!(lines.len() - copies, plain, "to {session}: {lines:?}");
    };
    check(2, 1, 0);
    check(3, 1, 0);
    check(4, 0, 1);
    check(5, 0, 1);
    check(1, 0, 0);
}

#[test]
fn a_message_to_one_session_is_copied_to_the_others() {
    let mut world = World::of_two();
    world.attach("juliet", 3, "phone");
    world.ask(3, Command::SetCarbons(true)).unwrap();
    for retention in [Kept, Transient, Ephemeral] {
        world.say(1, "juliet@/home", Chat, retention).unwrap();
        assert_eq!(world.count(2, "<body>"), 1, "{retention:?}");
        assert_eq!(world.count(3, "<received"), 1, "{retention:?}");
    }
    world.say(1, "juliet@/home", Normal, Kept).unwrap();
    assert_eq!(world.count(3, "<received"), 0, "not every message is copied");
}

#[test]
fn what_cannot_be_delivered_is_refused_or_waits() {
    let mut world = World::of_two();
    world.lose(2);
    let mut check = |to: &str, kind, retention, expected| {
        assert_eq!(world.say(1, to, kind, retention), expected, "{to} {kind:?} {retention:?}");
    };
    check("juliet@", Chat, Kept, Ok(()));
    check("juliet@", Normal, Kept, Ok(()));
    check("juliet@/gone", Chat, Kept, Ok(()));
    check("juliet@", Headline, Ephemeral, Ok(()));
    check("juliet@", Chat, Ephemeral, Ok(()));
    check("juliet@", Chat, Transient, Err(AccountRefusal::Unreachable));
    check("juliet@/gone", Normal, Kept, Err(AccountRefusal::Unreachable));
    check("juliet@", MessageKind::Groupchat, Ephemeral, Err(AccountRefusal::Unreachable));
    check("nobody@", Chat, Kept, Err(AccountRefusal::Unreachable));
    check("nobody@", MessageKind::Error, Ephemeral, Ok(()));
    world.attach("juliet", 2, "home");
    world.appear(2, -5);
    assert_eq!(world.count(2, "<body>"), 0, "not to who takes no messages");
    world.appear(2, 0);
    assert_eq!(world.count(2, "<delay"), 3);
}

#[test]
fn what_was_not_acknowledged_waits_again_and_comes_once() {
    let mut world = World::of_two();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(2, "<body>"), 2);
    world.account("juliet").acknowledge(SessionId(2), Seq(1));
    assert_eq!(world.account("juliet").delivered(), Seq(1));
    world.lose(2);
    world.attach("juliet", 3, "phone");
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 1, "the second only");
    world.account("juliet").acknowledge(SessionId(3), Seq(2));
    assert_eq!(world.account("juliet").delivered(), Seq(2));
    world.vanish(3);
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 0);
}

#[test]
fn what_a_lost_session_leaves_goes_to_who_is_there() {
    let mut world = World::of_two();
    world.say(1, "juliet@/home", Chat, Kept).unwrap();
    world.attach("juliet", 3, "phone");
    world.appear(3, 0);
    assert_eq!(world.count(3, "<body>"), 0, "it may still be acknowledged");
    world.lose(2);
    assert_eq!(world.count(3, "<body>"), 1);
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(3, "<body>"), 1, "the next one is live again");
}

#[test]
fn preferences_keep_a_conversation_out_of_one_archive() {
    let mut world = World::of_two();
    let preferences = ArchivePreferences { default: ArchiveDefault::Never, ..ArchivePreferences::default() };
    world.ask(2, Command::SetPreferences(preferences)).unwrap();
    world.take_all();
    world.say(1, "juliet@", Chat, Kept).unwrap();
    assert_eq!(world.count(2, "<stanza-id"), 0);
    let is_archived = |event: &AccountEvent| match &event.change {
        AccountChange::Sent(letter) | AccountChange::Received(letter) => letter.is_archived,
        _ => false,
    };
    assert_eq!(world.logs[&bare("juliet")].iter().filter(|event| is_archived(event)).count(), 0);
    assert_eq!(world.logs[&bare("romeo")].iter().filter(|event| is_archived(event)).count(), 1);
}

#[test]
fn a_note_to_oneself_is_kept_once() {
    let mut world = World::of_two();
    world.say(1, "romeo@", Chat, Kept).unwrap();
    assert_eq!(world.count(1, "<body>"), 1);
    assert_eq!(world.logs[&bare("romeo")].len(), 1);
}
