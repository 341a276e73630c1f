//! `perch room search [WORD]…`.

use clap::Args;

use crate::admin::wire::messages::{Room, RoomQuery};
use crate::chat::settings::Privacy;
use crate::cli::client::every_page;
use crate::cli::room::privacy;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// What words of the name or address begin with [default: all rooms]
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// The words in a row
    #[arg(long)]
    phrase: bool,
    /// Look through the descriptions too
    #[arg(long)]
    description: bool,
    /// `open`, `closed`, `secret` or `unlisted`
    #[arg(long, value_parser = privacy)]
    privacy: Option<Privacy>,
    /// Who is a member, by address
    #[arg(long, value_name = "NAME@DOMAIN")]
    member: Option<String>,
    /// Who is a manager, by address
    #[arg(long, value_name = "NAME@DOMAIN")]
    manager: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let mut query = RoomQuery {
        text: arguments.words.join(" "),
        phrase: arguments.phrase,
        description: arguments.description,
        privacy: arguments.privacy,
        member: arguments.member,
        manager: arguments.manager,
        after: None,
        limit: None,
    };
    let page = async |after| {
        query.after = after;
        let page = server.search_rooms(&query).await?;
        Ok((page.rooms, page.next))
    };
    let rooms = every_page(page).await?;
    let head = ["ADDRESS", "NAME", "PRIVACY", "OCCUPANTS", "DESCRIPTION"];
    output.print_table(head, rooms.iter().map(row), &rooms);
    Ok(())
}

fn row(room: &Room) -> [String; 5] {
    let occupants = room.occupants.to_string();
    [
        room.address.clone(),
        room.name.clone(),
        room.privacy.as_str().to_owned(),
        occupants,
        room.description.clone(),
    ]
}
