//! Many accounts from a CSV file. A line that fails is named and does not keep the others from being added.

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use csv::{ReaderBuilder, StringRecord, Trim};
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::admin::wire::{NewUser, Secret, User};
use crate::cli::CommandError;
use crate::cli::client::{Client, ClientError, Conversation};
use crate::cli::output::{Output, complain};

/// One account of the file.
struct Line {
    number: u64,
    new: NewUser,
}

/// A line that was not added.
#[derive(Debug, Serialize)]
struct Failure {
    line: u64,
    text: String,
}

/// How it went.
#[derive(Debug, Default, Serialize)]
struct Summary {
    added: u64,
    existing: u64,
    failures: Vec<Failure>,
}

/// What one line came to.
enum Outcome {
    Added,
    Existing,
    Failed(String),
}

pub(super) async fn run(
    client: &Client,
    output: Output,
    file: &Path,
    skip_existing: bool,
) -> Result<(), CommandError> {
    let (lines, failures) = read(file)?;
    let mut summary = Summary { failures, ..Summary::default() };
    let bar = ProgressBar::new(lines.len() as u64).with_style(style());
    let queue = Arc::new(Mutex::new(VecDeque::from(lines)));
    let (outcomes, mut arriving) = tokio::sync::mpsc::channel(64);
    let mut workers = JoinSet::new();
    for _ in 0..conversations() {
        workers.spawn(add(client.clone(), Arc::clone(&queue), outcomes.clone()));
    }
    drop(outcomes);
    while let Some((line, outcome)) = arriving.recv().await {
        bar.inc(1);
        match outcome {
            Outcome::Added => summary.added += 1,
            Outcome::Existing if skip_existing => summary.existing += 1,
            Outcome::Existing => {
                summary.failures.push(Failure { line, text: "there is an account of this name".to_owned() });
            }
            Outcome::Failed(text) => summary.failures.push(Failure { line, text }),
        }
    }
    bar.finish_and_clear();
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker does not panic")?;
    }
    finish(output, file, summary)
}

/// Whether the account exists already.
pub(super) fn is_taken(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.name() == "name-taken")
}

pub(super) async fn add_one(server: &mut Conversation, new: &NewUser) -> Result<User, ClientError> {
    server.ask(Method::POST, "/users", Some(new)).await
}

/// Adds accounts from the queue until it is empty or the server is gone.
async fn add(
    client: Client,
    queue: Arc<Mutex<VecDeque<Line>>>,
    outcomes: tokio::sync::mpsc::Sender<(u64, Outcome)>,
) -> Result<(), ClientError> {
    let mut server = client.connect().await?;
    loop {
        let Some(line) = queue.lock().pop_front() else { return Ok(()) };
        let outcome = match add_one(&mut server, &line.new).await {
            Ok(_) => Outcome::Added,
            Err(error) if is_taken(&error) => Outcome::Existing,
            Err(ClientError::Refused(problem)) => Outcome::Failed(problem.detail),
            Err(error) => return Err(error),
        };
        if outcomes.send((line.number, outcome)).await.is_err() {
            return Ok(());
        }
    }
}

fn finish(output: Output, file: &Path, mut summary: Summary) -> Result<(), CommandError> {
    summary.failures.sort_by_key(|failure| failure.line);
    let mut words = format!("{} accounts were added", summary.added);
    if summary.existing > 0 {
        words.push_str(&format!(", {} existed already", summary.existing));
    }
    for failure in &summary.failures {
        complain(format_args!("{}:{}: {}", file.display(), failure.line, failure.text));
    }
    output.print(words, &summary);
    match summary.failures.len() {
        0 => Ok(()),
        failed => Err(CommandError::Failed(format!("{failed} lines were not added"))),
    }
}

/// The accounts of the file, and the lines that name none.
fn read(file: &Path) -> Result<(Vec<Line>, Vec<Failure>), CommandError> {
    let unreadable = |error: &dyn std::error::Error| {
        CommandError::Failed(format!("{} cannot be read: {error}", file.display()))
    };
    let mut reader = ReaderBuilder::new()
        .trim(Trim::Headers)
        .flexible(true)
        .from_path(file)
        .map_err(|error| unreadable(&error))?;
    let columns = Columns::find(reader.headers().map_err(|error| unreadable(&error))?)
        .map_err(|text| CommandError::Failed(format!("{}:1: {text}", file.display())))?;
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                let line = error.position().map_or(0, csv::Position::line);
                failures.push(Failure { line, text: "the line is not UTF-8".to_owned() });
                continue;
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let number = record.position().map_or(0, csv::Position::line);
        match columns.account(&record) {
            Ok(new) => lines.push(Line { number, new }),
            Err(text) => failures.push(Failure { line: number, text: text.to_owned() }),
        }
    }
    Ok((lines, failures))
}

/// Where the columns stand.
struct Columns {
    name: usize,
    password: Option<usize>,
    scram: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let columns = Self {
            name: column("name").ok_or(HEADER)?,
            password: column("password"),
            scram: column("scram"),
        };
        if columns.password.is_none() && columns.scram.is_none() { Err(HEADER) } else { Ok(columns) }
    }

    fn account(&self, record: &StringRecord) -> Result<NewUser, &'static str> {
        let field = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).filter(|field| !field.is_empty())
        };
        let address = field(Some(self.name)).ok_or("the line has no name")?.trim().to_owned();
        let secret = match (field(self.scram), field(self.password)) {
            (Some(keys), None) => Secret::Keys(keys.split_whitespace().map(str::to_owned).collect()),
            (None, Some(password)) => Secret::Password(password.to_owned()),
            (None, None) => return Err("the line has neither a password nor keys"),
            (Some(_), Some(_)) => return Err("the line has both a password and keys"),
        };
        Ok(NewUser { address, secret })
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left")
        .expect("the template is well formed")
}

/// Enough that keys are derived on every core of the server while others of the accounts are committed.
fn conversations() -> usize {
    4 * available_parallelism().map_or(1, NonZero::get)
}

const HEADER: &str = "the first line must name the columns: name, and password or scram";
