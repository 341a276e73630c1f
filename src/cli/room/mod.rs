//! `perch room …`: the rooms.

mod clear;
mod search;

use clap::Subcommand;

use super::CommandError;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find rooms by name, privacy, members and managers
    Search(search::Arguments),
    /// Take out everything that was said in a room up to a date; the journal keeps it
    Clear(clear::Arguments),
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Search(arguments) => search::run(arguments).await,
        Command::Clear(arguments) => clear::run(arguments).await,
    }
}
