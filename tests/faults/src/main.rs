//! `perch-faults`: torments a running server, and has the checker judge what its clients saw.
//!
//! Every test starts a server of its own in a temporary folder, prints one line of JSON and one for people, and exits with
//! status 0 when nothing was found, 1 when something was, 3 when this machine does not allow the test.

mod client;
mod crowd;
mod cut;
mod disk_full;
mod kill;
mod outcome;
mod pool;
mod power_cut;
mod problem;
mod pulse;
mod recorder;
mod server;
mod siege;
mod site;
mod stamp;
mod xmpp;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::Habits;
use crate::crowd::Size;
use crate::outcome::Outcome;
use crate::problem::Problem;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// Which server: a kind that tests/support/server knows
    #[arg(long, global = true, default_value = "perch")]
    server: String,
    /// Where the run keeps its files [default: a temporary folder, kept if the run fails]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// [default: 12; of a pool 60]
    #[arg(long, global = true)]
    clients: Option<usize>,
    /// [default: 3; of a pool 10]
    #[arg(long, global = true)]
    rooms: Option<usize>,
    /// Mean pause between two posts of a client, in milliseconds [default: 40; of a pool 1000]
    #[arg(long, global = true)]
    pause_ms: Option<u64>,
    #[arg(long, global = true, default_value_t = 100)]
    body_bytes: usize,
    /// Repeats a run's schedule [default: chosen and printed]
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// Take an acknowledgement of stream management for no promise, as on servers that send it before they have stored
    #[arg(long, global = true)]
    no_stream_management: bool,
    /// Clients do not ask for archives: only the store's own is judged
    #[arg(long, global = true)]
    no_archive: bool,
    #[command(subcommand)]
    test: Test,
}

#[derive(Subcommand)]
enum Test {
    /// SIGKILL under load, and a new start, over and over
    Kill(kill::Arguments),
    /// Clients lose their connections, and half of them resume their sessions
    Cut(cut::Arguments),
    /// SIGKILL under load, and all that was not synced is gone
    PowerCut(power_cut::Arguments),
    /// Three members of a pool, PostgreSQL and NATS, and whatever can go wrong between them
    Pool(pool::Arguments),
    /// The first of two sites is lost; the second, whose database only follows, takes over, and gives back
    Site(site::Arguments),
    /// The disk fills up under load, and is emptied again
    DiskFull,
    /// Connections that never sign in
    Siege(siege::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("two threads and a timer can be had");
    raise_descriptor_limit();
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let (folder, is_own) = match folder(&arguments) {
        Ok(folder) => folder,
        Err(problem) => return finish(Err(problem), seed),
    };
    let verdict = runtime.block_on(run(&arguments, &folder, seed));
    let is_clean = matches!(&verdict, Ok(outcome) if outcome.is_clean);
    if is_own && is_clean {
        // Not worth a failure: the system tidies its temporary folder too.
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        say(&format!("kept for a closer look: {}", folder.display()));
    }
    finish(verdict, seed)
}

async fn run(arguments: &Arguments, folder: &std::path::Path, seed: u64) -> Result<Outcome, Problem> {
    let (clients, rooms, pause_ms) = match arguments.test {
        Test::Pool(_) => (60, 10, 1_000),
        Test::Site(_) => (24, 6, 300),
        _ => (12, 3, 40),
    };
    let rooms = arguments.rooms.unwrap_or(rooms);
    let size = Size {
        clients: arguments.clients.unwrap_or(clients),
        rooms,
        habits: Habits {
            pause: Duration::from_millis(arguments.pause_ms.unwrap_or(pause_ms)),
            window: 4,
            body_bytes: arguments.body_bytes,
            history: 20,
            stream_management: !arguments.no_stream_management,
            asks_archive: !arguments.no_archive,
            reads: !arguments.no_archive,
            rooms,
            renames: false,
            patience: xmpp::stream::PATIENCE,
        },
        seed,
    };
    match &arguments.test {
        Test::Kill(test) => kill::run(test, &arguments.server, folder, size).await,
        Test::Cut(test) => cut::run(test, &arguments.server, folder, size).await,
        Test::PowerCut(test) => power_cut::run(test, &arguments.server, folder, size).await,
        Test::Pool(test) => pool::run(test, folder, size).await,
        Test::Site(test) => site::run(test, folder, size).await,
        Test::DiskFull => disk_full::run(&arguments.server, folder, size).await,
        Test::Siege(test) => siege::run(test, &arguments.server, folder).await,
    }
}

/// A crowd takes a descriptor each, here and in the server, which inherits the limit.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // The hard limit is always allowed; should it not be, connections fail and say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The folder of the run, and whether it is this program's to remove.
fn folder(arguments: &Arguments) -> Result<(PathBuf, bool), Problem> {
    let (folder, is_own) = match &arguments.folder {
        Some(folder) => (folder.clone(), false),
        None => (std::env::temp_dir().join(format!("perch-faults-{}", std::process::id())), true),
    };
    std::fs::create_dir_all(&folder)?;
    Ok((folder.canonicalize()?, is_own))
}

fn finish(verdict: Result<Outcome, Problem>, seed: u64) -> ExitCode {
    match verdict {
        Ok(Outcome { json, is_clean, words }) => {
            say(&json);
            say(&format!("seed {seed}: {words}"));
            ExitCode::from(u8::from(!is_clean))
        }
        Err(Problem::NotHere(why)) => {
            say(&format!("SKIPPED: {why}"));
            ExitCode::from(NOT_HERE)
        }
        Err(problem) => {
            say(&format!("seed {seed}: FAILED: {problem}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // Nothing is left to do when even this cannot be written.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The exit status of a test that cannot be had on this machine.
const NOT_HERE: u8 = 3;
