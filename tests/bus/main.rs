//! The bus on real servers: what arrives, in which order, and that whatever does not arrive is a gap.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stderr, reason = "what is not tried is said aloud")]

#[path = "../support/cluster.rs"]
#[expect(dead_code, reason = "what the tests of the store need beside it")]
mod cluster;
mod log;
mod nats;
#[path = "../support/nats_server.rs"]
mod nats_server;
mod postgres;

use std::time::Duration;

use perch::bus::{Bus, Heard};
use perch::chat::id::RoomId;
use perch::chat::note::{Member, Note, RoomName};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// One member on the bus.
struct Station {
    bus: Bus,
    heard: mpsc::Receiver<Heard>,
}

/// What is heard, without signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Note(i64),
    Gap,
}

impl Station {
    fn new((bus, heard): (Bus, mpsc::Receiver<Heard>)) -> Self {
        Self { bus, heard }
    }

    /// The next that is heard.
    async fn next(&mut self) -> Word {
        loop {
            let heard = timeout(PATIENCE, self.heard.recv()).await.expect("something is heard").unwrap();
            match heard {
                Heard::Gap { .. } => return Word::Gap,
                Heard::Note { note: Note::Heartbeat { .. }, .. } => {}
                Heard::Note { note, .. } => return Word::Note(id(&note)),
            }
        }
    }

    /// Waits until the bus carries: a first sign of life of every other member is there.
    async fn meet(&mut self, others: usize) {
        let mut met = std::collections::BTreeSet::new();
        while met.len() < others {
            let heard = timeout(PATIENCE, self.heard.recv()).await.expect("a sign of life").unwrap();
            if let Heard::Note { from, .. } = heard {
                met.insert(from.name);
            }
        }
    }

    /// Reads up to a note. What was before it is given back, in the order in which it came.
    async fn until(&mut self, last: i64) -> Vec<Word> {
        let mut words = Vec::new();
        let reading = async {
            loop {
                match self.next().await {
                    Word::Note(id) if id == last => return,
                    word => words.push(word),
                }
            }
        };
        timeout(2 * PATIENCE, reading).await.expect("the last note is heard");
        words
    }

    async fn until_gap(&mut self) {
        while self.next().await != Word::Gap {}
    }
}

fn member(name: &str) -> Member {
    Member { name: name.into(), incarnation: 1 }
}

fn note(id: i64) -> Note {
    Note::RoomStale { room: RoomName { name: "lobby".into(), id: RoomId(id) } }
}

fn id(note: &Note) -> i64 {
    match note {
        Note::RoomStale { room } | Note::RoomGrew { room, .. } => room.id.0,
        _ => panic!("{note:?} is none of this test's"),
    }
}

/// Both members know one another, and say something that the other hears in order.
async fn check_order(one: &mut Station, two: &mut Station) {
    one.meet(1).await;
    two.meet(1).await;
    for id in 1..=3000 {
        match id % 3 {
            0 => one.bus.tell("two", note(id)),
            _ => one.bus.publish(note(id)),
        }
        if id % 500 == 0 {
            // Let some of it go, so that it is not one message.
            one.bus.flush().await;
        }
        two.bus.publish(note(id));
    }
    for (station, who) in [(two, "two"), (one, "one")] {
        let before = station.until(3000).await;
        assert!(before.into_iter().eq((1..3000).map(Word::Note)), "{who} hears everything in order");
    }
}

/// Everything from `first` to `last` is heard in order, or a gap comes after what was heard before it.
fn check_no_silent_loss(words: &[Word], first: i64, last: i64) {
    let (mut expected, mut has_gap, mut unnoticed) = (first, false, None);
    for word in words.iter().copied().chain([Word::Note(last + 1)]) {
        match word {
            Word::Gap => (has_gap, unnoticed) = (true, None),
            Word::Note(id) => {
                assert!(id >= expected, "{id} comes when {expected} is due");
                if id > expected && !has_gap {
                    unnoticed = Some(expected);
                }
                (expected, has_gap) = (id + 1, false);
            }
        }
    }
    assert_eq!(unnoticed, None, "it is missing, and no gap came after what was before it");
}

const PATIENCE: Duration = Duration::from_secs(20);
