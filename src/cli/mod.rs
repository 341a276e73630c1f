//! The command line. `serve` runs the server; every other verb asks the running one, or checks a file.
//!
//! Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 the configuration has faults · 4 no server answers ·
//! 5 whoever asks has no right to it.

mod addin;
mod audit;
mod category;
mod check_config;
mod client;
mod completions;
mod config;
mod consent;
mod from_csv;
mod message;
mod output;
mod password;
mod policy;
mod pool;
mod principal;
mod removal;
mod role;
mod room;
mod serve;
mod token;
mod user;
mod yes_or_no;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use thiserror::Error;

use crate::config::{Config, Faults, Sources};
use client::{Client, ClientError, Remote};
use output::Output;

/// A persistent-chat server: rooms whose conversation outlives every session.
#[derive(Debug, Parser)]
#[command(name = "perch", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// Add, list, change and remove accounts
    #[command(subcommand)]
    User(user::Command),
    /// Make groups and units, say who is in them, and see who belongs where
    #[command(subcommand)]
    Principal(principal::Command),
    /// Say for whom rooms are
    #[command(subcommand)]
    Category(category::Command),
    /// Find, remove and replace messages
    #[command(subcommand)]
    Message(message::Command),
    /// Make, find, change, move, clear and remove rooms
    #[command(subcommand)]
    Room(room::Command),
    /// List the members of the pool, and say which take clients
    #[command(subcommand)]
    Pool(pool::Command),
    /// Make, list and revoke tokens for the administration over the network
    #[command(subcommand)]
    Token(token::Command),
    /// Say who administers
    #[command(subcommand)]
    Role(role::Command),
    /// Say who may use persistent chat
    #[command(subcommand)]
    Policy(policy::Command),
    /// Set what holds for all rooms
    #[command(subcommand)]
    Config(config::Command),
    /// Manage the pages that rooms may have beside them
    #[command(subcommand)]
    Addin(addin::Command),
    /// Read what administrators did
    #[command(subcommand)]
    Audit(audit::Command),
    /// Name every fault of a configuration file
    CheckConfig(check_config::Arguments),
    /// Print what a shell needs to complete commands
    Completions(completions::Arguments),
}

/// Which server: the one of that configuration, or of that data directory.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The configuration; without it, everything has its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the server keeps what it makes itself [default: ./perch-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What every verb that asks a running server takes.
#[derive(Debug, Clone, Args)]
struct Asking {
    #[command(flatten)]
    place: Place,
    /// A server elsewhere, in place of the one of the data directory
    #[arg(long, value_name = "https://HOST:PORT", env = "PERCH_SERVER")]
    server: Option<String>,
    /// The token to show it. Everybody on a machine can read arguments: the variable is the better place
    #[arg(long, value_name = "TOKEN", env = "PERCH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A PEM file with the authorities that vouch for the server elsewhere [default: the system's]
    #[arg(long, value_name = "FILE", env = "PERCH_CA")]
    ca: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What every verb takes that changes something which has a version.
#[derive(Debug, Clone, Copy, Args)]
struct IfVersion {
    /// Only if it has this version still: what somebody else has changed since is left alone
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,
}

/// Why a command failed. Each kind has an exit code, so that scripts need not read the words.
#[derive(Debug, Error)]
enum CommandError {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Faults(#[from] Faults),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Runs what the arguments of this process say.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&CommandError::Failed(format!("no threads can be started: {error}"))),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::User(command) => user::run(command).await,
            Command::Principal(command) => principal::run(command).await,
            Command::Category(command) => category::run(command).await,
            Command::Message(command) => message::run(command).await,
            Command::Room(command) => room::run(command).await,
            Command::Pool(command) => pool::run(command).await,
            Command::Token(command) => token::run(command).await,
            Command::Role(command) => role::run(command).await,
            Command::Policy(command) => policy::run(command).await,
            Command::Config(command) => config::run(command).await,
            Command::Addin(command) => addin::run(command).await,
            Command::Audit(command) => audit::run(command).await,
            Command::CheckConfig(arguments) => check_config::run(arguments),
            Command::Completions(arguments) => completions::run(arguments),
        }
    });
    // A password prompt that nobody answered must not hold up the end.
    runtime.shutdown_background();
    done.map_or_else(|error| report(&error), |()| ExitCode::SUCCESS)
}

impl Place {
    /// The configuration of the server that is meant.
    fn load(self) -> Result<Config, Faults> {
        Config::load(Sources {
            file: self.config,
            data_dir: self.data_dir,
            // What is not UTF-8 cannot be a setting of ours.
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        })
    }
}

impl Asking {
    /// The way to the server, and to print what it answers.
    fn open(self) -> Result<(Client, Output), CommandError> {
        let output = Output::new(self.json);
        let client = match self.server {
            Some(address) => {
                let remote = Remote::new(&address, self.token, self.ca.as_deref());
                Client::Remote(remote.map_err(ClientError::from)?)
            }
            None => Client::of_socket(&self.place.load()?.data_dir),
        };
        Ok((client, output))
    }
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) if error.is_of_rights() => 5,
            Self::Failed(_) | Self::Client(ClientError::Refused(_)) => 1,
            Self::Faults(_) => 3,
            Self::Client(_) => 4,
        }
    }
}

fn report(error: &CommandError) -> ExitCode {
    match error {
        // Each line begins with the place of its fault, as editors expect it.
        CommandError::Faults(faults) => output::complain(faults),
        error => output::complain(format_args!("perch: {error}")),
    }
    ExitCode::from(error.exit_code())
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the configuration has faults, \
                          4 no server answers, 5 whoever asks has no right to it";
