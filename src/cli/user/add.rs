//! `perch user add NAME@DOMAIN`, and `--from-csv FILE` for many.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::import;
use crate::admin::wire::{NewUser, Secret};
use crate::cli::password::Password;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or the name alone
    #[arg(required_unless_present = "from_csv", conflicts_with = "from_csv", value_name = "NAME@DOMAIN")]
    address: Option<String>,
    /// Read the password from the first line of standard input; else it is asked for, or made up and printed
    #[arg(long, conflicts_with = "from_csv")]
    password_stdin: bool,
    /// Add an account for each line: the first names the columns, `name` and `password` or `scram`
    #[arg(long, value_name = "FILE")]
    from_csv: Option<PathBuf>,
    /// Take accounts that exist already for done, and leave them as they are
    #[arg(long)]
    skip_existing: bool,
    #[command(flatten)]
    asking: Asking,
}

/// What programs are told of a new account.
#[derive(Debug, Serialize)]
struct Added {
    address: String,
    /// Only a password that was made up: the others are known to whoever gave them.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let Some(address) = arguments.address else {
        let file = arguments.from_csv.expect("clap wants one of the two");
        return import::run(&client, output, &file, arguments.skip_existing).await;
    };
    // First the server, then the question: nobody is to type a password for nothing.
    let mut server = client.connect().await?;
    let password = Password::obtain(arguments.password_stdin, &address)
        .map_err(|error| CommandError::Failed(format!("the password cannot be read: {error}")))?;
    let new = NewUser { address, secret: Secret::Password(password.text.clone()) };
    match import::add_one(&mut server, &new).await {
        Ok(user) => {
            let added =
                Added { address: user.address, password: password.is_generated.then_some(password.text) };
            match &added.password {
                Some(password) => {
                    output.print(
                        format_args!("{} was added; its password is {password}", added.address),
                        &added,
                    );
                }
                None => output.print(format_args!("{} was added", added.address), &added),
            }
            Ok(())
        }
        Err(error) if arguments.skip_existing && import::is_taken(&error) => {
            let added = Added { address: new.address, password: None };
            output.print(format_args!("{} exists already", added.address), &added);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
