//! Groups, units and their members from a file, a few hundred lines at a time: what is in memory does not grow with the
//! file. What is so already is left so, hence an import that was broken off is simply begun again.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use csv::{ReaderBuilder, StringRecord, Trim};
use indicatif::{ProgressBar, ProgressBarIter, ProgressStyle};
use serde::Serialize;

use super::ldif;
use crate::admin::http::BODY_BYTES_MAX;
use crate::admin::wire::principals::{Enrolment, Enrolments};
use crate::chat::principal::Kind;
use crate::cli::client::Conversation;
use crate::cli::consent::Trial;
use crate::cli::output::complain;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A file in LDIF (RFC 2849), by its ending .ldif; else CSV: the first line names the columns, `group` or `unit` or
    /// both, and `member`
    file: PathBuf,
    /// In LDIF: the attribute of a user that is the name of his account
    #[arg(long, value_name = "ATTRIBUTE", default_value = "uid")]
    user_attribute: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

/// A membership of the file, with its line.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) enrolment: Enrolment,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Lines that are so now.
    done: u64,
    failures: Vec<Failure>,
    /// Lines that came to nothing; the first of them are told.
    failed: u64,
}

#[derive(Debug, Serialize)]
struct Failure {
    line: u64,
    text: String,
}

/// Takes lines to the server.
pub(super) struct Import<'a> {
    file: &'a Path,
    server: Conversation,
    trial: Trial,
    waiting: Vec<Line>,
    /// What they take in a request.
    bytes: usize,
    summary: Summary,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let server = client.connect().await?;
    let trial = arguments.trial;
    let mut import = Import {
        file: &arguments.file,
        server,
        trial,
        waiting: Vec::new(),
        bytes: 0,
        summary: Summary::default(),
    };
    if arguments.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ldif")) {
        ldif::import(&mut import, &arguments.user_attribute).await?;
    } else {
        import.csv().await?;
    }
    import.send(true).await?;
    let summary = import.summary;
    for failure in &summary.failures {
        complain(format_args!("{}:{}: {}", arguments.file.display(), failure.line, failure.text));
    }
    let words = format!("{} memberships and groups are as the file says", summary.done);
    output.print(trial.words(&words), &summary);
    match summary.failed {
        0 => Ok(()),
        failed => Err(CommandError::Failed(format!("{failed} lines came to nothing"))),
    }
}

impl Import<'_> {
    async fn csv(&mut self) -> Result<(), CommandError> {
        let (source, bar) = self.open("")?;
        let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(source);
        let columns = reader.headers().map_err(|error| self.unreadable(&error)).map(Columns::find)?;
        let columns =
            columns.map_err(|text| CommandError::Failed(format!("{}:1: {text}", self.file.display())))?;
        let mut record = StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    self.fail(line, "the line is not UTF-8".to_owned());
                    continue;
                }
                Err(error) => return Err(self.unreadable(&error)),
            }
            let number = record.position().map_or(0, csv::Position::line);
            match columns.enrolments(&record) {
                Ok(enrolments) => {
                    for enrolment in enrolments {
                        self.take(Line { number, enrolment }).await?;
                    }
                }
                Err(text) => self.fail(number, text.to_owned()),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// The file, with a bar that goes with its reading.
    pub(super) fn open(
        &self,
        step: &'static str,
    ) -> Result<(ProgressBarIter<impl Read + use<>>, ProgressBar), CommandError> {
        let file = File::open(self.file).map_err(|error| self.unreadable(&error))?;
        let length = file.metadata().map_or(0, |file| file.len());
        let bar = ProgressBar::new(length).with_style(style()).with_message(step);
        Ok((bar.wrap_read(BufReader::new(file)), bar))
    }

    pub(super) fn unreadable(&self, error: &dyn std::error::Error) -> CommandError {
        CommandError::Failed(format!("{} cannot be read: {error}", self.file.display()))
    }

    pub(super) async fn take(&mut self, line: Line) -> Result<(), CommandError> {
        let bytes = size(&line.enrolment);
        if bytes > BYTES_MAX {
            self.fail(line.number, "the names are longer than any can be".to_owned());
            return Ok(());
        }
        if self.waiting.len() == TOGETHER || self.bytes + bytes > BYTES_MAX {
            self.send(false).await?;
        }
        self.waiting.push(line);
        self.bytes += bytes;
        Ok(())
    }

    pub(super) fn fail(&mut self, line: u64, text: String) {
        self.summary.failed += 1;
        if self.summary.failures.len() < FAILURES_TOLD {
            self.summary.failures.push(Failure { line, text });
        }
    }

    /// `is_last`: waits until all of it is in effect.
    async fn send(&mut self, is_last: bool) -> Result<(), CommandError> {
        let lines = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let enrolments = lines.iter().map(|line| line.enrolment.clone()).collect();
        let answer = self.server.enroll(&Enrolments { enrolments, last: is_last }, self.trial).await?;
        self.summary.done += (lines.len() - answer.refused.len()) as u64;
        for refused in answer.refused {
            let number = lines.get(refused.place).map_or(0, |line| line.number);
            self.fail(number, refused.text);
        }
        Ok(())
    }
}

/// Where the columns stand.
struct Columns {
    group: Option<usize>,
    unit: Option<usize>,
    member: usize,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let (group, unit) = (column("group"), column("unit"));
        match column("member") {
            Some(member) if group.is_some() || unit.is_some() => Ok(Self { group, unit, member }),
            _ => Err(HEADER),
        }
    }

    /// A line without a member is a group or unit without one.
    fn enrolments(&self, record: &StringRecord) -> Result<Vec<Enrolment>, &'static str> {
        let field = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).filter(|field| !field.is_empty()).map(str::to_owned)
        };
        let parents = [(Kind::Group, field(self.group)), (Kind::Unit, field(self.unit))];
        let member = field(Some(self.member));
        let enrolments: Vec<_> = parents
            .into_iter()
            .filter_map(|(kind, parent)| {
                Some(Enrolment { kind, parent: parent?, member: member.clone(), member_kind: None })
            })
            .collect();
        if enrolments.is_empty() { Err("the line has neither a group nor a unit") } else { Ok(enrolments) }
    }
}

/// As it stands in a request, with the comma behind it.
fn size(enrolment: &Enrolment) -> usize {
    serde_json::to_vec(enrolment).expect("names are plain data").len() + 1
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {bar:40} {bytes}/{total_bytes} {eta} left")
        .expect("the template is well formed")
}

const HEADER: &str = "the first line must name the columns: group or unit, and member";

/// Lines in one request: one transaction each.
const TOGETHER: usize = 500;

/// What they may take, beside the little that a request has around them.
const BYTES_MAX: usize = BODY_BYTES_MAX - 256;

/// Lines that are told of those that came to nothing.
const FAILURES_TOLD: usize = 1000;
