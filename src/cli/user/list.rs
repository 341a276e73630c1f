//! `perch user list`.

use clap::Args;

use crate::admin::wire::UserPage;
use crate::cli::client::{every_page, query};
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let page = async |after| {
        let page: UserPage = server.look(&format!("/users{}", query([("after", after)]))).await?;
        Ok((page.users, page.next))
    };
    let users = every_page(page).await?;
    let rows = users
        .iter()
        .map(|user| [user.address.clone(), if user.disabled { "disabled" } else { "" }.to_owned()]);
    output.print_table(["ADDRESS", "STATE"], rows, &users);
    Ok(())
}
