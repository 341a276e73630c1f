//! Histories by hand: one thing that happened on each line, a millisecond apart, in room `r` unless `in ROOM` ends it.
//!
//! `a joins`, `a leaves`, `a sends 1` (message `a:1`), `a gets ok 1`, `a gets fail 1`, `a gets info 1`, `b hears a:1`,
//! `b hears a:1 late` (as history), `a bans b`, `a sees a b`, `quiet`, `kill starts`, `kill stops`; whole copies of the
//! archive `mam a:1 a:2`, `store …`, `compliance …`, and `part …`. The second session of a client is `a/2`. A message's
//! stanza id is its own name unless written `a:1#id`; an archived one has a number and a stamp where written
//! `a:1@number~stamp`.

#![expect(clippy::unwrap_used, reason = "a slip of the pen in a history shows as a failing test")]

use perch_checker::{Acknowledgement, Event, History, Item, Line, Phase, Source};

const MILLISECOND: u64 = 1_000_000;

/// Reads the notation. Every line goes through its JSON form, as if it came from a file.
pub(crate) fn history(text: &str) -> History {
    let mut history = History::default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    for (index, line) in lines.enumerate() {
        let at = (index as u64 + 1) * MILLISECOND;
        let line = Line { at, event: event(line, index) };
        let json = serde_json::to_string(&line).unwrap();
        history.read(json.as_bytes()).unwrap();
    }
    history.arrange()
}

fn event(line: &str, index: usize) -> Event<'_> {
    let (line, room) = line.rsplit_once(" in ").unwrap_or((line, "r"));
    let room = room.into();
    let words: Vec<&str> = line.split(' ').collect();
    let who = words[0];
    let client = who.split('/').next().unwrap().into();
    let session = who.into();
    let own = |n: &str| format!("{client}:{}", n.split('#').next().unwrap()).into();
    let reason = "by hand".into();
    match words[1..] {
        ["joins"] => Event::Join { client, session, room },
        ["leaves"] => Event::Leave { client, session, room, reason },
        ["resumes"] => Event::Resume { client, session },
        ["sends", n] => Event::Invoke { id: own(n), client, session, room },
        ["gets", "ok", n] => Event::Ok {
            id: own(n),
            stanza_id: Some(n.split_once('#').map_or_else(|| own(n), |(_, stanza_id)| stanza_id.into())),
            by: Acknowledgement::Reflection,
            client: client.clone(),
            session,
            room,
        },
        ["gets", "fail", n] => Event::Fail { id: own(n), client, session, room, reason },
        ["gets", "info", n] => Event::Info { id: own(n), client, session, room, reason },
        ["hears", message, ref late @ ..] => {
            let Item { id, stanza_id, .. } = item(message);
            Event::Recv { client, session, room, id, stanza_id: Some(stanza_id), delayed: late == ["late"] }
        }
        ["bans", target] => Event::Ban { client, room, target: target.into() },
        ["sees", ref nicks @ ..] => {
            Event::Occupants { client, room, nicks: nicks.iter().map(|nick| (*nick).into()).collect() }
        }
        ["starts"] => Event::Nemesis { what: session, phase: Phase::Start },
        ["stops"] => Event::Nemesis { what: session, phase: Phase::Stop },
        [] if who == "quiet" => Event::Quiet,
        ref items => {
            let (source, complete) = match who {
                "mam" => (Source::Mam, true),
                "store" => (Source::Store, true),
                "compliance" => (Source::Compliance, true),
                "part" => (Source::Mam, false),
                _ => panic!("not in the notation: {line}"),
            };
            let items = items.iter().map(|text| item(text)).collect();
            Event::MamPage { source, read: format!("reader-{index}").into(), room, items, complete }
        }
    }
}

fn item(text: &str) -> Item<'_> {
    let (text, stamp) = text.split_once('~').map_or((text, None), |(text, stamp)| (text, Some(stamp)));
    let (text, seq) = text.split_once('@').map_or((text, None), |(text, seq)| (text, Some(seq)));
    let (id, stanza_id) = text.split_once('#').unwrap_or((text, text));
    Item {
        id: id.into(),
        stanza_id: stanza_id.into(),
        seq: seq.map(|seq| seq.parse().unwrap()),
        stamp_ms: stamp.map(|stamp| stamp.parse().unwrap()),
    }
}
