//! How words lie in the index, whatever the engine: each message as a list of terms, each search as an expression of terms.
//!
//! Beside its words an entry has terms for what it is: of which log, of what kind of log, by whom. They begin with a mark
//! that no word has.

use std::collections::{BTreeSet, VecDeque};

use parking_lot::Mutex;

use crate::chat::event::Change;
use crate::chat::id::{AccountId, MessageId, RoomId};
use crate::chat::words::{Matching, Phrase, Wording, words};
use crate::store::archive::{ArchiveQuery, Log};
use crate::store::error::StoreError;
use crate::store::record::Kind;
use crate::store::row::{Columns, Rows};
use crate::store::search::{Found, Hit, Scope, Search};

impl Log {
    /// The two columns that name a log in the tables of the index.
    pub(super) fn key(self) -> (i64, i64) {
        match self {
            Self::Room(room) => (0, room.0),
            Self::Account(account) => (1, account.0),
        }
    }

    pub(super) fn of_key(kind: i64, log: i64) -> Self {
        if kind == 0 { Self::Room(RoomId(log)) } else { Self::Account(AccountId(log)) }
    }
}

/// Logs that have something new for the index, as far as this member knows.
#[derive(Debug, Default)]
pub(super) struct Unread(Mutex<BTreeSet<Log>>);

impl Unread {
    pub(super) fn note(&self, log: Log) {
        self.0.lock().insert(log);
    }

    /// Notes a room whose log has grown by these.
    pub(super) fn note_room(&self, room: RoomId, changes: &[Change]) {
        if changes.iter().any(|change| matches!(change, Change::Posted { .. } | Change::Retracted { .. })) {
            self.note(Log::Room(room));
        }
    }

    pub(super) fn take(&self) -> VecDeque<Log> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }
}

/// A log that is ahead of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    pub(super) log: Log,
    /// Up to where it was read.
    pub(super) read: i64,
    /// Up to where it goes.
    pub(super) head: i64,
}

impl Behind {
    /// From a row: kind, log, read, head.
    pub(super) fn of(row: &impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            log: Log::of_key(row.integer(0)?, row.integer(1)?),
            read: row.integer(2)?,
            head: row.integer(3)?,
        })
    }

    /// The end of the stretch that is read next.
    pub(super) fn stretch(self) -> i64 {
        self.head.min(self.read + STRETCH)
    }
}

/// A part of the logs on its way into the index: all of it goes in together.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) documents: Vec<Document>,
    /// Places whose message was taken back.
    pub(super) gone: Vec<(Log, i64)>,
    /// Up to where logs are read with it.
    pub(super) places: Vec<(Log, i64)>,
}

/// A message as its terms.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) log: Log,
    pub(super) seq: i64,
    pub(super) at: i64,
    marks: Vec<String>,
    words: Vec<String>,
}

impl Slice {
    pub(super) fn is_full(&self) -> bool {
        self.documents.len() + self.gone.len() >= SLICE || self.places.len() >= LOGS_MAX
    }

    /// Takes in a row of a log: seq, at, kind, jid, text, target. A text that was taken out has nothing to find.
    pub(super) fn take(&mut self, log: Log, row: &impl Columns) -> Result<(), StoreError> {
        if row.integer(2)? == Kind::Retracted.number() {
            if let Some(target) = row.integer_if_any(5)? {
                self.gone.push((log, target));
            }
            return Ok(());
        }
        let Some(text) = row.text_if_any(4)? else { return Ok(()) };
        let mut marks = vec![mark_of_kind(log), mark_of_log(log)];
        marks.extend(row.text_if_any(3)?.map(mark_of_author));
        self.documents.push(Document {
            log,
            seq: row.integer(0)?,
            at: row.integer(1)?,
            marks,
            words: words(text),
        });
        Ok(())
    }
}

impl Document {
    /// The terms one after the other.
    pub(super) fn as_text(&self) -> String {
        let terms: Vec<&str> = self.marks.iter().chain(&self.words).map(String::as_str).collect();
        terms.join(" ")
    }

    /// The same as a `tsvector` is written, each word with its place.
    pub(super) fn as_vector(&self) -> String {
        let mut vector: Vec<String> = self.marks.iter().map(|mark| format!("'{mark}'")).collect();
        vector.extend(self.words.iter().zip(1..).map(|(word, place)| format!("'{word}':{place}")));
        vector.join(" ")
    }
}

/// A page that is being put together: what the index finds and the logs have no more is left out, and what case tells apart.
#[derive(Debug)]
pub(super) struct Gathering<'s> {
    search: &'s Search,
    rows: Rows,
    hits: Vec<Hit>,
    /// Whatever was looked at last.
    last: Option<(RoomId, MessageId)>,
    has_more: bool,
    rounds: u32,
}

impl<'s> Gathering<'s> {
    pub(super) fn of(search: &'s Search) -> Self {
        let is_empty = search.scope == Scope::Rooms(Vec::new()) || search.max == 0;
        Self {
            search,
            rows: Rows::of("room_event"),
            hits: Vec::new(),
            last: None,
            has_more: !is_empty,
            rounds: 0,
        }
    }

    /// How many rows it takes next, if any. Not for ever: a page may have less than was asked for.
    pub(super) fn wants(&self) -> Option<i64> {
        let is_open = self.has_more && self.hits.len() < self.max() && self.rounds < ROUNDS_MAX;
        // One more than is taken tells whether there is more.
        is_open.then(|| self.max() as i64 + 1)
    }

    /// Takes rows of messages in, with what follows their columns: nothing; the room and its name; and the place of the
    /// entry, as the engine orders them, with its seq. What is not to be shown any more has nothing but these. Gives back
    /// what was looked at last.
    pub(super) fn take<C: Columns>(&mut self, rows: &[C]) -> Result<Option<Looked>, StoreError> {
        self.rounds += 1;
        let mut looked = None;
        let mut taken = 0;
        for row in rows.iter().take(self.max()) {
            taken += 1;
            let room = RoomId(row.integer(ROOM)?);
            looked = Some(Looked { place: row.integer(ROOM + 2)?, room, seq: row.integer(ROOM + 3)? });
            if row.integer_if_any(0)?.is_none() {
                continue;
            }
            let message = self.rows.message(row)?;
            self.last = Some((room, message.id));
            let text = message.content.text.as_deref().unwrap_or_default();
            let wording = self.search.wording.as_ref().filter(|wording| wording.is_case_sensitive);
            if wording.is_none_or(|wording| wording.matches(text)) {
                self.hits.push(Hit { room, name: row.text(ROOM + 1)?.into(), message });
            }
            if self.hits.len() == self.max() {
                break;
            }
        }
        self.has_more = rows.len() > taken;
        Ok(looked)
    }

    fn max(&self) -> usize {
        self.search.max.min(Search::MAX) as usize
    }

    pub(super) fn finish(self) -> Found {
        Found { next: self.last.filter(|_| self.has_more), hits: self.hits }
    }
}

/// Up to where a search has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) place: i64,
    pub(super) room: RoomId,
    pub(super) seq: i64,
}

/// All of these have to be there, of each at least one.
#[derive(Debug)]
pub(super) struct Expression(Vec<Vec<Phrase>>);

impl Expression {
    pub(super) fn of_search(search: &Search) -> Self {
        let mut all = Vec::new();
        match &search.scope {
            Scope::Rooms(rooms) if rooms.len() <= TERMS_MAX => {
                all.push(rooms.iter().map(|room| vec![mark_of_log(Log::Room(*room))]).collect());
            }
            // Too many to name: whoever asks filters by their ids.
            Scope::Rooms(_) | Scope::Everywhere => {}
        }
        if !search.authors.is_empty() {
            all.push(search.authors.iter().map(|author| vec![mark_of_author(author.as_str())]).collect());
        }
        all.extend(search.wording.iter().flat_map(groups));
        if all.is_empty() {
            all.push(vec![vec![mark_of_kind(Log::Room(RoomId(0)))]]);
        }
        Self(all)
    }

    /// None where no words are asked for.
    pub(super) fn of_archive(query: &ArchiveQuery) -> Option<Self> {
        let wording = query.wording.as_ref()?;
        let log = vec![vec![mark_of_log(query.log)]];
        Some(Self(std::iter::once(log).chain(groups(wording)).collect()))
    }

    /// As SQLite's full-text search takes it.
    pub(super) fn as_match(&self) -> String {
        self.write(|phrase| format!("\"{}\"", phrase.join(" ")), " AND ", " OR ")
    }

    /// As a `tsquery` is written.
    pub(super) fn as_query(&self) -> String {
        let quoted = |phrase: &Phrase| {
            let words: Vec<String> = phrase.iter().map(|word| format!("'{word}'")).collect();
            format!("({})", words.join(" <-> "))
        };
        self.write(quoted, " & ", " | ")
    }

    fn write(&self, phrase: impl Fn(&Phrase) -> String, and: &str, or: &str) -> String {
        let group = |group: &Vec<Phrase>| {
            let phrases: Vec<String> = group.iter().map(&phrase).collect();
            format!("({})", phrases.join(or))
        };
        self.0.iter().map(group).collect::<Vec<_>>().join(and)
    }
}

/// What has to be there of what is looked for. Where that has no word at all, something that nothing has.
fn groups(wording: &Wording) -> Vec<Vec<Phrase>> {
    let phrases = wording.phrases();
    match wording.matching {
        _ if phrases.is_empty() => vec![vec![vec![MARK.to_owned()]]],
        Matching::Any => vec![phrases],
        Matching::All | Matching::Phrase => phrases.into_iter().map(|phrase| vec![phrase]).collect(),
    }
}

fn mark_of_kind(log: Log) -> String {
    let letter = if matches!(log, Log::Room(_)) { 'r' } else { 'a' };
    format!("{MARK}{letter}")
}

fn mark_of_log(log: Log) -> String {
    format!("{}{}", mark_of_kind(log), log.key().1)
}

/// Addresses have what cuts words apart.
fn mark_of_author(jid: &str) -> String {
    jid.bytes().fold(format!("{MARK}u"), |mut mark, byte| {
        mark.push_str(&format!("{byte:02x}"));
        mark
    })
}

/// No letter, and yet nothing that cuts words apart in SQLite.
const MARK: &str = "§";
/// Where the columns of a message end, and those of its room and of the entry begin.
const ROOM: usize = 13;
/// How often more is looked for when what was found does not fill a page.
const ROUNDS_MAX: u32 = 20;
/// Logs of which an expression speaks one by one.
const TERMS_MAX: usize = 64;
/// Messages that go in together, and a stretch more at most: some 4 ms for SQLite.
pub(super) const SLICE: usize = 100;
/// Logs that are read for one slice.
pub(super) const LOGS_MAX: usize = 100;
/// Events of one log that are read for one slice, words or not.
const STRETCH: i64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_written_for_each_engine() {
        let author = "alice@x".parse().unwrap();
        let search = Search {
            wording: Some(Wording::typed("Tea \"for two\"")),
            authors: vec![author],
            ..Search::new(Scope::Rooms(vec![RoomId(7), RoomId(8)]))
        };
        let expression = Expression::of_search(&search);
        assert_eq!(
            expression.as_match(),
            "(\"§r7\" OR \"§r8\") AND (\"§u616c6963654078\") AND (\"tea\") AND (\"for two\")"
        );
        assert_eq!(
            expression.as_query(),
            "(('§r7') | ('§r8')) & (('§u616c6963654078')) & (('tea')) & (('for' <-> 'two'))"
        );
        let nothing = Search { wording: Some(Wording::typed("…")), ..Search::new(Scope::Everywhere) };
        assert_eq!(Expression::of_search(&nothing).as_match(), "(\"§\")");
        assert_eq!(Expression::of_search(&Search::new(Scope::Everywhere)).as_match(), "(\"§r\")");
    }
}
