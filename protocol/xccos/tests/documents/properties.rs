//! What must hold for every input: the body of the fuzz target, run on the corpus as a plain test too.

use perch_xccos::block::{self, Said};
use perch_xccos::reply::{Filling, Outcome, reply};
use perch_xccos::{Asked, BODY_BYTES_MAX, Command, Envelope, ITEMS_MAX, Item, Post, ROOMS_MAX, RoomAddress};
use perch_xmpp::xml::Element;

/// The body of an INFO: whatever is read is within its bounds, and can be answered.
pub(crate) fn body(data: &[u8]) {
    let Ok(envelope) = Envelope::parse(data) else { return };
    assert!(data.len() <= BODY_BYTES_MAX);
    assert!((1..=ITEMS_MAX).contains(&envelope.items.len()));
    for item in envelope.items {
        match item {
            Item::Command(asked) => command(&asked),
            Item::Post(Ok(post)) => said(post),
            Item::Post(Err(_)) => {}
        }
    }
}

fn command(asked: &Asked) {
    let rooms: &[RoomAddress] = match &asked.command {
        Ok(Command::Join(rooms)) => rooms,
        Ok(Command::Part(room) | Command::Context { room, .. }) => std::slice::from_ref(room),
        _ => &[],
    };
    assert!(rooms.len() <= ROOMS_MAX);
    for room in rooms {
        assert_eq!(RoomAddress::parse(&room.to_uri()).as_ref(), Some(room));
    }
    let blocks = rooms.iter().map(block::room).collect();
    let told = reply(asked, Outcome::Success, "", blocks);
    let read = written(told);
    let answered = read.children().next().and_then(|reply| reply.children().next()).expect("a commandid");
    assert_eq!(answered.attribute("envid"), Some(&*asked.reference.envelope));
    assert_eq!(answered.attribute("seqid"), Some(&*asked.reference.sequence));
}

/// What is said comes out as it came in.
fn said(post: Post) {
    let told = Said {
        room: post.room.clone(),
        author: String::new(),
        name: String::new(),
        id: None,
        at: 0,
        is_alert: post.is_alert,
        title: post.title.as_deref().map(str::to_owned),
        text: post.text.to_string(),
    };
    let mut filling = Filling::default();
    filling.push(told.delivered()).expect("it is the first");
    if let Ok(envelope) = Envelope::parse(&filling.finish(0)) {
        let Some(Item::Post(Ok(again))) = envelope.items.first() else { panic!("{envelope:?}") };
        assert_eq!(again.text, post.text);
        assert_eq!(again.room, post.room);
    }
}

fn written(item: Element) -> Element {
    let mut filling = Filling::default();
    filling.push(item).expect("it is the first");
    Element::parse(&filling.finish(0), "").expect("what was written can be read")
}
