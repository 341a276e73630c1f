//! `perch config …`: what holds for all rooms.

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{ClientError, escape, query};
use super::consent::Trial;
use super::removal::Removal;
use super::{Asking, CommandError, IfVersion};
use crate::admin::wire::{Configuration, Configurations, Values};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the configurations
    List(ListArguments),
    /// Show what is in force on the server that is asked
    Show(ListArguments),
    /// Make or change a configuration; what is not said stays as it is
    Set(SetArguments),
    /// Remove a configuration, or take the global one back to what it was at first
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// global, site:NAME or pool:NAME
    level: String,
    /// Messages of the past that a room gives to who comes in: 1 to 500
    #[arg(long, value_name = "COUNT")]
    default_history: Option<u32>,
    /// In a room with more occupants than this, arrivals and departures are told to whom they concern only
    #[arg(long, value_name = "COUNT")]
    participant_update_limit: Option<u32>,
    /// The largest file, in units of 1024 bytes
    #[arg(long, value_name = "KB")]
    file_kb_max: Option<u32>,
    /// Where clients send people who want to make or manage a room; empty for the server's own page
    #[arg(long, value_name = "URL")]
    room_management_url: Option<String>,
    #[command(flatten)]
    version: IfVersion,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    /// global, site:NAME or pool:NAME
    level: String,
    #[command(flatten)]
    removal: Removal,
}

pub(super) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Show(arguments) => show(arguments).await,
        Command::Set(arguments) => set(arguments).await,
        Command::Remove(arguments) => remove(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let Configurations { configurations } = client.connect().await?.look("/configurations").await?;
    let rows = configurations.iter().map(|found: &Configuration| {
        let [history, limit, size, url] = cells(&found.values);
        [found.level.clone(), found.version.to_string(), history, limit, size, url]
    });
    output.print_table(
        ["LEVEL", "VERSION", "HISTORY", "UPDATE LIMIT", "FILE KB", "URL"],
        rows,
        &configurations,
    );
    Ok(())
}

async fn show(arguments: ListArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let values: Values = client.connect().await?.look("/configuration").await?;
    output.print_table(["HISTORY", "UPDATE LIMIT", "FILE KB", "URL"], [cells(&values)], &values);
    Ok(())
}

async fn set(arguments: SetArguments) -> Result<(), CommandError> {
    let (client, output) = arguments.asking.open()?;
    let mut server = client.connect().await?;
    let path = format!("/configurations/{}", escape(&arguments.level));
    let found: Option<Configuration> = match server.look(&path).await {
        Ok(found) => Some(found),
        Err(ClientError::Refused(problem)) if problem.name() == "not-there" => None,
        Err(error) => return Err(error.into()),
    };
    // What is not said stays as it was seen: who has changed it since is not to be undone.
    let seen = found.as_ref().map(|found| found.version).filter(|version| *version > 0);
    let mut values = found.map(|found| found.values).unwrap_or_default();
    values.default_history = arguments.default_history.unwrap_or(values.default_history);
    values.participant_update_limit =
        arguments.participant_update_limit.unwrap_or(values.participant_update_limit);
    values.file_kb_max = arguments.file_kb_max.unwrap_or(values.file_kb_max);
    if let Some(url) = arguments.room_management_url {
        values.room_management_url = Some(url).filter(|url| !url.is_empty());
    }
    let mut server = server.only_if(arguments.version.if_version.or(seen));
    let path = format!("{path}{}", query([arguments.trial.parameter()]));
    let put: Configuration = server.ask(Method::PUT, &path, Some(&values)).await?;
    output.print(arguments.trial.words(&format!("the configuration {} is set", put.level)), &put);
    Ok(())
}

async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { level, removal } = arguments;
    let (path, what) = (format!("/configurations/{}", escape(&level)), format!("the configuration {level}"));
    removal.carry_out::<Configuration>(&path, &what, false).await
}

fn cells(values: &Values) -> [String; 4] {
    [
        values.default_history.to_string(),
        values.participant_update_limit.to_string(),
        values.file_kb_max.to_string(),
        values.room_management_url.clone().unwrap_or_default(),
    ]
}
