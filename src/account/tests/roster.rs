//! Contacts and subscriptions (RFC 6121 §2, §3).

use crate::account::handle::{Answer, Command};
use crate::account::roster::{RosterAnswer, RosterItem};
use crate::account::scene::{World, bare};
use crate::chat::account::contact::SubscriptionRequest;
use crate::chat::account::refusal::AccountRefusal;

#[test]
fn a_request_is_told_again_at_each_login_until_it_is_answered() {
    let mut world = World::of_two();
    world.vanish(2);
    world.subscription(1, "juliet", SubscriptionRequest::Subscribe).unwrap();
    world.take_all();
    for _ in 0..2 {
        world.appear(2, 0);
        assert_eq!(world.count(2, "type='subscribe'"), 1);
        world.vanish(2);
    }
    world.appear(2, 0);
    world.subscription(2, "romeo", SubscriptionRequest::Unsubscribed).unwrap();
    world.vanish(2);
    world.take_all();
    world.appear(2, 0);
    assert_eq!(world.count(2, "type='subscribe'"), 0);
    assert_eq!(world.count(1, "type='unsubscribed'"), 0, "told before, and once");
}

#[test]
fn an_approval_beforehand_lets_in_without_a_question() {
    let mut world = World::of_two();
    world.subscription(2, "romeo", SubscriptionRequest::Subscribed).unwrap();
    assert_eq!(world.count(2, "approved='true'"), 1);
    world.subscription(1, "juliet", SubscriptionRequest::Subscribe).unwrap();
    let romeo = world.take(1).join("\n");
    assert!(romeo.contains("type='subscribed'") && romeo.contains("juliet@localhost/home"), "{romeo}");
    let juliet = world.take(2).join("\n");
    assert!(!juliet.contains("type='subscribe'") && juliet.contains("subscription='from'"), "{juliet}");
}

#[test]
fn removing_a_contact_ends_both_directions() {
    let mut world = World::of_friends();
    world.ask(1, Command::RemoveContact(bare("juliet"))).unwrap();
    let juliet = world.take(2).join("\n");
    for part in ["type='unsubscribe'", "type='unsubscribed'", "type='unavailable'", "subscription='none'"] {
        assert!(juliet.contains(part), "{part} in {juliet}");
    }
    assert_eq!(world.count(1, "subscription='remove'"), 1);
    assert_eq!(world.ask(1, Command::RemoveContact(bare("juliet"))), Err(AccountRefusal::NoSuchItem));
}

#[test]
fn a_roster_tells_what_changed_since_a_version() {
    let mut world = World::of_two();
    let set = |name: &str| {
        Command::SetContact(RosterItem { jid: bare(name), name: None, groups: vec!["A".into()] })
    };
    for name in ["a", "b", "c"] {
        world.ask(1, set(name)).unwrap();
    }
    world.ask(1, Command::RemoveContact(bare("b"))).unwrap();
    world.ask(1, set("c")).unwrap();
    let mut check = |since: Option<i64>, expected: Result<&[&str], usize>| {
        let found = match world.ask(1, Command::Roster { since }).unwrap() {
            Answer::Roster(RosterAnswer::Since { pushes }) => Ok(pushes
                .iter()
                .map(|push| match &push.item {
                    Ok(contact) => contact.jid.local().unwrap().to_owned(),
                    Err(jid) => format!("-{}", jid.local().unwrap()),
                })
                .collect::<Vec<_>>()),
            Answer::Roster(RosterAnswer::Full { contacts, .. }) => Err(contacts.len()),
            other => panic!("{other:?}"),
        };
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found, expected, "since {since:?}");
    };
    check(None, Err(2));
    check(Some(5), Ok(&[]));
    check(Some(4), Ok(&["c"]));
    check(Some(3), Ok(&["-b", "c"]));
    check(Some(0), Err(2));
    check(Some(99), Err(2));
}
