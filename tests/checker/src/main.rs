//! `perch-checker [--name NAME] FILE…`: judges a history that stands in one or more files of JSON lines.
//!
//! Prints one line of JSON. Exit status 0: a correct server could have shown this; 1: it could not; 2: not a history.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use perch_checker::{History, HistoryError, check};

#[derive(Parser)]
struct Arguments {
    /// What to call the run in the report
    #[arg(long, default_value = "history")]
    name: String,
    /// Also print every violation in words
    #[arg(long)]
    all: bool,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let history = match read(&arguments.files) {
        Ok(history) => history,
        Err((file, error)) => {
            // Nothing is left to do when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "{}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let report = check(&arguments.name, &history);
    let mut out = std::io::stdout().lock();
    if arguments.all {
        for violation in report.violations() {
            let _ = writeln!(out, "{}. {violation}", violation.invariant());
        }
    }
    let _ = writeln!(out, "{}", report.to_json());
    ExitCode::from(u8::from(!report.is_clean()))
}

fn read(files: &[PathBuf]) -> Result<History, (PathBuf, HistoryError)> {
    let mut history = History::default();
    for file in files {
        let opened = File::open(file).map_err(HistoryError::from);
        let done = opened.and_then(|opened| history.read(BufReader::new(opened)));
        done.map_err(|error| (file.clone(), error))?;
    }
    Ok(history.arrange())
}
