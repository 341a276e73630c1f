//! What one member makes of what the others say of their sessions.

use perch_address::BareJid;

use super::*;
use crate::chat::id::{SessionId, Timestamp};
use crate::chat::message::Payload;
use crate::chat::note::RemoteAvailability;

fn member(name: &str, incarnation: i64) -> Member {
    Member { name: name.into(), incarnation }
}

fn bare(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@localhost")).unwrap()
}

fn session(name: &str, id: i64, is_available: bool, is_resumable: bool) -> RemoteSession {
    let available = || RemoteAvailability { priority: 0, payload: Payload::default(), at: Timestamp(0) };
    RemoteSession {
        session: SessionId(id),
        jid: bare(name).with_resource(&id.to_string()).unwrap(),
        availability: is_available.then(available),
        wants_carbons: false,
        is_resumable,
        interests: Vec::new(),
    }
}

/// Two registries, and the way from the first to the second.
struct Two {
    bus: Bus,
    first: Elsewhere,
    second: Elsewhere,
}

impl Two {
    fn new() -> Self {
        Self { bus: Bus::local().0, first: Elsewhere::default(), second: Elsewhere::default() }
    }

    /// The first tells of an account, and the second hears it, unless it is lost.
    fn tell(&self, name: &str, sessions: Vec<RemoteSession>, is_lost: bool) {
        self.first.show(&bare(name), sessions.clone(), &self.bus);
        if !is_lost {
            self.second.meet(&member("one", 1), &self.bus);
            self.second.take(&member("one", 1), &bare(name), &sessions);
        }
    }

    fn beat(&self) {
        let digest = self.first.own.lock().digest;
        self.second.meet(&member("one", 1), &self.bus);
        self.second.heartbeat(&member("one", 1), digest, &self.bus);
    }

    fn is_asked(&self) -> bool {
        self.second.peers.lock().known["one"].is_asked
    }

    /// The first answers with everything.
    fn tell_all(&self) -> (Vec<BareJid>, Missed) {
        for jid in self.first.own_accounts() {
            let sessions = self.first.own.lock().sets[&jid].sessions.clone();
            self.second.take(&member("one", 1), &jid, &sessions);
        }
        self.second.told(&member("one", 1))
    }
}

#[test]
fn a_lost_word_is_found_out_and_said_again() {
    let two = Two::new();
    two.tell("juliet", vec![session("juliet", 1, true, false)], false);
    two.tell("nurse", vec![session("nurse", 2, true, false)], false);
    two.tell_all();
    two.beat();
    assert!(!two.is_asked(), "all is known");
    two.tell("juliet", Vec::new(), true);
    two.tell("romeo", vec![session("romeo", 3, true, false)], true);
    two.beat();
    assert!(!two.is_asked(), "it may be under way");
    two.beat();
    assert!(two.is_asked());
    let (over, missed) = two.tell_all();
    assert_eq!(over, [bare("juliet")]);
    assert_eq!(missed.gone[&bare("juliet")], [bare("juliet").with_resource("1").unwrap()]);
    assert_eq!(missed.changed, HashSet::from([bare("romeo")]));
    two.beat();
    assert!(!two.is_asked() && two.second.members_of(&bare("juliet")).is_empty());
    assert_eq!(two.second.members_of(&bare("romeo")).len(), 1);
}

#[test]
fn what_was_under_way_at_a_sign_of_life_is_no_loss() {
    let two = Two::new();
    two.tell_all();
    two.beat();
    for id in 0..5 {
        let sessions = vec![session("juliet", id, false, false)];
        two.first.show(&bare("juliet"), sessions.clone(), &two.bus);
        two.beat();
        two.second.take(&member("one", 1), &bare("juliet"), &sessions);
        assert_eq!(two.second.peers.lock().known["one"].expected, None);
    }
}

#[test]
fn a_member_that_is_over_is_not_listened_to_any_more() {
    let two = Two::new();
    let sessions = vec![session("juliet", 1, true, false), session("juliet", 2, true, true)];
    two.tell("juliet", sessions.clone(), false);
    two.tell("nurse", vec![session("nurse", 3, false, false)], false);
    let left = two.second.forget(&member("one", 1));
    assert_eq!(left.accounts.len(), 2);
    let resource = |id: &str| bare("juliet").with_resource(id).unwrap();
    assert_eq!(left.gone.gone, BTreeMap::from([(bare("juliet"), vec![resource("1")])]));
    assert_eq!(left.waiting.gone, BTreeMap::from([(bare("juliet"), vec![resource("2")])]));
    two.tell("juliet", sessions, false);
    assert!(two.second.members_of(&bare("juliet")).is_empty(), "it does not know that it is over");
    // Who came back, here or there, is not gone.
    assert_eq!(two.second.still_gone(&left.waiting).gone[&bare("juliet")], [resource("2")]);
    two.second.meet(&member("one", 2), &two.bus);
    two.second.take(&member("one", 2), &bare("juliet"), &[session("juliet", 2, true, true)]);
    assert!(two.second.still_gone(&left.waiting).gone[&bare("juliet")].is_empty());
}

#[test]
fn a_session_is_found_by_its_address() {
    let two = Two::new();
    two.tell("juliet", vec![session("juliet", 1, false, false)], false);
    let check = |address: &str, expected: Option<&str>| {
        let found = two.second.holder(&Jid::new(address).unwrap());
        assert_eq!(found.as_deref(), expected, "{address}");
    };
    check("juliet@localhost/1", Some("one"));
    check("juliet@localhost/2", None);
    check("juliet@localhost", None);
    check("nurse@localhost/1", None);
    two.tell("juliet", Vec::new(), false);
    check("juliet@localhost/1", None);
}
