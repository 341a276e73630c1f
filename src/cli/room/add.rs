//! `perch room add ROOM`, and `--from-csv FILE` for many.

use std::path::PathBuf;

use clap::Args;
use csv::StringRecord;
use hyper::Method;

use super::manage::What;
use super::{kind, privacy};
use crate::admin::wire::category::ListChange;
use crate::admin::wire::room::{NewRoom, RoomChange, RoomDetail};
use crate::cli::from_csv::{self, Columns};
use crate::cli::{Asking, CommandError, yes_or_no};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The address, or what it has before the `@`
    #[arg(required_unless_present = "from_csv", conflicts_with = "from_csv", value_name = "ROOM")]
    room: Option<String>,
    /// The category; needed where there are several
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    #[command(flatten)]
    what: What,
    /// Who manages it; may be repeated
    #[arg(long = "manager", value_name = "PRINCIPAL")]
    managers: Vec<String>,
    /// Who is a member; may be repeated
    #[arg(long = "member", value_name = "PRINCIPAL")]
    members: Vec<String>,
    /// Who speaks in an auditorium; may be repeated
    #[arg(long = "presenter", value_name = "PRINCIPAL")]
    presenters: Vec<String>,
    /// Make a room for each line: the first names the columns, `name` and any of `title`, `description`, `category`,
    /// `privacy`, `type`, `invitations`, `addin`, `managers`, `members`, `presenters`; of a list, what is between spaces
    #[arg(long, value_name = "FILE")]
    from_csv: Option<PathBuf>,
    /// Take rooms that exist already for done, and leave them as they are
    #[arg(long, requires = "from_csv")]
    skip_existing: bool,
    #[command(flatten)]
    asking: Asking,
}

pub(in crate::cli) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let Some(name) = arguments.room else {
        let file = arguments.from_csv.expect("clap wants one of the two");
        return from_csv::add::<RoomColumns>(&client, output, &file, arguments.skip_existing).await;
    };
    let change = RoomChange {
        category: arguments.category,
        managers: added(arguments.managers),
        members: added(arguments.members),
        presenters: added(arguments.presenters),
        ..arguments.what.change()
    };
    let new = NewRoom { name, change };
    let added: RoomDetail = client.connect().await?.ask(Method::POST, "/rooms", Some(&new)).await?;
    output.print(format_args!("{} was made", added.address), &added);
    Ok(())
}

fn added(add: Vec<String>) -> ListChange {
    ListChange { add, ..ListChange::default() }
}

/// What each column of a file of rooms is.
struct RoomColumns(Vec<Column>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Title,
    Description,
    Category,
    Privacy,
    Type,
    Invitations,
    Addin,
    Managers,
    Members,
    Presenters,
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "name" => Self::Name,
            "title" => Self::Title,
            "description" => Self::Description,
            "category" => Self::Category,
            "privacy" => Self::Privacy,
            "type" => Self::Type,
            "invitations" => Self::Invitations,
            "addin" => Self::Addin,
            "managers" => Self::Managers,
            "members" => Self::Members,
            "presenters" => Self::Presenters,
            _ => return None,
        })
    }
}

impl Columns for RoomColumns {
    type New = NewRoom;
    const PATH: &'static str = "/rooms";
    const NAME: &'static str = "rooms";

    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        // A column that is misspelt would leave rooms open to the wrong people.
        let columns: Option<Vec<Column>> = header.iter().map(Column::parse).collect();
        let columns = columns.ok_or("the first line names a column that there is not")?;
        let has_name = columns.contains(&Column::Name);
        has_name.then_some(Self(columns)).ok_or("the first line must name the columns: name, and others")
    }

    fn read(&self, line: &StringRecord) -> Result<NewRoom, &'static str> {
        let mut new = NewRoom { name: String::new(), change: RoomChange::default() };
        let change = &mut new.change;
        if line.len() > self.0.len() {
            return Err("the line has more fields than the first one names");
        }
        for (column, field) in self.0.iter().zip(line).filter(|(_, field)| !field.trim().is_empty()) {
            let text = || Some(field.trim().to_owned());
            let list = || added(field.split_whitespace().map(str::to_owned).collect());
            match column {
                Column::Name => new.name = field.trim().to_owned(),
                Column::Title => change.title = text(),
                Column::Description => change.description = text(),
                Column::Category => change.category = text(),
                Column::Privacy => {
                    let privacy =
                        privacy(field.trim()).map_err(|_| "privacy is open, closed, secret or unlisted")?;
                    change.privacy = Some(privacy);
                }
                Column::Type => {
                    change.kind = Some(kind(field.trim()).map_err(|_| "type is normal or auditorium")?);
                }
                Column::Invitations => {
                    let parsed = yes_or_no::parse(field.trim());
                    change.invitations = Some(parsed.map_err(|_| "invitations is yes or no")?);
                }
                Column::Addin => change.addin = text(),
                Column::Managers => change.managers = list(),
                Column::Members => change.members = list(),
                Column::Presenters => change.presenters = list(),
            }
        }
        if new.name.is_empty() { Err("the line has no name") } else { Ok(new) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::settings::{Kind, Privacy};

    fn read(header: &str, line: &str) -> Result<NewRoom, &'static str> {
        let record = |text: &str| text.split(';').collect::<StringRecord>();
        RoomColumns::find(&record(header))?.read(&record(line))
    }

    #[test]
    fn a_line_is_a_room() {
        let room = read(
            "name;Title;privacy;type;invitations;members;managers",
            "board;The Board;secret;auditorium;no;alice@x staff@x;bob@x",
        );
        let change = RoomChange {
            title: Some("The Board".to_owned()),
            privacy: Some(Privacy::Secret),
            kind: Some(Kind::Auditorium),
            invitations: Some(false),
            members: added(vec!["alice@x".to_owned(), "staff@x".to_owned()]),
            managers: added(vec!["bob@x".to_owned()]),
            ..RoomChange::default()
        };
        assert_eq!(room, Ok(NewRoom { name: "board".to_owned(), change }));
    }

    #[test]
    fn what_is_empty_is_left_as_it_is() {
        let room = NewRoom { name: "tea".to_owned(), change: RoomChange::default() };
        assert_eq!(read("name;title;members", "tea;; "), Ok(room.clone()));
        assert_eq!(read("name;title;members", "tea"), Ok(room));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |header: &str, line: &str| assert!(read(header, line).is_err(), "{header} {line}");
        check("title", "Tea");
        check("name;memebers", "tea;alice@x");
        check("name;title", ";Tea");
        check("name", "tea;alice@x");
        check("name;privacy", "tea;hidden");
        check("name;type", "tea;theatre");
        check("name;invitations", "tea;maybe");
    }
}
