//! One account on two members: each applies the same log with all sessions in view, and tells its own.

use std::sync::Arc;

use perch_address::{BareJid, Jid};

use crate::account::presence::Appearance;
use crate::account::scene::new_account;
use crate::account::state::{Account, Effect};
use crate::chat::account::entry::{AccountChange, AccountEvent, Letter};
use crate::chat::account::packet::MessageKind;
use crate::chat::id::{Seq, SessionId, Timestamp};
use crate::chat::message::{Content, Payload, Retention};
use crate::chat::note::LetterNews;

const NOW: Timestamp = Timestamp(1);

/// The account as two members have it: session 1 is on the first, session 2 on the second.
struct Pair {
    members: [Account; 2],
    seq: Seq,
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self { members: [new_account(1, juliet()), new_account(1, juliet())], seq: Seq(0) };
        for (at, id) in [(0, 1), (1, 2)] {
            let jid = juliet().with_resource(&id.to_string()).unwrap();
            pair.members[at].attach(SessionId(id), jid);
        }
        pair.exchange();
        pair
    }

    /// Each tells the other its sessions. Says what follows on each.
    fn exchange(&mut self) -> [Vec<Effect>; 2] {
        let sets = [0, 1].map(|at| self.members[at].own_sessions());
        [0, 1].map(|at| {
            let other: Arc<str> = ["one", "two"][1 - at].into();
            let remote = sets[1 - at].iter().map(|session| (other.clone(), session.clone()));
            let arrangement = self.members[at].arrange(remote.collect());
            assert_eq!(arrangement.replaced, [], "addresses differ");
            arrangement.effects
        })
    }

    fn appear(&mut self, at: usize, priority: i8) -> Vec<Effect> {
        let appearance =
            Appearance { priority, payload: Payload::default(), capabilities: None, hides_photo: false };
        let effects = self.members[at].appear(SessionId(at as i64 + 1), &appearance, NOW);
        self.exchange();
        effects
    }

    /// A message comes. Says to whom each of the members shows it.
    fn letter(&mut self, to: &str) -> [Vec<i64>; 2] {
        self.seq = self.seq.next();
        let content = Content {
            id: None,
            lang: None,
            text: None,
            payload: Payload::from("<body>hi</body>".to_owned()),
            retention: Retention::Kept,
        };
        let letter = Letter {
            kind: MessageKind::Chat,
            from: Jid::new("romeo@localhost/x").unwrap(),
            to: Jid::new(to).unwrap(),
            content,
            is_kept_offline: true,
            is_copied: false,
            is_archived: true,
        };
        let event =
            AccountEvent { seq: self.seq, at: NOW, origin: None, change: AccountChange::Received(letter) };
        [0, 1].map(|at| shown(&self.members[at].apply(&event), at))
    }
}

/// The own sessions that a member shows messages.
fn shown(effects: &[Effect], at: usize) -> Vec<i64> {
    let letters = effects.iter().filter_map(|effect| match effect {
        Effect::Letter { sessions, .. } => Some(sessions),
        _ => None,
    });
    letters.flatten().map(|id| id.0).filter(|id| *id == at as i64 + 1).collect()
}

fn juliet() -> BareJid {
    BareJid::new("juliet@localhost").unwrap()
}

#[test]
fn a_message_goes_to_the_same_sessions_whoever_decides() {
    let mut pair = Pair::new();
    let mut check = |priorities: [i8; 2], to: &str, expected: [&[i64]; 2]| {
        pair.appear(0, priorities[0]);
        pair.appear(1, priorities[1]);
        assert_eq!(pair.letter(to), expected, "{priorities:?} {to}");
    };
    check([0, 0], "juliet@localhost", [&[1], &[2]]);
    check([5, -1], "juliet@localhost", [&[1], &[]]);
    check([5, -1], "juliet@localhost/2", [&[], &[2]]);
    check([5, 0], "juliet@localhost/gone", [&[1], &[2]]);
    check([-1, -1], "juliet@localhost", [&[], &[]]);
}

#[test]
fn what_one_member_was_acknowledged_does_not_wait_on_the_other() {
    let mut pair = Pair::new();
    pair.appear(0, 0);
    pair.appear(1, -1);
    assert_eq!(pair.letter("juliet@localhost"), [vec![1], vec![]]);
    pair.letter("juliet@localhost");
    assert_eq!(pair.members[1].delivered(), Seq(0));
    let (letters, _) = pair.members[0].acknowledge(SessionId(1), Seq(1));
    assert_eq!(letters, [Seq(1)]);
    pair.members[1].hear_of_letters(LetterNews::Taken { letters });
    assert_eq!(pair.members[1].delivered(), Seq(1));
    // Told before the log was read that far.
    pair.members[1].hear_of_letters(LetterNews::Taken { letters: vec![Seq(3)] });
    pair.letter("juliet@localhost");
    pair.members[1].hear_of_letters(LetterNews::Taken { letters: vec![Seq(2)] });
    assert_eq!(pair.members[1].delivered(), Seq(3));
}

#[test]
fn what_a_lost_session_leaves_is_shown_by_one_member() {
    let mut pair = Pair::new();
    pair.appear(0, 0);
    pair.appear(1, 0);
    let jid = juliet().with_resource("3").unwrap();
    pair.members[1].attach(SessionId(3), jid);
    pair.exchange();
    pair.letter("juliet@localhost/3");
    let own = pair.members[1].detach(SessionId(3), &Payload::default(), NOW);
    let [other, _] = pair.exchange();
    let floods =
        |effects: &[Effect]| effects.iter().filter(|effect| matches!(effect, Effect::Flood { .. })).count();
    assert_eq!((floods(&other), floods(&own)), (1, 0), "session 1 is the first of all");
}

#[test]
fn who_comes_later_learns_what_waits() {
    let mut pair = Pair::new();
    pair.appear(0, 0);
    pair.letter("juliet@localhost");
    pair.letter("juliet@localhost");
    pair.members[0].acknowledge(SessionId(1), Seq(1));
    let news = pair.members[0].letters_waiting();
    pair.members[1].hear_of_letters(news);
    assert_eq!(pair.members[1].delivered(), Seq(1));
    // The second message was shown to session 1, which may take it yet.
    let effects = pair.appear(1, 0);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Flood { .. })), "{effects:?}");
}

#[test]
fn an_address_has_one_session_in_the_whole_pool() {
    let mut pair = Pair::new();
    let jid = juliet().with_resource("1").unwrap();
    pair.members[1].attach(SessionId(9), jid);
    let set = |pair: &Pair, at: usize| {
        let name: Arc<str> = ["one", "two"][at].into();
        pair.members[at].own_sessions().into_iter().map(|session| (name.clone(), session)).collect()
    };
    // Neither knew of the other: the same one gives way on both.
    let (first, second) = (set(&pair, 0), set(&pair, 1));
    assert_eq!(pair.members[0].arrange(second).replaced, [SessionId(1)]);
    assert_eq!(pair.members[1].arrange(first).replaced, []);
    // Known: it is over here at once, whatever its member still says.
    let mut pair = Pair::new();
    let first = set(&pair, 0);
    assert_eq!(pair.members[1].supersede(SessionId(1)).as_deref(), Some("one"));
    pair.members[1].arrange(first);
    assert!(!pair.members[1].is_elsewhere());
}

#[test]
fn presence_is_told_elsewhere_only_if_somebody_is_there() {
    let mut pair = Pair::new();
    let told = |effects: &[Effect]| {
        effects.iter().filter(|effect| matches!(effect, Effect::Elsewhere { .. })).count()
    };
    assert_eq!(told(&pair.appear(0, 0)), 1);
    let mut alone = new_account(1, juliet());
    alone.attach(SessionId(1), juliet().with_resource("1").unwrap());
    assert!(!alone.is_elsewhere());
}
