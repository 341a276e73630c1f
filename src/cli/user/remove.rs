//! `perch user remove NAME@DOMAIN`.

use clap::Args;
use hyper::Method;

use crate::admin::wire::Address;
use crate::cli::client::{NOTHING, escape, query};
use crate::cli::consent::Consent;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let Arguments { address, consent, .. } = arguments;
    consent.obtain(&format!("remove the account {address}, and all that it has?"))?;
    let path = format!("/users/{}{}", escape(&address), query([consent.trial.parameter()]));
    let removed: Address = server.ask(Method::DELETE, &path, NOTHING).await?;
    output.print(consent.trial.words(&format!("{} was removed", removed.address)), &removed);
    Ok(())
}
