//! `perch user password NAME@DOMAIN`.

use clap::Args;
use hyper::Method;
use serde::Serialize;

use crate::admin::wire::{Address, Secret};
use crate::cli::client::escape;
use crate::cli::password::Password;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(value_name = "NAME@DOMAIN")]
    address: String,
    /// Read the password from the first line of standard input; else it is asked for, or made up and printed
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    asking: Asking,
}

/// What programs are told.
#[derive(Debug, Serialize)]
struct Changed {
    address: String,
    /// Only a password that was made up: the others are known to whoever gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let address = arguments.address;
    let password = Password::obtain(arguments.password_stdin, &address)
        .map_err(|error| CommandError::Failed(format!("the password cannot be read: {error}")))?;
    let path = format!("/users/{}/secret", escape(&address));
    let secret = Secret::Password(password.text.clone());
    let changed: Address = server.ask(Method::PUT, &path, Some(&secret)).await?;
    let changed =
        Changed { address: changed.address, password: password.is_generated.then_some(password.text) };
    match &changed.password {
        Some(password) => {
            output.print(format_args!("the password of {} is now {password}", changed.address), &changed)
        }
        None => output.print(format_args!("the password of {} was changed", changed.address), &changed),
    }
    Ok(())
}
