//! `perch principal show`, `members` and `users`: who belongs where, from both ends.

use clap::Args;

use super::list::print_table;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address of a user, group, unit or domain
    address: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MembersArguments {
    /// The address of a group or unit
    address: String,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UsersArguments {
    /// The address of a group, unit or domain
    address: String,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let placed = client.connect().await?.principal(&arguments.address).await?;
    let principal = &placed.principal;
    let mut words = format!("{} is a {}", principal.address, principal.kind.as_str());
    if !principal.name.is_empty() {
        words.push_str(&format!(" called {:?}", principal.name));
    }
    if let Some(entry) = &principal.entry {
        words.push_str(&format!("\nin the directory: {} (id {})", entry.dn, entry.id));
    }
    words.push_str("\nbelongs to:");
    for address in &placed.belongs {
        words.push_str(&format!("\n  {address}"));
    }
    if placed.belongs.is_empty() {
        words.push_str(" nothing, because it is ");
        words.push_str(principal.standing.as_str());
    }
    output.print(words, &placed);
    Ok(())
}

pub(in crate::cli) async fn members(arguments: MembersArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let mut page = server.members_of(&arguments.address, None).await?;
    let mut members = page.principals;
    while let Some(next) = page.next {
        page = server.members_of(&arguments.address, Some(&next)).await?;
        members.append(&mut page.principals);
    }
    print_table(output, &members);
    Ok(())
}

pub(in crate::cli) async fn users(arguments: UsersArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let mut page = server.users_of(&arguments.address, None).await?;
    let mut users = page.addresses;
    while let Some(next) = page.next {
        page = server.users_of(&arguments.address, Some(&next)).await?;
        users.append(&mut page.addresses);
    }
    output.print(users.join("\n"), &users);
    Ok(())
}
