//! Compares what came with what was to come.
//!
//! Everything that came has to be named, with three exceptions: what a server stamps on stanzas of its own accord
//! (an id, an address of the receiver, a language, a stable id, an occupant's id, an avatar, the version of a room's
//! lists), what it adds to an error
//! (who says so, a text for people, the stanza that was wrong), and whatever stands where the pattern says `...`.

use std::collections::BTreeMap;

use perch_xmpp::xml::{Element, Node};
use perch_xmpp::{datetime, namespace};

/// What `{name}` stands for, once it has been seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings(BTreeMap<String, String>);

/// Where something differs, and how.
pub(super) type Differences = Vec<String>;

/// Compares a stanza, or another element of the first level, that the client of that address received.
pub(super) fn compare(
    pattern: &Element,
    actual: &Element,
    receiver: &str,
    bindings: &mut Bindings,
) -> Result<(), Differences> {
    let mut found = bindings.clone();
    let is_error = pattern.is("error", namespace::STREAM) || pattern.is("failure", namespace::SASL);
    let level = Level { receiver, place: if is_error { Place::Error } else { Place::Stanza } };
    let differences = element(pattern, actual, level, pattern.name(), &mut found);
    if differences.is_empty() {
        *bindings = found;
        Ok(())
    } else {
        Err(differences)
    }
}

impl Bindings {
    /// The text with every bound `{name}` replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn accepts(&mut self, pattern: &str, actual: &str) -> bool {
        match placeholder(pattern) {
            Some("any") => !actual.is_empty(),
            Some("time") => datetime::parse(actual).is_some(),
            Some(name) if !self.0.contains_key(name) => {
                self.0.insert(name.to_owned(), actual.to_owned());
                !actual.is_empty()
            }
            _ => self.fill(pattern) == actual,
        }
    }
}

/// The name, if the text is nothing but `{name}`.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

/// How far in an element is, and in whose stanza.
#[derive(Clone, Copy)]
struct Level<'a> {
    receiver: &'a str,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Stanza,
    Error,
    Inner,
}

fn element(
    pattern: &Element,
    actual: &Element,
    level: Level<'_>,
    path: &str,
    bindings: &mut Bindings,
) -> Differences {
    if !pattern.is(actual.name(), actual.namespace()) {
        return vec![format!("{path}: expected {}, got {}", tag(pattern), tag(actual))];
    }
    let mut differences = attributes(pattern, actual, level, path, bindings);
    let own_text = text(pattern);
    let is_open = own_text.contains(ELLIPSIS);
    if !is_open && pattern.children().next().is_none() {
        let (expected, got) = (own_text.trim(), text(actual));
        if !bindings.accepts(expected, got.trim()) {
            differences.push(format!("{path}: expected the text {expected:?}, got {:?}", got.trim()));
        }
    }
    differences.extend(children(pattern, actual, level, is_open, path, bindings));
    differences
}

fn attributes(
    pattern: &Element,
    actual: &Element,
    level: Level<'_>,
    path: &str,
    bindings: &mut Bindings,
) -> Differences {
    let mut differences = Vec::new();
    for (space, name, expected) in pattern.attributes() {
        let got = actual.attributes().find(|(other, local, _)| (*other, *local) == (space, name));
        match got {
            Some((_, _, got)) if bindings.accepts(expected, got) => {}
            Some((_, _, got)) => {
                differences.push(format!("{path}: expected {name}='{expected}', got '{got}'"))
            }
            None => differences.push(format!("{path}: expected {name}='{expected}', got none")),
        }
    }
    for (space, name, got) in actual.attributes() {
        let is_named = pattern.attributes().any(|(other, local, _)| (other, local) == (space, name));
        if !is_named && !is_of_course(level, actual, space, name, got) {
            differences.push(format!("{path}: expected no {name}, got '{got}'"));
        }
    }
    differences
}

/// Whether a server may add that attribute without being asked.
fn is_of_course(level: Level<'_>, element: &Element, space: &str, name: &str, value: &str) -> bool {
    let bare = level.receiver.split('/').next().unwrap_or(level.receiver);
    match (level.place, space, name) {
        (Place::Stanza, namespace::XML, "lang") | (Place::Stanza, "", "id") => true,
        (Place::Stanza, "", "from" | "to") => value == level.receiver || value == bare,
        (Place::Stanza, "", "type") => value == "normal",
        (Place::Error, "", "by" | "type") => true,
        // Nobody's address is a secret to himself.
        (Place::Inner, "", "jid") => element.is("item", namespace::MUC_USER) && value == level.receiver,
        _ => false,
    }
}

fn children(
    pattern: &Element,
    actual: &Element,
    level: Level<'_>,
    is_open: bool,
    path: &str,
    bindings: &mut Bindings,
) -> Differences {
    let mut differences = Vec::new();
    let mut left: Vec<&Element> = actual.children().collect();
    for expected in pattern.children() {
        let place = if is_stanza_error(level, expected) { Place::Error } else { Place::Inner };
        let level = Level { place, ..level };
        let path = format!("{path}/{}", expected.name());
        let mut trial = |got: &Element| {
            let mut found = bindings.clone();
            let differences = element(expected, got, level, &path, &mut found);
            if differences.is_empty() {
                *bindings = found;
            }
            differences
        };
        if let Some(place) = left.iter().position(|got| trial(got).is_empty()) {
            left.remove(place);
            continue;
        }
        let namesakes: Vec<usize> = left
            .iter()
            .enumerate()
            .filter(|(_, got)| got.is(expected.name(), expected.namespace()))
            .map(|(place, _)| place)
            .collect();
        match namesakes[..] {
            [place] => {
                differences.extend(trial(left[place]));
                left.remove(place);
            }
            _ => differences.push(format!("{path}: lacks {}", written(expected))),
        }
    }
    let is_error = level.place == Place::Stanza && actual.attribute("type") == Some("error");
    if is_open || is_error {
        return differences;
    }
    let surplus = left.into_iter().filter(|got| !is_added_of_course(level, pattern, got));
    differences.extend(surplus.map(|got| format!("{path}: expected no {}", written(got))));
    differences
}

fn is_stanza_error(level: Level<'_>, element: &Element) -> bool {
    level.place == Place::Stanza && element.is("error", namespace::CLIENT)
}

/// Whether a server may add that child without being asked. A stamp that the pattern names is compared.
fn is_added_of_course(level: Level<'_>, pattern: &Element, got: &Element) -> bool {
    match level.place {
        Place::Stanza => {
            let is_stamp = STAMPS.iter().any(|(name, namespace)| got.is(name, namespace));
            is_stamp && pattern.child(got.name(), got.namespace()).is_none()
        }
        Place::Error => got.name() == "text",
        Place::Inner => {
            let is_version = got.is("mav", namespace::AFFILIATION_VERSIONING);
            is_version && pattern.child(got.name(), got.namespace()).is_none()
        }
    }
}

fn text(element: &Element) -> String {
    element
        .nodes()
        .iter()
        .filter_map(|node| if let Node::Text(text) = node { Some(text.as_str()) } else { None })
        .collect()
}

fn tag(element: &Element) -> String {
    format!("<{} xmlns='{}'>", element.name(), element.namespace())
}

/// The element on one line, as it would stand in a client's stream.
pub(super) fn written(element: &Element) -> String {
    String::from_utf8_lossy(&element.to_bytes(namespace::CLIENT)).into_owned()
}

/// The element with a line for each of its children.
pub(super) fn indented(element: &Element, depth: usize) -> String {
    let mut lines = String::new();
    indent(element, namespace::CLIENT, depth, &mut lines);
    lines
}

fn indent(element: &Element, context: &str, depth: usize, lines: &mut String) {
    let margin = "  ".repeat(depth);
    let mut tag = Element::new(element.name(), element.namespace());
    for (space, name, value) in element.attributes() {
        let name = if space == namespace::XML { format!("xml:{name}") } else { name.to_owned() };
        tag.set_attribute(&name, value);
    }
    if element.children().next().is_none() {
        tag.push_text(&text(element));
    }
    let tag = String::from_utf8_lossy(&tag.to_bytes(context)).into_owned();
    if element.children().next().is_none() {
        lines.push_str(&format!("{margin}{tag}\n"));
        return;
    }
    lines.push_str(&format!("{margin}{}>\n", tag.trim_end_matches("/>")));
    for child in element.children() {
        indent(child, element.namespace(), depth + 1, lines);
    }
    lines.push_str(&format!("{margin}</{}>\n", element.name()));
}

/// What a server says about a stanza: its stable id, its author's, and the avatar that goes with the author.
const STAMPS: [(&str, &str); 3] = [
    ("stanza-id", namespace::STABLE_ID),
    ("occupant-id", namespace::OCCUPANT_ID),
    ("x", namespace::VCARD_UPDATE),
];

/// Stands for whatever else is there.
const ELLIPSIS: &str = "...";
