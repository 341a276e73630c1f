//! Reads a transcript, line by line; what stands under a line that ends with a colon, further in, belongs to it.

use std::fmt;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Lines;

use perch_xmpp::namespace;
use perch_xmpp::xml::{Element, Node};

use super::{Action, Clause, Client, Field, Order, Outcome, Pattern, Script, Step, Verb};

/// Where a transcript cannot be understood.
#[derive(Debug)]
pub(crate) struct ScriptError {
    path: PathBuf,
    line: usize,
    reason: String,
}

impl Script {
    pub(crate) fn read(path: &Path, text: &str, rooms_domain: &str) -> Result<Self, ScriptError> {
        let mut script = Self {
            path: path.to_owned(),
            title: title(text),
            covers: Vec::new(),
            settings: String::new(),
            clients: Vec::new(),
            rooms: rooms(text, rooms_domain),
            steps: Vec::new(),
        };
        let mut source = Source { lines: text.lines().peekable(), number: 0 };
        while let Some((number, line)) = source.next() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let block = source.block();
            script.statement(number, line, &block).map_err(|reason| ScriptError {
                path: path.to_owned(),
                line: number,
                reason,
            })?;
        }
        script.check()
    }

    /// A transcript is documentation too: it says what it shows.
    fn check(self) -> Result<Self, ScriptError> {
        let missing = match () {
            () if self.title.is_empty() => "begins with a comment that says what is shown",
            () if self.covers.is_empty() => "names the clauses that it covers",
            () => return Ok(self),
        };
        Err(ScriptError { path: self.path, line: 1, reason: format!("a transcript {missing}") })
    }

    fn statement(&mut self, number: usize, line: &str, block: &Block) -> Result<(), String> {
        let line = line.trim_end();
        if !line.ends_with(':') && !block.text.is_empty() {
            return Err("a line with something below it ends with a colon".to_owned());
        }
        if let Some(clauses) = line.strip_prefix("covers ") {
            self.covers.extend(covered(clauses)?);
            return Ok(());
        }
        let action = match line {
            "the server is configured with:" => {
                self.settings.push_str(&block.text);
                return Ok(());
            }
            "the server restarts" => Action::Restart,
            "the server is killed" => Action::Kill,
            "the second member is killed" => Action::KillSecond,
            _ if line.starts_with("the operator runs ") => {
                Action::Operate(line.trim_start_matches("the operator runs ").to_owned())
            }
            _ if self.introduce(line) => return Ok(()),
            _ => {
                let (client, phrase) =
                    self.actor(line).ok_or("nobody is introduced by the name that begins the line")?;
                Action::Client(client, verb(phrase, block)?)
            }
        };
        self.steps.push(Step { line: number, action });
        Ok(())
    }

    /// The client whose name begins the line, and the rest of it. The longest name counts.
    fn actor<'a>(&self, line: &'a str) -> Option<(usize, &'a str)> {
        let phrase = |client: &Client| line.strip_prefix(client.name.as_str())?.strip_prefix(' ');
        let found = self.clients.iter().enumerate();
        let found = found.filter_map(|(place, client)| Some((place, phrase(client)?)));
        found.min_by_key(|(_, phrase)| phrase.len())
    }

    /// Whether the line is `Romeo is romeo@localhost/orchard`.
    fn introduce(&mut self, line: &str) -> bool {
        match line.split_once(" is ") {
            Some((name, jid)) if jid.contains('@') && jid.contains('/') => {
                self.clients.push(Client { name: name.to_owned(), jid: jid.to_owned() });
                true
            }
            _ => false,
        }
    }
}

fn verb(phrase: &str, block: &Block) -> Result<Verb, String> {
    let simple = match phrase {
        "opens a connection" => Some(Verb::OpenConnection),
        "opens a stream" => Some(Verb::OpenStream),
        "authenticates" => Some(Verb::Authenticate),
        "connects" => Some(Verb::Connect),
        "comes online" => Some(Verb::ComeOnline),
        "receives nothing" => Some(Verb::ReceiveNothing),
        "receives the end of the stream" => Some(Verb::ReceiveEnd),
        "passes over what came" => Some(Verb::PassOver),
        "disconnects" => Some(Verb::Disconnect),
        "drops" => Some(Verb::Drop),
        _ => None,
    };
    if let Some(verb) = simple {
        return Ok(verb);
    }
    let words: Vec<&str> = phrase.trim_end_matches(':').split(' ').collect();
    match (words.as_slice(), phrase.ends_with(':')) {
        (["sends"], true) => {
            block.elements()?;
            Ok(Verb::Send(block.text.trim().to_owned()))
        }
        (["sends", "raw"], true) => Ok(Verb::Send(block.text.trim().to_owned())),
        (["receives"], true) => Ok(Verb::Receive { patterns: block.patterns()?, order: Order::Given }),
        (["receives", "in", "any", "order"], true) => {
            Ok(Verb::Receive { patterns: block.patterns()?, order: Order::Any })
        }
        (["is", "granted"], true) => Ok(Verb::Request { stanza: block.stanza()?, outcome: Outcome::Granted }),
        (["is", "refused", error], true) => {
            Ok(Verb::Request { stanza: block.stanza()?, outcome: refusal(error) })
        }
        (["creates", room, "as", nick], _) => {
            Ok(Verb::Create { room: (*room).to_owned(), nick: (*nick).to_owned(), fields: block.fields()? })
        }
        (["configures", room], true) => {
            Ok(Verb::Configure { room: (*room).to_owned(), fields: block.fields()? })
        }
        (["joins", room, "as", nick], false) => {
            Ok(Verb::Join { room: (*room).to_owned(), nick: (*nick).to_owned() })
        }
        (["leaves", room], false) => Ok(Verb::Leave { room: (*room).to_owned() }),
        _ => Err(format!("nobody knows how one {phrase:?}")),
    }
}

/// `auth/forbidden`, or the condition alone
fn refusal(error: &str) -> Outcome {
    match error.split_once('/') {
        Some((type_, condition)) => {
            Outcome::Refused { type_: Some(type_.to_owned()), condition: condition.to_owned() }
        }
        None => Outcome::Refused { type_: None, condition: error.to_owned() },
    }
}

/// `XEP-0045 §7.2.8, RFC 6121 §8.5.3`
fn covered(clauses: &str) -> Result<Vec<Clause>, String> {
    let clause = |text: &str| {
        let (standard, section) = text.trim().split_once(" §")?;
        Some(Clause { standard: standard.to_owned(), section: section.to_owned() })
    };
    let read = |text| clause(text).ok_or_else(|| format!("{text:?} is no clause of a standard"));
    clauses.split(',').map(read).collect()
}

/// The first sentence of the comment that the transcript begins with.
fn title(text: &str) -> String {
    let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    let comment = comment.join(" ");
    comment.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}

/// Every address of the rooms' domain in the text.
fn rooms(text: &str, domain: &str) -> Vec<String> {
    let domain = format!("@{domain}");
    let mut rooms: Vec<String> = text
        .split(|c: char| c.is_whitespace() || "'\"<>/(),".contains(c))
        .filter(|word| word.ends_with(&domain))
        .map(|word| word.to_owned())
        .collect();
    rooms.sort();
    rooms.dedup();
    rooms
}

struct Source<'a> {
    lines: Peekable<Lines<'a>>,
    number: usize,
}

impl<'a> Source<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let line = self.lines.next()?;
        self.number += 1;
        Some((self.number, line))
    }

    /// The lines that are further in than the last one.
    fn block(&mut self) -> Block {
        let mut block = Block { first_line: self.number + 1, text: String::new() };
        while let Some(line) = self.lines.next_if(|line| line.starts_with([' ', '\t']) || line.is_empty()) {
            self.number += 1;
            block.text.push_str(line);
            block.text.push('\n');
        }
        if block.text.trim().is_empty() {
            block.text.clear();
        }
        block
    }
}

struct Block {
    first_line: usize,
    text: String,
}

impl Block {
    /// The elements of the block as they would stand in a stream of a client.
    fn elements(&self) -> Result<Vec<Element>, String> {
        let wrapped = format!(
            "<stream:stream xmlns:stream='{}' xmlns='{}'>{}</stream:stream>",
            namespace::STREAM,
            namespace::CLIENT,
            self.text
        );
        let root =
            Element::parse(wrapped.as_bytes(), namespace::CLIENT).map_err(|error| error.to_string())?;
        let elements = root.nodes().iter().filter_map(|node| match node {
            Node::Element(element) => Some(Ok(element.clone())),
            Node::Text(text) if text.trim().is_empty() => None,
            Node::Text(text) => Some(Err(format!("{:?} is no element", text.trim()))),
            Node::Raw(_) => None,
        });
        let elements: Result<Vec<_>, _> = elements.collect();
        elements.and_then(
            |found| if found.is_empty() { Err("nothing stands below".to_owned()) } else { Ok(found) },
        )
    }

    fn stanza(&self) -> Result<Element, String> {
        let mut elements = self.elements()?;
        match (elements.pop(), elements.is_empty()) {
            (Some(stanza), true) => Ok(stanza),
            _ => Err("one stanza is requested at a time".to_owned()),
        }
    }

    fn patterns(&self) -> Result<Vec<Pattern>, String> {
        let elements = self.elements()?;
        let lines: Vec<usize> = self.element_lines();
        let line = |place: usize| lines.get(place).copied().unwrap_or(self.first_line);
        Ok(elements
            .into_iter()
            .enumerate()
            .map(|(at, element)| Pattern { line: line(at), element })
            .collect())
    }

    /// The lines on which the outermost elements begin: those that are no further in than the first.
    fn element_lines(&self) -> Vec<usize> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let Some(outermost) = self.text.lines().filter(|line| !line.trim().is_empty()).map(indent).min()
        else {
            return Vec::new();
        };
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            indent(line) == outermost
                && line.trim_start().starts_with('<')
                && !line.trim_start().starts_with("</")
        });
        lines.map(|(at, _)| self.first_line + at).collect()
    }

    /// `membersonly = 1`, a field a line; several values are separated by commas.
    fn fields(&self) -> Result<Vec<Field>, String> {
        let lines = self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        let field = |line: &str| {
            let (name, value) =
                line.split_once('=').ok_or_else(|| format!("{line:?} is no field and value"))?;
            let values = value.split(',').map(|value| value.trim().to_owned()).collect();
            Ok(Field { name: name.trim().to_owned(), values })
        };
        lines.map(field).collect()
    }
}

impl std::error::Error for ScriptError {}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.reason)
    }
}
