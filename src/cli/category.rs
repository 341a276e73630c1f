//! `perch category …`: for whom rooms are.

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{escape, query};
use super::consent::Trial;
use super::removal::Removal;
use super::{Asking, CommandError, IfVersion, yes_or_no};
use crate::admin::wire::category::{Categories, Category, CategoryChange, ListChange, NewCategory};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the categories
    List(ListArguments),
    /// Make a category
    Add(AddArguments),
    /// Change a category: it is in effect on every member when this is done
    Set(SetArguments),
    /// Remove a category that has no rooms
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

/// What holds for all its rooms.
#[derive(Debug, Args)]
struct Rules {
    #[arg(long)]
    description: Option<String>,
    /// Keep what is said for members to read
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no::parse)]
    history: Option<bool>,
    /// Invite whoever becomes a member of one of its rooms
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no::parse)]
    invitations: Option<bool>,
    /// Let files be put into its rooms
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no::parse)]
    file_upload: Option<bool>,
    /// Let managers destroy their rooms, and not only disable them
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no::parse)]
    managers_destroy: Option<bool>,
}

/// Principals: users, groups, units and domains, by address; a name alone is that of an account.
#[derive(Debug, Args)]
pub(super) struct AddArguments {
    name: String,
    /// Whom its rooms are for; may be repeated
    #[arg(long = "allow", value_name = "PRINCIPAL")]
    allowed: Vec<String>,
    /// Whom they are not for, whatever allows him; may be repeated
    #[arg(long = "deny", value_name = "PRINCIPAL")]
    denied: Vec<String>,
    /// Who may make rooms in it; may be repeated
    #[arg(long = "creator", value_name = "PRINCIPAL")]
    creators: Vec<String>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    name: String,
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    allow: Vec<String>,
    /// Strike from those that are allowed
    #[arg(long, value_name = "PRINCIPAL")]
    disallow: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    deny: Vec<String>,
    /// Strike from those that are denied
    #[arg(long, value_name = "PRINCIPAL")]
    undeny: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    add_creator: Vec<String>,
    #[arg(long, value_name = "PRINCIPAL")]
    strike_creator: Vec<String>,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    version: IfVersion,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    name: String,
    #[command(flatten)]
    removal: Removal,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Add(arguments) => add(arguments).await,
        Command::Set(arguments) => set(arguments).await,
        Command::Remove(arguments) => remove(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let found: Categories = client.connect().await?.look("/categories").await?;
    output.print_table(HEAD, found.categories.iter().map(row), &found.categories);
    Ok(())
}

async fn add(arguments: AddArguments) -> Result<(), CommandError> {
    let AddArguments { name, allowed, denied, creators, rules, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let list = |add| ListChange { add, ..ListChange::default() };
    let change = CategoryChange {
        allowed: list(allowed),
        denied: list(denied),
        creators: list(creators),
        ..rules.change()
    };
    let path = format!("/categories{}", query([trial.parameter()]));
    let new = NewCategory { name, change };
    let added: Category = client.connect().await?.ask(Method::POST, &path, Some(&new)).await?;
    output.print(trial.words(&format!("{} was made", added.name)), &added);
    Ok(())
}

async fn set(arguments: SetArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let list = |add, strike| ListChange { set: None, add, strike };
    let change = CategoryChange {
        name: arguments.rename,
        allowed: list(arguments.allow, arguments.disallow),
        denied: list(arguments.deny, arguments.undeny),
        creators: list(arguments.add_creator, arguments.strike_creator),
        ..arguments.rules.change()
    };
    let mut server = client.connect().await?.only_if(arguments.version.if_version);
    let path = format!("/categories/{}{}", escape(&arguments.name), query([arguments.trial.parameter()]));
    let changed: Category = server.ask(Method::PATCH, &path, Some(&change)).await?;
    output.print(arguments.trial.words(&format!("{} was changed", changed.name)), &changed);
    Ok(())
}

async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { name, removal } = arguments;
    let (path, what) = (format!("/categories/{}", escape(&name)), format!("the category {name}"));
    removal.carry_out::<Category>(&path, &what, false).await
}

impl Rules {
    fn change(self) -> CategoryChange {
        CategoryChange {
            description: self.description,
            history: self.history,
            invitations: self.invitations,
            file_upload: self.file_upload,
            managers_destroy: self.managers_destroy,
            ..CategoryChange::default()
        }
    }
}

fn row(category: &Category) -> [String; 7] {
    [
        category.name.clone(),
        category.rooms.to_string(),
        yes_or_no::word(category.history).to_owned(),
        category.allowed.join(" "),
        category.denied.join(" "),
        category.creators.join(" "),
        category.version.to_string(),
    ]
}

const HEAD: [&str; 7] = ["NAME", "ROOMS", "HISTORY", "ALLOWED", "DENIED", "CREATORS", "VERSION"];
