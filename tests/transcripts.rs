//! Plays every transcript of `tests/transcripts/`, each as a test of its own name.
//!
//! `cargo test --test transcripts muc/` plays those of one folder; `-- --standards` prints which clauses of which
//! standards are shown where.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use support::names::Names;
use support::play::play;
use support::script::{Clause, Script};
use support::trials::trials;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    if std::env::args().any(|argument| argument == "--standards") {
        print_standards(&folder, &paths);
        return ExitCode::SUCCESS;
    }
    let played = paths.into_iter().enumerate().map(|(number, path)| {
        let name = name(&folder, &path);
        Trial::test(name, move || test(&path, number))
    });
    libtest_mimic::run(&Arguments::from_args(), played.chain(trials()).collect()).exit_code()
}

fn test(path: &Path, number: usize) -> Result<(), Failed> {
    let script = read(path, &Names::of(number))?;
    play(&script, None).map_err(Failed::from)
}

fn read(path: &Path, names: &Names) -> Result<Script, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    Script::read(shown, &names.apply(&text), names.rooms()).map_err(|error| error.to_string())
}

/// `xmpp/muc/07-message`
fn name(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).with_extension("").display().to_string()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the transcripts can be listed");
    for entry in entries {
        let path = entry.expect("the transcripts can be listed").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
}

/// A line for each clause and transcript.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn print_standards(folder: &Path, paths: &[PathBuf]) {
    let mut shown: BTreeSet<(Clause, String, String)> = BTreeSet::new();
    for path in paths {
        let script = read(path, &Names::of(0)).expect("every transcript can be read");
        for clause in script.covers {
            shown.insert((clause, name(folder, path), script.title.clone()));
        }
    }
    println!("| standard | section | what it shows | transcript |\n|---|---|---|---|");
    for (clause, name, title) in shown {
        println!("| {} | {} | {title} | {name} |", clause.standard, clause.section);
    }
}
