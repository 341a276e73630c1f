//! Blocking (XEP-0191), in what both sides are sent.

use crate::account::handle::Command;
use crate::account::scene::{World, jid};
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::packet::MessageKind::Chat;
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::message::Retention::Kept;

#[test]
fn a_blocked_one_reaches_nobody_and_sees_nothing() {
    let mut world = World::of_friends();
    world.ask(2, Command::Block(vec![jid("romeo@")])).unwrap();
    assert_eq!(world.count(1, "type='unavailable'"), 1, "she is gone for him");
    world.appear_with(1, 0, "<show>away</show>");
    assert_eq!(world.count(2, "<show>away</show>"), 0);
    assert_eq!(world.say(1, "juliet@", Chat, Kept), Err(AccountRefusal::Unreachable));
    assert_eq!(world.say(2, "romeo@", Chat, Kept), Err(AccountRefusal::Blocked));
    assert_eq!(world.subscription(2, "romeo", SubscriptionRequest::Subscribe), Err(AccountRefusal::Blocked));
    world.take_all();
    world.appear_with(2, 0, "<show>chat</show>");
    assert_eq!(world.count(1, "<show>chat</show>"), 0);
    world.ask(2, Command::Unblock(Vec::new())).unwrap();
    assert_eq!(world.count(1, "<show>chat</show>"), 1, "she is there again");
    assert_eq!(world.say(1, "juliet@", Chat, Kept), Ok(()));
}
