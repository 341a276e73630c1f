//! `perch user disable NAME@DOMAIN` and `perch user enable NAME@DOMAIN`.

use clap::Args;
use hyper::Method;

use crate::admin::wire::{User, UserChange};
use crate::cli::client::{escape, query};
use crate::cli::consent::Trial;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments, disabled: bool) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let path = format!("/users/{}{}", escape(&arguments.address), query([arguments.trial.parameter()]));
    let user: User = server.ask(Method::PATCH, &path, Some(&UserChange { disabled })).await?;
    let state = if user.disabled { "can no longer sign in" } else { "can sign in" };
    output.print(arguments.trial.words(&format!("{} {state}", user.address)), &user);
    Ok(())
}
