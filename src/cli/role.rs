//! `perch role …`: who administers.

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{NOTHING, escape, query};
use super::consent::Trial;
use super::{Asking, CommandError};
use crate::admin::wire::{RoleGrant, RoleName, Roles};
use crate::chat::administration::role::Role;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List everybody who has a role
    List(ListArguments),
    /// Give an account a role
    Grant(ChangeArguments),
    /// Take a role from an account
    Revoke(ChangeArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    role: RoleName,
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Grant(arguments) => change(arguments, Method::PUT, "is now").await,
        Command::Revoke(arguments) => change(arguments, Method::DELETE, "is no longer").await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let Roles { roles } = client.connect().await?.look("/roles").await?;
    let rows = roles.iter().map(|grant: &RoleGrant| {
        let by = if grant.configured { "configuration" } else { "" };
        [grant.address.clone(), Role::from(grant.role).as_str().to_owned(), by.to_owned()]
    });
    output.print_table(["ADDRESS", "ROLE", "BY"], rows, &roles);
    Ok(())
}

async fn change(arguments: ChangeArguments, method: Method, what: &str) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let role = Role::from(arguments.role).as_str();
    let path =
        format!("/roles/{role}/{}{}", escape(&arguments.address), query([arguments.trial.parameter()]));
    let grant: RoleGrant = client.connect().await?.ask(method, &path, NOTHING).await?;
    output.print(arguments.trial.words(&format!("{} {what} {role}", grant.address)), &grant);
    Ok(())
}
