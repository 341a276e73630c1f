//! `perch user …`: the accounts.

mod add;
mod disable;
mod list;
mod password;
mod remove;

use clap::Subcommand;

use super::CommandError;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an account, or many from a CSV file
    Add(add::Arguments),
    /// List the accounts
    List(list::Arguments),
    /// Give an account a new password; its sessions end
    Password(password::Arguments),
    /// Keep an account from signing in; its sessions end
    Disable(disable::Arguments),
    /// Let a disabled account sign in again
    Enable(disable::Arguments),
    /// Remove an account; its sessions end
    Remove(remove::Arguments),
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Add(arguments) => add::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Password(arguments) => password::run(arguments).await,
        Command::Disable(arguments) => disable::run(arguments, true).await,
        Command::Enable(arguments) => disable::run(arguments, false).await,
        Command::Remove(arguments) => remove::run(arguments).await,
    }
}
