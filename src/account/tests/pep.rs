//! Nodes and what becomes of them for others (XEP-0163, XEP-0398).

use crate::account::handle::{Answer, Command};
use crate::account::pep::{Field, PepCommand, Publication};
use crate::account::scene::{World, jid, text};
use crate::chat::account::refusal::AccountRefusal;
use crate::chat::id::SessionId;

fn publication(node: &str, options: &[(&str, &str)]) -> Command {
    let field = |(name, value): &(&str, &str)| Field { name: (*name).into(), values: vec![(*value).into()] };
    let options = (!options.is_empty()).then(|| options.iter().map(field).collect());
    let payload = Some(text("<x xmlns='u'/>"));
    Command::Pep(PepCommand::Publish(Publication { node: node.into(), id: "i".into(), payload, options }))
}

#[test]
fn an_event_reaches_who_is_interested_and_may_read() {
    let mut world = World::of_friends();
    world.of(1).set_interests(SessionId(1), ["open".into(), "closed".into()].into());
    world.of(2).set_interests(SessionId(2), ["open".into(), "closed".into()].into());
    let mut check = |command, own, friends| {
        world.ask(1, command).unwrap();
        assert_eq!(world.count(1, "#event"), own);
        assert_eq!(world.count(2, "#event"), friends);
    };
    check(publication("open", &[]), 1, 1);
    check(publication("closed", &[("access_model", "whitelist")]), 1, 0);
    check(publication("of no interest", &[]), 0, 0);
    let retract = PepCommand::Retract { node: "open".into(), ids: vec!["i".into()], is_told: true };
    check(Command::Pep(retract), 1, 1);
    check(Command::Pep(PepCommand::Purge { node: "closed".into() }), 1, 0);
    check(Command::Pep(PepCommand::Delete { node: "open".into() }), 1, 1);
}

#[test]
fn a_publisher_insists_on_the_configuration_it_asked_for() {
    let mut world = World::of_two();
    let whitelisted = publication("n", &[("access_model", "whitelist")]);
    assert_eq!(world.ask(1, whitelisted.clone()), Ok(Answer::Published("i".into())));
    assert_eq!(world.ask(1, whitelisted), Ok(Answer::Published("i".into())));
    let open = publication("n", &[("access_model", "open")]);
    assert_eq!(world.ask(1, open), Err(AccountRefusal::PreconditionNotMet));
    assert_eq!(world.ask(1, publication("n", &[])), Ok(Answer::Published("i".into())));
}

#[test]
fn nobody_changes_anothers_nodes_without_being_let() {
    let mut world = World::of_two();
    world.ask(1, publication("n", &[("access_model", "open")])).unwrap();
    let now = world.now;
    let mut check = |command: PepCommand, expected| {
        let found = world.account("romeo").decide_pep_by(&jid("juliet@/home"), command.clone(), now);
        assert_eq!(found.map(|_| ()), expected, "{command:?}");
    };
    let publish = |node: &str| {
        PepCommand::Publish(Publication {
            node: node.into(),
            id: "j".into(),
            payload: Some(text("<x/>")),
            options: None,
        })
    };
    let (node, id): (Box<str>, Box<str>) = ("n".into(), "s".into());
    check(publish("n"), Err(AccountRefusal::Forbidden));
    check(publish("new"), Err(AccountRefusal::NoSuchItem));
    check(PepCommand::Delete { node: node.clone() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Purge { node: node.clone() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Create { node: "new".into(), fields: Vec::new() }, Err(AccountRefusal::Forbidden));
    check(PepCommand::Subscribe { node: node.clone(), jid: jid("juliet@"), id: id.clone() }, Ok(()));
    check(
        PepCommand::Subscribe { node: node.clone(), jid: jid("romeo@"), id },
        Err(AccountRefusal::InvalidJid),
    );
    check(PepCommand::Unsubscribe { node, jid: jid("juliet@") }, Err(AccountRefusal::NotSubscribed));
}

#[test]
fn a_vcards_photo_is_told_in_presence() {
    let mut world = World::of_friends();
    let vcard = "<vCard xmlns='vcard-temp'><FN>R</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>";
    world.ask(1, Command::SetVcard(text(vcard))).unwrap();
    let hash = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    assert_eq!(world.count(2, hash), 1);
    world.appear_with(1, 0, "<show>away</show>");
    assert_eq!(world.count(2, hash), 1);
    let nodes: Vec<_> = world.account("romeo").nodes.keys().map(|name| name.to_string()).collect();
    assert_eq!(nodes, ["urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata"]);
    world.ask(1, Command::Pep(PepCommand::Delete { node: nodes[1].as_str().into() })).unwrap();
    let last = world.take(2).pop().unwrap_or_default();
    assert!(!last.contains(hash) && last.contains("<show>away</show>"), "{last}");
}
