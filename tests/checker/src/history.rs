//! A history as the checks read it: names as numbers, in order of time, sorted by room.

use std::collections::HashMap;
use std::io::BufRead;

use crate::names::{Name, Names};
use crate::record::{Event, Item, Line, Phase, Source};

/// Everything that was recorded in one run.
#[derive(Default)]
pub struct History {
    names: Names,
    lines: Vec<(u64, Fact)>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) nemeses: Vec<Nemesis>,
    pub(crate) quiet_at: Option<u64>,
}

/// Why a file is not a history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("line {number}: {source}")]
    Line { number: usize, source: serde_json::Error },
    #[error(transparent)]
    Read(#[from] std::io::Error),
}

/// What happened in one room.
pub(crate) struct Room {
    pub(crate) name: Name,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) occupancies: Vec<Occupancy>,
    pub(crate) reads: Vec<Read>,
    pub(crate) bans: Vec<Ban>,
    pub(crate) occupants: Vec<(Name, Vec<Name>)>,
}

pub(crate) struct Attempt {
    pub(crate) at: u64,
    pub(crate) client: Name,
    pub(crate) session: Name,
    pub(crate) id: Name,
}

pub(crate) struct Outcome {
    pub(crate) at: u64,
    pub(crate) client: Name,
    pub(crate) id: Name,
    pub(crate) kind: OutcomeKind,
    pub(crate) stanza_id: Option<Name>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutcomeKind {
    Ok,
    Fail,
    Info,
}

pub(crate) struct Receipt {
    pub(crate) at: u64,
    pub(crate) client: Name,
    pub(crate) session: Name,
    pub(crate) id: Name,
    pub(crate) stanza_id: Option<Name>,
    pub(crate) delayed: bool,
    /// The index of the occupancy in which it was heard.
    pub(crate) occupancy: Option<usize>,
}

pub(crate) struct Occupancy {
    pub(crate) client: Name,
    pub(crate) joined_at: u64,
    pub(crate) left_at: Option<u64>,
}

/// One pass over an archive.
pub(crate) struct Read {
    pub(crate) source: Source,
    pub(crate) label: Name,
    pub(crate) items: Vec<Kept>,
    pub(crate) complete: bool,
    pub(crate) begun_at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: Name,
    pub(crate) stanza_id: Name,
    pub(crate) seq: Option<u64>,
    pub(crate) stamp_ms: Option<i64>,
}

pub(crate) struct Ban {
    pub(crate) at: u64,
    pub(crate) target: Name,
}

/// A fault, from its start to its stop.
pub(crate) struct Nemesis {
    pub(crate) what: Name,
    pub(crate) from: u64,
    pub(crate) to: Option<u64>,
}

/// A line with its names as numbers.
enum Fact {
    Attempt(Name, Attempt),
    Outcome(Name, Outcome),
    Receipt(Name, Receipt),
    Join { client: Name, session: Name, room: Name },
    Leave { session: Name, room: Name },
    Ban(Name, Ban),
    Occupants { client: Name, room: Name, nicks: Vec<Name> },
    Page { room: Name, source: Source, label: Name, items: Vec<Kept>, complete: bool },
    Nemesis { what: Name, phase: Phase },
    Quiet,
}

impl History {
    /// Adds the lines of one file; call [`History::arrange`] after the last.
    pub fn read(&mut self, input: impl BufRead) -> Result<(), HistoryError> {
        for (index, line) in input.lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let line: Line<'_> = serde_json::from_str(&line)
                .map_err(|source| HistoryError::Line { number: index + 1, source })?;
            self.push(&line);
        }
        Ok(())
    }

    pub fn push(&mut self, line: &Line<'_>) {
        if let Some(fact) = self.fact(line.at, &line.event) {
            self.lines.push((line.at, fact));
        }
    }

    /// Puts the lines of all files into the order of time and sorts them by room.
    #[must_use]
    pub fn arrange(mut self) -> Self {
        // Stable: what one recorder wrote at the same instant keeps its order.
        self.lines.sort_by_key(|(at, _)| *at);
        let mut builder = Builder::default();
        for (at, fact) in std::mem::take(&mut self.lines) {
            builder.place(at, fact);
        }
        Self { rooms: builder.rooms, nemeses: builder.nemeses, quiet_at: builder.quiet_at, ..self }
    }

    pub(crate) fn text(&self, name: Name) -> String {
        self.names.text(name).to_owned()
    }

    fn fact(&mut self, at: u64, event: &Event<'_>) -> Option<Fact> {
        let names = &mut self.names;
        Some(match event {
            Event::Invoke { client, session, room, id } => {
                let [client, session, id] = [client, session, id].map(|text| names.number(text));
                Fact::Attempt(names.number(room), Attempt { at, client, session, id })
            }
            Event::Ok { client, room, id, stanza_id, .. } => {
                let stanza_id = stanza_id.as_ref().map(|text| names.number(text));
                outcome(names, at, [client, room, id], OutcomeKind::Ok, stanza_id)
            }
            Event::Fail { client, room, id, .. } => {
                outcome(names, at, [client, room, id], OutcomeKind::Fail, None)
            }
            Event::Info { client, room, id, .. } => {
                outcome(names, at, [client, room, id], OutcomeKind::Info, None)
            }
            Event::Recv { client, session, room, id, stanza_id, delayed } => {
                let stanza_id = stanza_id.as_ref().map(|text| names.number(text));
                let [client, session, room, id] = [client, session, room, id].map(|text| names.number(text));
                Fact::Receipt(
                    room,
                    Receipt { at, client, session, id, stanza_id, delayed: *delayed, occupancy: None },
                )
            }
            Event::Join { client, session, room } => {
                let [client, session, room] = [client, session, room].map(|text| names.number(text));
                Fact::Join { client, session, room }
            }
            Event::Leave { session, room, .. } => {
                Fact::Leave { session: names.number(session), room: names.number(room) }
            }
            // A resumed session keeps its name, hence its occupancies are unbroken without further ado.
            Event::Resume { .. } => return None,
            Event::Ban { room, target, .. } => {
                Fact::Ban(names.number(room), Ban { at, target: names.number(target) })
            }
            Event::Occupants { client, room, nicks } => Fact::Occupants {
                client: names.number(client),
                room: names.number(room),
                nicks: nicks.iter().map(|nick| names.number(nick)).collect(),
            },
            Event::MamPage { source, read, room, items, complete } => Fact::Page {
                room: names.number(room),
                source: *source,
                label: names.number(read),
                items: items.iter().map(|item| kept(names, item)).collect(),
                complete: *complete,
            },
            Event::Nemesis { what, phase } => Fact::Nemesis { what: names.number(what), phase: *phase },
            Event::Quiet => Fact::Quiet,
        })
    }
}

fn outcome(names: &mut Names, at: u64, texts: [&str; 3], kind: OutcomeKind, stanza_id: Option<Name>) -> Fact {
    let [client, room, id] = texts.map(|text| names.number(text));
    Fact::Outcome(room, Outcome { at, client, id, kind, stanza_id })
}

fn kept(names: &mut Names, item: &Item<'_>) -> Kept {
    Kept {
        id: names.number(&item.id),
        stanza_id: names.number(&item.stanza_id),
        seq: item.seq,
        stamp_ms: item.stamp_ms,
    }
}

/// Sorts facts, which come in order of time, by room.
#[derive(Default)]
struct Builder {
    rooms: Vec<Room>,
    by_name: HashMap<Name, usize>,
    /// The occupancy that each session now has in each room.
    present: HashMap<(Name, Name), usize>,
    open_reads: HashMap<(Name, Source, Name), usize>,
    nemeses: Vec<Nemesis>,
    quiet_at: Option<u64>,
}

impl Builder {
    fn place(&mut self, at: u64, fact: Fact) {
        match fact {
            Fact::Attempt(room, attempt) => self.room(room).attempts.push(attempt),
            Fact::Outcome(room, outcome) => self.room(room).outcomes.push(outcome),
            Fact::Receipt(room, receipt) => {
                let occupancy = self.present.get(&(receipt.session, room)).copied();
                self.room(room).receipts.push(Receipt { occupancy, ..receipt });
            }
            Fact::Join { client, session, room } => {
                self.leave(at, session, room);
                let occupancies = &mut self.room(room).occupancies;
                occupancies.push(Occupancy { client, joined_at: at, left_at: None });
                let index = occupancies.len() - 1;
                self.present.insert((session, room), index);
            }
            Fact::Leave { session, room } => self.leave(at, session, room),
            Fact::Ban(room, ban) => self.room(room).bans.push(ban),
            Fact::Occupants { client, room, mut nicks } => {
                nicks.sort_unstable();
                self.room(room).occupants.push((client, nicks));
            }
            Fact::Page { room, source, label, items, complete } => {
                self.page(at, (room, source, label), items, complete);
            }
            Fact::Nemesis { what, phase: Phase::Start } => {
                self.nemeses.push(Nemesis { what, from: at, to: None });
            }
            Fact::Nemesis { what, phase: Phase::Stop } => {
                let open = |nemesis: &&mut Nemesis| nemesis.what == what && nemesis.to.is_none();
                if let Some(nemesis) = self.nemeses.iter_mut().rev().find(open) {
                    nemesis.to = Some(at);
                }
            }
            Fact::Quiet => self.quiet_at = Some(at),
        }
    }

    fn leave(&mut self, at: u64, session: Name, room: Name) {
        if let Some(index) = self.present.remove(&(session, room)) {
            self.room(room).occupancies[index].left_at = Some(at);
        }
    }

    fn page(&mut self, at: u64, key: (Name, Source, Name), items: Vec<Kept>, complete: bool) {
        let (room, source, label) = key;
        let known = self.open_reads.get(&key).copied();
        let reads = &mut self.room(room).reads;
        let index = known.unwrap_or_else(|| {
            reads.push(Read { source, label, items: Vec::new(), complete: false, begun_at: at });
            reads.len() - 1
        });
        reads[index].items.extend(items);
        reads[index].complete = complete;
        if complete {
            self.open_reads.remove(&key);
        } else {
            self.open_reads.insert(key, index);
        }
    }

    fn room(&mut self, name: Name) -> &mut Room {
        let index = *self.by_name.entry(name).or_insert_with(|| {
            self.rooms.push(Room::new(name));
            self.rooms.len() - 1
        });
        &mut self.rooms[index]
    }
}

impl Room {
    const fn new(name: Name) -> Self {
        Self {
            name,
            attempts: Vec::new(),
            outcomes: Vec::new(),
            receipts: Vec::new(),
            occupancies: Vec::new(),
            reads: Vec::new(),
            bans: Vec::new(),
            occupants: Vec::new(),
        }
    }
}
