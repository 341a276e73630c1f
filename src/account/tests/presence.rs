//! Who is told when a session comes, changes and goes (RFC 6121 §4).

use crate::account::presence::Appearance;
use crate::account::scene::{World, bare, jid, text};
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::id::SessionId;

#[test]
fn presence_goes_to_who_may_see_it_and_ends_for_who_may_not() {
    let mut world = World::of_friends();
    world.appear_with(1, 0, "<show>dnd</show>");
    assert_eq!(world.count(2, "<show>dnd</show>"), 1);
    assert_eq!(world.count(1, "<show>dnd</show>"), 1, "one's own as well");
    world.subscription(1, "juliet", SubscriptionRequest::Unsubscribed).unwrap();
    let juliet = world.take(2).join("\n");
    assert!(juliet.contains("type='unsubscribed'") && juliet.contains("type='unavailable'"), "{juliet}");
    world.appear_with(1, 0, "<show>xa</show>");
    assert_eq!(world.count(2, "<show>xa</show>"), 0);
    assert_eq!(world.count(1, "romeo@localhost/home"), 1);
}

#[test]
fn who_comes_sees_who_is_there() {
    let mut world = World::of_friends();
    world.attach("romeo", 3, "phone");
    world.appear(3, 0);
    let seen = world.take(3).join("\n");
    for who in ["romeo@localhost/phone", "romeo@localhost/home", "juliet@localhost/home"] {
        assert!(seen.contains(who), "{who} in {seen}");
    }
    assert_eq!(world.count(2, "romeo@localhost/phone"), 1);
    world.lose(3);
    assert_eq!(world.count(2, "type='unavailable'"), 1);
    assert_eq!(world.count(1, "presence unavailable romeo@localhost/phone"), 1);
}

#[test]
fn directed_presence_ends_with_the_session() {
    let mut world = World::of_two();
    let appearance = Appearance { priority: 0, payload: text(""), capabilities: None, hides_photo: false };
    let effects = world.of(1).direct(SessionId(1), jid("juliet@"), Some(&appearance), &text("")).unwrap();
    world.perform(&bare("romeo"), effects);
    assert_eq!(world.count(2, "to='juliet@localhost'"), 1, "a bare address is not rewritten");
    world.lose(1);
    assert_eq!(world.count(2, "type='unavailable'"), 1);
}
