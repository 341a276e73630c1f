//! `perch message …`: what was said.

mod remove;
mod search;

use clap::{Args, Subcommand};

pub(super) use remove::{messages, was};

use super::CommandError;
use crate::admin::wire::messages::{Matching, MessageFilter};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Find messages by words, authors, dates and rooms
    Search(search::Arguments),
    /// Take messages out; the journal keeps them
    Remove(remove::RemoveArguments),
    /// Put a sentence in the place of messages; the journal keeps them
    Replace(remove::ReplaceArguments),
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Search(arguments) => search::run(arguments).await,
        Command::Remove(arguments) => remove::run_remove(arguments).await,
        Command::Replace(arguments) => remove::run_replace(arguments).await,
    }
}

/// Which messages.
#[derive(Debug, Args)]
struct Which {
    /// Words that have to be there, each or as --any and --phrase say
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// One of the words is enough
    #[arg(long, conflicts_with = "phrase")]
    any: bool,
    /// The words in a row
    #[arg(long)]
    phrase: bool,
    /// Tell capitals from small letters
    #[arg(long)]
    case_sensitive: bool,
    /// A room, by address or name; may be repeated [default: all rooms]
    #[arg(long = "room", value_name = "ROOM")]
    rooms: Vec<String>,
    /// Who said it, by address; may be repeated
    #[arg(long = "user", value_name = "NAME@DOMAIN")]
    authors: Vec<String>,
    /// Not before this date, or date and time (UTC)
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Not after this date, or date and time (UTC)
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

impl Which {
    fn filter(&self) -> MessageFilter {
        let matching = match (self.any, self.phrase) {
            (true, _) => Matching::Any,
            (false, true) => Matching::Phrase,
            (false, false) => Matching::All,
        };
        MessageFilter {
            rooms: self.rooms.clone(),
            words: (!self.words.is_empty()).then(|| self.words.join(" ")),
            matching,
            case_sensitive: self.case_sensitive,
            authors: self.authors.clone(),
            from: self.from.clone(),
            until: self.until.clone(),
        }
    }
}
