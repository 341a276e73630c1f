//! `perch room …`: the rooms.

mod add;
mod clear;
mod manage;
mod search;

use clap::Subcommand;

use super::CommandError;
use crate::chat::settings::{Kind, Privacy};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find rooms by name, privacy, members and managers
    Search(search::Arguments),
    /// Make a room, or many from a CSV file
    Add(add::Arguments),
    /// Show a room with its lists
    Show(manage::ShowArguments),
    /// Change a room, move it, and say who is in its lists
    Set(manage::SetArguments),
    /// Take a room out of service: nobody is in it, and all that it holds is kept
    Disable(manage::ShowArguments),
    /// Bring a disabled room back
    Enable(manage::ShowArguments),
    /// Take out everything that was said in a room up to a date; the journal keeps it
    Clear(clear::Arguments),
    /// End a room for good
    Remove(manage::RemoveArguments),
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Search(arguments) => search::run(arguments).await,
        Command::Add(arguments) => add::run(arguments).await,
        Command::Show(arguments) => manage::show(arguments).await,
        Command::Set(arguments) => manage::set(arguments).await,
        Command::Disable(arguments) => manage::disable(arguments, true).await,
        Command::Enable(arguments) => manage::disable(arguments, false).await,
        Command::Clear(arguments) => clear::run(arguments).await,
        Command::Remove(arguments) => manage::remove(arguments).await,
    }
}

fn privacy(text: &str) -> Result<Privacy, String> {
    Privacy::parse(text).ok_or_else(|| "it is open, closed, secret or unlisted".to_owned())
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text).ok_or_else(|| "it is normal or auditorium".to_owned())
}
