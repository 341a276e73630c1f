//! `perch principal add-group`, `add-unit`, `rename`, `remove`, `admit` and `dismiss`.

use clap::Args;
use serde::Serialize;

use crate::admin::wire::principals::{NewPrincipal, PrincipalChange};
use crate::chat::principal::Kind;
use crate::cli::consent::Trial;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArguments {
    /// What people call it; its address is made from that
    name: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RenameArguments {
    /// The address of the group or unit
    address: String,
    /// What people are to call it
    name: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RemoveArguments {
    /// The address of the group or unit
    address: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MemberArguments {
    /// The address of the group or unit
    group: String,
    /// Addresses; a name alone is that of an account
    #[arg(required = true)]
    members: Vec<String>,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

/// What programs are told of members that came or went.
#[derive(Debug, Serialize)]
struct Moved {
    group: String,
    members: Vec<String>,
}

pub(in crate::cli) async fn add(arguments: AddArguments, kind: Kind) -> Result<(), CommandError> {
    let AddArguments { name, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let made = client.connect().await?.make_principal(&NewPrincipal { kind, name }, trial).await?;
    output.print(trial.words(&format!("{} was made", made.address)), &made);
    Ok(())
}

pub(in crate::cli) async fn rename(arguments: RenameArguments) -> Result<(), CommandError> {
    let RenameArguments { address, name, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let change = PrincipalChange { name };
    let renamed = client.connect().await?.rename_principal(&address, &change, trial).await?;
    output.print(trial.words(&format!("{} is called {:?}", renamed.address, renamed.name)), &renamed);
    Ok(())
}

pub(in crate::cli) async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { address, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let removed = client.connect().await?.remove_principal(&address, trial).await?;
    output.print(trial.words(&format!("{} was removed", removed.address)), &removed);
    Ok(())
}

pub(in crate::cli) async fn admit(arguments: MemberArguments) -> Result<(), CommandError> {
    let MemberArguments { group, members, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let mut moved = Moved { group, members: Vec::new() };
    for member in &members {
        moved.members.push(server.admit(&moved.group, member, trial).await?.address);
    }
    output.print(trial.words(&format!("{} in {}", are(&moved.members), moved.group)), &moved);
    Ok(())
}

pub(in crate::cli) async fn dismiss(arguments: MemberArguments) -> Result<(), CommandError> {
    let MemberArguments { group, members, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let mut moved = Moved { group, members: Vec::new() };
    for member in &members {
        moved.members.push(server.dismiss(&moved.group, member, trial).await?.address);
    }
    output.print(trial.words(&format!("{} no longer in {}", are(&moved.members), moved.group)), &moved);
    Ok(())
}

fn are(members: &[String]) -> String {
    let verb = if members.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", members.join(", "))
}
