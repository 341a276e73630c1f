//! A log told again: that it can be, that it leads to what the rows say, and that nobody did in it what he might not.

use std::collections::BTreeSet;
use std::sync::Arc;

use perch::chat::affiliation::{Affiliation, Role};
use perch::chat::event::{Change, Event};
use perch::chat::id::{RulesVersion, Seq, Timestamp};
use perch::chat::occupant::Occupant;
use perch::chat::settings::Settings;
use perch::chat::snapshot::RoomSnapshot;
use perch::room::state::Room;

use perch_address::BareJid;

use crate::check::moves;

pub(crate) fn faults(snapshot: &RoomSnapshot, log: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    // Comings and goings that are in no log leave it open who is in.
    let is_whole = snapshot.quiet == 0;
    let mut room = Room::load(beginning(snapshot));
    // Whom a rule of the room took out, and who has not come back since.
    let mut put_out = BTreeSet::new();
    for event in log {
        if room.is_destroyed() {
            faults.push(format!("{} comes after the end", event.seq.0));
        }
        if event.seq != room.seq().next() {
            faults.push(format!("{} follows {} in the log", event.seq.0, room.seq().0));
        }
        if event.at < room.last_at() {
            faults.push(format!("the stamp of {} falls", event.seq.0));
        }
        if let Some(fault) = trespass(&room, &event.change, is_whole, &put_out) {
            faults.push(format!("{}: {fault}", event.seq.0));
        }
        note_departure(&room, &event.change, &mut put_out);
        room.apply(event);
    }
    if snapshot.rules != moves(log) {
        faults.push(format!("{:?}, though they have moved {:?}", snapshot.rules, moves(log)));
    }
    if room.is_destroyed() {
        return faults;
    }
    let loaded = Room::load(snapshot.clone());
    if (loaded.settings(), loaded.standings()) != (room.settings(), room.standings()) {
        faults.push("settings or standings are not those that the log leads to".to_owned());
    }
    if loaded.subject() != room.subject() {
        faults.push("the subject is not what the log leads to".to_owned());
    }
    if is_whole && occupants(&loaded) != occupants(&room) {
        faults.push(format!(
            "{:?} are in, not {:?}, as the log has it",
            occupants(&loaded),
            occupants(&room)
        ));
    }
    let nicks: Vec<_> = loaded.occupants().iter().map(|occupant| occupant.nick_key.clone()).collect();
    if nicks.windows(2).any(|pair| pair[0] == pair[1]) {
        faults.push("a nick has two owners".to_owned());
    }
    faults
}

/// What the rights at that place in the log do not allow.
fn trespass(room: &Room, change: &Change, is_whole: bool, put_out: &BTreeSet<BareJid>) -> Option<String> {
    match change {
        Change::Posted { author, .. } => {
            let name = author.jid.local().unwrap_or_default();
            if room.affiliation_of(&author.jid) == Affiliation::Outcast {
                return Some(format!("{name} posts, and is banned"));
            }
            // Who is gone of his own, or for his connection, may have said it where that was not known yet.
            let is_silenced = |occupant: &Arc<Occupant>| occupant.role <= Role::Visitor;
            let mut occupants = room.occupants().by_jid(&author.jid).peekable();
            let was_put_out = occupants.peek().is_none() && put_out.contains(&author.jid);
            (is_whole && (was_put_out || occupants.peek().is_some() && occupants.all(is_silenced)))
                .then(|| format!("{name} posts, and was put out or has no voice"))
        }
        Change::Joined(joined) => {
            let jid = joined.jid.bare();
            if room.affiliation_of(&jid) == Affiliation::Outcast {
                return Some(format!("{} joins, and is banned", joined.nick));
            }
            let owner = room.occupants().by_nick_key(&joined.nick_key).map(|occupant| &occupant.jid);
            (is_whole && owner.is_some_and(|owner| *owner != jid))
                .then(|| format!("{} joins, and the nick is another's", joined.nick))
        }
        Change::TakenOver { session, by, .. } => {
            let is_there = room.occupants().by_session(*session).is_some();
            (is_whole && !is_there).then(|| format!("{} takes the seat of {}, who is gone", by.0, session.0))
        }
        _ => None,
    }
}

fn note_departure(room: &Room, change: &Change, put_out: &mut BTreeSet<BareJid>) {
    match change {
        Change::Joined(joined) => drop(put_out.remove(&joined.jid.bare())),
        Change::Left(left) if left.cause.is_forced() => {
            put_out.extend(room.occupants().by_session(left.session).map(|occupant| occupant.jid.clone()));
        }
        _ => {}
    }
}

/// Who is in, as the log can know it: of a lost connection the rows alone tell.
fn occupants(room: &Room) -> Vec<(String, Role, Affiliation, Vec<i64>)> {
    let entry = |occupant: &Arc<Occupant>| {
        let mut sessions: Vec<i64> = occupant.seats.iter().map(|seat| seat.session.0).collect();
        sessions.sort_unstable();
        // How a nick is spelt is the affair of who shows it.
        (occupant.nick_key.to_string(), occupant.role, occupant.affiliation, sessions)
    };
    room.occupants().iter().map(entry).collect()
}

/// The room before anything was in its log.
fn beginning(snapshot: &RoomSnapshot) -> RoomSnapshot {
    RoomSnapshot {
        seq: Seq(0),
        rules: RulesVersion(0),
        last_at: Timestamp(0),
        quiet: 0,
        is_locked: true,
        settings: Settings::default(),
        subject: None,
        affiliations: Vec::new(),
        affiliations_version: 0,
        occupants: Vec::new(),
        ..snapshot.clone()
    }
}
