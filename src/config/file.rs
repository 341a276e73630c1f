//! What the file and the environment say, key by key, each with its place.
//!
//! A value is taken by whoever knows its meaning; what nobody took is unknown. Every fault is collected, because
//! an operator wants to see them all at once: serde's derived readers stop at the first, so they are not used here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::{DeTable, DeValue};

/// Every key that was set, and every fault found so far.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    entries: BTreeMap<Key, Entry>,
    known: Vec<Key>,
    faults: Vec<Fault>,
    /// Whether some line could not be parsed.
    is_broken: bool,
}

/// `section.name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    section: String,
    name: String,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    place: Place,
}

/// A value before its meaning is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Flag(bool),
    List(Vec<Self>),
    /// Text that stands for whatever its key expects: the environment has no types.
    Untyped(String),
    /// A TOML type that no key of ours has.
    Foreign,
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Default,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct Fault {
    pub place: Place,
    pub reason: String,
}

impl Sheet {
    /// Adds what `text`, read from `path`, sets.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) {
        let line = |at: usize| Place::File { path: path.into(), line: line_of(text, at) };
        let (document, errors) = DeTable::parse_recoverable(text);
        self.is_broken |= !errors.is_empty();
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            self.faults.push(Fault { place: line(at), reason: error.message().to_owned() });
        }
        for (section, table) in document.get_ref() {
            let Some(keys) = table.get_ref().as_table() else {
                let reason = format!("{} stands outside of any [section]", section.get_ref());
                self.faults.push(Fault { place: line(section.span().start), reason });
                continue;
            };
            for (name, value) in keys {
                let key = Key { section: section.get_ref().to_string(), name: name.get_ref().to_string() };
                let entry =
                    Entry { value: Value::from_toml(value.get_ref()), place: line(name.span().start) };
                self.entries.insert(key, entry);
            }
        }
    }

    /// Adds what the environment sets as `PERCH_SECTION__KEY`; it stands over the file.
    pub(super) fn add_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (variable, text) in variables {
            let Some((section, name)) =
                variable.strip_prefix(ENVIRONMENT_PREFIX).and_then(|rest| rest.split_once("__"))
            else {
                continue;
            };
            let key = Key { section: section.to_lowercase(), name: name.to_lowercase() };
            let entry = Entry { value: Value::Untyped(text), place: Place::Environment { variable } };
            self.entries.insert(key, entry);
        }
    }

    /// Takes the value of `section.name` as `meaning` reads it. `expected` completes "expected …" when it cannot.
    pub(super) fn take<T>(
        &mut self,
        section: &str,
        name: &str,
        expected: &str,
        meaning: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<Given<T>> {
        let key = Key { section: section.to_owned(), name: name.to_owned() };
        self.known.push(key.clone());
        let entry = self.entries.remove(&key)?;
        match meaning(&entry.value) {
            Some(value) => Some(Given { value, key: key.to_string(), place: entry.place }),
            None => {
                self.faults.push(Fault { place: entry.place, reason: format!("{key}: expected {expected}") });
                None
            }
        }
    }

    /// Notes that a value, though well formed, cannot stand.
    pub(super) fn refuse(&mut self, place: &Place, key: &str, reason: &str) {
        self.faults.push(Fault { place: place.clone(), reason: format!("{key}: {reason}") });
    }

    /// The faults, in the order of the file; what nobody took is among them.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        for (key, entry) in std::mem::take(&mut self.entries) {
            let reason = match self.resembling(&key) {
                Some(known) => format!("{key}: there is no such key; is {known} meant?"),
                None => format!("{key}: there is no such key"),
            };
            self.faults.push(Fault { place: entry.place, reason });
        }
        self.faults.sort_by_key(|fault| match &fault.place {
            Place::File { line, .. } => (0, *line),
            Place::Environment { .. } => (1, 0),
            Place::Default => (2, 0),
        });
        // What a line that could not be parsed left behind is no news beside that.
        self.faults.dedup_by(|later, earlier| later.place == earlier.place && self.is_broken);
        self.faults
    }

    /// The names of all keys that were asked for.
    #[cfg(test)]
    pub(super) fn known_keys(&self) -> impl Iterator<Item = String> {
        self.known.iter().map(Key::to_string)
    }

    /// The known key that differs least: the same name in another section, or one or two letters mistyped.
    fn resembling(&self, unknown: &Key) -> Option<&Key> {
        let elsewhere = self.known.iter().find(|key| key.name == unknown.name);
        elsewhere.or_else(|| {
            let distance = |key: &&Key| strsim::damerau_levenshtein(&key.to_string(), &unknown.to_string());
            self.known.iter().min_by_key(distance).filter(|key| distance(key) <= TYPING_ERRORS_MAX)
        })
    }
}

/// A value that was set, with what a later fault needs.
#[derive(Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) key: String,
    pub(super) place: Place,
}

impl Value {
    fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(digits) => {
                i64::from_str_radix(digits.as_str(), digits.radix()).map_or(Self::Foreign, Self::Integer)
            }
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(items) => {
                Self::List(items.iter().map(|item| Self::from_toml(item.get_ref())).collect())
            }
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Self::Foreign,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Untyped(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is not negative and no larger than `max`.
    pub(super) fn number(&self, max: u64) -> Option<u64> {
        let number = match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            Self::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| *number <= max)
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Untyped(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A list of texts; in the environment they are separated by commas.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(items) => items.iter().map(Self::text).collect(),
            Self::Untyped(text) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.name)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The line, counted from 1, of the byte at `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1
}

const ENVIRONMENT_PREFIX: &str = "PERCH_";

/// Beyond this many mistyped letters a guess would only confuse.
const TYPING_ERRORS_MAX: usize = 3;
