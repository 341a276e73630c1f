//! `perch user list`.

use clap::Args;

use crate::admin::wire::UserPage;
use crate::cli::client::query;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let mut page: UserPage = server.look("/users").await?;
    let mut users = page.users;
    while let Some(next) = page.next {
        page = server.look(&format!("/users{}", query([("after", Some(next))]))).await?;
        users.append(&mut page.users);
    }
    let rows = users
        .iter()
        .map(|user| [user.address.clone(), if user.disabled { "disabled" } else { "" }.to_owned()]);
    output.print_table(["ADDRESS", "STATE"], rows, &users);
    Ok(())
}
