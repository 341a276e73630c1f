//! What one message to a room of 500 costs before it reaches a socket: rendered once, pushed to each mailbox, and
//! written with each recipient's own address.

use std::collections::VecDeque;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use perch::chat::event::{Change, Event};
use perch::chat::id::{Epoch, Seq, SessionId, Timestamp};
use perch::chat::message::{Author, Content, Payload, Retention};
use perch::chat::settings::Settings;
use perch::fanout::audience::{Audience, Step, View};
use perch::fanout::mailbox::{Item, mailbox};

const SESSIONS: i64 = 500;
const MESSAGES: i64 = 2_000;

#[expect(clippy::print_stdout, reason = "a bench prints its figure")]
fn main() {
    let mut audience = Audience::new("room@rooms.localhost", &[7; 32], Epoch(1));
    let mut inboxes = Vec::new();
    for n in 0..SESSIONS {
        let (mailbox, inbox) = mailbox();
        audience.attach(SessionId(n), mailbox);
        inboxes.push((inbox, format!(" to='u{n}@localhost/device'").into_bytes()));
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut items = VecDeque::new();
    let mut out = Vec::new();
    let start = Instant::now();
    for n in 0..MESSAGES {
        audience.deliver(&post(n));
        for (inbox, to) in &mut inboxes {
            assert_eq!(inbox.poll_take(&mut context, &mut items), Poll::Ready(Ok(())));
            for item in items.drain(..) {
                if let Item::Frame(frame) = item {
                    frame.write(to, &mut out);
                }
            }
            black_box(&out);
            out.clear();
        }
    }
    let each = start.elapsed() / u32::try_from(SESSIONS * MESSAGES).expect("a million");
    println!("fanout/500: {} ns per delivery", each.as_nanos());
}

fn post(n: i64) -> Step {
    let payload = format!("<body>{}</body>", "x".repeat(100));
    let author = Author {
        nick: "romeo".into(),
        jid: "romeo@localhost".parse().expect("an address"),
        resource: None,
        occupant_id: "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg".into(),
    };
    let content = Content {
        id: Some(format!("m{n}").into()),
        lang: None,
        text: Some("x".repeat(100).into()),
        payload: Payload(Bytes::from(payload)),
        retention: Retention::Kept,
    };
    Step {
        event: Event {
            seq: Seq(n + 1),
            at: Timestamp(n),
            origin: None,
            change: Change::Posted { author, content },
        },
        before: Vec::new(),
        after: Vec::new(),
        view: View::of(&Settings::default(), true, 1),
        welcome: None,
        everybody: Vec::new(),
        statuses: Vec::new(),
        list_version: None,
        list_notice: None,
        is_quiet: false,
    }
}
