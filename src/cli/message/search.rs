//! `perch message search [WORD]…`.

use clap::Args;

use super::Which;
use crate::admin::wire::PageLimit;
use crate::admin::wire::messages::{Message, MessageQuery};
use crate::cli::output::complain;
use crate::cli::{Asking, CommandError};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The oldest first, and not the newest
    #[arg(long)]
    oldest_first: bool,
    /// At most so many
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    limit: u32,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let wanted = arguments.limit.max(1) as usize;
    let mut query = MessageQuery {
        which: arguments.which.filter(),
        oldest_first: arguments.oldest_first,
        ..MessageQuery::default()
    };
    let mut messages = Vec::new();
    let has_more = loop {
        query.limit = PageLimit::try_from((wanted - messages.len()).min(PAGE) as u32).ok();
        let mut page = server.search_messages(&query).await?;
        messages.append(&mut page.messages);
        query.after = page.next;
        if query.after.is_none() || messages.len() >= wanted {
            break query.after.is_some();
        }
    };
    output.print_table(["TIME", "ROOM", "ID", "USER", "TEXT"], messages.iter().map(row), &messages);
    if has_more {
        complain("there is more: say a higher --limit, or narrow the search");
    }
    Ok(())
}

fn row(message: &Message) -> [String; 5] {
    let author = message.author.clone().unwrap_or_else(|| message.nick.clone());
    // A table has a line for each.
    let text = message.text.split_whitespace().collect::<Vec<_>>().join(" ");
    [message.at.clone(), message.room.clone(), message.id.clone(), author, text]
}

/// Messages that are fetched together.
const PAGE: usize = 100;
