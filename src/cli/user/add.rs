//! `perch user add NAME@DOMAIN`, and `--from-csv FILE` for many.

use std::path::PathBuf;

use clap::Args;
use csv::StringRecord;
use hyper::Method;
use serde::Serialize;

use crate::admin::wire::{NewUser, Secret, User};
use crate::cli::from_csv::{self, Columns, is_taken};
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
        return from_csv::add::<UserColumns>(&client, output, &file, arguments.skip_existing).await;
    };
    // First the server, then the question: nobody is to type a password for nothing.
    let mut server = client.connect().await?;
    let password = Password::obtain(arguments.password_stdin, &address)
        .map_err(|error| CommandError::Failed(format!("the password cannot be read: {error}")))?;
    let new = NewUser { address, secret: Secret::Password(password.text.clone()) };
    match server.ask::<User>(Method::POST, "/users", Some(&new)).await {
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
        Err(error) if arguments.skip_existing && is_taken(&error) => {
            let added = Added { address: new.address, password: None };
            output.print(format_args!("{} exists already", added.address), &added);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the columns of a file of accounts stand.
struct UserColumns {
    name: usize,
    password: Option<usize>,
    scram: Option<usize>,
}

impl Columns for UserColumns {
    type New = NewUser;
    const PATH: &'static str = "/users";
    const NAME: &'static str = "accounts";

    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let columns = Self {
            name: column("name").ok_or(HEADER)?,
            password: column("password"),
            scram: column("scram"),
        };
        if columns.password.is_none() && columns.scram.is_none() { Err(HEADER) } else { Ok(columns) }
    }

    fn read(&self, line: &StringRecord) -> Result<NewUser, &'static str> {
        let field = |column: Option<usize>| {
            column.and_then(|column| line.get(column)).filter(|field| !field.is_empty())
        };
        let address = field(Some(self.name)).ok_or("the line has no name")?.trim().to_owned();
        let secret = match (field(self.scram), field(self.password)) {
            (Some(keys), None) => Secret::Keys(keys.split_whitespace().map(str::to_owned).collect()),
            (None, Some(password)) => Secret::Password(password.to_owned()),
            (None, None) => return Err("the line has neither a password nor keys"),
            (Some(_), Some(_)) => return Err("the line has both a password and keys"),
        };
        Ok(NewUser { address, secret })
    }
}

const HEADER: &str = "the first line must name the columns: name, and password or scram";
