use bytes::Bytes;
use perch_address::BareJid;

use super::*;
use crate::chat::id::{RoomId, Seq, Timestamp};
use crate::chat::message::{Author, Content, Payload, Retention};
use crate::chat::note::RoomName;
use crate::chat::{account, event};

fn packer() -> Packer {
    Packer::new(Member { name: "a".into(), incarnation: 3 }, Limits { together: 600, alone: 400 })
}

fn room() -> RoomName {
    RoomName { name: "lobby".into(), id: RoomId(1) }
}

fn stale(id: i64) -> Note {
    Note::RoomStale { room: RoomName { name: "lobby".into(), id: RoomId(id) } }
}

fn grown(bytes: usize) -> Note {
    let author = Author {
        nick: "ann".into(),
        jid: BareJid::new("ann@example.org").unwrap(),
        resource: None,
        occupant_id: "".into(),
    };
    let payload = Payload(Bytes::from("x".repeat(bytes)));
    let content = Content { id: None, lang: None, text: None, payload, retention: Retention::Kept };
    let change = event::Change::Posted { author, content };
    let event = event::Event { seq: Seq(7), at: Timestamp(0), origin: None, change };
    Note::RoomGrew { room: room(), last: Seq(7), events: vec![event] }
}

fn all(notes: impl IntoIterator<Item = Note>) -> Vec<(To, Note)> {
    notes.into_iter().map(|note| (To::All, note)).collect()
}

/// For whom, with which counts, how many notes.
fn shape(messages: &[Message]) -> Vec<(Option<u64>, u64, usize)> {
    let envelopes = messages.iter().map(|message| wire::read(message.text.as_bytes()).unwrap());
    envelopes.map(|envelope| (envelope.told, envelope.all, envelope.notes.len())).collect()
}

#[test]
fn what_waits_together_travels_together_as_far_as_it_fits() {
    let mut packer = packer();
    let messages = packer.pack(all((1..=20).map(stale)));
    assert!(messages.iter().all(|message| message.text.len() < 700), "{messages:?}");
    assert_eq!(shape(&messages), [(None, 1, 12), (None, 2, 8)]);
    let notes = messages.iter().flat_map(|message| wire::read(message.text.as_bytes()).unwrap().notes);
    assert!(notes.eq((1..=20).map(stale)), "in their order");
}

#[test]
fn each_receiver_has_a_count_that_says_what_it_comes_after() {
    let mut packer = packer();
    let to = |name: &str, id| (To::Member(name.into()), stale(id));
    let messages = packer.pack([
        (To::All, stale(1)),
        to("b", 2),
        to("b", 3),
        to("c", 4),
        (To::All, stale(5)),
        to("b", 6),
    ]);
    assert_eq!(
        shape(&messages),
        [(None, 1, 1), (Some(1), 1, 2), (Some(1), 1, 1), (None, 2, 1), (Some(2), 2, 1)]
    );
    let beat = wire::read(packer.heartbeat(9).text.as_bytes()).unwrap();
    assert_eq!((beat.all, beat.told, beat.notes), (3, None, vec![Note::Heartbeat { sessions_digest: 9 }]));
    assert_eq!(beat.counts, BTreeMap::from([("b".into(), 2), ("c".into(), 1)]));
}

#[test]
fn what_is_too_long_goes_without_its_events_or_is_counted_as_lost() {
    let mut packer = packer();
    let messages = packer.pack(all([stale(1), grown(1000), grown(5), stale(2)]));
    let notes: Vec<_> =
        messages.iter().flat_map(|message| wire::read(message.text.as_bytes()).unwrap().notes).collect();
    let short = Note::RoomGrew { room: room(), last: Seq(7), events: Vec::new() };
    assert_eq!(notes, [stale(1), short, grown(5), stale(2)]);

    let mut packer = self::packer();
    let status = "x".repeat(1000);
    let packet = account::packet::Packet {
        kind: account::packet::PacketKind::Iq(account::packet::IqKind::Get),
        from: perch_address::Jid::new("ann@example.org").unwrap(),
        to: perch_address::Jid::new("bob@example.org").unwrap(),
        id: None,
        lang: None,
        payload: Payload::from(status),
    };
    let to = BareJid::new("bob@example.org").unwrap();
    let delivery = crate::chat::note::Delivery::Addressed { is_copied: false };
    let long = Note::AccountPacket { to, packet, delivery };
    let messages = packer.pack(all([stale(1), long, stale(2)]));
    assert_eq!(shape(&messages), [(None, 1, 1), (None, 3, 1)]);
}
