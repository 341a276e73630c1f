//! `perch principal …`: groups, units and who is in them.

mod change;
mod import;
mod ldif;
mod list;
mod show;

use clap::Subcommand;

use super::CommandError;
use crate::chat::principal::Kind;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List groups and units, and the users who are in one
    List(list::Arguments),
    /// List those whose name or address has some words in it
    Find(list::FindArguments),
    /// Show a user, group, unit or domain, and all that it belongs to
    Show(show::Arguments),
    /// List who is directly in a group or unit
    Members(show::MembersArguments),
    /// List the users who belong to a group, unit or domain, by whatever way
    Users(show::UsersArguments),
    /// Make a group
    AddGroup(change::AddArguments),
    /// Make an organisational unit
    AddUnit(change::AddArguments),
    /// Give a group or unit another name; its address stays
    Rename(change::RenameArguments),
    /// Remove a group or unit; its address is given to no other
    Remove(change::RemoveArguments),
    /// Take users, groups or units into a group or unit
    Admit(change::MemberArguments),
    /// Take some of them out again
    Dismiss(change::MemberArguments),
    /// Make groups and units and fill them, from a CSV or LDIF file
    Import(import::Arguments),
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Find(arguments) => list::find(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Members(arguments) => show::members(arguments).await,
        Command::Users(arguments) => show::users(arguments).await,
        Command::AddGroup(arguments) => change::add(arguments, Kind::Group).await,
        Command::AddUnit(arguments) => change::add(arguments, Kind::Unit).await,
        Command::Rename(arguments) => change::rename(arguments).await,
        Command::Remove(arguments) => change::remove(arguments).await,
        Command::Admit(arguments) => change::admit(arguments).await,
        Command::Dismiss(arguments) => change::dismiss(arguments).await,
        Command::Import(arguments) => import::run(arguments).await,
    }
}
