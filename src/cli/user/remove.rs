//! `perch user remove NAME@DOMAIN`.

use clap::Args;

use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let removed = server.remove_user(&arguments.address).await?;
    output.print(format_args!("{} was removed", removed.address), &removed);
    Ok(())
}
