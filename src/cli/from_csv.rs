//! Many things from a CSV file, a request for each line. A line that fails is named and does not keep the others from being
//! added.

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
use serde::de::IgnoredAny;
use tokio::task::JoinSet;

use crate::cli::CommandError;
use crate::cli::client::{Client, ClientError};
use crate::cli::output::{Output, complain};

/// What the lines of a file are.
pub(super) trait Columns: Sized + 'static {
    /// What a line adds.
    type New: Serialize + Send + Sync + 'static;
    /// Where it is added.
    const PATH: &'static str;
    /// What many of them are called.
    const NAME: &'static str;

    /// Finds them in the first line.
    fn find(header: &StringRecord) -> Result<Self, &'static str>;
    fn read(&self, line: &StringRecord) -> Result<Self::New, &'static str>;
}

struct Line<N> {
    number: u64,
    new: N,
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

/// Adds what the file has. `skip_existing`: what there is already counts as done.
pub(super) async fn add<C: Columns>(
    client: &Client,
    output: Output,
    file: &Path,
    skip_existing: bool,
) -> Result<(), CommandError> {
    let (lines, failures) = read::<C>(file)?;
    let mut summary = Summary { failures, ..Summary::default() };
    let bar = ProgressBar::new(lines.len() as u64).with_style(style());
    let queue = Arc::new(Mutex::new(VecDeque::from(lines)));
    let (outcomes, mut arriving) = tokio::sync::mpsc::channel(64);
    let mut workers = JoinSet::new();
    for _ in 0..conversations() {
        workers.spawn(work::<C>(client.clone(), Arc::clone(&queue), outcomes.clone()));
    }
    drop(outcomes);
    while let Some((line, outcome)) = arriving.recv().await {
        bar.inc(1);
        match outcome {
            Outcome::Added => summary.added += 1,
            Outcome::Existing if skip_existing => summary.existing += 1,
            Outcome::Existing => {
                summary.failures.push(Failure { line, text: "there is one of this name".to_owned() });
            }
            Outcome::Failed(text) => summary.failures.push(Failure { line, text }),
        }
    }
    bar.finish_and_clear();
    while let Some(worker) = workers.join_next().await {
        worker.expect("a worker does not panic")?;
    }
    finish::<C>(output, file, summary)
}

/// Whether what was to be added exists already.
pub(super) fn is_taken(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.name() == "name-taken")
}

/// Adds lines from the queue until it is empty or the server is gone.
async fn work<C: Columns>(
    client: Client,
    queue: Arc<Mutex<VecDeque<Line<C::New>>>>,
    outcomes: tokio::sync::mpsc::Sender<(u64, Outcome)>,
) -> Result<(), ClientError> {
    let mut server = client.connect().await?;
    loop {
        let Some(line) = queue.lock().pop_front() else { return Ok(()) };
        let outcome = match server.ask::<IgnoredAny>(Method::POST, C::PATH, Some(&line.new)).await {
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

fn finish<C: Columns>(output: Output, file: &Path, mut summary: Summary) -> Result<(), CommandError> {
    summary.failures.sort_by_key(|failure| failure.line);
    let mut words = format!("{} {} were added", summary.added, C::NAME);
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

/// What the file adds, and the lines that add nothing.
type Lines<N> = (Vec<Line<N>>, Vec<Failure>);

fn read<C: Columns>(file: &Path) -> Result<Lines<C::New>, CommandError> {
    let unreadable = |error: &dyn std::error::Error| {
        CommandError::Failed(format!("{} cannot be read: {error}", file.display()))
    };
    let mut reader = ReaderBuilder::new()
        .trim(Trim::Headers)
        .flexible(true)
        .from_path(file)
        .map_err(|error| unreadable(&error))?;
    let columns = C::find(reader.headers().map_err(|error| unreadable(&error))?)
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
        match columns.read(&record) {
            Ok(new) => lines.push(Line { number, new }),
            Err(text) => failures.push(Failure { line: number, text: text.to_owned() }),
        }
    }
    Ok((lines, failures))
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left")
        .expect("the template is well formed")
}

/// Enough that every core of the server works on some while others are committed.
fn conversations() -> usize {
    4 * available_parallelism().map_or(1, NonZero::get)
}
