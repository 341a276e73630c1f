//! `perch user disable NAME@DOMAIN` and `perch user enable NAME@DOMAIN`.

use clap::Args;

use crate::admin::wire::UserChange;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments, disabled: bool) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let user = server.change_user(&arguments.address, &UserChange { disabled }).await?;
    let state = if user.disabled { "can no longer sign in" } else { "can sign in" };
    output.print(format_args!("{} {state}", user.address), &user);
    Ok(())
}
