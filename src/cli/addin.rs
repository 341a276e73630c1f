//! `perch addin …`: the pages that rooms may have beside them.

use clap::{Args, Subcommand};
use hyper::Method;

use super::client::{escape, every_page, query};
use super::consent::Trial;
use super::removal::Removal;
use super::{Asking, CommandError, IfVersion};
use crate::admin::wire::{Addin, AddinPage, NewAddin};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the add-ins
    List(ListArguments),
    /// Add an add-in
    Add(AddArguments),
    /// Give an add-in another name or address
    Set(SetArguments),
    /// Remove an add-in
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// Up to 50 characters
    name: String,
    /// Of http or https, up to 255 characters
    url: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The name that it has
    name: String,
    /// The name that it is to have
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    #[arg(long)]
    url: Option<String>,
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
    /// Remove it though rooms have it: they have none then
    #[arg(long)]
    force: bool,
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
    let mut server = client.connect().await?;
    let page = async |after| {
        let page: AddinPage = server.look(&format!("/addins{}", query([("after", after)]))).await?;
        Ok((page.addins, page.next))
    };
    let addins = every_page(page).await?;
    let rows =
        addins.iter().map(|addin: &Addin| [addin.name.clone(), addin.url.clone(), addin.version.to_string()]);
    output.print_table(["NAME", "URL", "VERSION"], rows, &addins);
    Ok(())
}

async fn add(arguments: AddArguments) -> Result<(), CommandError> {
    let AddArguments { name, url, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let path = format!("/addins{}", query([trial.parameter()]));
    let added: Addin =
        client.connect().await?.ask(Method::POST, &path, Some(&NewAddin { name, url })).await?;
    output.print(trial.words(&format!("{} was added", added.name)), &added);
    Ok(())
}

async fn set(arguments: SetArguments) -> Result<(), CommandError> {
    let SetArguments { name, rename, url, version, trial, asking } = arguments;
    let (client, output) = asking.open()?;
    let mut server = client.connect().await?;
    let path = format!("/addins/{}", escape(&name));
    let found: Addin = server.look(&path).await?;
    let new = NewAddin { name: rename.unwrap_or(found.name), url: url.unwrap_or(found.url) };
    let mut server = server.only_if(version.if_version.or(Some(found.version)));
    let path = format!("{path}{}", query([trial.parameter()]));
    let changed: Addin = server.ask(Method::PUT, &path, Some(&new)).await?;
    output.print(trial.words(&format!("{} is now at {}", changed.name, changed.url)), &changed);
    Ok(())
}

async fn remove(arguments: RemoveArguments) -> Result<(), CommandError> {
    let RemoveArguments { name, force, removal } = arguments;
    let (path, what) = (format!("/addins/{}", escape(&name)), format!("the add-in {name}"));
    removal.carry_out::<Addin>(&path, &what, force).await
}
