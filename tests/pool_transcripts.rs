//! Plays the transcripts between people once more, on a pool of two members: each client connects to another member than
//! the one before it, and nobody notices.
//!
//! `cargo test --test pool_transcripts carbons/` plays those of one folder. What only a pool can show is in
//! `tests/pool/transcripts/`.

#[path = "support/nats_server.rs"]
#[expect(dead_code, reason = "what the tests of the bus need beside it")]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#[expect(clippy::print_stderr, reason = "what is not tried is said aloud")]
mod nats_server;
#[expect(dead_code, reason = "the language itself is tried elsewhere")]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use nats_server::NatsServer;
use support::cluster::cluster;
use support::host::Pool;
use support::names::Names;
use support::play::play;
use support::script::Script;

/// What people do with one another. (What is between a client and its own stream is the same everywhere.)
const FOLDERS: [&str; 15] = [
    "adhoc",
    "archive",
    "blocking",
    "carbons",
    "disco",
    "im",
    "message",
    "muc-activity",
    "muc-entity",
    "muc-notices",
    "pep",
    "presence",
    "roster",
    "search",
    "subscription",
];

#[expect(clippy::print_stderr, reason = "what is not tried is said aloud")]
fn main() -> ExitCode {
    let Some(_cluster) = cluster() else {
        eprintln!("SKIPPED: there is no PostgreSQL; apt-get install postgresql");
        return ExitCode::SUCCESS;
    };
    // Without one, the database carries the bus.
    let nats = NatsServer::start(&[]);
    let bus_url = nats.as_ref().map_or("postgres".to_owned(), |nats| format!("nats://{}", nats.host()));
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/xmpp");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let paths = FOLDERS.iter().flat_map(|name| transcripts(&folder.join(name)));
    let mut trials = Vec::new();
    for (number, path) in paths.chain(transcripts(&tests.join("pool/transcripts"))).enumerate() {
        let name = path.strip_prefix(&folder).or(path.strip_prefix(&tests)).unwrap_or(&path);
        let name = name.with_extension("").display().to_string();
        let bus_url = bus_url.clone();
        trials.push(Trial::test(name, move || test(&path, number, bus_url)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn test(path: &Path, number: usize, bus_url: String) -> Result<(), Failed> {
    let names = Names::of(number);
    let text = std::fs::read_to_string(path)?;
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    let script =
        Script::read(shown, &names.apply(&text), names.rooms()).map_err(|error| error.to_string())?;
    let store_url = cluster().ok_or("the cluster is gone")?.database();
    play(&script, Some(Pool { name: format!("t{number}"), store_url, bus_url })).map_err(Failed::from)
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the transcripts can be listed");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the transcripts can be listed").path()).collect();
    paths.sort();
    paths
}
